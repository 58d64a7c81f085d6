"""The checks of lesson 02, HTTP request/response."""

from __future__ import annotations

import json
from typing import Any, Final

from .attempt import Attempt, Ran, brief
from .exercise import exercise
from .verdict import Verdict, failed, passed

_META: Final = "io.modelcontextprotocol/"
_VERSION: Final = "2026-07-28"

# ---- 02.1 ------------------------------------------------------------------------------------

_CALLS: Final[list[tuple[Any, str, dict[str, Any], str]]] = [
    (1, "shout", {"text": "hello"}, "HELLO"),
    (2, "add", {"a": 20, "b": 22}, "42"),
    ("x-7", "shout", {"text": "crème brûlée"}, "CRÈME BRÛLÉE"),
]


@exercise(
    "02.1",
    title="One POST for one call",
    hints=(
        "Look at what the first cell with `send` printed: four headers and a body.",
        "Accept lists two types. Three headers repeat the body: the version, the method, the name.",
        "The body has jsonrpc, id, method and params; params has name, arguments and _meta, and "
        "_meta the version and the capabilities of the client.",
    ),
    start="Fill headers and body; the request that `send` printed is one.",
)
def one_post(attempt: Attempt) -> Verdict:
    """Headers and body of a modern call, for tools and arguments that the learner did not see."""
    make = attempt.get("call_post", kind=callable)
    send = attempt.get("send", kind=callable)
    url = _url(attempt)
    for id, tool, arguments, wanted in _CALLS:
        made = attempt.run(make, id, tool, dict(arguments)).value
        headers, body = _pair(attempt, made)
        if not headers and not body:
            attempt.untouched("Headers and body are both empty.")
        ran = attempt.run(send, url, headers, body, timeout_s=15, catch=True)
        if ran.timed_out or ran.error is not None:
            return _unsent(ran)
        what = f"{tool} with id {id!r}"
        if (wrong := _answered(ran.value, headers, body, what)) is not None:
            return wrong
        if (wrong := _right(ran.value, id, wanted, what)) is not None:
            return wrong
    return passed(f"{len(_CALLS)} calls of two tools, one POST each, and each was answered.")


def _url(attempt: Attempt) -> str:
    found = getattr(attempt.get("web"), "url", None)
    if not isinstance(found, str):
        attempt.stop("web is no endpoint.", "Run again: web = %mcp serve -t http")
    return found


def _pair(attempt: Attempt, made: Any) -> tuple[dict[str, Any], Any]:
    if not isinstance(made, tuple) or len(made) != 2 or not isinstance(made[0], dict):
        attempt.stop(
            f"call_post gave {brief(made)}.", "It must give two things: return headers, body"
        )
    return made[0], made[1]


def _unsent(ran: Ran) -> Verdict:
    if ran.error is not None and "Connect" in type(ran.error).__name__:
        return failed("Nobody listens any more.", "Run again: web = %mcp serve -t http")
    why = "it took too long" if ran.error is None else brief(ran.error)
    return failed(
        f"It could not be sent: {why}.",
        "Headers are texts, and the body is made of what JSON has: dicts, lists, texts, numbers.",
    )


def _answered(response: Any, headers: dict[str, Any], body: Any, what: str) -> Verdict | None:
    """What is wrong, by the status that came back; nothing where it is 200."""
    status = response.status_code
    error = _reply(response).get("error") or {}
    code = error.get("code")
    seen = f"{what}: {status}" + (f" with {code}, {error.get('message')}." if code else ".")
    if status == 200 and code is None:
        return None
    if not isinstance(body, dict):
        return failed(seen, "The body is one JSON object, a dict.")
    if status == 202:
        return failed(seen, "Without an id it is a notification: taken, and never answered.")
    if status == 406:
        return failed(
            seen,
            "Accept must list both application/json and text/event-stream: the server chooses.",
        )
    given = {str(name).lower(): value for name, value in headers.items()}
    if given.get("mcp-protocol-version") != _VERSION:
        return failed(
            seen,
            f"Say MCP-Protocol-Version: {_VERSION}. Without it the server takes the call for one "
            "of the legacy era, and asks for a session.",
        )
    if code == -32020:
        return failed(seen, _lie(given, body))
    if code == -32602 or code == -32022:
        return failed(
            seen,
            f"params._meta must have {_META}protocolVersion ({_VERSION}) and "
            f"{_META}clientCapabilities (an empty dict will do).",
        )
    if code == -32601:
        return failed(seen, "The method is tools/call; the name of the tool goes into params.")
    return failed(seen, "The body needs jsonrpc, id, method and params.")


def _lie(given: dict[str, Any], body: dict[str, Any]) -> str:
    params = body.get("params")
    name = params.get("name") if isinstance(params, dict) else None
    for header, place, value in (
        ("Mcp-Method", "method", body.get("method")),
        ("Mcp-Name", "params.name", name),
    ):
        if given.get(header.lower()) != value:
            said = given.get(header.lower(), "nothing")
            return f"{header} says {said} and {place} says {value}: they must be the same."
    return "The version in the header and in _meta must be the same."


def _right(response: Any, id: Any, wanted: str, what: str) -> Verdict | None:
    reply = _reply(response)
    if reply.get("id") != id:
        return failed(f"{what}: the answer has the id {reply.get('id')!r}.", "Use the id given.")
    result = reply.get("result") or {}
    text = "".join(part.get("text", "") for part in result.get("content", []))
    if result.get("isError"):
        return failed(
            f"{what}: the tool failed: {brief(text)}", "Put the arguments into params.arguments."
        )
    if text != wanted:
        return failed(f"{what}: it answered {brief(text)}.", "Pass on the tool and its arguments.")
    return None


def _reply(response: Any) -> dict[str, Any]:
    try:
        found = json.loads(response.text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


# ---- 02.2 ------------------------------------------------------------------------------------

_TEXTS: Final = [f"text {number}" for number in range(10)]


@exercise(
    "02.2",
    title="Stop reconnecting",
    hints=(
        "httpx.post makes a client, uses it once and throws it away, and its connection with it.",
        "httpx.Client keeps its connections: with httpx.Client(trust_env=False) as client: ...",
        "Put the `with` line around the loop, and use client.post inside it.",
    ),
    start="Make one httpx.Client, and post every text with it.",
)
def one_connection(attempt: Attempt) -> Verdict:
    """Ten calls over one connection, and all of them answered."""
    ask_all = attempt.get("ask_all", kind=callable)
    counted = attempt.get("counted", kind=callable)
    for texts in (_TEXTS[:1], _TEXTS):
        ran = attempt.run(counted, ask_all, list(texts), timeout_s=20)
        answers, seen = ran.value
        if answers != [text.upper() for text in texts]:
            return failed(
                f"For {len(texts)} texts it gave {brief(answers)}.",
                "Give the answers as a list, in the order of the texts.",
            )
        if seen["requests"] != len(texts):
            return failed(
                f"{len(texts)} texts, and {seen['requests']} requests.",
                "Each text is one call, and each call is one POST.",
            )
        if seen["connections"] > 1:
            return _reconnects(len(texts), seen)
    return passed(f"{len(_TEXTS)} calls, {len(_TEXTS)} answers, one connection.")


def _reconnects(calls: int, seen: dict[str, int]) -> Verdict:
    told = f"{calls} calls made {seen['connections']} connections."
    if seen["closes"]:
        return failed(told, "The client asks the server to close: leave out Connection: close.")
    if seen["connections"] == calls:
        return failed(
            told,
            "Each call has a client of its own, or one that keeps nothing. Make one before the "
            "loop, and use it in the loop.",
        )
    return failed(told, "Calls at the same time need a connection each: one after the other.")
