"""The ``%mcp`` magic, and what ``%load_ext mcp_notebook`` changes and undoes."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import difflib
import importlib
import math
import re
import signal
import threading
import traceback
from typing import TYPE_CHECKING, Any

from IPython.core.magic import (
    Magics,
    line_cell_magic,
    magics_class,
    needs_local_scope,
    no_var_expand,
)
from traitlets import Bool, Float, TraitError, Unicode, validate

from mcp_notebook.errors import McpError, UsageError
from mcp_notebook.runtime import current

from . import grammar
from . import line as typed
from .command import Command, HelpAsked
from .commands import COMMANDS
from .completion import Completer
from .context import Context, Shown
from .executed import Executed
from .formatters import Formatters

if TYPE_CHECKING:
    from mcp_notebook.runtime.workbench import Workbench

_ATTRIBUTE = "_mcp_notebook_magics"
_OFTEN_MEANT = {"list": "tools", "ls": "tools", "start": "serve", "run": "serve", "log": "flow"}
"""Words that are typed for a command of another name."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C while a command waited; shown as one line."""

    def _render_traceback_(self) -> list[str]:
        told = f"; {self}" if str(self) else ""
        return [f"\x1b[31mKeyboardInterrupt\x1b[0m: cancelled; what is connected stays so{told}"]


Interrupted.__name__ = "KeyboardInterrupt"  # the name that front ends and test runners know


@magics_class
class MCPMagics(Magics):
    """``%mcp`` starts MCP servers and clients in this kernel and shows what travels."""

    stable = Bool(False, help="leave out what changes from run to run: ports, times, pids").tag(
        config=True
    )
    timeout = Float(60.0, help="seconds a call may take").tag(config=True)
    transport = Unicode("http", help="what %mcp serve starts").tag(config=True)
    era = Unicode("auto", help="what %mcp connect asks for: auto, legacy, modern").tag(config=True)

    ready = False

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self.listed: list[Command] = COMMANDS
        self.commands = {word: c for c in COMMANDS for word in (c.name, *c.aliases)}
        self.context = Context(self)
        self.executed = Executed(self.context)
        self.completer = Completer(self)
        self.formatters = Formatters(self)
        self.existing: Workbench | None = None
        self.observe(self._pass_timeout_on, "timeout")
        self.ready = True

    @property
    def workbench(self) -> Workbench:
        """The kernel's workbench, made when it is first needed."""
        with current.making:
            if self.existing is None:
                from mcp_notebook.runtime.workbench import Workbench

                made = current.adopted() or Workbench()
                made.timeout = self.timeout
                made.servers.cell = lambda: self.context.cell_id
                made.history = self.executed
                self.existing = made
            return self.existing

    @validate("era")
    def _known_era(self, proposal: Any) -> str:
        from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

        era: str = proposal["value"]
        known = ["auto", "legacy", "modern", *HANDSHAKE_PROTOCOL_VERSIONS]
        if era not in [*known, *MODERN_PROTOCOL_VERSIONS]:
            raise TraitError(f"there is no era {era!r}: auto, legacy, modern, or a revision.")
        return era

    @validate("transport")
    def _known_transport(self, proposal: Any) -> str:
        name: str = proposal["value"]
        if self.ready:  # a configuration file is read before a notebook registers its own
            from mcp_notebook.transports import register_builtin
            from mcp_notebook.transports.base import find_transport

            register_builtin()
            try:
                find_transport(name)
            except UsageError as error:
                raise TraitError(str(error)) from None
        return name

    @validate("timeout")
    def _possible_timeout(self, proposal: Any) -> float:
        timeout: float = proposal["value"]
        if not 0 < timeout < math.inf:
            raise TraitError(f"{timeout} is no time to wait; give more than 0 seconds.")
        return timeout

    # by the name _timeout_changed traitlets would call it while the configuration is read
    def _pass_timeout_on(self, change: Any) -> None:
        if self.existing is not None:
            self.existing.timeout = change["new"]
            for connection in self.existing.connections.values():
                connection.timeout = change["new"]

    @no_var_expand
    @needs_local_scope
    @line_cell_magic
    def mcp(
        self, line: str, cell: str | None = None, local_ns: dict[str, Any] | None = None
    ) -> Any:
        """MCP in this notebook. ``%mcp help`` lists the commands."""
        __tracebackhide__ = True
        try:
            with self.context.within(local_ns):
                return self._run(line, cell)
        except HelpAsked as asked:
            return Shown(asked.text)
        except McpError as error:
            # without its context: IPython prints an exception group in it as a plain traceback
            error.__cause__ = error.__context__ = None
            raise error.with_traceback(None) from None
        except KeyboardInterrupt as stopped:
            # raised anew below: IPython keeps the last error, and with it every frame's files
            told = str(stopped)
        except OSError as error:
            if self._is_of_the_reader(error):
                raise
            what = str(error) or type(error).__name__
            raise McpError(f"the system refused: {what}", hint="%mcp status") from None
        raise Interrupted(told)

    def _is_of_the_reader(self, error: OSError) -> bool:
        """Whether a cell's code or an imported module raised it: its own frames say where."""
        names = self.context.shell.user_ns
        return any(
            frame.f_globals is names or frame.f_code.co_filename.startswith("<frozen importlib")
            for frame, _ in traceback.walk_tb(error.__traceback__)
        )

    def _run(self, line: str, cell: str | None) -> Any:
        __tracebackhide__ = True
        name, _, rest = typed.bare(line).strip().partition(" ")
        if not name or name in ("help", "--help", "-h"):
            if cell is not None and cell.strip():
                raise UsageError(
                    "%%mcp needs a command.",
                    hint="%%mcp tool makes the functions of a cell tools; %mcp help lists all.",
                )
            return self._help(rest.strip())
        command = self.commands.get(name)
        if command is None:
            raise UsageError(f"there is no command {name!r}.", hint=f"{self._near(name)}%mcp help")
        if cell is None and command.cell == "only" and rest.strip() not in ("--help", "-h"):
            raise UsageError(
                f"{command.name} is for whole cells.",
                hint=f"Write %%mcp {command.name} as the first line.",
            )
        if cell is not None and command.cell == "no":
            raise UsageError(
                f"{command.name} is for one line.", hint=f"Write %mcp {command.name} with one %."
            )
        parser = command.parser()
        if command.raw:
            import argparse

            options = argparse.Namespace(line=rest)
        else:
            words = grammar.words(rest)
            if "--" in words and "command" in {a.dest for a in parser._actions}:
                cut = words.index("--")
                options = parser.parse_args(parser.filled(words[:cut], self.context.names))
                options.command = words[cut + 1 :]
                if not options.command:
                    meant = " ".join(["%mcp", command.name, *words[:cut]])
                    raise UsageError(
                        "there is no command after --.", hint=f"{meant} -- python server.py"
                    )
                options.dashed = True
            else:
                if command.name == "connect" and (meant := typed.as_command(words)):
                    raise UsageError("a command comes after --.", hint=f"Write {meant}")
                options = parser.parse_args(parser.filled(words, self.context.names))
        return command.run(self.context, options, cell)

    def _near(self, name: str) -> str:
        near = difflib.get_close_matches(name, self.commands, n=1)
        if name in _OFTEN_MEANT:
            near = [_OFTEN_MEANT[name]]
        return f"Did you mean {near[0]}? " if near else ""

    def _help(self, name: str) -> Shown:
        if name:
            command = self.commands.get(name)
            if command is None:
                raise UsageError(
                    f"there is no command {name!r}.", hint=f"{self._near(name)}%mcp help"
                )
            return Shown(command.parser().format_help())
        width = max(len(c.typed) for c in self.listed)
        lines = [f"{c.typed:<{width}}  {c.summary}" for c in self.listed]
        return Shown("\n".join([*lines, "", "%mcp COMMAND --help tells more."]))


class Extension:
    """What loading changes, and how to undo each of it."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.magics = MCPMagics(shell)
        self._undo: list[Any] = []
        self._imported = threading.Event()

    def load(self) -> None:
        """Register the magic, completion, formatters and hooks; warm the SDK up in a thread."""
        shell = self.shell
        shell.register_magics(self.magics)
        self._undo.append(self._forget_magics)
        shell.Completer.custom_matchers.insert(0, self.magics.completer.matcher)
        self._undo.append(
            lambda: shell.Completer.custom_matchers.remove(self.magics.completer.matcher)
        )
        shell.input_transformers_cleanup.insert(0, with_body)
        self._undo.append(lambda: shell.input_transformers_cleanup.remove(with_body))
        current.offer(lambda: self.magics.workbench)
        self._undo.append(lambda: current.offer(None))
        self.magics.formatters.register()
        self._undo.append(self.magics.formatters.unregister)
        for event, hook in (
            ("pre_run_cell", self._cell_begins),
            ("post_run_cell", self._cell_ended),
        ):
            shell.events.register(event, hook)
            self._undo.append(lambda event=event, hook=hook: shell.events.unregister(event, hook))
        atexit.register(self.close)
        self._undo.append(lambda: atexit.unregister(self.close))
        self._wake_on_signals()
        threading.Thread(
            target=warm_up, args=(self._imported,), name="mcp-warm-up", daemon=True
        ).start()

    def unload(self) -> None:
        """Undo all of it; nothing is left behind."""
        for undo in reversed(self._undo):
            with contextlib.suppress(
                Exception
            ):  # each must be tried, whatever became of the others
                undo()
        self._undo.clear()
        self.close()

    def close(self) -> None:
        """Stop everything that runs."""
        self.magics.context.views.close()
        if self.magics.existing is not None:
            self.magics.existing.close()
            self.magics.existing = None

    def _forget_magics(self) -> None:
        for kind in ("line", "cell"):
            self.shell.magics_manager.magics[kind].pop("mcp", None)
        self.shell.magics_manager.registry.pop(MCPMagics.__name__, None)
        with contextlib.suppress(ValueError):
            self.shell.configurables.remove(self.magics)

    def _cell_begins(self, info: Any) -> None:
        self._imported.wait()
        self.magics.context.lessons.cell_begins(str(info.raw_cell))
        from mcp_notebook.transports.tap import CELL

        CELL.set(f"In [{self.magics.context.cell_number}]")
        if self.magics.existing is not None:
            self.magics.existing.servers.cell_begins()

    def _cell_ended(self, result: Any) -> None:
        self.magics.executed.ended(result)
        self.magics.context.views.cell_ended()
        if self.magics.existing is not None and result.success:
            self.magics.existing.servers.cell_ended(self.magics.context.cell_id)

    def _wake_on_signals(self) -> None:
        """Let Interrupt reach a cell that awaits.

        ipykernel handles SIGINT by a callback that does not wake the selector of an idle loop;
        with any signal handler of asyncio's in place the wake-up descriptor does.
        """
        number = getattr(signal, "SIGURG", None)
        if number is None:
            return
        try:
            loop = asyncio.get_running_loop()
            if signal.getsignal(number) is not signal.SIG_DFL:
                return  # somebody else uses it
            loop.add_signal_handler(number, lambda: None)
        except (RuntimeError, ValueError, NotImplementedError):
            return
        self._undo.append(lambda: loop.remove_signal_handler(number))


def with_body(lines: list[str]) -> list[str]:
    """Give a ``%%mcp`` line that stands alone an empty body.

    IPython refuses an empty one with an error of its own, which is only a line on stderr and
    lets a run of nbval pass.
    """
    if lines and re.match(r"%%mcp\b", lines[0]) and not any(line.strip() for line in lines[1:]):
        return [lines[0].rstrip("\n") + "\n", "\n"]
    return lines


def warm_up(imported: threading.Event) -> None:
    """Import what the first command needs; the SDK takes more than a second.

    Args:
        imported: set when the SDK is imported. Two threads that import parts of it at once
            can meet half-initialised modules, so the next cell waits for this.
    """
    with contextlib.suppress(Exception):  # the first command will say what is wrong
        try:
            importlib.import_module("mcp_notebook.runtime.workbench")
        finally:
            imported.set()
        import jsonschema

        # under JupyterLab's extras the first validation compiles grammars for two seconds
        jsonschema.Draft202012Validator({"type": "object"}).is_valid({})


def load(shell: Any) -> None:
    """Load the extension into a shell; twice is once."""
    if getattr(shell, _ATTRIBUTE, None) is None:
        extension = Extension(shell)
        extension.load()
        setattr(shell, _ATTRIBUTE, extension)


def unload(shell: Any) -> None:
    """Take it out again."""
    extension = getattr(shell, _ATTRIBUTE, None)
    if extension is not None:
        delattr(shell, _ATTRIBUTE)
        extension.unload()
