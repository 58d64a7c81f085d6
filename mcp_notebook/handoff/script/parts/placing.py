"""What a written server does to a function before it becomes a tool, a resource or a prompt."""

import functools
import inspect
from collections.abc import Callable
from typing import Any


def unindented(function: Callable[..., Any]) -> Callable[..., Any]:
    """Take the indentation out of a docstring: clients get its text as it stands."""
    function.__doc__ = inspect.getdoc(function)
    return function


def on_main_thread(function: Callable[..., Any]) -> Callable[..., Any]:
    """Run a function on the main thread, where what it uses was made; others wait meanwhile."""

    @functools.wraps(function)
    async def called(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return called
