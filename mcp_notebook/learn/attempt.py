"""One attempt at an exercise: the names of the notebook, the learner's functions, the wire."""

from __future__ import annotations

import ast
import contextlib
import contextvars
import ctypes
import difflib
import inspect
import io
import linecache
import reprlib
import sysconfig
import textwrap
import threading
import traceback
import types
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Final, NoReturn

from mcp_notebook.trace.events import Event, Message
from mcp_notebook.trace.exchange import Exchange, pair, preferred_vantage
from mcp_notebook.trace.store import Trace

from .verdict import NotYet, Verdict

Awaiter = Callable[[Coroutine[Any, Any, Any], float], Any]
"""Runs a coroutine to its end on the calling thread; raises ``TimeUp`` when its time is up."""

LIMIT_S: Final = 2.0
"""Seconds a learner's function may take, where the check does not say."""

GRACE_S: Final = 1.0
"""Seconds after which a function that does not end is left alone."""

_NO_CELLS: Final = (
    str(Path(__file__).parents[1]),
    *(sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")),
    "<frozen",
)
"""How the names of files begin that no cell of a notebook has: this package, libraries."""

_KINDS: Final[dict[Any, str]] = {
    callable: "a function",
    str: "a text",
    bytes: "bytes",
    int: "a whole number",
    dict: "a dict",
    list: "a list",
}


class TimeUp(BaseException):
    """Ends a function that takes too long; no ``except Exception`` of the learner's holds it."""


@dataclass
class Ran:
    """What came of running a learner's function.

    Attributes:
        value: what it returned.
        error: what it raised, or ``None``.
        timed_out: whether it was ended because its time was up.
        stdout: what it printed.
        stderr: what it wrote to ``sys.stderr``.
        seconds: how long it took.
        events: what the Trace recorded meanwhile.
        exchanges: the requests among it, each with its answer.
    """

    value: Any = None
    error: BaseException | None = None
    timed_out: bool = False
    stdout: str = ""
    stderr: str = ""
    seconds: float = 0.0
    events: list[Event] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)

    @property
    def messages(self) -> list[Message]:
        """The messages among the events."""
        return [event for event in self.events if isinstance(event, Message)]


class Attempt:
    """What a check may look at.

    Args:
        names: the variables of the notebook.
        trace: what happened in this kernel.
        since: the number of the last event before the exercise's cell ran.
        source: the exercise's cell as it last ran; empty where it did not.
        awaiter: runs coroutines, since this room has no event loop.
        workbench: the notebook's workbench, for checks that serve or call.

    Attributes:
        start: the hint for a cell in which nothing was written yet.
    """

    def __init__(
        self,
        names: Mapping[str, Any],
        trace: Trace,
        *,
        since: int = 0,
        source: str = "",
        awaiter: Awaiter | None = None,
        workbench: Any = None,
    ) -> None:
        self.names = names
        self.trace = trace
        self.since = since
        self.source = source
        self.workbench = workbench
        self.start = ""
        self._awaiter = awaiter

    # ---- names -------------------------------------------------------------------------

    def get(self, name: str, *, kind: Any = object) -> Any:
        """What the notebook calls ``name``.

        Args:
            name: the variable.
            kind: a type it must be of, or ``callable``.

        Raises:
            NotYet: it is missing, of another kind, or still the ``...`` of the exercise.
        """
        if name not in self.names:
            own = [n for n in self.names if not n.startswith("_")]
            near = difflib.get_close_matches(name, own, n=1, cutoff=0.75)
            hint = "Run the cell of the exercise; it must define this name."
            if near:
                hint = f"There is {near[0]}: the check looks for {name}."
            self.stop(f"There is no {name} in this notebook.", hint)
        value = self.names[name]
        if value is ...:
            self.untouched(f"{name} is still the ... of the exercise.")
        if not (callable(value) if kind is callable else isinstance(value, kind)):
            wanted = _KINDS.get(kind) or getattr(kind, "__name__", str(kind))
            self.stop(
                f"{name} is {brief(value)}, of type {type(value).__name__}.",
                f"It must be {wanted}.",
            )
        if isinstance(value, types.FunctionType) and _is_empty(value):
            self.untouched(f"{name} does nothing yet.")
        return value

    def stop(self, seen: str, hint: str) -> NoReturn:
        """End the check: the answer is not right yet."""
        raise NotYet(Verdict(False, seen, hint))

    def untouched(self, seen: str) -> NoReturn:
        """End the check: nothing was written yet."""
        raise NotYet(Verdict(False, seen, self.start, untouched=True))

    # ---- functions ---------------------------------------------------------------------

    def run(
        self,
        function: Callable[..., Any],
        *args: Any,
        timeout_s: float = LIMIT_S,
        catch: bool = False,
        **kwargs: Any,
    ) -> Ran:
        """Run a function of the learner's on a thread, with a limit; coroutines too.

        Args:
            function: what to run.
            *args: its arguments.
            timeout_s: seconds it may take.
            catch: whether the check wants to see what was raised, and that time was up.
                Without it both end the check with a verdict.
            **kwargs: more arguments.

        Raises:
            NotYet: it raised, or its time was up, and ``catch`` is not given.
        """
        ran = self._run(function, args, kwargs, timeout_s)
        if catch:
            return ran
        call = call_text(function, args, kwargs)
        if ran.timed_out:
            self.stop(
                f"{call} did not end within {timeout_s:g} s.",
                "It waits for something that does not come, or its loop never ends.",
            )
        if isinstance(ran.error, NotImplementedError):
            self.untouched(f"{call} raised NotImplementedError: it is not written yet.")
        if ran.error is not None:
            line = line_of(ran.error)
            self.stop(
                f"{call} raised {type(ran.error).__name__}: {_line(ran.error)}",
                f"It happened in {line}" if line else "Call it yourself to see the traceback.",
            )
        return ran

    def _run(self, function: Callable[..., Any], args: Any, kwargs: Any, timeout_s: float) -> Ran:
        ran = Ran()
        out, err = io.StringIO(), io.StringIO()
        before = self.trace.last_seq
        began = perf_counter()

        def work() -> None:
            try:
                found = function(*args, **kwargs)
                if inspect.isawaitable(found):
                    found = self._await(found, timeout_s)
                ran.value = found
            except TimeUp:
                ran.timed_out = True
            except BaseException as error:  # noqa: BLE001 - the learner's, SystemExit included
                ran.error = error

        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(work,), name="mcp-check", daemon=True)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                thread.start()
                thread.join(timeout_s + (0.2 if inspect.iscoroutinefunction(function) else 0))
                if thread.is_alive():
                    self._end(thread)
                    # a copy: the function may go on for ever and change it
                    ran = Ran(timed_out=True)
        except KeyboardInterrupt:
            self._end(thread)
            raise
        ran.seconds = perf_counter() - began
        ran.stdout, ran.stderr = out.getvalue(), err.getvalue()
        ran.events = self.trace.since(before)
        ran.exchanges = self.exchanges(since=before)
        return ran

    def _await(self, found: Any, timeout_s: float) -> Any:
        async def one() -> Any:
            return await found

        if self._awaiter is None:
            raise TypeError("coroutines cannot be run here")
        return self._awaiter(found if inspect.iscoroutine(found) else one(), timeout_s)

    @staticmethod
    def _end(thread: threading.Thread) -> None:
        """Raise ``TimeUp`` in the thread; code that waits in C notices it only afterwards."""
        if thread.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread.ident), ctypes.py_object(TimeUp)
            )
            thread.join(GRACE_S)

    # ---- the wire ----------------------------------------------------------------------

    def events(self, since: int | None = None) -> list[Event]:
        """What the Trace recorded since the exercise's cell began, or since an event's number."""
        return self.trace.since(self.since if since is None else since)

    def messages(self, since: int | None = None) -> list[Message]:
        """The messages among these events."""
        return [event for event in self.events(since) if isinstance(event, Message)]

    def exchanges(self, since: int | None = None) -> list[Exchange]:
        """The requests since the exercise's cell began, each with its answer."""
        events = self.events(since)  # a check may run a function hundreds of times
        if not events:
            return []
        vantage = preferred_vantage(self.trace.events())
        return [exchange for exchange in pair(events) if exchange.vantage == vantage]


class _Brief(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 60
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = 6

    def repr_bytes(self, value: bytes, level: int) -> str:
        return self.repr_str(value, level)  # type: ignore[arg-type]


_brief = _Brief()


def brief(value: Any) -> str:
    """A value of the learner's in few words, whatever its own ``repr`` does."""
    try:
        return " ".join(_brief.repr(value).split())
    except Exception:  # noqa: BLE001 - the learner's own repr
        return f"a {type(value).__name__}"


def call_text(function: Callable[..., Any], args: Any = (), kwargs: Any = None) -> str:
    """A call as the learner would write it."""
    given = [*(brief(a) for a in args), *(f"{k}={brief(v)}" for k, v in (kwargs or {}).items())]
    return f"{getattr(function, '__name__', 'it')}({', '.join(given)})"


def line_of(error: BaseException) -> str:
    """The learner's own line that raised, with its number in the cell; empty if none did."""
    frames = [
        (frame.f_code.co_filename, number)
        for frame, number in traceback.walk_tb(error.__traceback__)
        if not frame.f_code.co_filename.startswith(_NO_CELLS)
    ]
    if not frames:
        return ""
    file, number = frames[-1]
    text = linecache.getline(file, number).strip()
    return f"line {number}: {text}" if text else f"line {number}"


def _line(error: BaseException) -> str:
    try:
        return " ".join(str(error).split())[:200]
    except Exception:  # noqa: BLE001 - the learner's own exception
        return "(it cannot be shown)"


def _is_empty(function: types.FunctionType) -> bool:
    """Whether a function is nothing but ``...``, ``pass``, or says that it is not written."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return False
    made = tree.body[0]
    if not isinstance(made, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return all(
        isinstance(step, ast.Pass)
        or (isinstance(step, ast.Expr) and isinstance(step.value, ast.Constant))
        or (isinstance(step, ast.Raise) and "NotImplementedError" in ast.unparse(step))
        for step in made.body
    )
