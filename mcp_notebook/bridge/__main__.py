"""``python -m mcp_notebook.bridge [NAME] [--kernel K] [--folder D] [--wait S] [--standby]``."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence

from .choice import HOW, Choice
from .joint import WAIT_S, Joint, say
from .notes import answers, notes
from .words import Wrong, parsed

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


def seconds(word: str) -> float:
    """The value of ``--wait``.

    Raises:
        Wrong: it is no number of seconds.
    """
    try:
        if (found := float(word)) >= 0:
            return found
    except ValueError:
        pass
    raise Wrong("--wait wants a number of seconds.")


def main(words: Sequence[str]) -> int:
    """Run the command line; returns the exit code."""
    try:
        options = parsed(
            words, ("--kernel", "--folder", "--wait"), ("--help", "-h", "--list", "--standby")
        )
        wait_s = seconds(options.get("--wait", str(WAIT_S)))
    except Wrong as why:
        say(str(why))
        return 2
    if "--help" in options or "-h" in options:
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
    return Joint(choice, wait_s, standby="--standby" in options).run()


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    sys.stdout.flush()
    os._exit(code)  # nothing is left to tidy up, and the host waits for the end
