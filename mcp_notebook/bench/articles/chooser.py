"""The chooser: answers in, a road with its reasons out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mcp_notebook.bench.roads import ROADS

from .flows import FLOWS, KIT, QUESTIONS, Flow, Question, Step, answered
from .scenarios import NEEDS, SCENARIOS, Scenario, meets

__all__ = [
    "FLOWS",
    "NEEDS",
    "QUESTIONS",
    "SCENARIOS",
    "Chooser",
    "Flow",
    "Question",
    "Reason",
    "Recommendation",
    "Scenario",
    "Step",
    "choose",
    "chooser",
    "meets",
]


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why a road is recommended.

    Attributes:
        text: in plain words.
        claims: the claims behind it.
        probes: the probes that measured it.
    """

    text: str
    claims: tuple[str, ...] = ()
    probes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """A road and why; shows itself.

    Attributes:
        road: the road's name.
        title: what it is.
        standing: what the specification says of it.
        answers: the answers that led to it.
        reasons: why.
        warnings: what to mind.
        beside: roads to serve as well.
    """

    road: str
    title: str
    standing: str
    answers: dict[str, bool]
    reasons: tuple[Reason, ...]
    warnings: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<recommended: {self.road} ({self.title})>"


def _why(text: str, claims: str = "", probes: str = "") -> Reason:
    return Reason(text=text, claims=tuple(claims.split()), probes=tuple(probes.split()))


_ROAD_REASONS: Final = {
    "memory": (_why("nothing is started and no network is needed", "S44", "P1 P11"),),
    "stdio": (
        _why("nothing to set up but a command, and no port is open", "S24 S106", "P2 P11"),
        _why("the lowest latency between two processes", "S58", "P12"),
        _why("progress, cancellation and notices work on it as well", "S50", "P4 P5 P6"),
    ),
    "websocket": (
        _why("the smallest envelope and the highest rate on a network", "S92 S103", "P12 P13 P17"),
    ),
    "http-2026": (
        _why("each request is whole in itself: any worker can answer it", "S66", "P8 P14"),
    ),
}

_NEED_REASONS: Final = {
    "remote": _why("it has an address that other machines can be given", "S13", "P2"),
    "shared": _why("one process serves every client", "S88", "P3 P15"),
    "browser": _why("a page can send its requests; it cannot start a child", "S80", "P2"),
    "serverless": _why("a process for each request is enough", "S65", "P9"),
    "strict_proxy": _why("a proxy for plain requests passes it", "S67", "P10"),
    "streaming": _why("progress comes on the answer of the call, as events", "S59", "P4"),
    "server_events": _why("a client that listens hears of changes", "S61", "P6"),
}


def choose(**given: object) -> Recommendation:
    """The road for a situation, by the corrected flow.

    Args:
        given: answers to the questions of ``QUESTIONS`` by key; what is not given is no.

    Raises:
        UsageError: there is no such question.
    """
    answers = answered(given)
    road = ROADS[KIT.pick(**answers)]
    reasons = list(_ROAD_REASONS[road.name])
    if road.networked:
        reasons += [
            why for key, why in _NEED_REASONS.items() if answers[key] and _counts(road.name, key)
        ]
    return Recommendation(
        road=road.name,
        title=road.title,
        standing=road.standing,
        answers=answers,
        reasons=tuple(reasons),
        warnings=tuple(_warnings(road.name, answers)),
        beside=("sse",) if answers["old_clients"] and road.networked else (),
    )


def _counts(road: str, key: str) -> bool:
    return not (road == "websocket" and key in ("serverless", "strict_proxy", "browser"))


def _warnings(road: str, answers: dict[str, bool]) -> list[str]:
    told = []
    if road == "websocket":
        told.append("It is a custom transport: neither the specification nor the SDK has it.")
        told.append("Measure first (P13): more requests in flight may be all that is missing.")
        told.append("A connection does not move to a new worker (P14): drain before you stop one.")
    if road == "http-2026":
        told.append("Off one machine it needs TLS and a credential (P7, P16).")
        if answers["streaming"]:
            told.append(
                "Serve it with streamed answers: with one JSON body no progress comes (P4)."
            )
        if answers["high_rate"]:
            told.append("For a high rate send several requests at once before you leave it (P13).")
        if answers["old_clients"]:
            told.append(
                "HTTP+SSE beside it wants one worker, or stickiness (P8); it is deprecated."
            )
    return told


@dataclass(frozen=True, kw_only=True)
class Chooser:
    """The corrected flow to click through; shows itself.

    Attributes:
        flow: the flow.
        questions: what it asks.
    """

    flow: Flow = KIT
    questions: tuple[Question, ...] = QUESTIONS

    def choose(self, **given: object) -> Recommendation:
        """What :func:`choose` says."""
        return choose(**given)

    def __repr__(self) -> str:
        return f"<chooser: {len(self.questions)} questions; choose(remote=True, ...) answers too>"


def chooser() -> Chooser:
    """The chooser, to be shown as the last expression of a cell."""
    return Chooser()
