"""Stands for ``python server.py``: hands its standard streams to the nursery, and ends as it ends.

python -I -S launch.py SOCKET ORDER.json
"""

import os
import signal
import socket
import sys


def main() -> int:
    """Ask for the server and wait for it; what ends this ends it."""
    asking = socket.socket(socket.AF_UNIX)
    asking.connect(sys.argv[1])
    with open(sys.argv[2], "rb") as order:
        socket.send_fds(asking, [order.read()], [0, 1, 2])
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):  # the server sees the end of its input, its client that of the output
        os.dup2(nothing, stream)
    answers = asking.makefile()
    child = int(answers.readline())
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    status = int(answers.readline() or 70)
    return status if status >= 0 else 128 - status


sys.exit(main())
