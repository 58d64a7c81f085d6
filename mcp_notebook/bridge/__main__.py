"""``python -m mcp_notebook.bridge [NAME] [--kernel K] [--folder D] [--wait S] [--standby]``."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence

from .choice import HOW, Choice
from .joint import WAIT_S, Joint, say
from .notes import answers, notes

HELP = """\
python -m mcp_notebook.bridge [NAME] [--kernel K] [--folder D] [--wait S] [--standby] [--list]

Joins stdin and stdout to a notebook that runs %mcp serve -t bridge. A host starts it as a stdio
server.

  NAME         its endpoint, server or notebook file; not needed where there is only one
  --kernel K   its kernel: notebook file, folder, kernel id or process id
  --folder D   where its socket is; the command that the notebook shows has it where it is needed
  --wait S     seconds that a request waits for a notebook that is away; 5 by default
  --standby    open the host's session also before the notebook is there, without tools
  --list       list the notebooks that listen"""


class Wrong(Exception):
    """The command line cannot be meant."""


def parsed(words: Sequence[str]) -> dict[str, str]:
    """The command line by option. By hand: argparse would take a fifth of the starting time.

    Raises:
        Wrong: in one line, why not.
    """
    found: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        option, equals, value = word.partition("=")
        if word in ("--help", "-h", "--list", "--standby"):
            found["--help" if word == "-h" else word] = "yes"
        elif option in ("--kernel", "--folder", "--wait"):
            if not equals and not rest:
                raise Wrong(f"{option} wants a value.")
            found[option] = value if equals else rest.pop(0)
        elif word.startswith("-") or "NAME" in found:
            raise Wrong(f"{word!r} is not understood. --help lists the options.")
        else:
            found["NAME"] = word
    try:
        if not float(found.setdefault("--wait", str(WAIT_S))) >= 0:
            raise ValueError
    except ValueError:
        raise Wrong("--wait wants a number of seconds.") from None
    return found


def main(words: Sequence[str]) -> int:
    """Run the command line; returns the exit code."""
    try:
        options = parsed(words)
    except Wrong as why:
        say(str(why))
        return 2
    if "--help" in options:
        sys.stdout.write(HELP + "\n")
        return 0
    if os.name == "nt" or not hasattr(socket, "AF_UNIX"):
        say("Python has no Unix sockets on Windows, so there is no bridge. Use %mcp serve -t http")
        return 1
    folder = options.get("--folder", "")
    if "--list" in options:
        found, refused = notes(folder)
        there = [note.shown() for note in found if answers(note)]
        sys.stdout.write("".join(f"{line}\n" for line in there))
        for line in refused if there else [*refused, f"no notebook listens. {HOW}"]:
            say(line)
        return 0 if there else 1
    choice = Choice(options.get("NAME", ""), options.get("--kernel", ""), folder)
    return Joint(choice, float(options["--wait"]), standby="--standby" in options).run()


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    sys.stdout.flush()
    os._exit(code)  # nothing is left to tidy up, and the host waits for the end
