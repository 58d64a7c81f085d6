"""What a ``%mcp`` command is, and the parser of its line."""

from __future__ import annotations

import argparse
import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from mcp_notebook.errors import UsageError

from . import grammar

if TYPE_CHECKING:
    from .context import Context

_OBJECTS = ("on", "answer", "token", "header", "env")

Run = Callable[["Context", argparse.Namespace, str | None], Any]


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command.

    Attributes:
        name: what is typed after ``%mcp``.
        summary: one line for the list of commands.
        run: carries it out; gets the context, the parsed line and the cell's body.
        build: adds its arguments to a parser.
        aliases: other names.
        cell: ``no``, ``optional`` or ``only`` (``%%mcp``).
        raw: the line is not split: the command's own grammar reads ``options.line``.
        examples: lines to copy.
    """

    name: str
    summary: str
    run: Run
    build: Callable[[Parser], None] = field(default=lambda _parser: None)
    aliases: tuple[str, ...] = ()
    cell: str = "no"
    raw: bool = False
    examples: tuple[str, ...] = ()

    @property
    def typed(self) -> str:
        """How it is typed."""
        return f"%%mcp {self.name}" if self.cell == "only" else f"%mcp {self.name}"

    def parser(self) -> Parser:
        """A parser of its line."""
        parser = Parser(
            prog=self.typed,
            description=self.summary,
            epilog="\n".join(["examples:", *(f"  {line}" for line in self.examples)])
            if self.examples
            else None,
        )
        parser.add_argument("-h", "--help", action=_Help, help="show this help")
        self.build(parser)
        return parser


def seconds(text: str) -> float:
    """A time to wait.

    Raises:
        ValueError: it is no number.
        argparse.ArgumentTypeError: nobody can wait that long.
    """
    found = float(text)
    if not 0 < found < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no time to wait; give more than 0 seconds")
    return found


class HelpAsked(Exception):
    """Somebody typed ``--help``."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class _Help(argparse.Action):
    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(
            option_strings, argparse.SUPPRESS, nargs=0, default=argparse.SUPPRESS, help=help
        )

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        raise HelpAsked(parser.format_help())


class Parser(argparse.ArgumentParser):
    """An argparse parser that raises one readable line instead of leaving the program.

    Attributes:
        intermixed: whether options may stand between arguments that can be left out. argparse
            itself takes all of those at the first place where one could stand.
    """

    intermixed = False

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("add_help", False)
        kwargs.setdefault("allow_abbrev", False)
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**kwargs)

    def parse_args(self, args: Sequence[str], *_: Any) -> argparse.Namespace:  # type: ignore[override]
        """The line taken apart."""
        return super().parse_args(self._options_first(args) if self.intermixed else args)

    def _options_first(self, words: Sequence[str]) -> list[str]:
        options: list[str] = []
        others: list[str] = []
        takes = False
        action: argparse.Action | None = None
        for word in words:
            option, equals, _ = word.partition("=")
            is_option = word.startswith("-") and not takes
            (options if is_option or takes else others).append(word)
            action = self._option_string_actions.get(option) if is_option else None
            takes = action is not None and action.nargs != 0 and not equals
        if takes and action is not None and action.nargs is None:
            self.error(f"{words[-1]} needs a value: {action.metavar or 'TEXT'}.")
        return options + others

    def error(self, message: str) -> NoReturn:
        """Raise what argparse has to say."""
        hint = ""
        if message.startswith("unrecognized arguments:"):
            extras = message.partition(": ")[2].split()
            options = [word.partition("=")[0] for word in extras if word.startswith("-")]
            extra = options[0] if options else extras[0]
            if options:
                message = f"there is no option {extra}."
                near = difflib.get_close_matches(extra, self.options(), n=1)
                if len(extra) == 2:  # -p
                    near = [o for o in self.options() if o.startswith(f"-{extra}")]
                hint = f"Did you mean {near[0]}? " if near else ""
            else:
                message = f"{extra!r} is one too many."
        elif message.startswith("the following arguments are required:"):
            message = f"{message.partition(': ')[2]} is missing."
        raise UsageError(f"{self.prog}: {message}", hint=f"{hint}{self.usage_line()}")

    def filled(self, words: list[str], names: Mapping[str, Any]) -> list[str]:
        """The words, each option value ``$name`` replaced by the variable's text.

        Left alone are options that take any object, and those that must see where a secret
        comes from.
        """
        done: list[str] = []
        fill = False
        for word in words:
            option, equals, text = word.partition("=")
            if fill:
                word = str(grammar.value(word, names))
            action = None if fill else self._option_string_actions.get(option)
            fill = action is not None and action.nargs != 0 and action.dest not in _OBJECTS
            if fill and equals:
                word, fill = f"{option}={grammar.value(text, names)}", False
            done.append(word)
        return done

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Never leave the process."""
        raise UsageError(message or f"{self.prog} cannot be carried out.", hint=self.usage_line())

    def usage_line(self) -> str:
        """The usage in one line."""
        return "Usage: " + " ".join(self.format_usage().split()).removeprefix("usage: ")

    def options(self) -> list[str]:
        """The options that can be typed."""
        return [text for action in self._actions for text in action.option_strings]

    def on(self) -> None:
        """Add ``--on``."""
        self.add_argument("--on", metavar="C", help="the connection; the newest by default")

    def option(self, text: str) -> argparse.Action | None:
        """The action of an option, for completion."""
        return self._option_string_actions.get(text)
