"""One target under atheris, in a process of its own: ``python -m tests.fuzz.engine TARGET ...``.

What follows the target goes to libFuzzer. The decoders are instrumented, so that an input that
reaches new code is kept and mangled further.
"""

from __future__ import annotations

import sys

import atheris

INSTRUMENTED = [
    "h11",
    "json",
    "mcp_notebook.bridge",
    "mcp_notebook.transports",
    "mcp_notebook.wire",
    "websockets.frames",
]


def main() -> None:
    """Run until libFuzzer ends; it ends the process itself."""
    with atheris.instrument_imports(include=INSTRUMENTED):
        from .targets import TARGETS

    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
