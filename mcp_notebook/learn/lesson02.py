"""The checks of lesson 02, HTTP request/response."""

from __future__ import annotations

import builtins
import json
from typing import Any, Final

from mcp_notebook.trace.events import Direction

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
        "Look at what the first cell with `send` printed: the headers, and the body.",
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


# ---- 02.3 ------------------------------------------------------------------------------------

_GREETING: Final = ["initialize", "notifications/initialized", "tools/call"]


@exercise(
    "02.3",
    title="A call of the legacy era",
    hints=(
        "Three POSTs: initialize, notifications/initialized, tools/call. send makes each.",
        "response.headers['Mcp-Session-Id'] of the first goes into the headers of the others.",
        "PLAIN, INITIALIZE and INITIALIZED stand in the cell of S63. A request has an id of its "
        "own, a notification has none.",
    ),
    start="Greet with initialize, say notifications/initialized, then call.",
)
def old_era(attempt: Attempt) -> Verdict:
    """Three messages over one session, seen at the server."""
    old_call = attempt.get("old_call", kind=callable)
    url = _url(attempt)
    for text in ("hello", "twice"):
        ran = attempt.run(old_call, url, text, timeout_s=15, catch=True)
        sent = [m for m in ran.messages if m.direction == Direction.CLIENT_TO_SERVER]
        methods = [_field(message.json(), "method") for message in sent]
        if ran.error is not None or ran.timed_out or methods != _GREETING:
            return _ungreeted(methods, ran)
        ids = [_field(message.json(), "id") for message in sent]
        if ids[0] == ids[2]:
            return failed(f"Both requests have the id {ids[0]!r}.", "Each has an id of its own.")
        if ran.value != text.upper():
            return failed(
                f"For {text!r} it gave {brief(ran.value)}.",
                "Give the text alone: result, content, the first part, text.",
            )
    return passed("Three messages for each call, and the tool answered.")


def _field(message: Any, name: str) -> Any:
    return message.get(name) if isinstance(message, dict) else None


def _ungreeted(methods: list[Any], ran: Ran) -> Verdict:
    seen = f"The server got {', '.join(map(str, methods)) or 'nothing'}."
    if ran.timed_out:
        seen += " It did not end in time."
    elif ran.error is not None:
        seen += f" It raised {brief(ran.error)}."
    if "initialize" not in methods:
        return failed(seen, "The legacy era begins with initialize.")
    if methods[:1] != ["initialize"] or methods.count("initialize") > 1:
        return failed(seen, "Greet once, before anything else.")
    if "notifications/initialized" not in methods:
        return failed(
            seen,
            "After the answer to initialize comes notifications/initialized. The SDK's server is "
            "lenient here, others are not.",
        )
    if methods == _GREETING:
        return failed(
            seen,
            "All three went out. Did the last two carry the Mcp-Session-Id that the first answer "
            "brought? Read the answer with reply_in(response.text).",
        )
    return failed(seen, f"These three, in this order: {', '.join(_GREETING)}.")


# ---- 02.4 ------------------------------------------------------------------------------------

_SHOPPING: Final = ["Bread", " salt, fine ", 'a "good" cheese', "crème brûlée", "two\nlines", ""]


@exercise(
    "02.4",
    title="A basket without a memory",
    hints=(
        "Nothing that a function leaves in a variable is there for the next call.",
        "The client brings back the text it was given: let that text hold the items.",
        "json.dumps makes a text of a list, json.loads the list of the text.",
    ),
    start="Let the text that goes to the client and comes back hold what is in the basket.",
)
def no_memory(attempt: Attempt) -> Verdict:
    """Every call in a namespace of its own, with two baskets at a time and no disk."""
    source = attempt.get("TOOLS", kind=str)

    def call(tool: str, *arguments: Any) -> Any:
        namespace: dict[str, Any] = {"__name__": "tools", "__builtins__": _without_disk()}
        exec(compile(source, "TOOLS", "exec"), namespace)
        if tool not in namespace:
            raise _NoTool(f"There is no {tool} in TOOLS.")
        return namespace[tool](*arguments)

    for shopping in (_SHOPPING[:1], _SHOPPING):
        ran = attempt.run(_shop, call, shopping, catch=True)
        if isinstance(ran.error, _NoTool):
            return failed(str(ran.error), "Keep the three tools: open_basket, add_item, items.")
        if isinstance(ran.error, _NoDisk):
            return failed(
                "It opened a file.", "Another machine does not have that file. Use the text."
            )
        if isinstance(ran.error, KeyError | IndexError):
            return failed(
                f"A later call raised {brief(ran.error)}: it does not know the basket.",
                "The variable is empty in each new process. Let the text that goes to the client "
                "and comes back hold the items.",
            )
        if isinstance(ran.error, _NoText):
            return failed(str(ran.error), "A handle travels in JSON as a text: give a text.")
        if ran.error is not None or ran.timed_out:
            why = "It did not end." if ran.timed_out else f"It raised {brief(ran.error)}."
            return failed(why, "Run exec(TOOLS) and the three tools yourself to see where.")
        first, second = ran.value
        if first != shopping or second != ["apples"]:
            return _other_items(first, second, shopping)
    return passed(f"{2 * len(_SHOPPING) + 4} calls, each without a memory: two baskets, all right.")


class _NoTool(Exception):
    """A tool is missing."""


class _NoDisk(Exception):
    """It opened a file."""


class _NoText(Exception):
    """A handle is no text."""


def _without_disk() -> dict[str, Any]:
    def open_nothing(*_: Any, **__: Any) -> Any:
        raise _NoDisk

    return {**vars(builtins), "open": open_nothing}


def _shop(call: Any, shopping: list[str]) -> tuple[Any, Any]:
    """Fill a basket and, in between, another one; give what each holds."""

    def kept(basket: Any) -> str:
        if not isinstance(basket, str):
            raise _NoText(f"The client was given {brief(basket)}.")
        return basket

    mine = kept(call("open_basket"))
    other = kept(call("add_item", kept(call("open_basket")), "apples"))
    for item in shopping:
        mine = kept(call("add_item", mine, item))
    return call("items", mine), call("items", other)


def _other_items(first: Any, second: Any, shopping: list[str]) -> Verdict:
    seen = f"The baskets held {brief(first)} and {brief(second)}."
    if not isinstance(first, list) or not isinstance(second, list):
        return failed(seen, "items gives a list.")
    if second != ["apples"]:
        return failed(seen, "Two clients shop at the same time: each text is a basket of its own.")
    if len(first) != len(shopping):
        return failed(
            seen, "An item may hold any character, a comma too: json.dumps keeps them apart."
        )
    return failed(seen, f"It must be {brief(shopping)}: change nothing in an item.")
