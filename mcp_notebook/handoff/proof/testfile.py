"""``test_server.py``: the recorded calls as a test that needs pytest and the SDK alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from mcp_notebook.handoff.catalogue import Catalogue

from .recorded import Call

WIDTH: Final = 99
LONGEST: Final = 2000
"""Longer parts of an answer are written as their digest."""

_TEMPLATE: Final = Path(__file__).with_name("template.py")
_HERE: Final = "# ---- what the notebook answered"


def as_test(
    calls: Sequence[tuple[Call, Sequence[str]]],
    expected: Catalogue,
    *,
    script: str = "server.py",
    variables: Sequence[str] = (),
) -> str:
    """The text of a test of an exported file.

    Args:
        calls: each call with the eras in which it is to be made; none holds a secret.
        expected: what the server offers.
        script: where the file is, seen from the test's folder.
        variables: the environment variables that the server needs.
    """
    head, _, body = _TEMPLATE.read_text(encoding="utf-8").partition(_HERE)
    rest = body.partition("\n# ----")[2]
    data = {
        "NEEDED": list(variables),
        "OFFERED": {
            f"{kind}s": sorted(expected.of(kind))
            for kind in ("tool", "resource", "template", "prompt")
        },
        "CALLS": [_row(call, eras) for call, eras in calls],
    }
    written = "\n".join(f"{name}: Any = {_opened(value, 0)}\n" for name, value in data.items())
    head = head.replace('"server.py"', json.dumps(script)).replace("SERVER_NAME", expected.server)
    return f"{head}{_HERE}\n\n{written}\n# ----{rest}"


def _row(call: Call, eras: Sequence[str]) -> dict[str, Any]:
    row: dict[str, Any] = {"method": call.method, "name": call.name}
    if call.arguments:
        row["arguments"] = call.arguments
    if call.answers:
        row["answers"] = list(call.answers)
    if len(eras) == 1:
        row["era"] = eras[0]
    return {**row, "answer": digested(call.outcome)}


def digested(value: Any) -> Any:
    """JSON with each long text in it as its digest; the test file has the same function."""
    if isinstance(value, str) and len(value) > LONGEST:
        return f"sha256:{hashlib.sha256(value.encode()).hexdigest()}"
    if isinstance(value, dict):
        return {key: digested(part) for key, part in value.items()}
    if isinstance(value, list):
        return [digested(part) for part in value]
    return value


def _opened(value: Any, depth: int) -> str:
    """A container over several lines where one is too short, as a formatter writes it."""
    flat = _flat(value)
    if len(flat) + 4 * depth + 30 <= WIDTH or not isinstance(value, dict | list) or not value:
        return flat
    inner, outer = "    " * (depth + 1), "    " * depth
    if isinstance(value, dict):
        rows = [f"{_flat(key)}: {_opened(part, depth + 1)}" for key, part in value.items()]
    else:
        rows = [_opened(part, depth + 1) for part in value]
    lines = "".join(f"{inner}{row},\n" for row in rows)
    opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
    return f"{opening}\n{lines}{outer}{closing}"


def _flat(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flat(k)}: {_flat(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flat(part) for part in value) + "]"
    return repr(value)


def _text(value: str) -> str:
    """A text in the quotes that a formatter would choose; what cannot be seen is escaped."""
    quote = "'" if value.count('"') > value.count("'") else '"'
    parts = [
        f"\\{c}" if c in (quote, "\\") else c if c.isprintable() else repr(c)[1:-1] for c in value
    ]
    return f"{quote}{''.join(parts)}{quote}"
