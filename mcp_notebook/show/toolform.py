"""A form that calls a tool, made from the tool's JSON Schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import ipywidgets as widgets

from .copybox import CopyBox
from .fields import Field
from .inputs import Input, Nothing
from .markup import failed, faint, line
from .nesting import gathered, input_of
from .schemas import fields_of
from .text import clean
from .toolpage import call_line

WHOLE: Final = "arguments"
"""What the one field is called, where a schema names no arguments and takes some."""
_TAKES_MORE: Final = ("anyOf", "oneOf", "allOf", "$ref", "patternProperties", "if", "propertyNames")


class ToolForm:
    """A form for the arguments of a tool, with a Call button and a Cancel button.

    Args:
        tool: the tool's name.
        schema: its input schema.
        call: called with the arguments when Call is pressed and all of them fit.
        cancel: called when Cancel is pressed.
        on: the name of the connection, where the line to copy should name it.

    Attributes:
        box: the form.
        inputs: its fields.
        questions: where questions of the server are put while a call runs.
        line: the ``%mcp call`` line that would do the same.
    """

    def __init__(
        self,
        tool: str,
        schema: Mapping[str, Any],
        call: Callable[[dict[str, Any]], None],
        cancel: Callable[[], None],
        *,
        on: str = "",
    ) -> None:
        self._tool = tool
        self._schema = schema
        self._submit = call
        self._on = on
        self._spelling = False
        self.fields = fields_of(schema, arguments=True)
        self._whole = not self.fields and _takes_more(schema)
        if self._whole:
            hint = {"description": "an object with the arguments by name"}
            self.fields = [Field(name=WHOLE, kind="json", schema=hint)]
        self.inputs = [input_of(field, self._respell, lines=True) for field in self.fields]
        self._call = widgets.Button(description="Call", button_style="primary")
        self._call.on_click(lambda _: self.press())
        self._cancel = widgets.Button(description="Cancel", disabled=True)
        self._cancel.on_click(lambda _: cancel())
        self._said = widgets.HTML()
        self.questions = widgets.VBox()
        self.line = CopyBox(label="the line that makes the same call")
        none = [] if self.inputs else [widgets.HTML(line(faint("It takes no arguments.")))]
        self.box = widgets.VBox(
            [
                *none,
                *(one.box for one in self.inputs),
                self.line,
                widgets.HBox([self._call, self._cancel, self._said]),
                self.questions,
            ]
        )
        self._spelling = True
        self._respell()

    def arguments(self, *, quiet: bool = False) -> dict[str, Any] | None:
        """What is filled in; ``None``, and words beside the fields, where it does not fit.

        Args:
            quiet: say nothing.
        """
        found = gathered(self.inputs, quiet=quiet)
        if found is Nothing.WRONG:
            return None
        if self._whole:
            found = found.get(WHOLE, {})
            if not isinstance(found, dict):
                if not quiet:
                    self.inputs[0].complain('this must be an object, such as {"name": 1}')
                return None
        given: dict[str, Any] = found
        return given

    def press(self) -> None:
        """What the Call button does."""
        if self._call.disabled:
            return
        arguments = self.arguments()
        if arguments is None or self._unfit(arguments):
            self.say("Not called: a field above needs another value.", wrong=True)
            return
        self.begin()
        self._respell()
        self._submit(arguments)

    def begin(self) -> None:
        """A call runs: it can be cancelled, and no other one be started here."""
        self._call.disabled = True
        self._cancel.disabled = False
        self.say(f"{clean(self._tool, 60)} runs ...")

    def end(self, said: str, *, wrong: bool = False) -> None:
        """The call is over. Secrets are forgotten; the rest stays for the next one."""
        self._spelling = False  # the line that was called stays, though its secrets go
        for one in self.inputs:
            one.forget_secrets()
        self._spelling = True
        self._call.disabled = False
        self._cancel.disabled = True
        self.say(said, wrong=wrong)

    def say(self, text: str, *, wrong: bool = False) -> None:
        """One line beside the buttons."""
        shown = clean(text, 400)
        self._said.value = line(failed(shown) if wrong else faint(shown)) if text else ""

    def secrets(self, arguments: Mapping[str, Any]) -> list[str]:
        """The texts among the arguments that nobody should see."""
        return list(_secret_texts({field.name: field for field in self.fields}, arguments))

    def _respell(self) -> None:
        """Write the line that makes the same call; none, while something is missing."""
        if not self._spelling:
            return
        arguments = self.arguments(quiet=True)
        self.line.text = (
            call_line(self._tool, arguments, self.fields, self._on) if arguments is not None else ""
        )

    def _unfit(self, arguments: dict[str, Any]) -> bool:
        """Say beside the fields what the schema as a whole has against the values."""
        found = False
        for path, message in _complaints(self._schema, arguments):
            place: Input | None = None
            for one in self.inputs:
                if self._whole or (path and one.field.name == path[0]):
                    place = one if self._whole else one.at(path[1:])
            text = clean(message, 160)
            if place is None:
                self.say(f"Not called: {text}", wrong=True)
                return True
            place.complain("it does not fit its schema" if place.field.secret else text)
            found = True
        return found


def _complaints(
    schema: Mapping[str, Any], arguments: Mapping[str, Any]
) -> list[tuple[list[Any], str]]:
    """What JSON Schema has against the arguments: place and words."""
    import jsonschema
    from referencing import Registry

    try:
        # an empty registry: a reference to elsewhere must not be fetched
        validator = jsonschema.Draft202012Validator(dict(schema), registry=Registry())
        found = sorted(validator.iter_errors(dict(arguments)), key=lambda e: len(e.absolute_path))
        return [(list(error.absolute_path), error.message) for error in found[:20]]
    except Exception:  # noqa: BLE001 - because a foreign server's broken schema is for it to judge
        return []


def _takes_more(schema: Mapping[str, Any]) -> bool:
    """Whether a schema that names no arguments may take some."""
    more = schema.get("additionalProperties")
    return any(key in schema for key in _TAKES_MORE) or (more is not None and more is not False)


def secret_arguments(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> list[str]:
    """The values among a call's arguments that the tool's schema or their names call secret."""
    fields = fields_of(schema, arguments=True)
    return list(_secret_texts({field.name: field for field in fields}, arguments))


def _secret_texts(known: Mapping[str, Field], values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        field = known.get(name)
        if field is not None:
            yield from _secret_text(field, value)


def _secret_text(field: Field, value: Any) -> Iterator[str]:
    if field.secret and isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _secret_texts({one.name: one for one in field.fields}, value)
    elif isinstance(value, list) and field.item is not None:
        for one in value:
            yield from _secret_text(field.item, one)
