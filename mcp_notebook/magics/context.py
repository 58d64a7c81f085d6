"""What a command sees of the notebook: its shell, its variables, the workbench."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from . import grammar
from .lessons import Lessons
from .panels import Panels
from .views import Views

if TYPE_CHECKING:
    from mcp_notebook.runtime.connection import Connection
    from mcp_notebook.runtime.workbench import Workbench

    from .extension import MCPMagics

MAX_FORMS = 16
"""So many forms of tools stay alive; the oldest end."""


class Shown:
    """A text that a cell shows, with HTML beside it where there is some."""

    def __init__(self, text: str, html: str = "") -> None:
        self.text = text
        self.html = html

    def __repr__(self) -> str:
        return self.text

    __str__ = __repr__

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        bundle = {"text/plain": self.text}
        if self.html:
            bundle["text/html"] = self.html
        return bundle


class Context:
    """The notebook as a command sees it."""

    def __init__(self, magics: MCPMagics) -> None:
        self.magics = magics
        self.shell: Any = magics.shell
        self.views = Views(self)
        self.panels = Panels(self)
        self._forms: dict[str, Any] = {}
        self._local: dict[str, Any] | None = None
        self.lessons = Lessons(self)
        self.shown_below_form = (0, 0)
        """The id of the result that a cell shows below a form, and that cell's number."""

    def keep_form(self, form: Any) -> None:
        """Keep the form that a cell shows; the one it showed before ends, and the oldest do."""
        key = self.cell_id or f"number {id(form)}"
        ended = [self._forms.pop(key, None)]
        self._forms[key] = form
        while len(self._forms) > MAX_FORMS:
            ended.append(self._forms.pop(next(iter(self._forms))))
        for one in ended:
            if one is not None:
                one.close()

    @property
    def workbench(self) -> Workbench:
        """The kernel's workbench."""
        return self.magics.workbench

    @property
    def names(self) -> dict[str, Any]:
        """The notebook's variables; in a function also those of its own."""
        names: dict[str, Any] = self.shell.user_ns
        if self._local is None or self._local is names:
            return names
        return {**names, **self._local}

    @contextmanager
    def within(self, local: dict[str, Any] | None) -> Iterator[None]:
        """Let a line see the variables of the function it stands in."""
        before, self._local = self._local, local
        try:
            yield
        finally:
            self._local = before

    @property
    def stable(self) -> bool:
        """Whether what changes from run to run is left out."""
        return bool(self.magics.stable)

    def value(self, word: str | None) -> Any:
        """A word, or the variable it stands for."""
        return grammar.value(word, self.names) if word is not None else None

    def secret(self, word: str | None, option: str, warnings: list[str]) -> str | None:
        """A secret given as ``$NAME`` or ``env:NAME``; a literal one draws a warning."""
        if word is None:
            return None
        if grammar.is_literal(word):
            joint = " " if option.count(" ") == 0 else "="  # --token $NAME, --env KEY=$NAME
            warnings.append(
                f"the secret of {option} stands in the notebook and will be saved with it; "
                f"use {option}{joint}$NAME or {option}{joint}env:NAME"
            )
            return word
        return grammar.filled(word, self.names)

    def connection(self, name: str | None) -> Connection:
        """The connection that ``--on`` names, or the default one, or one to the notebook."""
        if name is not None:
            return self.workbench.connection(self.word(name))
        return self.workbench.any_connection()[0]

    def word(self, text: str) -> str:
        """A name: as typed, or that of the object in a variable."""
        found = self.value(text)
        return found if isinstance(found, str) else str(getattr(found, "name", found))

    @property
    def parent(self) -> dict[str, Any]:
        """The front end's request that runs this cell; empty in a terminal."""
        get = getattr(self.shell, "get_parent", None)
        return (get() if get is not None else None) or {}

    @property
    def cell_id(self) -> str:
        """The id of the running cell, where the front end sends one."""
        return str(self.parent.get("metadata", {}).get("cellId", "") or "")

    @property
    def cell_number(self) -> int:
        """The number of the running cell; the shell itself already counts the next."""
        return int(self.shell.displayhook.prompt_count)

    @property
    def can_ask(self) -> bool:
        """Whether somebody sits in front of this notebook and can answer a question."""
        return bool(self.parent.get("content", {}).get("allow_stdin", False))
