"""The child of the ``stdio`` transport: serves a snapshot on its standard streams.

python -m mcp_notebook.runtime.child --name NAME (--snapshot FILE | --module MODULE:ATTR)
"""

from __future__ import annotations

import argparse
import asyncio
import os
import pickle
import sys
from pathlib import Path
from typing import Any

from mcp_notebook.errors import UsageError
from mcp_notebook.trace.events import Direction
from mcp_notebook.transports.base import MAX_MESSAGE_BYTES
from mcp_notebook.transports.report import Reporter
from mcp_notebook.transports.stdio import inherited_pipes
from mcp_notebook.transports.streams import LineDuplex, attach_pipes

from .loop import BackgroundLoop
from .mainthread import MainThread
from .server import NotebookServer, Part
from .snapshot import read_once
from .targets import import_server
from .toolthreads import ToolThreads

REPORT_BUFFER_BYTES = 3 * MAX_MESSAGE_BYTES
"""A report that the kernel does not read is dropped beyond this, never the traffic.

A message of the limit is in the report twice, as bytes and as a message, and nothing that fits
in a link may be missing in the Trace.
"""


def build(options: argparse.Namespace) -> NotebookServer:
    """The server that the command line asks for."""
    loop = BackgroundLoop()  # never started: this process serves on its main loop
    threads = ToolThreads(MainThread())
    if options.module:
        mcp = import_server(options.module)
        return NotebookServer(options.name, loop=loop, threads=threads, mcp=mcp)
    content = read_once(Path(options.snapshot))
    sys.path[:] = content["path"]
    server = NotebookServer(content["name"], loop=loop, threads=threads)
    server.version = content["version"]
    for data in content["parts"]:
        part = Part(**pickle.loads(data))
        try:
            server.define([part])
        except UsageError as error:  # the others are served all the same
            sys.stderr.write(f"{part.kind} {part.name} was left out: {error}\n")
    return server


async def serve(server: NotebookServer, read_fd: int, write_fd: int) -> None:
    """Serve one client until its input ends."""
    tap: Any = None
    report_fd = os.environ.pop("MCP_NOTEBOOK_TRACE_FD", "")
    if report_fd:
        transport, _ = await asyncio.get_running_loop().connect_write_pipe(
            asyncio.BaseProtocol, os.fdopen(int(report_fd), "wb", 0)
        )

        def write(data: bytes) -> None:
            if transport.get_write_buffer_size() < REPORT_BUFFER_BYTES:
                transport.write(data)

        tap = Reporter(write)
        tap.opened(f"standard streams of process {os.getpid()}")
    duplex = LineDuplex(receives=Direction.CLIENT_TO_SERVER, tap=tap)
    await attach_pipes(duplex, read_fd, write_fd)
    await server.serve_streams(duplex, duplex)
    await duplex.aclose()
    await duplex.flushed()
    await asyncio.sleep(0)  # the end is part of the report


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="mcp_notebook.runtime.child")
    parser.add_argument("--name", default="notebook")
    parser.add_argument("--snapshot")
    parser.add_argument("--module")
    options = parser.parse_args()
    # first of all: what importing or unpickling prints must not reach the wire
    read_fd, write_fd = inherited_pipes()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    server = build(options)
    asyncio.run(serve(server, read_fd, write_fd))
    sys.stdout.flush()
    os._exit(0)  # a tool that blocks its thread must not hold the process


if __name__ == "__main__":
    main()
