"""How readings become the articles' words: thresholds that anybody may move, and rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Final

from mcp_notebook.bench.readings import Reading, Results
from mcp_notebook.bench.roads import ROADS
from mcp_notebook.errors import UsageError
from mcp_notebook.runtime.names import near


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Where an adjective begins. ``with_`` gives a copy with some of them moved."""

    streaming_excellent: float = 0.4
    streaming_good: float = 0.8
    latency_very_low: float = 1.5
    latency_low: float = 2.5
    latency_medium: float = 8.0
    setup_low: float = 2
    setup_medium: float = 8
    scale_excellent: float = 1.6
    scale_good: float = 1.2
    lost_calls: float = 0
    weight_speed: float = 2
    weight_reach: float = 2
    weight_setup: float = 2

    def with_(self, **moved: float) -> Thresholds:
        """A copy with some thresholds moved.

        Raises:
            UsageError: there is no threshold of that name, or the value is no number.
        """
        names = [one.name for one in fields(self)]
        for name, value in moved.items():
            if name not in names:
                hint = near(name, names).strip() or f"There is: {', '.join(names)}."
                raise UsageError(f"there is no threshold {name!r}.", hint=hint)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise UsageError(f"{name} is a number.", hint=f"For example {name}=2")
        return replace(self, **moved)

    @property
    def changed(self) -> dict[str, tuple[float, float]]:
        """The thresholds that were moved: what they were, what they are."""
        mine, usual = asdict(self), asdict(THRESHOLDS)
        return {name: (usual[name], mine[name]) for name in mine if mine[name] != usual[name]}

    @property
    def explained(self) -> dict[str, str]:
        """What each of them decides."""
        return dict(_EXPLAINED)


_EXPLAINED: Final = {
    "streaming_excellent": "excellent: all reports came, the first before this share of the call",
    "streaming_good": "good: all reports came, the first before this share of the call",
    "latency_very_low": "very low: at most so many times the median of stdio",
    "latency_low": "low: at most so many times the median of stdio",
    "latency_medium": "medium: at most so many times the median of stdio; high above",
    "setup_low": "low: at most so many things to make or to run",
    "setup_medium": "medium: at most so many; high above",
    "scale_excellent": "excellent: two workers do at least so many times the calls of one",
    "scale_good": "good: two workers do at least so many times the calls of one",
    "lost_calls": "excellent: at most so many calls lost for good when a worker dies",
    "weight_speed": "best for: what latency weighs",
    "weight_reach": "best for: what remote access, balancing and firewalls weigh",
    "weight_setup": "best for: what little set-up weighs",
}

THRESHOLDS: Final = Thresholds()
"""The usual ones."""


class Missing(Exception):
    """A rule lacks a reading; the text says which, and why it is not there."""


class Evidence:
    """What a rule may look at: the readings of one road, and those of the others.

    Args:
        results: the readings.
        road: the road that is judged.
        thresholds: where adjectives begin.
    """

    def __init__(self, results: Results, road: str, thresholds: Thresholds) -> None:
        self.results = results
        self.road = road
        self.limits = thresholds

    def of(self, probe: str, road: str = "") -> Reading:
        """A reading.

        Raises:
            Missing: it is not there, or nothing could be measured.
        """
        name = road or self.road
        found = self.results.get(probe, name)
        if found is None:
            raise Missing(f"{probe} was not run on {name} yet")
        if not found.ran:
            raise Missing(f"{probe} on {name}: {found.why_not}")
        return found

    def number(self, probe: str, name: str = "", road: str = "") -> float:
        """A reading that is a number.

        Raises:
            Missing: it is not there, or is none.
        """
        found = self.of(probe, road).number(name)
        if found is None:
            raise Missing(f"{probe} on {road or self.road} holds no number {name}".rstrip())
        return found

    def at(self, road: str) -> Evidence:
        """The same of another road."""
        return Evidence(self.results, road, self.limits)


Rule = Callable[[Evidence], str]

RULES: Final[dict[str, Rule]] = {}
"""Every rule, by name; its docstring says what it does."""


def rule(judge: Rule) -> Rule:
    """Register a rule under the name of its function."""
    RULES[judge.__name__] = judge
    return judge


def _yes(value: object) -> str:
    return "yes" if value is True else "no"


@rule
def local(evidence: Evidence) -> str:
    """Yes where a call on this machine is answered."""
    return _yes(evidence.of("P1")["answered"])


@rule
def remote(evidence: Evidence) -> str:
    """Yes where a stranger that shares only a network gets an answer."""
    return _yes(evidence.of("P2")["reached"])


@rule
def place(evidence: Evidence) -> str:
    """Local only, remote only, or both."""
    words = {("yes", "no"): "local only", ("no", "yes"): "remote only"}
    found = (local(evidence), remote(evidence))
    return words.get(found, "local or remote" if "yes" in found else "nowhere")


@rule
def shared(evidence: Evidence) -> str:
    """Yes where one process serves two clients."""
    return _yes(evidence.number("P3", "processes") == 1)


@rule
def streaming(evidence: Evidence) -> str:
    """By how many progress reports came, and how early the first."""
    found = evidence.of("P4")
    if not found["count"]:
        return "none"
    share = evidence.number("P4", "share")
    if found["count"] == found["of"]:
        if share < evidence.limits.streaming_excellent:
            return "excellent"
        if share < evidence.limits.streaming_good:
            return "good"
    return "limited"


@rule
def both_ways(evidence: Evidence) -> str:
    """Yes: both may speak on one channel; else how the client, or only one, may."""
    client, server = evidence.of("P5"), evidence.of("P6")
    hears = client["answered"] is True
    speaks = server["unasked"] is True or server["subscribed"] is True
    if hears and speaks:
        return "yes" if client["same_channel"] is True else "by extra request"
    return "one way" if hears or speaks else "no"


@rule
def auth_required(evidence: Evidence) -> str:
    """Whether a call without a credential is turned away where nobody asked for that."""
    return "not required" if evidence.of("P1")["answered"] is True else "required"


@rule
def auth_support(evidence: Evidence) -> str:
    """Where a credential has its place."""
    return str(evidence.of("P7")["how"])


@rule
def balance(evidence: Evidence) -> str:
    """By the errors of calls that take turns between two workers."""
    found = evidence.of("P8")
    if found["port"] is not True:
        return "no"
    if found["errors"] == 0:
        return "yes"
    return "with stickiness" if found["errors_sticky"] == 0 else "no"


@rule
def scaling(evidence: Evidence) -> str:
    """By the calls that two workers do, what is lost when one dies, and what they need."""
    if shared(evidence) == "no":
        return "limited"
    found, limits = evidence.of("P14"), evidence.limits
    turns = balance(evidence)
    if turns == "no":
        return "limited"
    ratio, lost = evidence.number("P14", "ratio"), evidence.number("P14", "lost")
    spreads = turns == "yes" and found["moves"] is True
    if ratio >= limits.scale_excellent and lost <= limits.lost_calls and spreads:
        return "excellent"
    return "good" if ratio >= limits.scale_good else "limited"


@rule
def serverless(evidence: Evidence) -> str:
    """Yes where a process for each request is enough; or where something holds the socket."""
    found = evidence.of("P9")
    if found["share"] == 1:
        return "yes"
    return "with a holder" if found["share_held"] == 1 else "no"


@rule
def cloud(evidence: Evidence) -> str:
    """Remote, and content with processes that come and go."""
    if remote(evidence) == "no":
        return "no"
    found = serverless(evidence)
    return "remote, not serverless" if found == "no" else found


@rule
def firewall(evidence: Evidence) -> str:
    """By the forward proxies that it passes: one for plain requests, one with tunnels."""
    found = evidence.of("P10")
    if found["socket"] is not True:
        return "n/a"
    if found["plain"] is True:
        return "yes"
    return "sometimes" if found["tunnel"] is True else "no"


@rule
def setup(evidence: Evidence) -> str:
    """By the number of things to make or to run."""
    total = evidence.number("P11", "total")
    if total <= evidence.limits.setup_low:
        return "low"
    return "medium" if total <= evidence.limits.setup_medium else "high"


@rule
def latency(evidence: Evidence) -> str:
    """By rank, and by the ratio to the median of stdio."""
    median = evidence.number("P12", "median_ms")
    others = []
    for road in COMPARED:
        try:
            others.append(evidence.number("P12", "median_ms", road))
        except Missing:
            continue
    if median <= min(others, default=median):
        return "lowest"
    ratio, limits = median / evidence.number("P12", "median_ms", "stdio"), evidence.limits
    if ratio <= limits.latency_very_low:
        return "very low"
    if ratio <= limits.latency_low:
        return "low"
    return "medium" if ratio <= limits.latency_medium else "high"


COMPARED: Final = tuple(name for name in ROADS if name != "memory")
"""The roads between two processes; one process is not what the articles compare."""
