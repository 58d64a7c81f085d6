"""Runs the body of a ``%%mcp`` cell in the notebook's namespace, as IPython runs a cell."""

from __future__ import annotations

import ast
import asyncio
import concurrent.futures
import contextvars
import inspect
import threading
import types
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from mcp_notebook.errors import UsageError

if TYPE_CHECKING:
    from .context import Context


class CellSyntaxError(UsageError):
    """A cell's body is no Python; shown with its line and caret, as IPython shows it.

    IPython shows a ``SyntaxError`` that passes through a magic with the magic's own frames.
    """

    def __init__(self, shell: Any, error: SyntaxError) -> None:
        super().__init__(
            f"{error.msg}, line {error.lineno}.", hint="Mend it and run the cell again."
        )
        self._shown = shell.SyntaxTB.structured_traceback(SyntaxError, error, None)

    def _render_traceback_(self) -> list[str]:
        return list(self._shown)


def run_body(context: Context, body: str, typed: str) -> list[str]:
    """Run the body of a cell, and name the functions it defines.

    Raises:
        UsageError: it awaits at its top level.
    """
    __tracebackhide__ = True
    read = _Body(context, body)
    for part, mode in read.parts("single"):
        code = read.compiled(part, mode)
        if code.co_flags & inspect.CO_COROUTINE:
            raise UsageError(f"{typed} cannot await.", hint="Await in a cell of its own, above.")
        exec(code, context.names)
    return [
        node.name
        for node in read.tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
    ]


def value_of_body(context: Context, body: str) -> Any:
    """Run the body of a cell, and give the value of its last expression.

    A body that awaits runs on an event loop of its own, in a thread: the kernel's is busy with
    this very cell. So it cannot use what an earlier cell opened on the kernel's loop.

    Raises:
        Exception: whatever the body raises.
    """
    __tracebackhide__ = True
    read = _Body(context, body)
    value: Any = None
    codes = [read.compiled(part, mode) for part, mode in read.parts("eval")]
    if any(code.co_flags & inspect.CO_COROUTINE for code in codes):
        return _awaited(_steps(codes, context.names), read.name)
    for code in codes:
        value = eval(code, context.names)
    return value


class _Body:
    """A body, compiled through the shell's cache: ``getsource`` and tracebacks work."""

    def __init__(self, context: Context, body: str) -> None:
        shell = context.shell
        # one line more, for the %%mcp line: tracebacks count as the reader does
        source = "\n" + shell.transform_cell(body)
        self.name: str = shell.compile.cache(source, context.cell_number, raw_code=body)
        # the cell's own __future__ imports and the shell's, not those of this module
        self._flags = shell.compile.flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        try:
            tree = compile(
                source, self.name, "exec", self._flags | ast.PyCF_ONLY_AST, dont_inherit=True
            )
        except SyntaxError as error:
            raise CellSyntaxError(shell, error) from None
        assert isinstance(tree, ast.Module)
        self.tree = tree
        self._last: ast.Expr | None = None
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            self._last = tree.body[-1]
            tree.body.pop()

    def parts(self, mode: str) -> list[tuple[Any, str]]:
        """The body without its last expression, then that one.

        Args:
            mode: ``single`` shows the last expression, ``eval`` gives its value.
        """
        found: list[tuple[Any, str]] = [(self.tree, "exec")]
        if self._last is not None:
            single = mode == "single"
            found.append(
                (
                    ast.Interactive([self._last]) if single else ast.Expression(self._last.value),
                    mode,
                )
            )
        return found

    def compiled(self, part: Any, mode: str) -> types.CodeType:
        """A part as code."""
        code: types.CodeType = compile(part, self.name, mode, self._flags, dont_inherit=True)
        return code


async def _steps(codes: list[types.CodeType], names: dict[str, Any]) -> Any:
    value: Any = None
    for code in codes:
        value = eval(code, names)
        if code.co_flags & inspect.CO_COROUTINE:
            value = await value
    return value


def _awaited(steps: Coroutine[Any, Any, Any], cell: str) -> Any:
    """The value of a coroutine that runs in a thread; Ctrl-C cancels it and waits for its end."""
    __tracebackhide__ = True
    done: concurrent.futures.Future[Any] = concurrent.futures.Future()
    loop = asyncio.new_event_loop()
    task = loop.create_task(steps)

    def work() -> None:
        # as asyncio.run does it, with the task in reach
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            try:
                done.set_result(runner.run(_result(task)))
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                done.set_exception(error)

    thread = threading.Thread(
        target=contextvars.copy_context().run, args=(work,), name="mcp-cell", daemon=True
    )
    thread.start()
    try:
        return done.result()
    except KeyboardInterrupt:
        loop.call_soon_threadsafe(task.cancel)
        raise
    except Exception as error:
        error.__traceback__ = _from_cell(error.__traceback__, cell)
        raise
    finally:
        thread.join()


async def _result(task: asyncio.Task[Any]) -> Any:
    return await task


def _from_cell(traceback: types.TracebackType | None, cell: str) -> types.TracebackType | None:
    """The traceback from the cell's own first frame on."""
    found = traceback
    while found is not None and found.tb_frame.f_code.co_filename != cell:
        found = found.tb_next
    return found if found is not None else traceback
