"""What a server offers and answers, as plain data: asked in the same way on both sides."""

from __future__ import annotations

from typing import Any

from mcp_notebook.errors import McpError
from mcp_notebook.runtime.connection import Connection
from mcp_notebook.trace.events import Direction, Fault, Message, StderrLine
from mcp_notebook.trace.store import Trace

LISTS = ("tools", "resources", "resource_templates", "prompts")


def catalogue(connection: Connection) -> dict[str, Any]:
    """Everything that is listed, by kind and name, and the server's own name."""
    session, run = connection.session, connection.workbench.loop.run
    told = connection.capabilities
    able = {
        "tools": told.tools,
        "resources": told.resources,
        "resource_templates": told.resources,
        "prompts": told.prompts,
    }
    found: dict[str, Any] = {}
    for kind in LISTS:
        listed = [_plain(one) for one in run(session.list_all(kind))] if able[kind] else []
        found[kind] = {_name(one): one for one in listed}
    info = connection.server_info
    found["server"] = {"name": info.name, "version": info.version} if info else {}
    found["server"]["instructions"] = connection.instructions or ""
    return found


def answers(connection: Connection, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What each call comes to: the result or the error, and the notices on the way."""
    return [_answer(connection, call) for call in calls]


def _answer(connection: Connection, call: dict[str, Any]) -> dict[str, Any]:
    trace = connection.workbench.trace
    since = trace.last_seq
    arguments = call.get("args", {})
    try:
        if "tool" in call:
            pending = connection.start(
                call["tool"], arguments, answer=call.get("answer"), checked=False
            )
            result = _plain(pending.result().raw)
        elif "read" in call:
            result = {"contents": [_plain(one) for one in connection.read(call["read"]).contents]}
        else:
            got = connection.prompt(call["prompt"], **arguments)
            result = {"messages": [_plain(one) for one in got.messages]}
    except McpError as error:
        # where it was said differs: a server of this kernel is called by its name
        result = {"error": type(error).__name__, "code": getattr(error, "code", None)}
    told = [
        event.json()
        for event in trace.since(since)
        if isinstance(event, Message)
        and event.conn == connection.name
        and event.direction is Direction.SERVER_TO_CLIENT
    ]
    notices = [
        {key: value for key, value in message["params"].items() if key in _SAID}
        for message in told
        if isinstance(message, dict) and message.get("method") == "notifications/progress"
    ]
    return {"result": result, "progress": notices}


_SAID = ("progress", "total", "message")


def complaints(connection: Connection) -> list[str]:
    """What on a link to a child was no message, as its Trace has it."""
    events = [e for e in connection.workbench.trace.since(0) if e.conn == connection.name]
    return [e.text for e in events if isinstance(e, Fault)] + [
        f"no JSON: {e.raw[:80]!r}"
        for e in events
        if isinstance(e, Message) and not isinstance(e.json(), dict)
    ]


def stderr(name: str, trace: Trace) -> str:
    """The last of what a child said on its standard error."""
    events = trace.since(0)
    lines = [e.text for e in events if isinstance(e, StderrLine) and e.conn == name]
    return "\n".join(lines[-15:])


def _plain(model: Any) -> dict[str, Any]:
    plain: dict[str, Any] = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    plain.pop("_meta", None)
    return plain


def _name(listed: dict[str, Any]) -> str:
    return str(listed.get("uri") or listed.get("uriTemplate") or listed["name"])
