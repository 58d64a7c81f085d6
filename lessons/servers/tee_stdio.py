"""A shim between a client and a stdio server that writes down every line in both directions.

    python lessons/servers/tee_stdio.py LOG SERVER.py

The client starts the shim, the shim starts the server. Each line goes on unchanged, and into
LOG: `> ` before what the client wrote, `< ` before what the server wrote. Standard error is the
server's own. Standard library only.
"""

import subprocess
import sys
import threading
from pathlib import Path


def copy(source, to, log, mark, lock):
    """Pass lines on as they come, each written down before it goes on."""
    for line in source:
        with lock:
            log.write(mark + line)
            log.flush()
        to.write(line)
        to.flush()
    to.close()


def main(path, server):
    """Copy until both sides have ended."""
    with (
        Path(path).open("wb") as log,
        subprocess.Popen(
            [sys.executable, server], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as child,
    ):
        lock = threading.Lock()
        inward = threading.Thread(
            target=copy, args=(sys.stdin.buffer, child.stdin, log, b"> ", lock), daemon=True
        )
        inward.start()
        copy(child.stdout, sys.stdout.buffer, log, b"< ", lock)


if __name__ == "__main__":
    main(*sys.argv[1:3])
