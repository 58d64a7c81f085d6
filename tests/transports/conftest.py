"""One furnished workbench for the tests that change nothing, and a way over every transport."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from mcp_notebook.runtime.connection import Connection
from mcp_notebook.runtime.endpoint import Endpoint
from mcp_notebook.runtime.workbench import Workbench

from .tools import furnish

TRANSPORTS = [
    "memory",
    "pipe",
    "stdio",
    "bridge",
    "unix",
    "tcp",
    "http",
    "http-json",
    "sse",
    "websocket",
]
ERAS = ["legacy", "modern"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Roads:
    """The endpoints and connections of one workbench, opened when they are first used."""

    bench: Workbench
    open: dict[tuple[str, str], Connection] = field(default_factory=dict)

    def endpoint(self, transport: str) -> Endpoint:
        name = f"notebook-{transport}"
        return self.bench.endpoints.get(name) or self.bench.serve(transport=transport)

    def connection(self, transport: str, era: str) -> Connection:
        found = self.open.get((transport, era))
        if found is None or not found.is_open:
            found = self.bench.connect(
                self.endpoint(transport), era=era, name=f"{transport}-{era}", timeout=30
            )
            self.open[transport, era] = found
        return found


@pytest.fixture(scope="package")
def roads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Roads]:
    with Workbench(folder=str(tmp_path_factory.mktemp("roads"))) as bench:
        yield Roads(furnish(bench))


@pytest.fixture
def bench(tmp_path: object) -> Iterator[Workbench]:
    """A workbench of the test's own."""
    with Workbench(folder=str(tmp_path)) as own:
        yield own
