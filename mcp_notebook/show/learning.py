"""What a lesson shows of the reader: cards of claims, guesses, verdicts, the table of progress.

It gets plain rows and knows nothing of lessons. Colour is never the only sign.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from .markup import (
    Bundle,
    Html,
    bundle,
    code,
    columns,
    facts,
    failed,
    faint,
    framed,
    joined,
    line,
    strong,
    table,
)
from .text import clean, count_text, html

WIDEST: Final = 88
"""Characters of a line in plain text."""

ARTICLES: Final = "The numbers are those of the articles in lessons/README.md."
"""Where a page that names its sources says what they are."""

_NONE: Final = "-"
_UNMEASURED: Final = {"failed": "not shown", "missing": "not measured here"}
_MARKS: Final = ("right", "nearly", "wrong")


@dataclass(frozen=True, kw_only=True)
class ClaimRow:
    """One claim and what became of it.

    Attributes:
        id: the claim.
        lesson: the lesson's number.
        claim: what the articles say, in our words.
        sources: the articles.
        guess: what the reader guessed; empty where nothing.
        mark: ``right``, ``nearly``, ``wrong``; empty where a guess cannot be judged.
        outcome: ``held``, ``failed``, ``missing`` where a program is not installed, or empty
            where nothing was measured.
        measured: what was measured.
        verdict: what the measurement says of the claim.
        because: the reason.
        reference: where the specification says so.
        threshold: for a claim that times decide, the ratio asked for.
    """

    id: str
    lesson: str
    claim: str
    sources: Sequence[str] = ()
    guess: str = ""
    mark: str = ""
    outcome: str = ""
    measured: str = ""
    verdict: str = ""
    because: str = ""
    reference: str = ""
    threshold: str = ""

    @property
    def guessed(self) -> str:
        """The guess and how near it came, once something was measured."""
        if not self.guess:
            return _NONE
        mark = self.mark if self.outcome == "held" and self.mark in _MARKS else ""
        return f"{clean(self.guess, 20)}, {mark}" if mark else clean(self.guess, 20)

    @property
    def found(self) -> str:
        """The verdict, or why there is none."""
        if self.outcome == "held":
            return clean(self.verdict, 40)
        return _UNMEASURED.get(self.outcome, _NONE)


@dataclass(frozen=True, kw_only=True)
class ExerciseRow:
    """One exercise and what became of it.

    Attributes:
        id: the exercise.
        title: what is asked for.
        passed: whether its check passed.
        tries: how often it was checked.
    """

    id: str
    title: str
    passed: bool
    tries: int


def claim_card(row: ClaimRow) -> Bundle:
    """One claim after its cell ran: what was claimed, guessed and measured."""
    rows = [
        ("claim", clean(row.claim, 400)),
        ("you guessed", row.guessed),
        ("measured", clean(row.measured, 300) or "the assertions held"),
        ("verdict", row.found),
        ("because", clean(row.because, 400)),
        ("threshold", clean(row.threshold, 300)),
    ]
    kept = [(name, text) for name, text in rows if text and (name, text) != ("you guessed", _NONE)]
    plain = "\n".join([_id(row), *(_wrapped(name, text) for name, text in kept)])
    head = line(strong(_id(row)), " ", clean(row.claim, 400))
    shown = [(name, _verdict(text) if name == "verdict" else text) for name, text in kept]
    return bundle(plain, framed(head, facts([pair for pair in shown if pair[0] != "claim"])))


def guess_line(row: ClaimRow, known: Sequence[str]) -> Bundle:
    """The claim, and what the reader guesses; without a guess, what can be typed."""
    claim = clean(row.claim, 400)
    if row.guess:
        told = f"Your guess: {clean(row.guess, 20)}. The cell that measures it comes below."
    else:
        told = f"What do you think? %mcp guess {clean(row.id, 12)} {'|'.join(known)}"
    head = f"{_id(row)}: {claim}"
    return bundle(f"{_wrap(head)}\n{told}", line(strong(_id(row)), ": ", claim), line(told))


def verdict(id: str, title: str, *, passed: bool, seen: str, hint: str) -> Bundle:
    """What a check says of an answer."""
    name, said = f"{clean(id, 12)} {clean(title, 80)}".strip(), "passed" if passed else "not yet"
    seen, hint = clean(seen, 400), clean(hint, 400)
    plain = [f"{name}: {said}", _wrap(seen)]
    word = strong(said) if passed else failed(said)
    parts = [line(strong(name), ": ", word), line(seen)]
    if hint:
        plain.append(_wrap(f"Hint: {hint}"))
        parts.append(line(faint("Hint: "), hint))
    return bundle("\n".join(plain), *parts)


def hint(id: str, number: int, of: int, text: str) -> Bundle:
    """One hint."""
    id = clean(id, 12)
    more = f"%mcp hint {id} tells the next one." if number < of else "That was the last one."
    head = f"Hint {number} of {of} for {id}"
    shown = clean(text, 600)
    return bundle(
        f"{head}\n{_wrap(shown)}\n{more}", line(strong(head)), line(shown), line(faint(more))
    )


def progress(
    claims: Sequence[ClaimRow],
    exercises: Sequence[ExerciseRow],
    note: str = "",
    *,
    stable: bool = False,
) -> Bundle:
    """The table of claims: what the articles say, what was guessed, what was measured.

    Args:
        claims: the claims.
        exercises: the exercises.
        note: a line below.
        stable: leave out how often an answer was checked.
    """
    if not claims and not exercises:
        empty = "Nothing is guessed or measured yet. Run a lesson, then %mcp progress."
        return bundle(empty, line(faint(empty)))
    plain: list[str] = []
    parts: list[Html] = []
    if claims:
        for row in claims:
            found = _found(row)
            plain += [_id(row)]
            plain += [_wrapped("the articles", clean(row.claim, 400))]
            plain += [_wrapped("you guessed", row.guessed), _wrapped("you measured", found)]
        parts.append(_claims_table(claims))
        plain.append(counted(claims))
        parts.append(line(counted(claims)))
    if exercises:
        rows = [_exercise(replace(row, tries=0) if stable else row) for row in exercises]
        plain += ["exercises", columns(rows, indent="  ")]
        parts.append(table(("exercise", "", "", ""), [(code(i), *rest) for i, *rest in rows]))
    if note:
        plain.append(clean(note, 300))
        parts.append(line(faint(clean(note, 300))))
    return bundle("\n".join(plain), *parts)


def counted(claims: Sequence[ClaimRow]) -> str:
    """How many claims were measured, and how many guesses were right."""
    measured = [row for row in claims if row.outcome == "held"]
    told = f"{len(measured)} of {count_text(len(claims), 'claim')} measured"
    guessed = [row for row in measured if row.mark]
    if guessed:
        right = sum(row.mark == "right" for row in guessed)
        told += f"; {right} of {len(guessed)} guessed right"
    return told + "."


_STYLE: Final = """
html{color-scheme:light dark}
body{margin:0 auto;max-width:75rem;padding:1rem;font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.4rem}
h2{font-size:1.1rem;margin-top:2rem}
table{width:100%}
small{opacity:.8}
"""


def progress_page(claims: Sequence[ClaimRow], exercises: Sequence[ExerciseRow]) -> str:
    """One page of the claims the reader tested: no script, nothing from elsewhere."""
    # inline: the tables carry their style in attributes
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    parts: list[str] = []
    for number in dict.fromkeys(row.lesson for row in claims):
        rows = [row for row in claims if row.lesson == number]
        parts.append(f"<h2>Lesson {html(number)}</h2>\n{_claims_table(rows, full=True)}\n")
    if exercises:
        body = [(code(i), *rest) for i, *rest in map(_exercise, exercises)]
        parts.append(f"<h2>Exercises</h2>\n{table(('exercise', '', '', ''), body)}\n")
    told = counted(claims) if claims else "No claim was measured yet."
    if any(row.sources for row in claims):
        told += f" {ARTICLES}"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Claims about MCP transports, tested</title>\n<style>{_STYLE}</style>\n"
        "</head>\n<body>\n<h1>Claims about MCP transports, tested</h1>\n"
        f"<p>{html(told)}</p>\n{''.join(parts)}</body>\n</html>\n"
    )


def _claims_table(rows: Sequence[ClaimRow], *, full: bool = False) -> Html:
    body = []
    for row in rows:
        measured = [_verdict(row.found)]
        if row.measured:
            measured += [line(clean(row.measured, 300))]
        if full and row.outcome == "held":
            measured += [line(faint(clean(row.because, 400)))]
        claim: list[str] = [clean(row.claim, 400)]
        if full:
            told = f"Articles {', '.join(clean(s, 12) for s in row.sources)}"
            told += f". {clean(row.reference, 200)}" if row.reference else ""
            claim.append(line(faint(told)))
        body.append((code(_id(row)), joined(claim), row.guessed, joined(measured)))
    return table(("claim", "the articles say", "you guessed", "you measured"), body)


def _exercise(row: ExerciseRow) -> tuple[str, str, str, str]:
    tries = count_text(row.tries, "check") if row.tries else ""
    said = "passed" if row.passed else "not yet"
    return clean(row.id, 12), clean(row.title, 80), said, tries


def _found(row: ClaimRow) -> str:
    measured = clean(row.measured, 300)
    return f"{row.found}: {measured}" if measured and row.outcome else row.found


def _verdict(text: str) -> Html:
    return failed(text) if text in _UNMEASURED.values() else strong(text)


def _id(row: ClaimRow) -> str:
    return clean(row.id, 12)


def _wrap(text: str) -> str:
    return textwrap.fill(text, WIDEST)


def _wrapped(name: str, text: str) -> str:
    return textwrap.fill(text, WIDEST, initial_indent=f"  {name:<13}", subsequent_indent=" " * 15)
