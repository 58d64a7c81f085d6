"""The pipes of Windows, run here by hand: threads in the place of asyncio's pipe transports."""

import asyncio
import os

import anyio
import pytest
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from mcp_notebook.trace.events import Direction
from mcp_notebook.transports.pipethreads import attach_by_threads
from mcp_notebook.transports.streams import LineDuplex

pytestmark = pytest.mark.anyio


def a_pair() -> tuple[LineDuplex, LineDuplex]:
    client = LineDuplex(receives=Direction.SERVER_TO_CLIENT, tap=None)
    server = LineDuplex(receives=Direction.CLIENT_TO_SERVER, tap=None)
    server_reads, client_writes = os.pipe()
    client_reads, server_writes = os.pipe()
    attach_by_threads(server, server_reads, server_writes)
    attach_by_threads(client, client_reads, client_writes)
    return client, server


def a_message(size: int = 1) -> SessionMessage:
    text = '{"jsonrpc":"2.0","method":"x","params":{"a":"' + "y" * size + '"}}'
    return SessionMessage(jsonrpc_message_adapter.validate_json(text, by_name=False))


async def test_messages_pass_both_ways_and_the_end_is_seen() -> None:
    client, server = a_pair()
    with anyio.fail_after(5):
        for size in (1, 300_000):
            await client.send(a_message(size))
            assert (await server.receive()).message == a_message(size).message
            await server.send(a_message(size))
            assert (await client.receive()).message == a_message(size).message
        await client.aclose()
        with pytest.raises(anyio.EndOfStream):
            await server.receive()
        await server.aclose()


async def send_without_end(client: LineDuplex) -> None:
    while True:
        await client.send(a_message(100_000))
        await asyncio.sleep(0)


async def test_writing_to_a_peer_that_is_gone_breaks_the_link() -> None:
    client, server = a_pair()
    with anyio.fail_after(5):
        await server.aclose()
        with pytest.raises(anyio.BrokenResourceError):
            await send_without_end(client)
        await client.aclose()
