"""A transport that a user writes in a cell."""

from __future__ import annotations

import pytest

from tests.rigs.kernel import KernelRig

pytestmark = pytest.mark.kernel

OWN = '''\
import asyncio, socket
from contextlib import asynccontextmanager
from mcp_notebook import LineDuplex, StreamListener, Transport, register_transport
from mcp_notebook.trace.events import Direction


class InKernel(StreamListener):
    address = "a pair of sockets"

    def __init__(self, served, tap):
        super().__init__(served)
        self.tap = tap

    async def close(self):
        await self.close_links()


@register_transport
class SocketPair(Transport):
    """Lines over a pair of connected sockets."""

    name = "socketpair"
    summary = "a pair of sockets"

    async def listen(self, served, options, tap):
        return InKernel(served, tap)

    @asynccontextmanager
    async def connect(self, target, options, tap):
        near, far = socket.socketpair()
        client = LineDuplex(receives=Direction.SERVER_TO_CLIENT, tap=tap.link())
        server = LineDuplex(receives=Direction.CLIENT_TO_SERVER, tap=target.tap.link())
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: server, sock=far)
        await loop.create_connection(lambda: client, sock=near)
        target.accept(server)
        try:
            yield client, client
        finally:
            await client.aclose()
'''


def test_a_transport_of_a_cell_serves_and_connects_like_any_other(cells: KernelRig) -> None:
    cells.run(OWN).check()
    cells.run("%%mcp tool\ndef add(a: int, b: int) -> int:\n    return a + b").check()

    assert "socketpair" in cells.complete("%mcp serve -t so")["matches"]
    assert "custom" in cells.run("%mcp serve -t socketpair").check().text
    for era in ("legacy", "modern"):
        cells.run(f"%mcp connect --era {era}").check()
        assert cells.run("%mcp call add(2, b=3)").check().text == "5"
    flow = cells.run("%mcp flow tool:add").check().text
    assert "socketpair" in flow
    assert "tools/call" in flow
    assert cells.run("%mcp stop --all").check().text.startswith("stopped: ")


def test_something_else_is_no_transport(cells: KernelRig) -> None:
    result = cells.run("from mcp_notebook import register_transport\nregister_transport(5)")

    assert result.evalue == "a transport is a subclass of mcp_notebook.Transport with a name"
