"""The line of Python that a message comes from, or comes to."""

from __future__ import annotations

import json
import keyword
from collections.abc import Callable, Mapping
from typing import Any, Final

from mcp_notebook.trace.envelope import Envelope
from mcp_notebook.trace.events import Direction, Message

from .phrase import TOO_DEEP, value_of
from .text import clean

Params = Mapping[str, Any]


def python_call(envelope: Envelope, message: Message, asked: Envelope | None, limit: int) -> str:
    """What stands in Python where this message stands on the wire.

    Args:
        envelope: what the message says.
        message: the message.
        asked: of an answer, what the request said.
        limit: the most characters of one line.
    """
    if envelope.kind == "invalid":
        return 'conn.send(b"...")  # not JSON-RPC: only raw bytes can say this'
    if envelope.kind in ("request", "notification"):
        return clean(_said(envelope, message), limit)
    call = _requested(asked) if asked is not None else ""
    return clean(_came(envelope, call or "the answer"), limit)


def _requested(envelope: Envelope) -> str:
    make = _REQUESTS.get(envelope.method or "")
    return make(envelope.params or {}) if make else f"the answer to {envelope.method}"


def _said(envelope: Envelope, message: Message) -> str:
    params = envelope.params or {}
    method = envelope.method or ""
    from_client = message.direction is Direction.CLIENT_TO_SERVER
    if from_client and method in _REQUESTS:
        return _REQUESTS[method](params)
    if not from_client and method in _SERVER_SAYS:
        return _SERVER_SAYS[method](params)
    if not from_client and method.endswith("/list_changed"):
        return f"# the server's {method.split('/')[1]} changed; conn.listen() hears it"
    return f"conn.send(...)  # {method} has no method of its own"


def _came(envelope: Envelope, call: str) -> str:
    if envelope.kind == "error":
        error = envelope.error or {}
        return f"{call}  # raises CallError {error.get('code')}: {error.get('message')}"
    result = envelope.result
    if result is None:
        return call
    if result.get("resultType") == "input_required":
        return f"{call}  # the server asks; the call is sent again with the answer"
    if not call.startswith("conn.call") and not call.startswith("conn.start"):
        return call
    if result.get("isError") is True:
        return f"{call}.is_error  # True: {value_of(result)}"
    return f"{call}.value  # {_literal(value_of(result))}"


def _call(params: Params) -> str:
    arguments = params.get("arguments")
    given = arguments if isinstance(arguments, dict) else {}
    name = params.get("name")
    if all(key.isidentifier() and not keyword.iskeyword(key) for key in given):
        return f"conn.call({', '.join([_literal(name), *_named(given)])})"
    return f"conn.start({_literal(name)}, {_literal(given)}).result()"


def _prompt(params: Params) -> str:
    arguments = params.get("arguments")
    given = arguments if isinstance(arguments, dict) else {}
    return f"conn.prompt({', '.join([_literal(params.get('name')), *_named(given)])})"


def _complete(params: Params) -> str:
    ref, argument = params.get("ref"), params.get("argument")
    ref = ref if isinstance(ref, dict) else {}
    argument = argument if isinstance(argument, dict) else {}
    given = (ref.get("uri") or ref.get("name"), argument.get("name"), argument.get("value"))
    return f"conn.complete({', '.join(map(_literal, given))})"


def _listen(params: Params) -> str:
    wanted = params.get("notifications")
    uris = wanted.get("resourceSubscriptions") if isinstance(wanted, dict) else None
    return f"conn.listen({', '.join(map(_literal, uris or ()))})"


def _progress(params: Params) -> str:
    given = [_literal(params.get(key)) for key in ("progress", "total", "message") if key in params]
    return f"await ctx.report_progress({', '.join(given)})  # in the tool"


def _connect(era: str) -> Callable[[Params], str]:
    return lambda _params: (
        f"workbench.connect(..., era={_literal(era)})  # the first thing it sends"
    )


def _literal(value: Any) -> str:
    """The value in Python, texts in double quotes."""
    try:
        return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
    except RecursionError:
        return TOO_DEEP


def _named(arguments: Mapping[str, Any]) -> list[str]:
    return [f"{key}={_literal(value)}" for key, value in arguments.items()]


_REQUESTS: Final[dict[str, Callable[[Params], str]]] = {
    "initialize": _connect("legacy"),
    "server/discover": _connect("modern"),
    "notifications/initialized": lambda _: "workbench.connect(...)  # the end of the handshake",
    "notifications/cancelled": lambda _: "call.cancel()  # or the Interrupt button",
    "tools/list": lambda _: "conn.tools()",
    "tools/call": _call,
    "resources/list": lambda _: "conn.resources()",
    "resources/templates/list": lambda _: "conn.resources()",
    "resources/read": lambda params: f"conn.read({_literal(params.get('uri'))})",
    "resources/subscribe": lambda params: f"conn.listen({_literal(params.get('uri'))})",
    "prompts/list": lambda _: "conn.prompts()",
    "prompts/get": _prompt,
    "completion/complete": _complete,
    "subscriptions/listen": _listen,
}
"""Of what a client sends: the call that sends it."""

_SERVER_SAYS: Final[dict[str, Callable[[Params], str]]] = {
    "notifications/progress": _progress,
    "notifications/message": lambda p: (
        f"await ctx.log({_literal(p.get('level'))}, {_literal(p.get('data'))})"
    ),
    "elicitation/create": lambda p: (
        f"await ctx.elicit({_literal(p.get('message'))}, ...)  # in the tool"
    ),
    "sampling/createMessage": lambda _: "await ctx.session.create_message(...)  # in the tool",
    "roots/list": lambda _: "await ctx.session.list_roots()  # in the tool",
}
"""Of what a server sends: the call in a tool that sends it."""
