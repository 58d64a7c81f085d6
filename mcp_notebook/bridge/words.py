"""The words of a command line, read by hand: argparse would take a fifth of the starting time."""

from __future__ import annotations

from collections.abc import Collection, Sequence


class Wrong(Exception):
    """The command line cannot be meant; its text says why, in one line."""


def parsed(
    words: Sequence[str], valued: Collection[str], flags: Collection[str] = ()
) -> dict[str, str]:
    """A command line by option, the one word that is none as ``NAME``.

    Args:
        words: the command line.
        valued: the options with a value (``--kernel K`` or ``--kernel=K``).
        flags: the options without.

    Raises:
        Wrong: there is another word, or a value is missing.
    """
    found: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        option, equals, value = word.partition("=")
        if word in flags:
            found[word] = "yes"
        elif option in valued:
            if not equals and not rest:
                raise Wrong(f"{option} wants a value.")
            found[option] = value if equals else rest.pop(0)
        elif word.startswith("-") or "NAME" in found:
            raise Wrong(f"{word!r} is not understood. --help lists the options.")
        else:
            found["NAME"] = word
    return found
