"""What a tap has seen, between a client and a server that are both elsewhere."""

from __future__ import annotations

from mcp_notebook.show.flow import flow_text
from mcp_notebook.show.picture import picture
from mcp_notebook.show.sessions import sessions
from mcp_notebook.trace.events import LinkOpened, Vantage
from tests.trace.recording import Recording


def tapped(own: bool, conn: str = "tap") -> Recording:
    """A tapped call, and where asked a call of a connection of the notebook's own."""
    relay = Recording(conn=conn, vantage=Vantage.RELAY, transport="stdio")
    relay.trace.record(LinkOpened, address="python far.py", **relay.labels)
    relay.ask(1, "tools/call", name="far", arguments={})
    relay.answer(1, content=[])
    if own:
        mine = Recording(trace=relay.trace, conn="mine", link="mine#1")
        mine.trace.record(LinkOpened, address="elsewhere", **mine.labels)
        mine.ask(1, "tools/call", name="near", arguments={})
        mine.answer(1, content=[])
    return relay


def test_it_shows_alone_and_beside_the_notebooks_own_connections() -> None:
    for own in (False, True):
        trace = tapped(own).trace
        assert "relay" in [s.vantage for s in sessions(trace)]
        text = flow_text(trace)
        assert "as the relay saw it" in text
        assert "tools/call far" in text
        assert ("tools/call near" in text) is own


def test_a_relay_of_a_connection_of_its_name_is_shown_once() -> None:
    """Then both ends are here: the client's sight is the one that is shown."""
    trace = tapped(own=True, conn="mine").trace
    assert [s.vantage for s in sessions(trace)] == [Vantage.CLIENT]


def test_the_still_picture_has_a_client_and_a_server_elsewhere() -> None:
    svg = picture(tapped(own=False).trace)
    for word in ("a client", "through tap", "python far.py", "a child process"):
        assert word in svg
    assert "the notebook" not in svg
