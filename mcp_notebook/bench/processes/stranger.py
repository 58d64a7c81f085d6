"""A client that shares nothing with the server but a network: raw requests, by hand.

It needs the standard library alone, so that it also runs as a program by itself, in a network
namespace of its own:

python -I -S stranger.py ROAD HOST PORT PATH   (a token in MCP_STRANGER_TOKEN, if one is asked for)
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

TIMEOUT_S: Final = 5.0
MODERN: Final = "2026-07-28"
LEGACY: Final = "2025-11-25"
META: Final = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "stranger", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Refused(Exception):
    """The other side did not do as asked; the text says what it did."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """How to get to a server.

    Attributes:
        road: which road it is.
        host: the server's host.
        port: its port.
        path: the path of its endpoint.
        proxy: host and port of a forward proxy; none without it.
        tunnel: whether the proxy is asked for a tunnel, or for each request.
        headers: sent with every request.
        timeout_s: seconds to wait for anything.
    """

    road: str
    host: str
    port: int
    path: str
    proxy: tuple[str, int] | None = None
    tunnel: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    timeout_s: float = TIMEOUT_S

    def open(self) -> http.client.HTTPConnection:
        """A new TCP connection."""
        if self.proxy is None:
            return http.client.HTTPConnection(self.host, self.port, timeout=self.timeout_s)
        link = http.client.HTTPConnection(*self.proxy, timeout=self.timeout_s)
        if self.tunnel:
            link.set_tunnel(self.host, self.port)
        return link

    def target(self, path: str) -> str:
        """What stands in the request line: a path, or for a forward proxy the whole URL."""
        if self.proxy is None or self.tunnel:
            return path
        return f"http://{self.host}:{self.port}{path}"


def message(method: str, params: dict[str, Any], *, id: int | None = 1, modern: bool) -> bytes:
    """A JSON-RPC message."""
    params = {**params, "_meta": META} if modern else params
    whole: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params}
    if id is not None:
        whole["id"] = id
    return json.dumps(whole).encode()


def tool_call(tool: str, arguments: dict[str, Any], *, id: int = 1, modern: bool) -> bytes:
    """A ``tools/call``."""
    return message("tools/call", {"name": tool, "arguments": arguments}, id=id, modern=modern)


INITIALIZE: Final = message(
    "initialize",
    {
        "protocolVersion": LEGACY,
        "capabilities": {},
        "clientInfo": {"name": "stranger", "version": "1"},
    },
    modern=False,
)
INITIALIZED: Final = message("notifications/initialized", {}, id=None, modern=False)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer to an HTTP request.

    Attributes:
        status: the status code.
        headers: the fields, lower case.
        message: the JSON-RPC message in it, where there is one.
    """

    status: int
    headers: dict[str, str]
    message: dict[str, Any] | None = None

    @property
    def value(self) -> Any:
        """What the tool gave back.

        Raises:
            Refused: it is no result.
        """
        result = (self.message or {}).get("result")
        if self.status != 200 or not isinstance(result, dict):
            raise Refused(f"HTTP {self.status}")
        return (result.get("structuredContent") or {}).get("result")


def post(way: Way, body: bytes, headers: dict[str, str] | None = None, path: str = "") -> Answer:
    """POST a message on a connection of its own; an event stream is read to its first answer."""
    link = way.open()
    try:
        fields = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            **way.headers,
            **(headers or {}),
        }
        link.request("POST", way.target(path or way.path), body, fields)
        response = link.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        if found.get("content-type", "").startswith("text/event-stream"):
            told = next((one for one in events(response) if _is_answer(one)), None)
        else:
            told = _parsed(response.read())
        return Answer(status=response.status, headers=found, message=told)
    finally:
        link.close()


def events(response: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    """The messages of an event stream; an event that is none comes as ``event`` and ``data``."""
    kind, data = "message", []
    while line := response.readline():
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        name, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            kind = value
        elif name == "data":
            data.append(value)
        elif not text and data:
            whole = "\n".join(data)
            yield {"event": kind, "data": whole, **(_parsed(whole.encode()) or {})}
            kind, data = "message", []


def _is_answer(told: dict[str, Any]) -> bool:
    return "result" in told or "error" in told


def _parsed(data: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(data)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def modern_post(way: Way, tool: str, arguments: dict[str, Any] | None = None) -> Answer:
    """One call of revision 2026-07-28: whole in itself."""
    headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": tool}
    return post(way, tool_call(tool, arguments or {}, modern=True), headers)


def begin_session(way: Way) -> dict[str, str]:
    """Begin a session of revision 2025-11-25; the headers that belong to it.

    Raises:
        Refused: there is no session.
    """
    answer = post(way, INITIALIZE)
    session = answer.headers.get("mcp-session-id")
    if answer.status != 200 or not session:
        raise Refused(f"initialize: HTTP {answer.status}, no session")
    return {"Mcp-Session-Id": session, "MCP-Protocol-Version": LEGACY}


def session_post(
    way: Way, session: dict[str, str], tool: str, arguments: dict[str, Any] | None = None
) -> Answer:
    """One call inside a session."""
    return post(way, tool_call(tool, arguments or {}, modern=False), session)


class EventStream:
    """The event stream of HTTP+SSE, and the address that it names for messages."""

    def __init__(self, way: Way) -> None:
        self._link = way.open()
        self._link.request(
            "GET", way.target(way.path), headers={"Accept": "text/event-stream", **way.headers}
        )
        response = self._link.getresponse()
        cookie = response.getheader("Set-Cookie", "").partition(";")[0]
        self._way = replace(way, headers={**way.headers, "Cookie": cookie}) if cookie else way
        self._events = events(response)
        first = next(self._events, {})
        if response.status != 200 or first.get("event") != "endpoint":
            self.close()
            raise Refused(f"HTTP {response.status}, no event names an endpoint")
        self.endpoint = str(first["data"])

    def send(self, body: bytes) -> int:
        """POST a message; the status."""
        return post(self._way, body, path=self.endpoint).status

    def answer(self) -> dict[str, Any]:
        """The next answer that comes.

        Raises:
            Refused: the stream ended.
        """
        for told in self._events:
            if _is_answer(told):
                return told
        raise Refused("the stream ended")

    def close(self) -> None:
        """Leave it."""
        self._link.close()


@contextmanager
def event_stream(way: Way) -> Iterator[EventStream]:
    """The event stream of HTTP+SSE while the block runs."""
    stream = EventStream(way)
    try:
        yield stream
    finally:
        stream.close()


class WebSocket:
    """A WebSocket whose messages are short text frames."""

    def __init__(self, way: Way) -> None:
        self._link = way.open()
        key = base64.b64encode(os.urandom(16)).decode()
        headers = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": key,
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": "mcp",
            **way.headers,
        }
        self._link.request("GET", way.target(way.path), headers=headers)
        self._sock = self._link.sock
        response = self._link.getresponse()
        if response.status != 101:
            self._link.close()
            raise Refused(f"the upgrade was answered by HTTP {response.status}")
        self._response = response  # it holds the socket

    def call(self, tool: str, arguments: dict[str, Any] | None = None, id: int = 1) -> Any:
        """Call a tool and wait for its answer.

        Raises:
            Refused: the answer is no result, or the other side closed.
        """
        self.send(tool_call(tool, arguments or {}, id=id, modern=True))
        while True:
            told = _parsed(self.receive()) or {}
            if _is_answer(told):
                return Answer(status=200, headers={}, message=told).value

    def send(self, data: bytes) -> None:
        """Send a text frame."""
        mask = os.urandom(4)
        length = len(data)
        head = (
            bytes([0x81, 0x80 | length])
            if length < 126
            else b"\x81\xfe" + struct.pack("!H", length)
        )
        self._sock.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def receive(self) -> bytes:
        """The text of the next frame that has one.

        Raises:
            Refused: the other side closed.
        """
        while True:
            first, second = self._exactly(2)
            length = second & 0x7F
            if length == 126:
                length = struct.unpack("!H", self._exactly(2))[0]
            elif length == 127:
                length = struct.unpack("!Q", self._exactly(8))[0]
            data = self._exactly(length)
            if first & 0x0F == 8:
                raise Refused("the other side closed")
            if first & 0x0F in (1, 2):
                return data

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self._sock.recv(count - len(data))
            if not part:
                raise Refused("the connection ended")
            data += part
        return data

    def close(self) -> None:
        """Leave it."""
        self._response.close()
        self._link.close()
        self._sock.close()


@contextmanager
def web_socket(way: Way) -> Iterator[WebSocket]:
    """A WebSocket while the block runs."""
    socket = WebSocket(way)
    try:
        yield socket
    finally:
        socket.close()


def ask(way: Way, tool: str = "pid") -> Any:
    """Reach the server once, in the way of the road, and give what the tool gave.

    Raises:
        Refused, OSError: it was not reached.
    """
    if way.road == "websocket":
        with web_socket(way) as socket:
            return socket.call(tool)
    if way.road == "sse":
        with event_stream(way) as stream:
            for body in (INITIALIZE, INITIALIZED, tool_call(tool, {}, id=2, modern=False)):
                status = stream.send(body)
                if status != 202:
                    raise Refused(f"HTTP {status}")
                if body is INITIALIZE:
                    stream.answer()
            told = stream.answer()
            return Answer(status=200, headers={}, message=told).value
    if way.road == "http-2025":
        session = begin_session(way)
        post(way, INITIALIZED, session)
        return session_post(way, session, tool).value
    return modern_post(way, tool).value


def main() -> None:
    """Reach a server and write what its ``pid`` tool gave."""
    road, host, port, path = sys.argv[1:]
    token = os.environ.get("MCP_STRANGER_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        found = ask(Way(road=road, host=host, port=int(port), path=path, headers=headers))
    except (Refused, OSError) as error:
        sys.stdout.write(f"not reached: {error}\n")
        sys.exit(1)
    sys.stdout.write(f"reached process {found}\n")


if __name__ == "__main__":
    main()
