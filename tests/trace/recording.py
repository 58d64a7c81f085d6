"""A Trace written by hand: one line a message, times in milliseconds."""

from __future__ import annotations

import json
from typing import Any

from mcp_notebook.trace.events import Chunk, Direction, Message, Vantage
from mcp_notebook.trace.store import Trace

C2S = Direction.CLIENT_TO_SERVER
S2C = Direction.SERVER_TO_CLIENT


class Recording:
    """Adds messages to a Trace at one place; the clock stands still until it is moved."""

    def __init__(
        self,
        trace: Trace | None = None,
        *,
        conn: str = "demo",
        vantage: Vantage = Vantage.CLIENT,
        transport: str = "tcp",
        link: str = "tcp#1",
    ) -> None:
        self.trace = Trace() if trace is None else trace
        self.labels: dict[str, Any] = {
            "conn": conn,
            "vantage": vantage,
            "transport": transport,
            "link": link,
        }
        self.offsets = {C2S: 0, S2C: 0}

    def say(
        self, direction: Direction, obj: Any, ms: float = 1, link: str | None = None
    ) -> Message:
        raw = obj if isinstance(obj, bytes) else json.dumps(obj).encode()
        labels = self.labels if link is None else self.labels | {"link": link}
        return self.trace.record(
            Message,
            time_ns=self.trace.zero_ns + round(ms * 1e6),
            direction=direction,
            raw=raw,
            size=len(raw),
            **labels,
        )

    def chunk(self, direction: Direction, data: bytes, ms: float = 1) -> Chunk:
        offset = self.offsets[direction]
        self.offsets[direction] += len(data)
        return self.trace.record(
            Chunk,
            time_ns=self.trace.zero_ns + round(ms * 1e6),
            direction=direction,
            data=data,
            size=len(data),
            offset=offset,
            **self.labels,
        )

    def ask(self, id: Any, method: str = "ping", ms: float = 1, **params: Any) -> Message:
        link = params.pop("link", None)
        way = params.pop("way", C2S)
        obj: dict[str, Any] = {"jsonrpc": "2.0", "id": id, "method": method}
        if params:
            obj["params"] = params
        return self.say(way, obj, ms, link)

    def answer(self, id: Any, ms: float = 2, **result: Any) -> Message:
        link = result.pop("link", None)
        way = result.pop("way", S2C)
        return self.say(way, {"jsonrpc": "2.0", "id": id, "result": result}, ms, link)

    def refuse(self, id: Any, code: int = -32601, ms: float = 2) -> Message:
        error = {"code": code, "message": "no"}
        return self.say(S2C, {"jsonrpc": "2.0", "id": id, "error": error}, ms)

    def notify(self, direction: Direction, method: str, ms: float = 1.5, **params: Any) -> Message:
        link = params.pop("link", None)
        return self.say(direction, {"jsonrpc": "2.0", "method": method, "params": params}, ms, link)
