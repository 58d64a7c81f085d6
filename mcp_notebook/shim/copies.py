"""The copies: what passed, on its way to the notebook, within a bound of memory."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections import deque
from typing import Any

from mcp_notebook.bridge.choice import Choice
from mcp_notebook.bridge.notes import Away

HEAD = struct.Struct("!cQQI")
"""kind, time in ns, offset in the stream of its kind, number of bytes that follow."""

HELLO, UP, DOWN, SAID, END = b"h", b"i", b"o", b"e", b"x"
"""Kinds: who speaks (JSON), what the host wrote, what the server wrote, its standard error, the
server's end (JSON)."""

MOST_BYTES = 8 << 20
"""Copies that wait for the notebook."""
LOOK_S = 0.5
"""How often a notebook that is away is looked for."""
SLOW_S = 30.0
"""How long it may take to take a record before it counts as gone."""
LEAVE_S = 1.0
"""How long the end of the shim waits for the copies that are left."""


class Copies:
    """Sends copies from a thread of its own.

    Args:
        choice: the notebook.
        hello: what it is told first on each link.
    """

    def __init__(self, choice: Choice, hello: dict[str, Any]) -> None:
        self._choice = choice
        self._hello = json.dumps(hello).encode()
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._offsets = {UP: 0, DOWN: 0, SAID: 0, END: 0}
        self._changed = threading.Condition()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="copies", daemon=True)

    def start(self) -> None:
        """Begin to look for the notebook."""
        self._thread.start()

    def put(self, kind: bytes, data: bytes) -> None:
        """Copy some bytes, or leave them out where too much waits; never blocks."""
        offset = self._offsets[kind]
        self._offsets[kind] = offset + len(data)
        with self._changed:
            if self._bytes + len(data) > MOST_BYTES:
                return  # the next offset tells the notebook how much is missing
            self._waiting.append(record(kind, data, offset))
            self._bytes += len(data) + HEAD.size
            self._changed.notify()

    def end(self, code: int) -> None:
        """Say how the server ended, and give what is left a moment to leave."""
        self._bytes = min(self._bytes, MOST_BYTES // 2)  # this one is never left out
        self.put(END, json.dumps({"code": code}).encode())
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join(LEAVE_S)

    def _run(self) -> None:
        while True:
            try:
                with self._choice.join() as link:
                    link.setblocking(True)
                    link.settimeout(SLOW_S)
                    link.sendall(record(HELLO, self._hello, 0, self._since()))
                    if self._send(link):
                        return
            except (Away, OSError):
                pass
            with self._changed:
                if self._ending:
                    return  # nobody is there for the rest
                self._changed.wait(LOOK_S)

    def _since(self) -> int:
        """When what waits was seen first; 0 where nothing does."""
        with self._changed:
            return int(HEAD.unpack_from(self._waiting[0])[1]) if self._waiting else 0

    def _send(self, link: socket.socket) -> bool:
        """Send what waits, until the link breaks or nothing more will come."""
        while True:
            with self._changed:
                while not self._waiting:
                    if self._ending:
                        with contextlib.suppress(OSError):
                            link.shutdown(socket.SHUT_WR)
                            link.recv(1)  # its end: then it has read everything
                        return True
                    self._changed.wait(LOOK_S)
                    if not self._waiting and _hung_up(link):
                        return False
                first = self._waiting[0]
            link.sendall(first)
            with self._changed:
                self._waiting.popleft()
                self._bytes -= len(first)


def record(kind: bytes, data: bytes, offset: int, stamp: int = 0) -> bytes:
    """One record; of now where no time is given."""
    return HEAD.pack(kind, stamp or time.perf_counter_ns(), offset, len(data)) + data


def _hung_up(link: socket.socket) -> bool:
    """Whether the notebook has closed the link; it says nothing on it."""
    link.setblocking(False)
    try:
        return link.recv(1) == b""
    except BlockingIOError:
        return False
    finally:
        link.settimeout(SLOW_S)
