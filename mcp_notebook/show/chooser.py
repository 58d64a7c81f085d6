"""A road that is recommended, and the chooser: what to tick, and what comes of it."""

from __future__ import annotations

import contextlib
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .elements import folded
from .markup import Bundle, Html, bundle, code, faint, joined, line, strong
from .text import clean, html

WIDEST: Final = 88
_LIST: Final = '<ul style="margin:0.2em 0 0.2em 1.2em">'


@dataclass(frozen=True, kw_only=True)
class Advice:
    """A road and why.

    Attributes:
        road: its name.
        title: what it is.
        standing: what the specification says of it.
        asked: what was answered with yes.
        reasons: a text, and what stands behind it.
        warnings: what to mind.
        beside: roads to serve as well.
    """

    road: str
    title: str
    standing: str
    asked: Sequence[str] = ()
    reasons: Sequence[tuple[str, str]] = ()
    warnings: Sequence[str] = ()
    beside: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A question of the chooser.

    Attributes:
        key: its name in ``choose``.
        text: the question.
        more: what yes means.
    """

    key: str
    text: str
    more: str = ""


def advice(one: Advice) -> Bundle:
    """A recommendation."""
    head = f"{clean(one.road, 40)}: {clean(one.title, 100)} ({clean(one.standing, 60)})"
    plain = [head]
    parts: list[Html] = [line(faint("use "), strong(head))]
    if one.asked:
        told = "you said yes to: " + ", ".join(clean(key, 30) for key in one.asked)
        plain.append(_filled(told, "", ""))
        parts.append(line(faint(told)))
    items = ""
    for text, behind in one.reasons:
        told = _with(text, behind)
        plain.append(_filled(told, "  + ", "    "))
        items += f"<li>{html(told)}</li>"
    if items:
        parts.append(Html(f"{_LIST}{items}</ul>"))
    for text in one.warnings:
        plain.append(_filled(clean(text, 300), "  ! ", "    "))
        parts.append(line(strong("Mind: "), clean(text, 300)))
    if one.beside:
        told = "serve as well: " + ", ".join(clean(road, 40) for road in one.beside)
        plain.append(f"  & {told}")
        parts.append(line(told))
    return bundle("\n".join(plain), *parts)


def _filled(text: str, first: str, then: str) -> str:
    return textwrap.fill(
        text, WIDEST, initial_indent=first, subsequent_indent=then, replace_whitespace=False
    )


def _with(text: str, behind: str) -> str:
    return f"{clean(text, 300)} ({clean(behind, 100)})" if behind else clean(text, 300)


def decision(title: str, steps: Sequence[tuple[str, Advice]], asks: Sequence[Ask]) -> Bundle:
    """A flow that opens step by step without a kernel: the first step that fits counts.

    Args:
        title: what it is.
        steps: the text of each step and what it leads to.
        asks: the questions, and how ``choose`` calls them.
    """
    plain = [clean(title, 100)]
    parts: list[Html] = [line(strong(clean(title, 100)), " ", faint("the first that fits counts"))]
    for number, (text, led) in enumerate(steps, 1):
        told = f"{number}. {clean(text, 200)}"
        plain.append(f"  {told} -> {clean(led.road, 40)}")
        parts.append(folded(told, Html(advice(led)["text/html"])))
    plain.append("  choose(...) takes: " + ", ".join(clean(ask.key, 30) for ask in asks))
    listed = "".join(
        f"<li>{code(clean(ask.key, 30))} {html(clean(ask.text, 200))} "
        f"{faint(clean(ask.more, 200))}</li>"
        for ask in asks
    )
    parts.append(folded("the questions", Html(f"{_LIST}{listed}</ul>")))
    return bundle("\n".join(_filled(text, "", "     ") for text in plain), *parts)


class ChooserForm:
    """Ticks for the questions, and below them what they lead to.

    Args:
        asks: the questions.
        choose: the advice for the answers.

    Attributes:
        box: the widget.
    """

    def __init__(self, asks: Sequence[Ask], choose: Callable[[Mapping[str, bool]], Advice]) -> None:
        import ipywidgets

        self._choose = choose
        self._ticks: dict[str, Any] = {}
        for ask in asks:
            label = f"{clean(ask.text, 200)}"
            self._ticks[ask.key] = ipywidgets.Checkbox(
                value=False, description=label, indent=False, layout={"width": "auto"}
            )
        self._said = ipywidgets.HTML()
        for tick in self._ticks.values():
            tick.observe(self._changed, "value")
        self.box = ipywidgets.VBox([*self._ticks.values(), self._said])
        self._changed(None)

    @property
    def answers(self) -> dict[str, bool]:
        """What is ticked."""
        return {key: bool(tick.value) for key, tick in self._ticks.items()}

    def _changed(self, _change: Any) -> None:
        with contextlib.suppress(Exception):  # the front end may be gone
            self._said.value = joined([Html(advice(self._choose(self.answers))["text/html"])])
