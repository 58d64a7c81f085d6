"""``python -m mcp_notebook.shim [NAME] [--kernel K] [--folder D] -- COMMAND ARG ...``."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Sequence

from mcp_notebook.bridge.choice import Choice
from mcp_notebook.bridge.words import Wrong, parsed

HELP = """\
python -m mcp_notebook.shim [NAME] [--kernel K] [--folder D] -- COMMAND ARG ...

Runs a stdio server for a host and shows the traffic in the notebook that runs %mcp tap.

  NAME        the tap's name; not needed where there is only one
  --kernel K  its kernel: notebook file, folder, kernel id or process id
  --folder D  where its socket is; the command that the notebook shows has it where it is needed"""


def main(words: Sequence[str]) -> int:
    """Run the command line; returns the exit code."""
    cut = words.index("--") if "--" in words else len(words)
    own, command = words[:cut], words[cut + 1 :]
    if "--help" in own or "-h" in own:
        sys.stdout.write(HELP + "\n")
        return 0
    try:
        options = parsed(own, ("--kernel", "--folder"))
        if not command:
            raise Wrong("there is no command after --.")
    except Wrong as why:
        sys.stderr.write(f"mcp_notebook.shim: {why}\n")
        return 2
    if os.name == "nt" or not hasattr(socket, "AF_UNIX"):
        sys.stderr.write("mcp_notebook.shim: Python has no Unix sockets on Windows.\n")
        return 1
    from .copies import Copies
    from .relay import Relay

    choice = Choice(
        options.get("NAME", ""), options.get("--kernel", ""), options.get("--folder", ""), "tap"
    )
    copies = Copies(choice, {"command": list(command)})
    relay = Relay(command, copies.put)
    copies.start()
    code = relay.run()
    copies.end(code)
    return code


def leave(code: int) -> None:
    """End as the server has ended, also where a signal ended it."""
    sys.stdout.flush()
    if code < 0:
        with contextlib.suppress(OSError):  # SIGKILL has no handler to take away
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
