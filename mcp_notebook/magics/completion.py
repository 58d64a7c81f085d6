"""Tab completion of ``%mcp`` lines, as a matcher of IPython (API version 2)."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher

from .lessons import LEARNING

if TYPE_CHECKING:
    from .command import Command
    from .extension import MCPMagics

_LINE = re.compile(r"^\s*(?:.*=\s*)?%%?mcp(\s+.*)?$")
_CHOICES = {
    "--with": ("websocket", "redis", "websocket,redis"),
    "--era": ("auto", "legacy", "modern", "2025-11-25", "2026-07-28"),
    "--thread": ("kernel",),
    "--host": ("127.0.0.1",),
}


class Completer:
    """Completes commands, options, names of servers, endpoints, connections and tools.

    It answers from memory only: a completion sends nothing and waits for nobody.
    """

    def __init__(self, magics: MCPMagics) -> None:
        self._magics = magics

        def mcp_matcher(context: CompletionContext) -> Any:
            return self.complete(context.text_until_cursor)

        self.matcher: Any = context_matcher()(mcp_matcher)

    def complete(self, text: str) -> Any:
        """The completions for the text up to the cursor.

        Always suppresses other matchers on a ``%mcp`` line: jedi takes seconds there and has
        nothing to offer.
        """
        line = text.rpartition("\n")[2]
        match = _LINE.match(line)
        if match is None or match[1] is None:
            return {"completions": [], "suppress": False}
        rest = match[1]
        fragment = re.split(r"[\s(,]", rest)[-1]
        words = rest.split()
        if fragment and words:
            words = words[:-1] if words[-1] == fragment else words
        if "$" in fragment:  # also in the middle: text=$na
            fragment = "$" + fragment.rpartition("$")[2]
        found: list[str] = []
        with contextlib.suppress(Exception):  # a completion must never break typing
            found = [w for w in self._offers(words, fragment) if w.startswith(fragment)]
        return {
            "completions": [SimpleCompletion(text=word, type="mcp") for word in found],
            "suppress": True,
            "matched_fragment": fragment,
        }

    def _offers(self, words: list[str], fragment: str) -> list[str]:
        commands = self._magics.commands
        if not words:
            return [*(c.name for c in self._magics.listed), "help"]
        if words[0] == "help":
            return [c.name for c in self._magics.listed]
        command = commands.get(words[0])
        if command is None:
            return []
        if fragment.startswith("$"):
            return [f"${n}" for n in self._magics.context.names if not n.startswith("_")]
        option = words[-1] if len(words) > 1 else ""
        if option.startswith("-"):
            values = self._values(option)
            if values is not None:
                return values
        if fragment.startswith("-"):
            parser = command.parser()
            return [o for o in parser.options() if o not in words]
        return self._arguments(command, words[1:], fragment)

    def _values(self, option: str) -> list[str] | None:
        """What an option takes; ``None`` where it takes nothing or anything."""
        workbench = self._magics.existing
        if option in ("-t", "--transport"):
            from mcp_notebook.transports.base import transports

            return [t.name for t in transports()]
        if option in _CHOICES:
            return list(_CHOICES[option])
        if option == "--on":
            return list(workbench.connections) if workbench else []
        if option in ("--replay", "--unsteady"):
            servers = list(workbench.servers.values()) if workbench else []
            return [name for server in servers for name in server.tool_names()]
        if option == "--server":
            return list(workbench.servers) if workbench else ["notebook"]
        return None

    def _arguments(self, command: Command, given: list[str], fragment: str) -> list[str]:
        workbench = self._magics.existing
        if command.name in LEARNING:
            return self._magics.context.lessons.completions(command.name, given)
        if workbench is None:
            return self._config(given) if command.name == "config" else []
        match command.name:
            case "call" | "compare":
                return self._call(given, fragment)
            case "tools":
                return self._tool(given)
            case "config":
                return self._config(given)
            case "remove":
                return [p.name for s in workbench.servers.values() for p in s.parts()]
            case "add":
                names = self._magics.context.names
                return [n for n, v in names.items() if callable(v) and not n.startswith("_")]
            case "flow" | "trace":
                from mcp_notebook.trace.query import completions

                return list(completions())
        servers, endpoints = list(workbench.servers), list(workbench.endpoints)
        connections = list(workbench.connections)
        return {
            "serve": servers,
            "connect": [*endpoints, *servers],
            "use": connections,
            "stop": list(dict.fromkeys([*endpoints, *connections, *workbench.taps])),
        }.get(command.name, [])

    def _config(self, given: list[str]) -> list[str]:
        """A host first, then what it can be pointed at."""
        from mcp_notebook.handoff.hosts.host import hosts

        workbench = self._magics.existing
        if not any(not word.startswith("-") for word in given):
            return list(hosts())
        if workbench is None:
            return []
        return [*workbench.endpoints, *workbench.connections, *workbench.taps, *workbench.servers]

    def _tool(self, given: list[str]) -> list[str]:
        """The tools of the connection that ``--on`` names, or of the default one."""
        workbench, on = self._magics.existing, ""
        if "--on" in given[:-1]:
            at = given.index("--on")
            on, given = given[at + 1], given[:at] + given[at + 2 :]
        if given or workbench is None:
            return []
        if on:
            return list(workbench.connections[on].session.tools)
        return list(self._schemas())

    def _call(self, given: list[str], fragment: str) -> list[str]:
        """Tool names first, then the arguments of the tool."""
        named = [g for g in given if not g.startswith("-")]
        schemas = self._schemas()
        tool = re.split(r"[(\s]", named[0])[0] if named else ""
        if tool in schemas and (len(named) >= 1):
            taken = set(re.findall(r"([\w.-]+)\s*=", " ".join(named)))
            return [f"{n}=" for n in schemas[tool] if n not in taken]
        del fragment
        return list(schemas)

    def _schemas(self) -> dict[str, list[str]]:
        """The argument names of every tool that can be called now, without asking anybody."""
        workbench = self._magics.existing
        found: dict[str, list[str]] = {}
        if workbench is None:
            return found
        with contextlib.suppress(Exception):
            for name, tool in workbench.connections.default().session.tools.items():
                found[name] = list(tool.input_schema.get("properties") or {})
            return found
        from mcp_notebook.runtime import sdk

        for name, made in sdk.tools_of(workbench.servers.served().mcp).items():
            found[name] = list(made.parameters.get("properties") or {})
        return found
