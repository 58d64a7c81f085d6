"""What a server may reply to a call, and what is due at the client. ``ID`` stands for the id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

GOOD: Final = b'{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"good"}]}}'


def result(inside: str) -> bytes:
    return f'{{"jsonrpc":"2.0","id":ID,"result":{inside}}}'.encode()


def text(content: str) -> bytes:
    return result(f'{{"content":[{{"type":"text","text":{content}}}]}}')


def failure(code: str, message: str) -> bytes:
    error = f'{{"code":{code},"message":"{message}"}}'
    return f'{{"jsonrpc":"2.0","id":ID,"error":{error}}}'.encode()


def notice(method: str, params: str = "{}") -> bytes:
    return f'{{"jsonrpc":"2.0","method":"{method}","params":{params}}}'.encode()


def asks(method: str, params: str = "{}", id: str = '"s1"') -> bytes:
    return f'{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}'.encode()


@dataclass(frozen=True)
class Reply:
    """Messages in reply to one call.

    Attributes:
        messages: each goes as a line, a frame, an event.
        due: ``good``: the good answer is found; ``error``: one readable error; ``any``: either.
    """

    name: str
    messages: tuple[bytes, ...]
    due: str = "good"

    def __str__(self) -> str:
        return self.name


NOISE: Final = {
    "a word": b"hello",
    "half a message": GOOD[:30],
    "an array": b"[]",
    "a batch": b"[" + GOOD.replace(b"ID", b"1") + b"]",
    "an empty object": b"{}",
    "a number": b"5",
    "NUL bytes": b"\0\0\0",
    "deep nesting": b"[" * 100_000,
    "a byte order mark": b"\xef\xbb\xbf{}",
    "an answer to nobody": b'{"jsonrpc":"2.0","id":4711,"result":{}}',
    "an answer of odd id": b'{"jsonrpc":"2.0","id":"4711","result":{}}',
    "an answer of id null": b'{"jsonrpc":"2.0","id":null,"result":{}}',
    "an error of id null": b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}',
    "an error without id": b'{"jsonrpc":"2.0","error":{"code":-32700,"message":"?"}}',
    "version 1.0": GOOD.replace(b"2.0", b"1.0").replace(b"ID", b"4711"),
    "a notice of nobody": notice("notifications/of/nobody"),
    "a notice without a name": notice(""),
    "progress of nothing": notice("notifications/progress", '{"progressToken":99,"progress":1}'),
    "progress of junk": notice("notifications/progress", '{"progress":"much"}'),
    "a log line": notice("notifications/message", '{"level":"info","data":"x"}'),
    "a log line of junk": notice("notifications/message", '{"level":5}'),
    "a changed list": notice("notifications/prompts/list_changed"),
    "a cancellation of nothing": notice("notifications/cancelled", '{"requestId":4711}'),
    "a ping": asks("ping"),
    "a request of nobody": asks("no/such"),
    "a request of odd id": asks("ping", id="null"),
    "a question of junk": asks("elicitation/create", '{"message":5}'),
    "sampling of junk": asks("sampling/createMessage", '{"messages":"x"}'),
    "roots": asks("roots/list"),
    "a megabyte of noise": b"x" * 1_000_000,
}
"""None of these is the answer: each is noted and skipped, and the good answer is found."""

REPLIES: Final = [
    *(Reply(f"{name}, then the answer", (noise, GOOD)) for name, noise in NOISE.items()),
    Reply("the answer twice", (GOOD, GOOD)),
    Reply("no content", (result("{}"),), "any"),
    Reply("a text as content", (result('{"content":"x"}'),), "error"),
    Reply("null as result", (result("null"),), "error"),
    Reply("a number as result", (result("5"),), "error"),
    Reply("an unknown kind of content", (result('{"content":[{"type":"smell"}]}'),), "error"),
    Reply("a number as text", (text("5"),), "error"),
    Reply("a word as isError", (result('{"content":[],"isError":"maybe"}'),), "error"),
    Reply("a list as structured", (result('{"content":[],"structuredContent":[1]}'),), "any"),
    Reply("NaN", (result('{"content":[],"structuredContent":{"x":NaN}}'),), "any"),
    Reply("a member twice", (b'{"jsonrpc":"2.0","id":ID,"id":ID,"result":{"content":[]}}',), "any"),
    Reply("members of nobody", (result('{"content":[],"x":1}'),), "any"),
    Reply("an error", (failure("-1", "no"),), "error"),
    Reply("an error with tricks", (failure("-1", r"\u001b[31m\u202e\n<b>"),), "error"),
    Reply("an error of a huge code", (failure("9" * 40, ""),), "any"),
    Reply("an error with a megabyte", (failure("-1", "x" * 1_000_000),), "error"),
    Reply("5 MB of text", (text('"' + "y" * 5_000_000 + '"'),), "any"),
    Reply("control characters", (text(r'"\u0000\u001b\u2028"'),), "any"),
    Reply("nested 100 deep", (result(f'{{"content":[],"x":{"[" * 100}{"]" * 100}}}'),), "any"),
    Reply(
        "an image that is none",
        (result('{"content":[{"type":"image","data":"!!!","mimeType":"x"}]}'),),
        "any",
    ),
    Reply("no answer at all", (), "error"),
]
"""All of them."""
