"""``probe``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mcp_notebook.magics.asking import Bar
from mcp_notebook.magics.command import Command, Parser

from .compare import words_of_list

if TYPE_CHECKING:
    from mcp_notebook.bench.checkup.checkup import Checkup
    from mcp_notebook.magics.context import Context

_LISTED = "For example %mcp probe http --only cancel,progress"


def run_probe(context: Context, options: argparse.Namespace, _body: str | None) -> Checkup:
    """``%mcp probe NAME``."""
    from mcp_notebook.bench.checkup.checkup import ERAS

    bar = Bar(context, f"probe {options.transport}")

    def told(done: int, total: int, what: str) -> None:
        bar.step(done, total, what or "checked")
        bar.draw()

    found: Checkup = context.workbench.probe(
        context.value(options.transport),
        eras=words_of_list(options.eras, "--eras", _LISTED) or ERAS,
        checks=words_of_list(options.only, "--only", _LISTED),
        on_check=told,
    )
    return found


def _arguments(parser: Parser) -> None:
    parser.add_argument(
        "transport", metavar="NAME", help="a transport's name, also one that you registered"
    )
    parser.add_argument("--eras", metavar="E1,E2", help="legacy,modern; both without it")
    parser.add_argument("--only", metavar="C1,C2,...", help="checks by id; all of them without it")


COMMANDS = [
    Command(
        name="probe",
        summary="check what a transport can do, in both eras, and say what fails",
        run=run_probe,
        build=_arguments,
        examples=("%mcp probe websocket", "%mcp probe http --eras modern --only cancel,progress"),
    )
]
