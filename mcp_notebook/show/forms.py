"""Questions of a server as a form in the notebook, or line by line in a terminal.

Everything a server says is shown as text: it is escaped on its way into a widget, and a link it
sends is not made to click.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .constraints import Problem
from .fields import Field, gathered, masked
from .markup import Bundle, Html, bundle, code, failed, faint, joined, line, pre, strong
from .phrase import compact
from .schemas import fields_of
from .text import clean, lines

if TYPE_CHECKING:
    from mcp_notebook.runtime.questions import Question


def question_form(question: Question, answer: Callable[[Any], None]) -> Any:
    """A form that answers a question once; :func:`answered` is what should stay of it.

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

        from .nesting import input_of

        self._answer = answer
        self._done = False
        self._kind = question.kind
        self._fields = _fields(question)
        self._inputs = [input_of(field, lambda: None) for field in self._fields]
        rows = [widgets.HTML(joined(_asked(question))), *(one.box for one in self._inputs)]
        self._text: Any = None
        if self._kind == "sampling":
            self._text = widgets.Textarea(layout=widgets.Layout(width="100%"))
            rows.append(self._text)
        self._said = widgets.HTML()
        send = widgets.Button(description="Done" if self._kind == "url" else "Send")
        send.on_click(lambda _: self._send())
        buttons = [send]
        for word, no in _refusals(self._kind).items():
            button = widgets.Button(description=word.capitalize())
            button.on_click(lambda _, no=no: self._settle(no))
            buttons.append(button)
        self.box = widgets.VBox([*rows, widgets.HBox(buttons), self._said])

    def _send(self) -> None:
        from .inputs import Nothing
        from .nesting import gathered

        if self._kind == "sampling":
            text = str(self._text.value)
            if text.strip():
                self._settle(text)
            else:
                self._said.value = line(failed("Write the answer first."))
            return
        if self._kind == "url":
            self._settle("accept")
            return
        content = gathered(self._inputs)
        if content is Nothing.WRONG:
            self._said.value = line(failed("Not sent: a field above needs another value."))
            return
        self._settle(content)

    def _settle(self, value: Any) -> None:
        if self._done:
            return
        self._done = True
        for one in _walk(self.box):
            if hasattr(one, "disabled"):
                one.disabled = True
        self._answer(value)


def _walk(widget: Any) -> Iterator[Any]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _walk(child)


def waiting(question: Question) -> Bundle:
    """What stands in the place of a form that cannot be drawn."""
    said = clean(question.message, 120)
    return bundle(f"the server asks: {said}", line(faint("the server asks: "), strong(said)))


def together(parts: Sequence[Bundle]) -> Bundle:
    """Several of them, one below the other."""
    plain = "\n".join(part["text/plain"] for part in parts)
    return bundle(plain, *(Html(part["text/html"]) for part in parts))


def answered(question: Question, value: Any) -> Bundle:
    """What stays of a form: the question, and what was answered to it, nothing secret in it.

    Args:
        question: what the server asked.
        value: the answer, as for :func:`question_form`; ``None`` where the question was
            withdrawn.
    """
    asked = clean(question.message, 120)
    if value is None:
        said = "nobody answered: the call ended first."
    elif question.kind == "url" and value == "accept":
        said = "you opened the address."
    elif question.kind != "sampling" and value in ("decline", "cancel"):
        said = f"you {_PAST[value]}."
    elif value is _refusals(question.kind).get("decline"):
        said = "you declined."
    else:
        shown = masked(_fields(question), value) if isinstance(value, dict) else value
        said = f"you answered: {clean(shown if isinstance(shown, str) else compact(shown), 300)}"
    return bundle(f"{asked}: {said}", line(faint(f"{asked}: "), strong(said)))


_PAST = {"decline": "declined", "cancel": "cancelled"}


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
    about += ["JSON"] if field.kind == "object" else []
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
