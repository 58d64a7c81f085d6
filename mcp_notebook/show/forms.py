"""Questions of a server as a form in the notebook, or line by line in a terminal.

Everything a server says is shown as text: it is escaped on its way into a widget, and a link it
sends is not made to click.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from .fields import Field, Problem, fields_of, gathered
from .markup import code, failed, faint, joined, line, pre, strong
from .phrase import compact
from .text import clean, lines

if TYPE_CHECKING:
    from mcp_notebook.runtime.questions import Question

_LEAVE_OUT = "(leave out)"
_CHOOSE = "(choose)"


class _Input(Protocol):
    """A field with the widget that it is filled in with."""

    widget: Any
    problem: Any

    def read(self) -> Any:
        """The value, ``None`` where it was left out."""


def question_form(question: Question, answer: Callable[[Any], None]) -> Any:
    """A form that answers a question once and then says what was answered.

    Args:
        question: what the server asks.
        answer: called with the content, with the text of a sampling question, or with
            ``"decline"`` or ``"cancel"``.

    Returns:
        An ipywidgets box.
    """
    return _Form(question, answer).box


def _refusals(kind: str) -> dict[str, Any]:
    """The words on the buttons that say no, and the answer each gives."""
    if kind == "sampling":
        from mcp_notebook.runtime.questions import DECLINED_SAMPLING

        return {"decline": DECLINED_SAMPLING}
    return {"decline": "decline", "cancel": "cancel"}


class _Form:
    def __init__(self, question: Question, answer: Callable[[Any], None]) -> None:
        import ipywidgets as widgets

        self._answer = answer
        self._done = False
        self._kind = question.kind
        self._inputs = [_FieldInput(field) for field in _fields(question)]
        self._text = widgets.Textarea(layout=widgets.Layout(width="100%"))
        self._said = widgets.HTML()
        send = widgets.Button(description="Done" if self._kind == "url" else "Send")
        send.on_click(lambda _: self._send())
        self._buttons = [send]
        for word, no in _refusals(self._kind).items():
            button = widgets.Button(description=word.capitalize())
            button.on_click(lambda _, word=word, no=no: self._settle(no, f"{_PAST[word]}."))
            self._buttons.append(button)
        rows = [widgets.HTML(joined(_asked(question)))]
        rows += [widgets.VBox([i.label, i.widget, i.problem]) for i in self._inputs]
        rows += [self._text] if self._kind == "sampling" else []
        self.box = widgets.VBox([*rows, widgets.HBox(self._buttons), self._said])

    def _send(self) -> None:
        if self._kind == "sampling":
            text = str(self._text.value)
            if text.strip():
                self._settle(text, f"Answered: {text}")
            else:
                self._said.value = line(failed("Write the answer first."))
            return
        if self._kind == "url":
            self._settle("accept", "Done.")
            return
        values = {one.field.name: one.read() for one in self._inputs}
        if any(one.problem.value for one in self._inputs):
            self._said.value = line(failed("Not sent: a field above needs another value."))
            return
        content = gathered(values)
        self._settle(content, f"Answered: {compact(content)}")

    def _settle(self, value: Any, said: str) -> None:
        if self._done:
            return
        self._done = True
        for one in (*self._buttons, self._text, *(i.widget for i in self._inputs)):
            one.disabled = True
        self._said.value = line(strong(clean(said, 300)))
        self._answer(value)


_PAST = {"decline": "Declined", "cancel": "Cancelled"}


class _FieldInput:
    """A field with its label, its widget and the place for what is wrong."""

    def __init__(self, field: Field) -> None:
        import ipywidgets as widgets

        self.field = field
        required = "required" if field.required else "optional"
        self.label = widgets.HTML(
            line(strong(field.title), faint(f" ({'; '.join([required, *field.hints])})"))
        )
        self.problem = widgets.HTML()
        self.widget = self._widget(widgets)

    def _widget(self, widgets: Any) -> Any:
        field = self.field
        nothing = _CHOOSE if field.required else _LEAVE_OUT
        if field.kind == "choices":
            labels, taken = [label for label, _ in field.options], field.default
            index = [i for i, (_, value) in enumerate(field.options) if value in taken]
            return widgets.SelectMultiple(options=labels, index=index, rows=min(8, len(labels)))
        if field.kind == "choice":
            labels = [nothing, *(label for label, _ in field.options)]
            values = [value for _, value in field.options]
            at = values.index(field.default) + 1 if field.default is not None else 0
            return widgets.Dropdown(options=_distinct(labels), index=at)
        if field.kind == "boolean":
            if field.required or isinstance(field.default, bool):
                return widgets.Checkbox(value=field.default is True, indent=False)
            return widgets.Dropdown(options=[nothing, "yes", "no"])
        return widgets.Text(value=field.default_text)

    def read(self) -> Any:
        """The value; ``None``, and a line beside the field, where it does not fit."""
        self.problem.value = ""
        try:
            return self._value()
        except Problem as problem:
            self.problem.value = line(failed(f"{self.field.title}: {problem}"))
            return None

    def _value(self) -> Any:
        field, widget = self.field, self.widget
        if field.kind == "choices":
            chosen = [field.options[i][1] for i in widget.index]
            return field.checked(chosen or (None if not field.required else []))
        if field.kind == "choice":
            return field.checked(field.options[widget.index - 1][1] if widget.index else None)
        if field.kind == "boolean":
            return field.checked(
                widget.value if isinstance(widget.value, bool) else _YES_NO[widget.index]
            )
        return field.typed(str(widget.value))


_YES_NO = (None, True, False)


def terminal_answer(question: Question, ask: Callable[[str], str]) -> Any:
    """Ask field by field.

    Args:
        question: what the server asks.
        ask: shows a prompt and gives the line that was typed.

    Returns:
        The answer, as for :func:`question_form`.
    """
    head = "\n".join(_heading(question))
    try:
        if question.kind == "sampling":
            return _until_some(f"{head}\nYour answer: ", ask)
        fields = _fields(question)
        if not fields:
            word = ask(f"{head}\nAccept? (yes, decline, cancel) ").strip().casefold()
            return _refusal(word) or ("accept" if question.kind == "url" else {})
        values: dict[str, Any] = {}
        prompt = f"{head}\n(!decline or !cancel ends it)\n"
        for field in fields:
            answer = _one(field, prompt, ask)
            if isinstance(answer, _Refusal):
                return str(answer)
            values[field.name] = answer
            prompt = ""
        return gathered(values)
    except EOFError:
        return list(_refusals(question.kind).values())[-1]


class _Refusal(str):
    """``decline`` or ``cancel``, told from a text of that spelling."""

    __slots__ = ()


def _one(field: Field, before: str, ask: Callable[[str], str]) -> Any:
    about = ["required" if field.required else "optional", *field.hints]
    choices = "".join(f"  {i}. {label}\n" for i, (label, _) in enumerate(field.options, 1))
    begun = f" [{clean(field.default_text, 60)}]" if field.has_default else ""
    prompt = f"{choices}{field.title} ({'; '.join(about)}){begun}: "
    while True:
        typed = ask(before + prompt)
        if typed.strip() in ("!decline", "!cancel"):
            return _Refusal(typed.strip()[1:])
        try:
            if not typed.strip() and field.has_default:
                return field.checked(field.default)
            return field.typed(typed)
        except Problem as problem:
            before = f"{problem}\n"


def _until_some(prompt: str, ask: Callable[[str], str]) -> str:
    while not (typed := ask(prompt)).strip():
        prompt = "Your answer: "
    return typed


def _refusal(word: str) -> str:
    return {"decline": "decline", "no": "decline", "n": "decline", "cancel": "cancel"}.get(word, "")


def _fields(question: Question) -> list[Field]:
    return fields_of(question.schema) if question.kind == "elicitation" else []


def _heading(question: Question) -> list[str]:
    said = lines(question.message)
    if question.kind == "sampling":
        return ["The server asks a model, and you are the model:", said]
    if question.kind == "url":
        return ["The server asks you to open an address. Look at it first:", said]
    return ["The server asks:", said]


def _asked(question: Question) -> list[str]:
    head, said = _heading(question)
    shown = line(code(said)) if question.kind == "url" else pre(said)
    return [line(strong(head)), shown]


def _distinct(labels: list[str]) -> list[str]:
    """Labels of a choice, told apart: a server may give two the same."""
    return [
        label if labels.index(label) == i else f"{label} ({i})" for i, label in enumerate(labels)
    ]
