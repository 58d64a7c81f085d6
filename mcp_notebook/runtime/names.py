"""Names of servers, endpoints and connections: free ones, near ones, known ones."""

from __future__ import annotations

import difflib
from collections.abc import Container, Iterable, Mapping
from typing import TypeVar

from mcp_notebook.errors import UsageError

T = TypeVar("T")


def free_name(wanted: str, taken: Container[str]) -> str:
    """The name itself, or numbered if it is taken: ``add``, ``add-2`` ..."""
    name, number = wanted, 2
    while name in taken:
        name = f"{wanted}-{number}"
        number += 1
    return name


def near(name: str, known: Iterable[str]) -> str:
    """``Did you mean X? `` where something is near, else nothing."""
    found = difflib.get_close_matches(name, list(known), n=1)
    return f"Did you mean {found[0]}? " if found else ""


def resolve(name: str, known: Mapping[str, T], what: str) -> T:
    """The thing of a name.

    Raises:
        UsageError: there is none; the message names what there is.
    """
    if name in known:
        return known[name]
    listed = ", ".join(known) or "none"
    raise UsageError(
        f"there is no {what} {name!r}.", hint=f"{near(name, known)}There is: {listed}."
    )
