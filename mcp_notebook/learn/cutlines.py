"""Lines that are cut, before or after the other end has heard: for exercises on calling again."""

from __future__ import annotations

import copy
import random
from typing import Any, Final

CUTS: Final = 20
ENDLESS: Final = 500
"""So many lines nobody needs."""


class CutLine:
    """A line to the server that may be cut before or after the server has heard a message."""

    def __init__(self, world: CutWorld) -> None:
        self._world = world
        self._reply: Any = None
        self._dead = False

    def send(self, message: Any) -> None:
        """Send a message to the server."""
        if self._dead:
            raise ConnectionError("this line was cut; dial again")
        how = self._world.fate()
        if how == "before":
            self._dead = True
            raise ConnectionError("the line was cut")
        self._reply = self._world.hear(message)
        if how == "after":
            self._reply = None
            self._dead = True

    def recv(self) -> Any:
        """The reply to what was sent last."""
        if self._reply is None:
            self._dead = True
            raise ConnectionError("the line was cut")
        reply, self._reply = self._reply, None
        return reply


class CutWorld:
    """A server with its memory, and lines that are cut ``CUTS`` times in all.

    Args:
        serve_one: takes the server's memory and a message, gives the reply.

    Attributes:
        shop: the memory; it outlives the lines.
        cuts: how many there were so far.
        lines: how many were dialled.
    """

    def __init__(self, serve_one: Any) -> None:
        self.shop: dict[str, Any] = {"total": 0}
        self.cuts = 0
        self.lines = 0
        self._serve_one = serve_one
        self._sent = 0
        self._chosen = random.Random(4)

    def dial(self) -> CutLine:
        """A new line.

        Raises:
            RuntimeError: there were too many.
        """
        self.lines += 1
        if self.lines > ENDLESS:
            raise RuntimeError("it dials for ever")
        return CutLine(self)

    def fate(self) -> str:
        """What becomes of the next message; the first two get through."""
        self._sent += 1
        if self._sent <= 2 or self.cuts == CUTS or self._chosen.random() < 0.2:
            return "through"
        self.cuts += 1
        return self._chosen.choice(["before", "after"])

    def hear(self, message: Any) -> Any:
        """What the server replies."""
        return copy.deepcopy(self._serve_one(self.shop, copy.deepcopy(message)))
