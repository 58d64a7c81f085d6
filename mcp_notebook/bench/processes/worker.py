"""A process that serves the probes' subject on every network road.

python -m mcp_notebook.bench.processes.worker HTTP HTTP-JSON SSE WEBSOCKET   (four ports)
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Final

TRANSPORTS: Final = ("http", "http-json", "sse", "websocket")
"""What is served, in the order of the ports."""

TOKEN: Final = "MCP_BENCH_TOKEN"
"""The environment variable with the token that clients must send; none without it."""


def main() -> None:
    """Serve until the process is ended."""
    from mcp_notebook.runtime.workbench import Workbench

    from .subject import make_subject

    workbench = Workbench()
    server = workbench.add(make_subject())
    token = os.environ.get(TOKEN) or None
    ports = [int(word) for word in sys.argv[1:]]
    for transport, port in zip(TRANSPORTS, ports, strict=True):
        workbench.serve(server, transport, port=port, token=token)
    threading.Event().wait()


if __name__ == "__main__":
    main()
