"""Decision flows as data: the corrected one, and those of the articles in the same terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mcp_notebook.errors import UsageError
from mcp_notebook.runtime.names import near


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a flow asks.

    Attributes:
        key: its name as an argument of ``choose``.
        text: the question.
        more: what yes means.
    """

    key: str
    text: str
    more: str = ""


QUESTIONS: Final = (
    Question(
        key="same_process",
        text="Is the server code in the same process as the client?",
        more="a test, or a notebook that calls its own tools",
    ),
    Question(
        key="remote",
        text="Must clients on other machines reach it?",
        more="no: the client starts the server on its own machine",
    ),
    Question(
        key="shared",
        text="Do several clients share one running server?",
        more="one process, one state, many clients",
    ),
    Question(
        key="browser",
        text="Is the client a page in a browser?",
        more="a page cannot start a child process",
    ),
    Question(
        key="serverless",
        text="Does the server run where processes come and go with each request?",
    ),
    Question(
        key="strict_proxy",
        text="Is there a proxy in between that you do not run?",
        more="it may pass nothing but plain requests",
    ),
    Question(
        key="streaming",
        text="Do calls take so long that progress must be shown?",
    ),
    Question(
        key="server_events",
        text="Must the server tell of changes while no call is open?",
    ),
    Question(
        key="high_rate",
        text="Have you measured that hundreds of small messages a second are needed?",
    ),
    Question(
        key="own_path",
        text="Do you write both ends and run everything between them?",
    ),
    Question(
        key="old_clients",
        text="Must clients that know only HTTP+SSE of 2024-11-05 be served?",
    ),
)
"""Every question; each answer is no until something else is said."""

_KEYS: Final = tuple(question.key for question in QUESTIONS)


def answered(given: Mapping[str, object]) -> dict[str, bool]:
    """Every question with its answer.

    Raises:
        UsageError: there is no such question.
    """
    for key in given:
        if key not in _KEYS:
            hint = near(key, _KEYS).strip() or f"There is: {', '.join(_KEYS)}."
            raise UsageError(f"there is no question {key!r}.", hint=hint)
    return {key: bool(given.get(key, False)) for key in _KEYS}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a flow: where all of this is so, take this road.

    Attributes:
        text: the step in plain words.
        when: keys of questions that must be yes; with ``!`` before it one that must be no.
        road: where it leads.
    """

    text: str
    when: tuple[str, ...]
    road: str

    def fits(self, answers: Mapping[str, bool]) -> bool:
        """Whether it is taken."""
        return all(answers[word.lstrip("!")] != word.startswith("!") for word in self.when)


@dataclass(frozen=True, kw_only=True)
class Flow:
    """A decision flow: the first step that fits.

    Attributes:
        id: the article, or ``kit`` for the corrected one.
        title: what it is.
        steps: its steps; the last one fits always.
    """

    id: str
    title: str
    steps: tuple[Step, ...]

    def step(self, **given: object) -> Step:
        """The step that is taken.

        Raises:
            UsageError: there is no such question.
        """
        answers = answered(given)
        return next(step for step in self.steps if step.fits(answers))

    def pick(self, **given: object) -> str:
        """The road that it leads to.

        Raises:
            UsageError: there is no such question.
        """
        return self.step(**given).road


def _flow(id: str, title: str, *steps: tuple[str, str, str]) -> Flow:
    made = tuple(Step(text=t, when=tuple(w.split()), road=r) for t, w, r in steps)
    return Flow(id=id, title=title, steps=made)


KIT: Final = _flow(
    "kit",
    "the corrected flow",
    ("client and server in one process: two queues", "same_process", "memory"),
    (
        "one client that starts the server on its own machine",
        "!remote !shared !browser !serverless !old_clients",
        "stdio",
    ),
    (
        "a high rate that was measured, both ends and the whole path your own",
        "high_rate own_path !serverless !strict_proxy !browser",
        "websocket",
    ),
    ("everything else", "", "http-2026"),
)
"""Three questions decide; the others shape how Streamable HTTP is served."""

FLOWS: Final = {
    flow.id: flow
    for flow in (
        KIT,
        _flow(
            "000",
            "article 000: begin with stdio, move on when needed",
            (
                "server events or very low latency between machines",
                "remote server_events",
                "websocket",
            ),
            ("server events or very low latency, shared", "shared server_events", "websocket"),
            ("very low latency between machines", "remote high_rate", "websocket"),
            ("shared with a team or in production", "remote", "sse"),
            ("shared with a team or in production", "shared", "sse"),
            ("shared with a team or in production", "serverless", "sse"),
            ("development", "", "stdio"),
        ),
        _flow(
            "001",
            "article 001: when to use which of four",
            ("throughput counts and the whole path is your own", "high_rate own_path", "websocket"),
            ("the client runs in a browser", "browser", "sse"),
            ("the client is behind a company's proxy", "strict_proxy", "sse"),
            ("serverless, the simplest to run", "serverless", "http-json"),
            ("hosted, with something to stream", "remote streaming", "sse"),
            ("hosted, with something to push", "remote server_events", "sse"),
            ("shared, for services only", "remote", "http-json"),
            ("shared, for services only", "shared", "http-json"),
            ("the client is on your laptop", "", "stdio"),
        ),
        _flow(
            "002",
            "article 002: scenarios and what is best for what",
            ("both sides speak at any time", "server_events", "websocket"),
            ("frequent quick exchanges", "high_rate", "websocket"),
            ("progress of long work", "streaming", "sse"),
            ("reached through an API, a gateway, a cluster", "remote", "http-json"),
            ("reached through an API, a gateway, a cluster", "shared", "http-json"),
            ("reached through an API, a gateway, a cluster", "serverless", "http-json"),
            ("local development, a desktop host", "", "stdio"),
        ),
        _flow(
            "003",
            "article 003: when to use which of three",
            ("serverless, no state", "serverless", "http-json"),
            ("the server pushes updates", "server_events", "sse"),
            ("remote access", "remote", "sse"),
            ("several clients, one server", "shared", "sse"),
            ("web technology", "browser", "sse"),
            ("same machine", "", "stdio"),
        ),
        _flow(
            "004",
            "article 004: five questions",
            ("1 the server is local", "!remote !shared !serverless !browser", "stdio"),
            ("2 several users share one server", "shared", "sse"),
            ("3 real-time events at a high rate", "server_events high_rate", "websocket"),
            ("4 serverless", "serverless", "sse"),
            ("5 a strict company proxy", "strict_proxy", "sse"),
            ("none of the five: the article's usual remote one", "", "sse"),
        ),
    )
}
"""The flows, by article; ``kit`` is the corrected one."""
