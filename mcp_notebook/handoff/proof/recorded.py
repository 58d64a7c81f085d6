"""Calls that the Trace has recorded of a server: what was asked, and what came back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from mcp_notebook.runtime.server import Kind, NotebookServer
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.envelope import of
from mcp_notebook.trace.events import Direction, Event, Message, Vantage
from mcp_notebook.trace.exchange import Exchange, Status, pair

METHODS: Final[dict[str, Kind]] = {
    "tools/call": "tool",
    "resources/read": "resource",
    "prompts/get": "prompt",
}
"""What is replayed, and the kind of part that it asks."""

ENDED: Final = frozenset({Status.ANSWERED, Status.TOOL_ERROR, Status.ERROR})

_QUESTIONS: Final = frozenset({"elicitation/create", "sampling/createMessage"})
_ADDED: Final = frozenset({"_meta", "resultType", "cacheScope", "ttlMs"})
"""What an era adds to a result."""

_SERVER_INFO: Final = "io.modelcontextprotocol/serverInfo"

Outcome = dict[str, Any]
"""``{"result": ...}`` or ``{"error": {"code": ..., "message": ...}}``, alike in both eras."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a server, as it was recorded.

    Attributes:
        method: ``tools/call``, ``resources/read`` or ``prompts/get``.
        name: the tool, prompt or URI.
        arguments: of a tool or prompt.
        outcome: what came back.
        era: ``legacy`` or ``modern``.
        seq: the number of its first message in the Trace.
        answers: what the client answered to the server's questions, in order; a refusal that is
            a JSON-RPC error as ``{"error": ...}``.
        reaches: whether a secret stands in what was asked; such a call is not repeated.
        tells: whether a secret stands in what came back; such an answer is not written down.
        tangled: whether it cannot be told which answers belong to it.
        older: whether what was called was defined anew since.
    """

    method: str
    name: str
    arguments: dict[str, Any] = field(default_factory=dict, repr=False)
    outcome: Outcome = field(default_factory=dict, repr=False)
    era: str = "modern"
    seq: int = 0
    answers: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    reaches: bool = False
    tells: bool = False
    tangled: bool = False
    older: bool = False

    @property
    def kind(self) -> Kind:
        """``tool``, ``resource`` or ``prompt``."""
        return METHODS[self.method]

    @property
    def key(self) -> str:
        """The same for calls that ask the same."""
        told = [self.method, self.name, self.arguments, self.answers]
        return json.dumps(told, sort_keys=True, default=str)


def recorded(workbench: Workbench, server: NotebookServer) -> list[Call]:
    """The calls of a server that ended with an answer, in the order they were made.

    They are taken from the server's side: so those of other clients than this kernel's count.
    """
    trace = workbench.trace
    events = [e for e in trace.events() if e.vantage is Vantage.SERVER]
    mine = _endpoints(events, workbench, server)
    exchanges = [one for one in pair(events) if one.conn in mine]
    questions = [one for one in exchanges if one.direction is Direction.SERVER_TO_CLIENT]
    by_seq = {one.seq: one for one in exchanges}
    masked = {event.seq: event for event in trace.redact(events)}

    def read_masked(message: Message) -> Any:
        found = masked[message.seq]
        return found.json() if isinstance(found, Message) else None

    found = []
    for one in exchanges:
        if one.method in METHODS and one.status in ENDED:
            rounds = [by_seq[seq] for seq in one.rounds if seq in by_seq] or [one]
            asked = _asked(one, questions, exchanges)
            call = _call(one, rounds, asked, Message.json)
            if call is not None:
                call = replace(call, older=_is_older(call, one, server))
                found.append(_judged(call, _call(one, rounds, asked, read_masked)))
    return found


def _is_older(call: Call, one: Exchange, server: NotebookServer) -> bool:
    part = server.part(call.kind, call.name)
    return part is not None and one.request.time_ns < part.since_ns


def _endpoints(events: Sequence[Event], workbench: Workbench, server: NotebookServer) -> set[str]:
    """The names under which the Trace knows a server: of endpoints that live, and that did."""
    alive = {name: endpoint.server is server for name, endpoint in workbench.endpoints.items()}
    found = {name for name, is_mine in alive.items() if is_mine}
    for event in events:
        if event.conn in alive or event.conn in found or not isinstance(event, Message):
            continue
        if event.direction is Direction.SERVER_TO_CLIENT and _named(event) == server.mcp.name:
            found.add(event.conn)
    return found


def _named(message: Message) -> str:
    """The name that a server gives itself in a message; empty where it does not."""
    result = of(message.json()).result or {}
    meta = result.get("_meta")
    info = result.get("serverInfo") or (meta.get(_SERVER_INFO) if isinstance(meta, dict) else None)
    return str(info.get("name", "")) if isinstance(info, dict) else ""


def _asked(
    one: Exchange, questions: Sequence[Exchange], exchanges: Sequence[Exchange]
) -> list[Exchange] | None:
    """The questions that the server sent during a call (legacy era), or ``None``: who knows.

    The wire does not say which call a question belongs to: with another under way on the same
    endpoint it may be that one's.
    """
    end = one.answer.seq if one.answer else one.seq
    during = [
        q
        for q in questions
        if q.conn == one.conn and q.method in _QUESTIONS and one.seq < q.seq < end
    ]
    if not during:
        return []
    for other in exchanges:
        if other is one or other.method != "tools/call" or other.conn != one.conn:
            continue
        ended = other.answer.seq if other.answer else end
        if other.seq < end and ended > one.seq and any(other.seq < q.seq < ended for q in during):
            return None
    return during


def _call(
    one: Exchange,
    rounds: Sequence[Exchange],
    asked: Sequence[Exchange] | None,
    read: Callable[[Message], Any],
) -> Call | None:
    """The call that an exchange and what belongs to it make; ``None`` where it was cut."""
    request = of(read(one.request))
    outcome = None if one.answer is None else outcome_of(read(one.answer))
    if request.params is None or outcome is None:
        return None
    answers: list[dict[str, Any]] = []
    for question in asked or []:
        said = of(read(question.answer)) if question.answer else None
        if said is not None:
            answers.append(said.result if said.result is not None else {"error": said.error})
    for each in rounds:
        given = (of(read(each.request)).params or {}).get("inputResponses")
        answers += [said for said in (given or {}).values() if isinstance(said, dict)]
    meta = request.params.get("_meta")
    modern = isinstance(meta, dict) and "io.modelcontextprotocol/protocolVersion" in meta
    return Call(
        method=one.method,
        name=request.name or "",
        arguments=dict(request.params.get("arguments") or {}),
        outcome=outcome,
        era="modern" if modern else "legacy",
        seq=min(one.rounds, default=one.seq),
        answers=tuple(answers),
        tangled=asked is None,
    )


def _judged(call: Call, masked: Call | None) -> Call:
    """The call with what it says of secrets, told by the same call with its secrets masked."""
    # what was loaded from a file is masked already: stars in the place of a value
    hidden = any(set(text) == {"*"} and len(text) > 3 for text in _texts(call.arguments))
    reaches = hidden or masked is None or masked.key != call.key
    tells = reaches or masked is None or masked.outcome != call.outcome
    return replace(call, reaches=reaches, tells=tells)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def outcome_of(message: Any) -> Outcome | None:
    """What an answer on the wire came to, without what only its era adds."""
    envelope = of(message)
    if envelope.error is not None:
        told = envelope.error
        return {"error": {"code": told.get("code"), "message": told.get("message")}}
    if envelope.result is None:
        return None
    result = {k: v for k, v in envelope.result.items() if k not in _ADDED and v is not None}
    if "content" in result and result.get("isError") is False:
        del result["isError"]
    return {"result": result}


def distinct(calls: Sequence[Call], keep_all: frozenset[str]) -> list[Call]:
    """The calls without those that asked the same and got the same.

    Args:
        calls: in order.
        keep_all: tools whose calls all count, because each may change something.
    """
    seen: set[str] = set()
    found = []
    for call in calls:
        told = f"{call.key} {json.dumps(call.outcome, sort_keys=True)}"
        if told in seen and not (call.kind == "tool" and call.name in keep_all):
            continue
        seen.add(told)
        found.append(call)
    return found
