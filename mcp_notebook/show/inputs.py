"""A field of a form as a widget: what is filled in, read back exactly, and what is wrong with it.

A field that was left out and one that is null are two things, and a text may be empty: each
can be said. What was typed stays where it is until somebody takes it away.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Final

import ipywidgets as widgets

from .constraints import Problem
from .fields import Field, json_of, same
from .markup import failed, faint, line, strong

CHOOSE: Final = "(choose)"
LEAVE_OUT: Final = "(leave out)"
EMPTY: Final = '""'
"""Typed into a text field: the text without characters."""
_SHORT: Final = 120
"""A text that may be longer gets a field with several lines."""
_MAX_LINES: Final = 8
_WIDE: Final = "min(100%, 34em)"


class Nothing(Enum):
    """What a field gives where it gives no value."""

    LEFT_OUT = "left out"
    WRONG = "wrong"


class Input:
    """A field with its label, its widgets and the place for what is wrong.

    Attributes:
        field: the field.
        label: what it is called, and what must be known to fill it in.
        widget: what it is filled in with.
        problem: what is wrong with it.
        box: all of them.
    """

    def __init__(self, field: Field, changed: Callable[[], None]) -> None:
        self.field = field
        self.changed = changed
        self.label = widgets.HTML(self.caption())
        self.problem = widgets.HTML(layout=widgets.Layout(display="none"))
        self.widget = self.made()
        self.switch: Any = None
        if not field.required and field.kind in ("object", "array"):
            self.switch = self._box("give it", field.has_default)
        self.null: Any = None
        if field.nullable:
            schema = field.schema
            none = field.required and "default" in schema and schema["default"] is None
            self.null = self._box("null", none)
        extra = [one for one in (self.switch, self.null) if one is not None]
        body = widgets.VBox([widgets.HBox(extra), self.widget]) if extra else self.widget
        self._follow_switches()
        self.box = widgets.VBox([self.label, body, self.problem])

    def _box(self, word: str, value: bool) -> Any:
        made = widgets.Checkbox(
            value=value, description=word, indent=False, layout=widgets.Layout(width="auto")
        )

        def follow(_: object) -> None:
            self._follow_switches()
            self.changed()

        made.observe(follow, "value")
        return made

    def _follow_switches(self) -> None:
        """Fields that give nothing are out of the way; what stands in them stays."""
        shown = self.switch is None or self.switch.value
        shown = shown and not (self.null is not None and self.null.value)
        self.widget.layout.display = None if shown else "none"

    def caption(self) -> str:
        """The label's text."""
        required = "required" if self.field.required else "optional"
        return line(
            strong(self.field.title), faint(f" ({'; '.join([required, *self.field.hints])})")
        )

    def rename(self, name: str) -> None:
        """Call it something else."""
        self.field = self.field.named(name)
        self.label.value = self.caption()

    def read(self, *, quiet: bool = False) -> Any:
        """The value, or :class:`Nothing`; where it does not fit, a line beside the field says so.

        Args:
            quiet: say nothing.
        """
        if not quiet and self.problem.value:
            self.problem.value = ""
            self.problem.layout.display = "none"
        try:
            if self.null is not None and self.null.value:
                return None
            if self.switch is not None and not self.switch.value:
                return Nothing.LEFT_OUT
            return self.value(quiet)
        except Problem as problem:
            if not quiet:
                self.complain(str(problem))
            return Nothing.WRONG

    def complain(self, text: str) -> None:
        """Say what is wrong with it."""
        self.problem.value = line(failed(f"{self.field.title}: {text}"))
        self.problem.layout.display = None

    def at(self, path: Sequence[Any]) -> Input:
        """The input of a place inside it; itself where there is none."""
        return self

    def forget_secrets(self) -> None:
        """Empty the fields whose contents nobody should see."""

    def made(self) -> Any:
        """Its widget."""
        raise NotImplementedError

    def value(self, quiet: bool) -> Any:
        """What stands in it, or :class:`Nothing`.

        Raises:
            Problem: it may not stand there.
        """
        raise NotImplementedError


class SimpleInput(Input):
    """A field that is one widget: a text, a number, a choice, JSON."""

    def __init__(self, field: Field, changed: Callable[[], None], *, lines: bool = False) -> None:
        self._lines = lines
        super().__init__(field, changed)
        self.widget.observe(self._filled, "value")

    def _filled(self, change: Any) -> None:
        if self._lines and isinstance(self.widget, widgets.Textarea):
            rows = min(_MAX_LINES, str(change["new"]).count("\n") + 1)
            self.widget.rows = max(self.widget.rows, rows)  # one that shrinks would jump
        self.changed()

    def made(self) -> Any:
        """Its widget."""
        field = self.field
        nothing = CHOOSE if field.required else LEAVE_OUT
        wide = widgets.Layout(width=_WIDE)
        if field.kind == "choices":
            labels, taken = [label for label, _ in field.options], field.default
            index = [i for i, (_, value) in enumerate(field.options) if value in taken]
            rows = max(2, min(8, len(labels)))
            return widgets.SelectMultiple(options=_distinct(labels), index=index, rows=rows)
        if field.kind == "choice":
            labels = [nothing, *(label for label, _ in field.options)]
            return widgets.Dropdown(options=_distinct(labels), index=self._chosen())
        if field.kind == "boolean":
            if field.required or isinstance(field.default, bool):
                return widgets.Checkbox(value=field.default is True, indent=False)
            return widgets.Dropdown(options=[nothing, "yes", "no"])
        if field.secret:
            return widgets.Password(layout=wide)
        if field.kind == "json":
            return widgets.Textarea(value=_json_text(field), rows=3, layout=wide)
        if field.kind == "string" and self._lines and _may_be_long(field):
            rows = min(_MAX_LINES, field.default_text.count("\n") + 1)
            return widgets.Textarea(value=field.default_text, rows=rows, layout=wide)
        return widgets.Text(value=field.default_text, layout=wide)

    def _chosen(self) -> int:
        field = self.field
        if len(field.options) == 1 and field.required:
            return 1  # there is no other
        alike = [same(value, field.schema.get("default")) for _, value in field.options]
        return 1 + alike.index(True) if field.has_default and True in alike else 0

    def value(self, quiet: bool) -> Any:
        """What stands in it."""
        field, widget = self.field, self.widget
        if field.kind == "choices":
            chosen = [field.options[i][1] for i in widget.index]
            return _or_left_out(field.checked(chosen or (None if not field.required else [])))
        if field.kind == "choice":
            if widget.index:
                return field.options[widget.index - 1][1]  # it may be null
            return _or_left_out(field.checked(None))
        if field.kind == "boolean":
            checked = isinstance(widget.value, bool)
            return _or_left_out(field.checked(widget.value if checked else _YES_NO[widget.index]))
        text = str(widget.value)
        if field.kind == "json":
            return json_of(text) if text.strip() else _or_left_out(field.checked(None))
        if field.kind == "string":
            return self._text(text)
        return _or_left_out(field.typed(text))

    def _text(self, text: str) -> Any:
        field = self.field
        if text == EMPTY:
            return field.checked("")
        if text:
            return field.checked(text)
        if field.required and not field.schema.get("minLength"):
            raise Problem(f"this is required; type {EMPTY} for an empty text")
        return _or_left_out(field.checked(None))

    def forget_secrets(self) -> None:
        """Empty it, where nobody should see what stands in it."""
        if self.field.secret:
            self.widget.value = ""


def _or_left_out(value: Any) -> Any:
    return Nothing.LEFT_OUT if value is None else value


def _may_be_long(field: Field) -> bool:
    schema = field.schema
    most = schema.get("maxLength")
    short = isinstance(most, int) and most <= _SHORT
    return not short and not schema.get("format") and not schema.get("pattern")


def _json_text(field: Field) -> str:
    if not field.has_default:
        return ""
    text = json.dumps(field.schema["default"], indent=2, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode("utf-8")


def _distinct(labels: list[str]) -> list[str]:
    """Labels of a choice, told apart: a server may give two the same."""
    return [
        label if labels.index(label) == i else f"{label} ({i})" for i, label in enumerate(labels)
    ]


_YES_NO: Final = (None, True, False)
