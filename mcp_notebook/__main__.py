"""``python -m mcp_notebook COMMAND``: what is done from a shell and not from a cell."""

from __future__ import annotations

import argparse
import sys
from importlib import metadata

from mcp_notebook import lab


def main(argv: list[str] | None = None) -> int:
    """Carries out one command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m mcp_notebook",
        description="Magics, a live view and lessons for the transports of the Model Context "
        "Protocol. In a notebook: %load_ext mcp_notebook",
    )
    version = f"mcp_notebook {metadata.version('mcp_notebook')}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    # the rest of the line belongs to the command, which parses it
    commands.add_parser("lab", help="open the lessons in JupyterLab", add_help=False)
    arguments = sys.argv[1:] if argv is None else argv
    if arguments[:1] == ["lab"]:
        return lab.main(arguments[1:])
    parser.parse_args(arguments)
    parser.print_help()
    return 2


if __name__ == "__main__":
    sys.exit(main())
