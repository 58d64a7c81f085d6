"""What a check says of an answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """The judgement of one answer.

    Attributes:
        passed: whether the answer is right.
        seen: what the check saw, one or two short sentences.
        hint: names the likely mistake; empty where the answer is right.
        untouched: whether nothing was written yet.
    """

    passed: bool
    seen: str
    hint: str = ""
    untouched: bool = False

    def __bool__(self) -> bool:
        return self.passed


class NotYet(Exception):
    """Ends a check at once with a verdict; raised by the attempt, caught by the exercise."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.seen)
        self.verdict = verdict


def passed(seen: str) -> Verdict:
    """The answer is right; ``seen`` says what showed it."""
    return Verdict(True, seen)


def failed(seen: str, hint: str) -> Verdict:
    """The answer is not right yet.

    Args:
        seen: what the check saw.
        hint: names the likely mistake.
    """
    return Verdict(False, seen, hint)
