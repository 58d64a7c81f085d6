"""Situations to choose for: the eight of article 002, twelve more, and twelve kept for checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from mcp_notebook.bench.readings import Results
from mcp_notebook.bench.roads import ROADS

from .rules import (
    THRESHOLDS,
    Evidence,
    Missing,
    Rule,
    Thresholds,
    balance,
    firewall,
    remote,
    setup,
    shared,
    streaming,
)
from .rules import serverless as serverless_rule


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A situation.

    Attributes:
        key: a short name.
        title: what it is.
        answers: its answers to the questions; what is not named is no.
        group: ``002``, ``flow`` or ``hidden``.
        article: the article's word, for those of article 002.
        article_roads: the roads that this word means.
        needs: names of ``NEEDS`` that a road must meet.
    """

    key: str
    title: str
    group: str
    answers: dict[str, bool] = field(default_factory=dict)
    article: str = ""
    article_roads: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


def _standard(evidence: Evidence) -> str:
    return "yes" if ROADS[evidence.road].standing.startswith("standard") else "no"


def _cancel(evidence: Evidence) -> str:
    return "yes" if evidence.of("P5")["cancelled"] is True else "no"


def _notices(evidence: Evidence) -> str:
    found = evidence.of("P6")
    return "yes" if found["unasked"] is True or found["subscribed"] is True else "no"


NEEDS: Final[dict[str, tuple[Rule, frozenset[str], str]]] = {
    "remote": (remote, frozenset({"yes"}), "a stranger with the address alone is answered (P2)"),
    "shared": (shared, frozenset({"yes"}), "one process serves two clients (P3)"),
    "streaming": (
        streaming,
        frozenset({"excellent", "good"}),
        "progress comes while the call runs (P4)",
    ),
    "cancel": (_cancel, frozenset({"yes"}), "a cancelled tool is stopped (P5)"),
    "notices": (_notices, frozenset({"yes"}), "a notice comes while no call is open (P6)"),
    "balanced": (balance, frozenset({"yes"}), "calls may take turns between workers (P8)"),
    "serverless": (serverless_rule, frozenset({"yes"}), "a process for each request does (P9)"),
    "proxy": (firewall, frozenset({"yes"}), "a proxy for plain requests passes it (P10)"),
    "little set-up": (setup, frozenset({"low"}), "little to make or to run (P11)"),
    "standard": (_standard, frozenset({"yes"}), "in the specification, not deprecated, not custom"),
}
"""What a situation can ask of a road: the rule, the words that meet it, and what is measured."""


def meets(
    results: Results, road: str, needs: tuple[str, ...], thresholds: Thresholds = THRESHOLDS
) -> dict[str, bool | None]:
    """Whether a road meets each need; ``None`` where nothing was measured."""
    found: dict[str, bool | None] = {}
    for need in needs:
        rule, words, _ = NEEDS[need]
        try:
            found[need] = rule(Evidence(results, road, thresholds)) in words
        except Missing:
            found[need] = None
    return found


def _yes(*keys: str) -> dict[str, bool]:
    return dict.fromkeys(keys, True)


def _of_002(key: str, title: str, word: str, roads: str, answers: str, needs: str) -> Scenario:
    return Scenario(
        key=key,
        title=title,
        group="002",
        article=word,
        article_roads=tuple(roads.split()),
        answers=_yes(*answers.split()),
        needs=tuple(need.strip() for need in needs.split(",")),
    )


def _situations(group: str, rows: Mapping[str, tuple[str, str]]) -> list[Scenario]:
    return [
        Scenario(key=key, title=title, group=group, answers=_yes(*answers.split()))
        for key, (title, answers) in rows.items()
    ]


_EIGHT: Final = [
    _of_002("local", "local development", "STDIO", "stdio", "", "standard, little set-up"),
    _of_002("desktop", "a desktop host", "STDIO", "stdio", "", "standard, little set-up"),
    _of_002(
        "container",
        "a container behind an API",
        "HTTP",
        "http-json",
        "remote",
        "standard, remote, cancel",
    ),
    _of_002(
        "gateway",
        "a company's gateway",
        "HTTP",
        "http-json",
        "remote shared strict_proxy",
        "standard, remote, shared, proxy, balanced",
    ),
    _of_002(
        "workflow",
        "long work with progress",
        "SSE",
        "sse",
        "remote streaming",
        "standard, remote, streaming, balanced",
    ),
    _of_002(
        "collaboration",
        "several people work together live",
        "WebSockets",
        "websocket",
        "remote shared server_events streaming",
        "standard, remote, shared, notices, streaming",
    ),
    _of_002(
        "assistant",
        "an interactive coding assistant",
        "WebSockets",
        "websocket",
        "streaming",
        "standard, little set-up, streaming, cancel",
    ),
    _of_002(
        "cluster",
        "a Kubernetes deployment",
        "HTTP or WebSockets",
        "http-json websocket",
        "remote shared",
        "standard, remote, shared, balanced, cancel",
    ),
]

_TWELVE: Final = _situations(
    "flow",
    {
        "unit-test": ("unit tests of your own tools", "same_process"),
        "editor": ("an editor's plug-in that reads files of one user", ""),
        "one-user-events": ("one user, own machine, lists that change", "server_events"),
        "team": ("one server for a team", "remote shared"),
        "dashboard": ("a page in a browser that shows a server's tools", "remote browser"),
        "function": ("a function that a platform starts for each request", "remote serverless"),
        "function-progress": (
            "the same, with progress of long calls",
            "remote serverless streaming",
        ),
        "company-proxy": ("clients behind a company's proxy", "remote strict_proxy"),
        "live-events": (
            "events at a high rate for many users",
            "remote shared server_events high_rate",
        ),
        "own-network": (
            "hundreds of calls a second between two services of your own",
            "remote high_rate own_path",
        ),
        "old-hosts": ("hosts that were never updated", "remote shared old_clients"),
        "local-daemon": ("one server for all programs of one machine", "shared"),
    },
)

_HIDDEN: Final = _situations(
    "hidden",
    {
        "h1": ("a notebook that calls its own tools while they stream", "same_process streaming"),
        "h2": ("a local tool with long calls", "streaming"),
        "h3": ("a local tool at a high rate", "high_rate"),
        "h4": ("remote, high rate, foreign network", "remote high_rate"),
        "h5": (
            "remote, high rate, own path, strict proxy",
            "remote high_rate own_path strict_proxy",
        ),
        "h6": ("high rate, own path, serverless", "remote high_rate own_path serverless"),
        "h7": ("high rate, own path, in a browser", "remote high_rate own_path browser"),
        "h8": ("shared on one machine at a high rate", "shared high_rate own_path"),
        "h9": ("remote with server events", "remote server_events"),
        "h10": ("a page that uses a server of its own machine", "browser"),
        "h11": ("remote, old clients, streaming", "remote old_clients streaming"),
        "h12": ("a scheduled function on one machine", "serverless"),
    },
)

SCENARIOS: Final = (*_EIGHT, *_TWELVE, *_HIDDEN)
"""All of them; ``group`` tells them apart."""
