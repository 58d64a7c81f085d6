"""Which road is best for what: scores, weights, and who beats whom on every count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from .rules import COMPARED, Evidence, Missing, balance, firewall, remote, rule, shared, streaming

MERITS: Final = (
    "speed",
    "lightness",
    "set-up",
    "reach",
    "streaming",
    "notices",
    "balancing",
    "firewall",
    "sharing",
)
"""What roads are scored on, each from 0 to 1; 1 is best."""

_WORDS: Final = {
    "streaming": {"excellent": 1.0, "good": 0.7, "limited": 0.3, "none": 0.0},
    "balancing": {"yes": 1.0, "with stickiness": 0.5, "no": 0.0},
    "firewall": {"yes": 1.0, "sometimes": 0.5, "no": 0.0, "n/a": 0.0},
}

WORKLOADS: Final[dict[str, dict[str, float]]] = {
    "development": {"set-up": 3, "speed": 2, "streaming": 1},
    "production": {
        "reach": 2,
        "balancing": 2,
        "firewall": 2,
        "sharing": 1,
        "streaming": 1,
        "set-up": 1,
    },
    "realtime": {"speed": 4, "notices": 2, "streaming": 1, "reach": 2},
}
"""What matters how much for what; a judgement, not a measurement."""

_MOVED_BY: Final = {
    "speed": "weight_speed",
    "set-up": "weight_setup",
    "reach": "weight_reach",
    "balancing": "weight_reach",
    "firewall": "weight_reach",
}


def merits(evidence: Evidence) -> dict[str, float]:
    """The scores of one road.

    Raises:
        Missing: a reading is not there.
    """
    notices = evidence.of("P6")
    hears = 1.0 if notices["unasked"] is True else 0.9 if notices["subscribed"] is True else 0.0
    return {
        "speed": _best(evidence, "P12", "median_ms"),
        "lightness": _best(evidence, "P17", "envelope"),
        "set-up": _best(evidence, "P11", "total"),
        "reach": 1.0 if remote(evidence) == "yes" else 0.0,
        "streaming": _WORDS["streaming"][streaming(evidence)],
        "notices": hears,
        "balancing": _WORDS["balancing"][balance(evidence)],
        "firewall": _WORDS["firewall"][firewall(evidence)],
        "sharing": 1.0 if shared(evidence) == "yes" else 0.0,
    }


def _best(evidence: Evidence, probe: str, name: str) -> float:
    """The smallest of all roads divided by this one's."""
    mine = evidence.number(probe, name)
    least = min(evidence.number(probe, name, road) for road in COMPARED)
    return 1.0 if mine <= 0 else max(0.0, min(1.0, least / mine))


def scores(evidence: Evidence, workload: Mapping[str, float]) -> dict[str, float]:
    """The weighted mean of each road's merits, from 0 to 1.

    Raises:
        Missing: a reading is not there.
    """
    weights = {merit: weight * _moved(evidence, merit) for merit, weight in workload.items()}
    whole = sum(weights.values())
    if whole <= 0:
        raise Missing("every weight is 0")
    found = {}
    for road in COMPARED:
        each = merits(evidence.at(road))
        found[road] = sum(each[merit] * weight for merit, weight in weights.items()) / whole
    return found


def _moved(evidence: Evidence, merit: str) -> float:
    """How much a reader made this merit weigh more or less than usual."""
    name = _MOVED_BY.get(merit)
    return 1.0 if name is None else float(getattr(evidence.limits, name)) / 2


@rule
def best_for(evidence: Evidence) -> str:
    """The workloads that this road wins by the weighted sum of its merits."""
    won = []
    for name, workload in WORKLOADS.items():
        found = scores(evidence, workload)
        if found[evidence.road] >= max(found.values()):
            won.append(name)
    return ", ".join(won) or "nothing alone"


def undominated(
    table: Mapping[str, Mapping[str, float]], merits_used: Sequence[str] = MERITS
) -> list[str]:
    """The roads that no other road equals or beats on every count (the Pareto front).

    Args:
        table: the merits of each road.
        merits_used: the counts that are looked at.
    """

    def beats(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
        pairs = [(one[merit], other[merit]) for merit in merits_used]
        return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)

    return [
        name
        for name, mine in table.items()
        if not any(beats(theirs, mine) for other, theirs in table.items() if other != name)
    ]
