"""One recorded call, made again: what comes back now, and whether it is the same."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

import mcp_types as types

from mcp_notebook.errors import McpError, QuestionUnanswered
from mcp_notebook.runtime.connection import Connection
from mcp_notebook.trace.events import Vantage
from mcp_notebook.trace.exchange import Exchange, pair

from .recorded import Call, Outcome, outcome_of

EQUAL: Final = "equal"
DIFFERS: Final = "differs"
UNSTEADY: Final = "unsteady"
OLDER: Final = "older"
"""The answer was recorded before what was called was defined anew, and is another one now."""

ADDRESSES: Final = "but for the addresses of objects"
NOW: Final = "to what the notebook answers now, which is not what was recorded"

OTHER_ERA: Final = "to what the notebook answers in the {era} era, recorded in the other"

_ADDRESS: Final = re.compile(r"\b0x[0-9a-f]{6,}\b", re.IGNORECASE)
_SHORT: Final = 160


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a replayed call came to.

    Attributes:
        call: what was replayed.
        word: ``equal``, ``differs``, ``unsteady`` or ``older``.
        note: what the reader should know.
        wanted: what was recorded, in few words, where it differs.
        got: what came, in few words, where it differs or is an error.
        failed: whether what came is an error.
        came: what came, whole, where it differs.
    """

    call: Call
    word: str
    note: str = ""
    wanted: str = ""
    got: str = ""
    failed: bool = False
    came: Outcome = field(default_factory=dict, repr=False)


class Source(Protocol):
    """Something that answers calls: the notebook itself."""

    def __call__(self, call: Call, era: str) -> Outcome | None:
        """What it answers now; ``None`` where it is not asked."""


def make(connection: Connection, call: Call, *, timeout: float) -> Outcome:
    """Make a recorded call on a connection, questions answered as they were."""
    trace, since = connection.workbench.trace, connection.workbench.trace.last_seq
    try:
        if call.method == "tools/call":
            connection.start(
                call.name,
                dict(call.arguments),
                answer=[_result(given) for given in call.answers],
                timeout=timeout,
                checked=False,
            ).result()
        elif call.method == "resources/read":
            connection.read(call.name)
        else:
            connection.prompt(call.name, **call.arguments)
    except QuestionUnanswered:
        return {"asked": "a question that the record has no answer to"}
    except McpError as error:
        failed: str = error.message
    else:
        failed = ""
    mine = [
        e for e in trace.since(since) if e.conn == connection.name and e.vantage is Vantage.CLIENT
    ]
    last: Exchange | None = None
    for exchange in pair(mine):
        if exchange.method == call.method and exchange.name == call.name:
            last = exchange
    found = outcome_of(last.answer.json()) if last is not None and last.answer else None
    return found or {"nothing": failed or "no answer"}


def _result(given: dict[str, Any]) -> types.Result | types.ErrorData:
    """A recorded answer of a client as the SDK's."""
    if "error" in given:
        return types.ErrorData.model_validate(given["error"])
    model: Any = types.CreateMessageResult if "role" in given else types.ElicitResult
    found: types.Result = model.model_validate(given)
    return found


def same(one: Outcome, other: Outcome) -> bool:
    """Whether two outcomes are the same; true is not 1 in JSON."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def judge(
    connection: Connection, call: Call, era: str, notebook: Source, *, steady: bool, timeout: float
) -> Verdict:
    """Replay a call and compare.

    Where the answer is another one, it is found out why: the same call again tells what is not
    deterministic, and the notebook itself tells what was recorded before the tool changed.

    Args:
        connection: leads to the exported server.
        call: what was recorded.
        era: of this connection.
        notebook: answers now, where it may be asked.
        steady: whether the same call may be made twice.
        timeout: seconds a call may take.
    """
    got = make(connection, call, timeout=timeout)
    if same(got, call.outcome):
        return _equal(call, got)
    if same(_without_addresses(got), _without_addresses(call.outcome)):
        return _equal(call, got, ADDRESSES)
    if steady:
        now = notebook(call, era)
        if now is not None and same(now, got):
            note = NOW if call.era == era else OTHER_ERA.format(era=era)
            return _equal(call, got, note)
        again = make(connection, call, timeout=timeout)
        if not same(again, got):
            return Verdict(call=call, word=UNSTEADY, note="two calls gave two answers")
        anew = notebook(call, era)
        if now is not None and anew is not None and not same(now, anew):
            return Verdict(call=call, word=UNSTEADY, note="two calls gave two answers")
    if call.older and (not steady or notebook(call, era) is None):
        return Verdict(call=call, word=OLDER)
    return Verdict(call=call, word=DIFFERS, wanted=brief(call.outcome), got=brief(got), came=got)


def _equal(call: Call, got: Outcome, note: str = "") -> Verdict:
    """An equal answer; of an error it is told which, as nobody is served by two of them."""
    failed = is_failure(got)
    return Verdict(
        call=call, word=EQUAL, note=note, failed=failed, got=brief(got) if failed else ""
    )


def is_failure(outcome: Outcome) -> bool:
    """Whether an outcome is an error, of the tool or of the protocol."""
    result = outcome.get("result")
    return bool(result.get("isError")) if isinstance(result, dict) else True


def _without_addresses(outcome: Outcome) -> Outcome:
    found: Outcome = json.loads(_ADDRESS.sub("0x", json.dumps(outcome)))
    return found


def other_orders(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts on one call, each from a process of its own; what came of a set is unsteady.

    The order of a set of texts is another in each process. It must be seen to be: with one order
    everywhere, a list that is sorted the wrong way round would pass.
    """
    told = {json.dumps(one.came, sort_keys=True) for one in verdicts if one.word == DIFFERS}
    ordered = all(
        _orderless(one.came) == _orderless(one.call.outcome)
        for one in verdicts
        if one.word == DIFFERS
    )
    seen = len(told) + any(one.word == EQUAL for one in verdicts)
    if not told or seen < 2 or not ordered:
        return list(verdicts)
    note = "another order in each process"
    return [
        replace(one, word=UNSTEADY, note=note) if one.word == DIFFERS else one for one in verdicts
    ]


def _orderless(value: Any) -> Any:
    """JSON with its lists in one order; a text that is JSON is read."""
    if isinstance(value, dict):
        return {key: _orderless(part) for key, part in value.items()}
    if isinstance(value, list):
        return sorted((_orderless(part) for part in value), key=lambda one: json.dumps(one))
    if isinstance(value, str) and value[:1] in "[{":
        try:
            return _orderless(json.loads(value))
        except ValueError:
            return value
    return value


def brief(outcome: Outcome) -> str:
    """An outcome in few words."""
    result = outcome.get("result")
    if isinstance(result, dict):
        blocks = result.get("content") or result.get("contents") or result.get("messages") or []
        told = result.get("structuredContent")
        if told is None:
            told = [_word(block) for block in blocks]
            told = told[0] if len(told) == 1 else told
        elif isinstance(told, dict) and set(told) == {"result"}:
            told = told["result"]
        text = told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)
        text = f"failed: {text}" if result.get("isError") else text
    elif "error" in outcome:
        text = f"error {outcome['error']['code']}: {outcome['error']['message']}"
    else:
        text = next(iter(outcome.values()), "nothing")
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"


def _word(block: Any) -> Any:
    """A content block in a word."""
    if not isinstance(block, dict):
        return block
    if isinstance(block.get("content"), dict):
        return _word(block["content"])
    return block.get("text", f"[{block.get('type', 'blob')}]")
