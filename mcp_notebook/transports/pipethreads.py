"""Pipes read and written by threads, where asyncio cannot take them: anonymous pipes of Windows.

The same two objects as ``attach_pipes`` makes, in the shape of asyncio transports.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .streams import LineDuplex

READ_BYTES = 1 << 16


class ThreadReader:
    """Reads a descriptor in a thread and hands the bytes to a protocol on its loop.

    Args:
        descriptor: owned from now on.
        protocol: gets ``data_received``, then ``eof_received`` or ``connection_lost``.
    """

    def __init__(self, descriptor: int, protocol: asyncio.Protocol) -> None:
        self._descriptor = descriptor
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._closing = False
        self._may_read = threading.Event()
        self._may_read.set()
        threading.Thread(target=self._read, name="mcp-pipe-reader", daemon=True).start()

    def _read(self) -> None:
        data = b"start"
        while data and not self._closing:
            self._may_read.wait()
            try:
                data = os.read(self._descriptor, READ_BYTES)
            except OSError:
                data = b""
            if data:
                self._tell(self._protocol.data_received, data)
        os.close(self._descriptor)
        self._tell(self._protocol.eof_received)
        self._tell(self._protocol.connection_lost, None)

    def _tell(self, call: object, *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *args)  # type: ignore[arg-type]
        except RuntimeError:
            self._closing = True  # the loop is closed: nobody listens any more

    def close(self) -> None:
        """Read no more. A read under way ends when the other side closes."""
        self._closing = True
        self._may_read.set()

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self._closing

    def pause_reading(self) -> None:
        """Stop before the next read."""
        self._may_read.clear()

    def resume_reading(self) -> None:
        """Read on."""
        self._may_read.set()


class ThreadWriter:
    """Writes to a descriptor in a thread.

    Args:
        descriptor: owned from now on.
        duplex: told when the pipe breaks, and when it is closed and all is written.
    """

    def __init__(self, descriptor: int, duplex: LineDuplex) -> None:
        self._descriptor = descriptor
        self._duplex = duplex
        self._loop = asyncio.get_running_loop()
        self._parts: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._closing = False
        threading.Thread(target=self._write, name="mcp-pipe-writer", daemon=True).start()

    def _write(self) -> None:
        lost: OSError | None = None
        try:
            while (data := self._parts.get()) is not None:
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            lost = error
        self._closing = True
        os.close(self._descriptor)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(self._duplex.connection_lost, lost)

    def write(self, data: bytes) -> None:
        """Queue bytes."""
        if not self._closing:
            self._parts.put(bytes(data))

    def close(self) -> None:
        """Close after what is queued."""
        if not self._closing:
            self._closing = True
            self._parts.put(None)

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self._closing


def attach_by_threads(duplex: LineDuplex, read_fd: int, write_fd: int) -> None:
    """Join a duplex to two pipes by threads; it owns and closes them from now on."""
    duplex.write_to(ThreadWriter(write_fd, duplex))
    duplex.read_from(ThreadReader(read_fd, duplex))
