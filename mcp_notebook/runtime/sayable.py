"""Results that no transport can carry, found before they break the link of who called."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel

T = TypeVar("T")


def sayable(result: T) -> T:
    """The same result.

    Raises:
        ValueError: a text in it holds half a character (a lone surrogate). UTF-8 cannot say it;
            over HTTP the SDK would end the session in the attempt.
    """
    rest: list[Any] = [result]
    seen: set[int] = set()
    while rest:
        one = rest.pop()
        if isinstance(one, str):
            if not one.isascii():
                _check(one)
            continue
        if isinstance(one, dict):
            inside: Any = [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple | set | frozenset):
            inside = one
        elif isinstance(one, BaseModel):
            inside = vars(one).values()
        else:
            continue
        if id(one) not in seen:  # it may hold itself
            seen.add(id(one))
            rest.extend(inside)
    return result


def _check(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"the result holds half a character (a lone surrogate) at place {error.start} of a text"
        ) from None
