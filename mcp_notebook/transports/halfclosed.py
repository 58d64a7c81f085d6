"""What is still due on a link whose client has ended its side and reads on.

``printf '...' | nc -U SOCKET``, or a child whose input ends: the requests have come, and their
answers are due before the link is closed.
"""

from __future__ import annotations

import select
from typing import Any, Final

from mcp_types import (
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)

GRACE_S: Final = 1.0
"""How long answers are waited for; what is not ready then is cancelled and told so.

A peer that has closed altogether looks the same over TCP, and its calls must end too."""

FLUSH_S: Final = 5.0
"""How long a process that ends waits for its client to read the last answers."""

UNTIL_THE_END: Final = frozenset({"subscriptions/listen"})
"""Requests that are answered when the link ends, not before."""


class Owed:
    """The requests of one link that wait for their answers."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[int | str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._counts)

    def arrived(self, message: JSONRPCMessage) -> None:
        """A message of the client; one that is cancelled gets no answer."""
        if isinstance(message, JSONRPCRequest):
            if message.method not in UNTIL_THE_END:
                self._counts[message.id] = self._counts.get(message.id, 0) + 1
        elif isinstance(message, JSONRPCNotification):
            named = (message.params or {}).get("requestId")
            if message.method == "notifications/cancelled" and isinstance(named, int | str):
                self._counts.pop(named, None)

    def sent(self, message: JSONRPCMessage) -> None:
        """A message of the server."""
        if isinstance(message, JSONRPCResponse | JSONRPCError) and message.id is not None:
            left = self._counts.pop(message.id, 0) - 1
            if left > 0:
                self._counts[message.id] = left


def peer_gone(transport: Any) -> bool:
    """Whether nobody reads at the other end any more, as far as the system tells (not for TCP)."""
    sock = transport.get_extra_info("socket")
    if sock is None or not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(sock.fileno(), 0)
    return bool(poll.poll(0))  # asked for nothing, it tells of a hang-up and of errors only
