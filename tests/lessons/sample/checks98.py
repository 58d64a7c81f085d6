"""The check of the sample lesson's exercise."""

from __future__ import annotations

from mcp_notebook.learn.attempt import Attempt
from mcp_notebook.learn.exercise import exercise
from mcp_notebook.learn.verdict import Verdict, failed, passed


@exercise(
    "98.1",
    title="Frame a message",
    hints=("A line ends somewhere.", "json.dumps makes no line end."),
    start="Write the body of frame.",
)
def framed(attempt: Attempt) -> Verdict:
    frame = attempt.get("frame", kind=callable)
    for message in ({"id": 1}, {"text": "two\nlines"}):
        ran = attempt.run(frame, message)
        if not isinstance(ran.value, bytes):
            return failed(f"frame gave a {type(ran.value).__name__}.", "A pipe takes bytes.")
        if not ran.value.endswith(b"\n") or ran.value.count(b"\n") != 1:
            return failed(f"frame gave {ran.value!r}.", "One line end, at the end.")
    return passed("Both messages came out as one line each.")
