"""The errors of this package.

::

    McpError (Exception)         one readable line that ends in what to type next
    ├── UsageError               the line you typed cannot be carried out
    ├── ConnectError             a connection could not be opened
    ├── ConnectionLost           a connection that was open is gone
    ├── CallError                the peer answered with a JSON-RPC error
    ├── CallTimeout              no answer in time
    ├── QuestionUnanswered       the server asked something nobody here can answer
    ├── ToolFailed               a tool failed and ``--strict`` asked for an exception
    └── MissingProgram           a program this needs is not installed

Builtin exceptions are used where they fit (``ValueError`` for bad data given to a decoder).
"""

from __future__ import annotations


class McpError(Exception):
    """Something the user should read as one line.

    Args:
        message: what happened, in plain words.
        hint: what to type next; appended to the message.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        message = " ".join(self.message.split())
        if not self.hint:
            return message
        joint = "" if message.endswith((".", "?", "!", ":")) else "."
        return f"{message}{joint} {self.hint}"

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback: one line."""
        return [f"\x1b[31m{type(self).__name__}\x1b[0m: {self}"]


class UsageError(McpError):
    """The line that was typed, or the argument that was given, cannot be carried out."""


class ConnectError(McpError):
    """A connection could not be opened."""


class ConnectionLost(McpError):
    """A connection that was open is gone."""


class CallError(McpError):
    """The peer answered a request with a JSON-RPC error.

    Attributes:
        code: the JSON-RPC error code, for example -32602.
        data: the error's ``data`` member, as sent.
    """

    def __init__(self, message: str, *, code: int, data: object = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.data = data


class CallTimeout(McpError):
    """No answer came in time; the request was cancelled."""


class QuestionUnanswered(McpError):
    """The server asked a question and nobody here can answer it."""


class ToolFailed(McpError):
    """A tool answered with ``is_error`` and the caller asked for an exception."""


class MissingProgram(McpError):
    """A program that this needs is not installed here."""
