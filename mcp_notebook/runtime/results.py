"""What a call gives back."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import mcp_types as types

from mcp_notebook.errors import ToolFailed
from mcp_notebook.trace.exchange import Exchange


class Pending:
    """Stands for a value that is not there yet, and says so."""

    def __init__(self, tool: str) -> None:
        self._tool = tool

    def __repr__(self) -> str:
        return f"<{self._tool} waits for an answer: fill in the form, or .wait(timeout)>"

    def __bool__(self) -> bool:
        return False


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An exception that a tool of this kernel raised.

    Attributes:
        tool: the tool's name.
        error: the exception with its traceback.
        at_ns: when, as ``time.perf_counter_ns``.
    """

    tool: str
    error: BaseException
    at_ns: int


@dataclass
class CallResult:
    """The result of a tool call; pending while the server waits for an answer.

    Attributes:
        tool: the tool's name.
        connection: the name of the connection it went over.
        note: something the user should know about how it was called.
    """

    tool: str
    connection: str
    note: str = ""
    _future: concurrent.futures.Future[types.CallToolResult] | None = field(
        default=None, repr=False
    )
    _result: types.CallToolResult | None = field(default=None, repr=False)
    _find_failure: Callable[[], Failure | None] | None = field(default=None, repr=False)
    _find_exchange: Callable[[], Exchange | None] | None = field(default=None, repr=False)
    _wait: Callable[[Any, float | None], Any] | None = field(default=None, repr=False)

    @property
    def pending(self) -> bool:
        """Whether the answer is still to come."""
        return self._settled() is None

    def _settled(self) -> types.CallToolResult | None:
        if self._result is None and self._future is not None and self._future.done():
            self._result = self._future.result()
        return self._result

    def wait(self, timeout: float | None = None) -> CallResult:
        """Wait until the answer is there.

        Args:
            timeout: seconds; ``None`` waits until interrupted.

        Raises:
            TimeoutError: it is not there in time. The call goes on.
        """
        if self.pending and self._future is not None:
            wait = self._wait or (lambda future, limit: future.result(limit))
            self._result = wait(self._future, timeout)
        return self

    @property
    def raw(self) -> types.CallToolResult | None:
        """The SDK's result, ``None`` while pending."""
        return self._settled()

    @property
    def content(self) -> list[Any]:
        """The content blocks as the server sent them."""
        result = self._settled()
        return list(result.content) if result else []

    @property
    def structured(self) -> Any:
        """The structured content as the server sent it, ``None`` where there is none."""
        result = self._settled()
        return result.structured_content if result else None

    @property
    def is_error(self) -> bool:
        """Whether the tool failed. A failing tool is an answer, not an exception."""
        result = self._settled()
        return bool(result and result.is_error)

    @property
    def text(self) -> str:
        """The text blocks, one below the other."""
        return "\n".join(b.text for b in self.content if isinstance(b, types.TextContent))

    @property
    def value(self) -> Any:
        """The result as Python: structured content, else text, else the content blocks.

        A result that the server wrapped as ``{"result": x}``, because it is no object, is
        unwrapped. While pending, an object that says so.
        """
        if self.pending:
            return Pending(self.tool)
        structured = self.structured
        if structured is not None and not self.is_error:
            if isinstance(structured, dict) and set(structured) == {"result"}:
                return structured["result"]
            return structured
        content = self.content
        if all(isinstance(block, types.TextContent) for block in content):
            return self.text
        return content[0] if len(content) == 1 else content

    @property
    def failure(self) -> Failure | None:
        """The exception of a tool of this kernel that failed."""
        return self._find_failure() if self.is_error and self._find_failure else None

    @property
    def exchange(self) -> Exchange | None:
        """The request and its answer in the Trace."""
        return self._find_exchange() if self._find_exchange else None

    def raise_for_error(self) -> CallResult:
        """Raise where the tool failed, else return itself.

        Raises:
            ToolFailed: it did.
        """
        if self.is_error:
            raise ToolFailed(f"{self.tool} failed: {self.text or 'no text'}", hint="%mcp why")
        return self

    def __repr__(self) -> str:
        if self.pending:
            return repr(Pending(self.tool))
        if self.is_error:
            return f"{self.tool} failed: {self.text}"
        return repr(self.value)


@dataclass(frozen=True)
class ReadResult:
    """The contents of a resource.

    Attributes:
        uri: what was read.
        contents: the SDK's content objects.
    """

    uri: str
    contents: list[Any]

    @property
    def text(self) -> str:
        """The text contents, one below the other."""
        return "\n".join(c.text for c in self.contents if hasattr(c, "text"))

    @property
    def value(self) -> Any:
        """Text where all of it is text, else the content objects."""
        if all(hasattr(c, "text") for c in self.contents):
            return self.text
        return self.contents[0] if len(self.contents) == 1 else self.contents

    def __repr__(self) -> str:
        return repr(self.value)


@dataclass(frozen=True)
class PromptResult:
    """The messages of a prompt.

    Attributes:
        name: the prompt.
        description: what the server says of it.
        messages: the SDK's messages.
    """

    name: str
    description: str
    messages: list[Any]

    @property
    def text(self) -> str:
        """``role: text`` a message, one below the other."""
        return "\n".join(
            f"{m.role}: {getattr(m.content, 'text', f'[{m.content.type}]')}" for m in self.messages
        )

    def __repr__(self) -> str:
        return self.text


class Listing(list[Any]):
    """A list of tools, resources or prompts that shows itself as a table.

    Attributes:
        kind: ``tool``, ``resource`` or ``prompt``.
        connection: where they were listed.
    """

    def __init__(self, items: list[Any], *, kind: str, connection: str) -> None:
        super().__init__(items)
        self.kind = kind
        self.connection = connection

    @property
    def names(self) -> list[str]:
        """The names, or the URIs of resources."""
        return [
            str(getattr(i, "uri", "") or getattr(i, "uri_template", "") or i.name) for i in self
        ]

    def __repr__(self) -> str:
        rows = []
        for item, name in zip(self, self.names, strict=True):
            first = (item.description or "").strip().partition("\n")[0]
            rows.append(f"{name}: {first}" if first else name)
        return "\n".join(rows) or f"no {self.kind}s"
