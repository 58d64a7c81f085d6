"""Fields inside fields: objects and lists of a form, and how an input is chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import ipywidgets as widgets

from .constraints import check
from .fields import Field
from .inputs import Input, Nothing, SimpleInput

MAX_ROWS: Final = 50


def input_of(field: Field, changed: Callable[[], None], *, lines: bool = False) -> Input:
    """The input of a field.

    Args:
        field: the field.
        changed: called whenever something was filled in.
        lines: whether a text may have several lines.
    """
    if field.kind == "object":
        return GroupInput(field, changed, lines=lines)
    if field.kind == "array" and field.item is not None:
        return ListInput(field, changed, lines=lines)
    return SimpleInput(field, changed, lines=lines)


def gathered(inputs: Sequence[Input], *, quiet: bool = False) -> Any:
    """The values of several inputs by name; what was left out is not in it.

    Returns:
        ``Nothing.WRONG`` where one of them does not fit.
    """
    values = {one.field.name: one.read(quiet=quiet) for one in inputs}
    if any(value is Nothing.WRONG for value in values.values()):
        return Nothing.WRONG
    return {name: value for name, value in values.items() if value is not Nothing.LEFT_OUT}


class GroupInput(Input):
    """A field that has fields of its own."""

    def __init__(self, field: Field, changed: Callable[[], None], *, lines: bool = False) -> None:
        given = field.default if isinstance(field.default, dict) else {}
        self.inputs = [
            input_of(
                one.beginning_with(given[one.name]) if one.name in given else one,
                changed,
                lines=lines,
            )
            for one in field.fields
        ]
        super().__init__(field, changed)

    def made(self) -> Any:
        """Its fields, one below the other."""
        return widgets.VBox([one.box for one in self.inputs], layout=_indented())

    def value(self, quiet: bool) -> Any:
        """An object of what its fields give."""
        return gathered(self.inputs, quiet=quiet)

    def at(self, path: Sequence[Any]) -> Input:
        """The input of a place inside it."""
        for one in self.inputs:
            if path and one.field.name == path[0]:
                return one.at(path[1:])
        return self

    def forget_secrets(self) -> None:
        """Empty the secret ones of its fields."""
        for one in self.inputs:
            one.forget_secrets()


class ListInput(Input):
    """A field that holds any number of one kind of field."""

    def __init__(self, field: Field, changed: Callable[[], None], *, lines: bool = False) -> None:
        self.rows: list[tuple[Input, Any]] = []
        self._lines = lines
        self._more = widgets.Button(
            description="Add", layout=widgets.Layout(width="auto", align_self="flex-start")
        )
        self._more.on_click(lambda _: self._added())
        self._place = widgets.VBox()
        super().__init__(field, changed)
        default = field.default if isinstance(field.default, list) else []
        for value in default[:MAX_ROWS]:
            self.add(value)
        least = field.schema.get("minItems")
        if field.required and isinstance(least, int) and not default:
            for _ in range(min(least, MAX_ROWS)):
                self.add()

    def made(self) -> Any:
        """Its rows, and the button that adds one."""
        return widgets.VBox([self._place, self._more], layout=_indented())

    def _added(self) -> None:
        self.add()
        self.changed()

    def add(self, value: Any = Nothing.LEFT_OUT) -> Input:
        """Add a row, which begins with a value if there is one."""
        assert self.field.item is not None
        item = self.field.item.named(str(len(self.rows) + 1))
        if value is not Nothing.LEFT_OUT:
            item = item.beginning_with(value)
        made = input_of(item, lambda: self.changed(), lines=self._lines)
        away = widgets.Button(description="Remove", layout=widgets.Layout(width="auto"))
        away.on_click(lambda _: self.remove(made))
        box = widgets.HBox([made.box, away], layout=widgets.Layout(align_items="flex-end"))
        self.rows.append((made, box))
        self._draw()
        return made

    def remove(self, row: Input) -> None:
        """Take a row away; the ones below it move up."""
        self.rows = [one for one in self.rows if one[0] is not row]
        for number, (one, _) in enumerate(self.rows, 1):
            one.rename(str(number))
        self._draw()
        self.changed()

    def _draw(self) -> None:
        self._place.children = tuple(box for _, box in self.rows)
        self._more.disabled = len(self.rows) >= MAX_ROWS

    def value(self, quiet: bool) -> Any:
        """A list of what its rows give."""
        values = [row.read(quiet=quiet) for row, _ in self.rows]
        if any(one is Nothing.WRONG for one in values):
            return Nothing.WRONG
        found = [one for one in values if one is not Nothing.LEFT_OUT]
        check("array", found, self.field.schema)
        return found

    def at(self, path: Sequence[Any]) -> Input:
        """The input of a place inside it."""
        if path and isinstance(path[0], int) and path[0] < len(self.rows):
            return self.rows[path[0]][0].at(path[1:])
        return self

    def forget_secrets(self) -> None:
        """Empty the secret ones of its rows."""
        for row, _ in self.rows:
            row.forget_secrets()


def _indented() -> Any:
    rule = "2px solid var(--jp-border-color2, rgba(128, 128, 128, 0.4))"
    return widgets.Layout(border_left=rule, padding="0 0 0 0.8em")
