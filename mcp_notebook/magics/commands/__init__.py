"""The %mcp commands, a file for each group of commands."""

from __future__ import annotations

from . import (
    bench,
    call,
    compare,
    config,
    define,
    export,
    learn,
    lists,
    look,
    measure,
    probe,
    serve,
    tap,
)

COMMANDS = [
    *define.COMMANDS,
    *call.COMMANDS,
    *serve.COMMANDS,
    *lists.COMMANDS,
    *look.COMMANDS,
    *compare.COMMANDS,
    *measure.COMMANDS,
    *bench.COMMANDS,
    *probe.COMMANDS,
    *config.COMMANDS,
    *tap.COMMANDS,
    *export.COMMANDS,
    *learn.COMMANDS,
]
"""Every command, in the order in which ``%mcp help`` lists them."""
