"""Questions of the server: elicitation and sampling, and who answers them.

In the legacy era the server sends a request of its own; in the modern era it returns
``input_required`` and the client asks again with the answer. Both arrive here as a
:class:`Question`.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import mcp_types as types

from mcp_notebook.errors import QuestionUnanswered, UsageError

Answer = Any
"""A dict (the form's content), a text (for sampling), ``"decline"``, ``"cancel"``, or a ready
result or error of the SDK."""

DECLINED_SAMPLING = types.ErrorData(code=-1, message="User rejected sampling request")
"""How a client says no to sampling (revision 2025-11-25, Sampling, Error Handling)."""

Asker = Callable[["Question"], Answer | Awaitable[Answer]]
"""Answers a question; called on the background loop."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """Something the server wants to know.

    Attributes:
        kind: ``elicitation``, ``url`` (the user should open one) or ``sampling``.
        message: the server's words. Hostile text: show it as text only.
        schema: the JSON Schema of the answer, for elicitation.
        params: the SDK's parameters, whole.
    """

    kind: str
    message: str
    schema: Mapping[str, Any] = field(default_factory=dict)
    params: Any = field(default=None, repr=False)

    @classmethod
    def of(cls, params: Any) -> Question:
        """The question in the SDK's parameters."""
        if isinstance(params, types.CreateMessageRequestParams):
            texts = [_text(m.content) for m in params.messages]
            return cls(kind="sampling", message="\n".join(texts), params=params)
        if isinstance(params, types.ElicitRequestURLParams):
            return cls(kind="url", message=f"{params.message} {params.url}", params=params)
        schema = params.requested_schema
        if hasattr(schema, "model_dump"):
            schema = schema.model_dump(by_alias=True, exclude_none=True)
        return cls(kind="elicitation", message=params.message, schema=schema, params=params)


def _text(content: Any) -> str:
    blocks = content if isinstance(content, list) else [content]
    return "\n".join(getattr(block, "text", f"[{block.type}]") for block in blocks)


def result_of(question: Question, answer: Answer) -> Any:
    """The SDK's result for an answer.

    Raises:
        UsageError: the answer does not fit the question.
    """
    if isinstance(answer, types.Result | types.ErrorData):
        return answer
    if question.kind == "sampling":
        if not isinstance(answer, str):
            raise UsageError(
                "a sampling question is answered with text.", hint="--answer '\"the text\"'"
            )
        content = types.TextContent(type="text", text=answer)
        return types.CreateMessageResult(role="assistant", content=content, model="notebook")
    if answer in ("decline", "cancel"):
        return types.ElicitResult(action=answer)
    if question.kind == "url":
        return types.ElicitResult(action="accept")
    fields = list(question.schema.get("properties", {}))
    if not isinstance(answer, Mapping):
        if len(fields) != 1:
            raise UsageError(
                f"the server asks for {', '.join(fields) or 'a form'}; {answer!r} is no object.",
                hint="--answer '{" + ", ".join(f'"{name}": ...' for name in fields) + "}'",
            )
        answer = {fields[0]: answer}
    answer = _defaults(question.schema) | dict(answer)
    missing = [n for n in question.schema.get("required", []) if n not in answer]
    if missing:
        raise UsageError(f"the answer lacks {', '.join(missing)}.", hint="Add it to --answer.")
    return types.ElicitResult(action="accept", content=answer)


def _defaults(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What a form says before anybody fills it in (revision 2025-11-25, Elicitation)."""
    properties = schema.get("properties", {})
    return {
        name: one["default"]
        for name, one in properties.items()
        if isinstance(one, Mapping) and "default" in one
    }


class Answers:
    """Answers the questions of one call: given ones first, then whoever can be asked.

    Args:
        given: what ``--answer`` gave: one answer for every question, a list for one after the
            other, a callback, or ``None``.
        asker: asked when nothing was given; ``None`` where nobody can answer.
    """

    def __init__(self, given: Any = None, asker: Asker | None = None) -> None:
        self._queue = deque(given) if isinstance(given, list) else None
        self._given = given
        self._asker = asker
        self.asked: list[Question] = []

    @property
    def prepared(self) -> bool:
        """Whether answers were given with the call."""
        return self._given is not None

    async def answer(self, question: Question) -> Any:
        """The SDK's result for a question.

        Raises:
            QuestionUnanswered: nobody can answer.
            UsageError: the answer does not fit.
        """
        self.asked.append(question)
        if self._queue is not None:
            if not self._queue:
                raise self._nobody(question, "there are more questions than answers")
            answer: Any = self._queue.popleft()
        elif callable(self._given):
            answer = self._given(question)
        elif self._given is not None:
            answer = self._given
        elif self._asker is not None:
            answer = self._asker(question)
        else:
            raise self._nobody(question, "nobody here can answer it")
        if inspect.isawaitable(answer):
            answer = await answer
        return result_of(question, answer)

    def _nobody(self, question: Question, why: str) -> QuestionUnanswered:
        if question.kind == "sampling":
            example = '"text"'
        else:
            fields = question.schema.get("properties", {})
            example = "{" + ", ".join(f'"{name}": ...' for name in fields) + "}"
        return QuestionUnanswered(
            f"the server asks: {question.message!r}, and {why}.",
            hint=f"Answer in advance: --answer '{example}'",
        )
