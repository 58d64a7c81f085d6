"""Long messages: the SDK's own limits are 4 MiB for a body and 1 MiB for an event of HTTP+SSE."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mcp_notebook.runtime.workbench import Workbench

from .conftest import ERAS, TRANSPORTS, Roads
from .tools import big, length

LONG = "x" * 5_000_000


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Roads]:
    """Apart from the others, since long messages push theirs out of the Trace."""
    with Workbench(folder=str(tmp_path_factory.mktemp("sizes"))) as bench:
        bench.tool(big)
        bench.tool(length)
        yield Roads(bench)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_result_and_an_argument_of_5_mb_arrive_whole(
    own: Roads, transport: str, era: str
) -> None:
    road = own.connection(transport, era)
    assert road.call("big", size=len(LONG)).value == LONG
    assert road.call("length", text=LONG).value == len(LONG)
