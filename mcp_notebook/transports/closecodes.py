"""Why a WebSocket was closed, in words: the codes of RFC 6455 and of the IANA registry.

Source: RFC 6455 section 7.4 and the registry "WebSocket Close Code Number".
"""

from __future__ import annotations

from typing import Final

from websockets.exceptions import ConnectionClosed
from websockets.frames import Close

ORDINARY: Final = frozenset({1000, 1001})
"""Ends that need no word: done, and going away."""

PING_TIMEOUT: Final = "keepalive ping timeout"
"""What the library gives as its reason where the peer answers no ping."""

BY_PEER: Final = {
    1000: "the peer ended it",
    1001: "the peer went away",
    1002: "the peer says that our frames break the WebSocket protocol",
    1003: "the peer does not take this kind of data",
    1005: "the peer closed without saying why",
    1007: "the peer says that our text was no valid UTF-8",
    1008: "the peer refuses us by its policy: check the token and the allowed origins",
    1009: "the peer takes no message of this size",
    1010: "the peer wants an extension that we do not speak",
    1011: "the peer failed inside",
    1012: "the peer restarts: try again",
    1013: "the peer is busy: try again later",
    1014: "a gateway got no proper answer from the server behind it",
    3000: "the peer wants a token: --token $NAME",
    3003: "the peer forbids it: the token is not enough",
    3008: "the peer waited too long for us",
}
"""By close code: what a close means that the peer began."""

BY_US: Final = {
    1002: "the peer broke the WebSocket protocol",
    1003: "the peer sent a binary message; MCP is text",
    1007: "the peer sent text that is no valid UTF-8",
    1009: "the peer sent a message beyond the size limit",
    1011: "the peer gave no sign of life",
}
"""By close code: what a close means that this end began because of the peer."""

BROKEN: Final = "the connection broke without a closing frame (1006)"


def close_text(closed: ConnectionClosed) -> str:
    """A close in words, with its code and the peer's reason; empty for an ordinary one."""
    if closed.rcvd is None and closed.sent is None:
        return BROKEN
    if closed.rcvd is not None and (closed.rcvd_then_sent or closed.sent is None):
        return _by_peer(closed.rcvd)
    assert closed.sent is not None  # one of the two is there
    return _by_us(closed.sent)


def at_fault(closed: ConnectionClosed) -> bool:
    """Whether this end closed because of what the peer did."""
    began = closed.sent is not None and not (closed.rcvd is not None and closed.rcvd_then_sent)
    return began and closed.sent is not None and closed.sent.code in BY_US


def _by_peer(close: Close) -> str:
    if close.code in ORDINARY and not close.reason:
        return ""
    known = BY_PEER.get(close.code)
    if known is None:
        known = "the peer closed for a reason of its own"
        if not 3000 <= close.code <= 4999:
            known = "the peer closed with an unknown code"
    return _told(known, close)


def _by_us(close: Close) -> str:
    if close.code in ORDINARY:
        return ""
    if close.reason == PING_TIMEOUT:
        return "the peer answers no ping: it is frozen or cut off (1011)"
    return _told(BY_US.get(close.code, "closed from this end"), close)


def _told(words: str, close: Close) -> str:
    return f"{words} ({close.code}{f': {close.reason}' if close.reason else ''})"
