"""One message in a few words: ``tools/call add {"a":2,"b":3}``, ``progress 1/3 "step 0"``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from mcp_notebook.trace.envelope import Envelope
from mcp_notebook.trace.events import Message

from .text import clean, count_text

_LISTS: Final = {
    "tools": "tool",
    "resources": "resource",
    "resourceTemplates": "resource template",
    "prompts": "prompt",
}
TOO_DEEP: Final = "(nested too deeply to be shown)"
_NAMED: Final = 4
"""How many names of a list are given."""


def phrase(envelope: Envelope, message: Message, *, limit: int = 64) -> str:
    """What a message says, in one line.

    Args:
        envelope: what was read from it.
        message: the message, redacted.
        limit: the most characters.
    """
    if envelope.kind in ("request", "notification"):
        text = _asked(envelope)
    elif envelope.kind == "error":
        error = envelope.error or {}
        text = f"error {error.get('code', '')} {error.get('message', '')}".rstrip()
    elif envelope.kind == "response":
        text = f"result{_cut(message)}" if envelope.result is None else answered(envelope.result)
    else:
        text = f"not JSON-RPC: {message.raw[: limit * 4].decode('utf-8', 'replace')}"
    return clean(text, limit)


def value_of(result: Mapping[str, Any]) -> Any:
    """What a result of ``tools/call`` comes to: structured content, else text, else content."""
    structured = result.get("structuredContent")
    if structured is not None and not result.get("isError"):
        alone = isinstance(structured, dict) and set(structured) == {"result"}
        return structured["result"] if alone else structured
    content = result.get("content")
    blocks = content if isinstance(content, list) else []
    texts = [b["text"] for b in blocks if isinstance(b, dict) and isinstance(b.get("text"), str)]
    if texts and len(texts) == len(blocks):
        return "\n".join(texts)
    return content


def answered(result: Mapping[str, Any]) -> str:
    """What a result says, by its shape: a Trace may hold an answer without its request."""
    if result.get("resultType") == "input_required":
        return f"input required: {_questions(result)}"
    if "content" in result and "role" not in result:
        if result.get("isError") is True:
            return f"result, the tool failed: {compact(value_of(result))}"
        return f"result {_content(result)}"
    for member, noun in _LISTS.items():
        items = result.get(member)
        if isinstance(items, list):
            names = [str(i.get("name", "?")) if isinstance(i, dict) else "?" for i in items]
            more = ", …" if len(names) > _NAMED else ""
            listed = ": " + ", ".join(names[:_NAMED]) + more if names else ""
            return f"result {count_text(len(items), noun)}{listed}"
    if "serverInfo" in result and "protocolVersion" in result:
        return f"result {result['protocolVersion']} {_implementation(result['serverInfo'])}"
    if "supportedVersions" in result:
        versions = result["supportedVersions"]
        shown = ", ".join(map(str, versions)) if isinstance(versions, list) else str(versions)
        return f"result speaks {shown}"
    rest = {k: v for k, v in result.items() if k not in ("_meta", "resultType", "cacheScope")}
    return f"result {compact(rest)}"


def compact(value: Any) -> str:
    """A value as JSON, without spaces."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    except RecursionError:
        return TOO_DEEP


def _asked(envelope: Envelope) -> str:
    method = envelope.method or ""
    params = {k: v for k, v in (envelope.params or {}).items() if k != "_meta"}
    if method == "notifications/progress":
        return _progress(params)
    if method == "notifications/cancelled":
        cancelled, why = params.get("requestId"), _quoted(params.get("reason"))
        return f"cancelled request {cancelled} {why}".rstrip()
    if method == "notifications/message":
        return f"log {params.get('level', '')} {compact(params.get('data'))}"
    if method == "initialize":
        client = _implementation(params.get("clientInfo"))
        return f"{method} {params.get('protocolVersion', '')} {client}"
    if method == "elicitation/create":
        return f"{method} {_quoted(params.get('message'))}"
    short = [method, envelope.name or ""]
    rest = {k: v for k, v in params.items() if k not in ("name", "uri", "arguments")}
    if "arguments" in params:
        short.append(compact(params["arguments"]))
    if rest or (envelope.name is None and params and "arguments" not in params):
        short.append(compact(rest or params))
    return " ".join(part for part in short if part)


def _progress(params: Mapping[str, Any]) -> str:
    done, total = _number(params.get("progress")), params.get("total")
    text = f"progress {done}" if total is None else f"progress {done}/{_number(total)}"
    return f"{text} {_quoted(params.get('message'))}".rstrip()


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _quoted(value: Any) -> str:
    return "" if value is None else compact(value)


def _content(result: Mapping[str, Any]) -> str:
    value = value_of(result)
    blocks = value if value is result.get("content") else None
    if not isinstance(blocks, list):
        return compact(value)
    kinds = [str(b.get("type", "?")) if isinstance(b, dict) else "?" for b in blocks]
    return f"content: {', '.join(kinds)}" if kinds else "empty"


def _questions(result: Mapping[str, Any]) -> str:
    requests = result.get("inputRequests")
    asked = []
    for one in (requests or {}).values() if isinstance(requests, dict) else ():
        params = one.get("params") if isinstance(one, dict) else None
        message = params.get("message") if isinstance(params, dict) else None
        asked.append(_quoted(message) or str(one.get("method", "?") if one else "?"))
    return ", ".join(asked) or "no question"


def _implementation(info: Any) -> str:
    if not isinstance(info, dict):
        return ""
    return f"{info.get('name', '')} {info.get('version', '')}".strip()


def _cut(message: Message) -> str:
    if message.cut:
        return f", {len(message.raw)} of {message.size} bytes kept"
    obj = message.json()
    return f" {compact(obj.get('result'))}" if isinstance(obj, dict) else ""
