"""``measure``."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mcp_notebook.magics.asking import Bar
from mcp_notebook.magics.command import Command, Parser

from .compare import words_of_list

if TYPE_CHECKING:
    from mcp_notebook.bench.readings import Results
    from mcp_notebook.magics.context import Context

ELSEWHERE: Final = "MCP_NOTEBOOK_RESULTS"
"""The environment variable that names another file for the results."""

_LISTED: Final = "For example %mcp measure P1,P12 --over stdio,http-2026"


def results_file(context: Context) -> Path:
    """The file of the results: beside the notebook."""
    from mcp_notebook.bench.readings import FILE

    elsewhere = os.environ.get(ELSEWHERE)
    return Path(elsewhere) if elsewhere else context.lessons.folder / FILE


def run_measure(context: Context, options: argparse.Namespace, _body: str | None) -> Results:
    """``%mcp measure [P1,P12,...]``."""
    from mcp_notebook.bench.probes import measure

    bar = Bar(context, "measure")

    def told(done: int, total: int, what: str) -> None:
        bar.step(done, total, what or "measured")
        bar.draw()

    return measure(
        results_file(context),
        probes=words_of_list(options.probes, "PROBES", _LISTED) or None,
        roads=words_of_list(options.over, "--over", _LISTED) or None,
        again=options.again,
        quick=not options.long,
        on_progress=told,
    )


def _measure_arguments(parser: Parser) -> None:
    parser.add_argument(
        "probes", nargs="?", metavar="P1,P2,...", help="probes; all of them without it"
    )
    parser.add_argument(
        "--over",
        metavar="R1,R2,...",
        help="roads: memory,stdio,http-json,sse,http-2025,http-2026,websocket",
    )
    parser.add_argument("--again", action="store_true", help="measure what is there already, too")
    parser.add_argument("--long", action="store_true", help="more calls for each timing")


COMMANDS = [
    Command(
        name="measure",
        summary="run the probes that are missing on every road; results stay beside the notebook",
        run=run_measure,
        build=_measure_arguments,
        examples=(
            "%mcp measure",
            "%mcp measure P1,P12 --over stdio,http-2026",
            "%mcp measure P12 --again --long",
        ),
    )
]
