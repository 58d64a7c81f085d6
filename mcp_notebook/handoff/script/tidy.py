"""Formatting: by ruff where it is at hand, and only where it changes nothing but the looks."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

from .literals import WIDTH

FORMAT_S: Final = 20.0
"""Seconds the formatter may take."""


def tidy(source: str) -> str:
    """The same program, formatted; as it was where no formatter is installed.

    Formatting may not touch a docstring: clients see it. ``ast`` sees those.
    """
    ruff = _ruff()
    if ruff is None:
        return source
    options = ["--isolated", "--line-length", str(WIDTH), "--stdin-filename", "server.py", "-"]
    target = f"--target-version=py3{sys.version_info.minor}"
    try:
        done = subprocess.run(
            [ruff, "format", target, *options],
            input=source.encode(),
            capture_output=True,
            timeout=FORMAT_S,
            check=False,
        )
        formatted = done.stdout.decode()
        same = done.returncode == 0 and _program(formatted) == _program(source)
    except (OSError, subprocess.SubprocessError, SyntaxError, ValueError):
        return source
    return formatted if same else source


def _ruff() -> str | None:
    beside = Path(sysconfig.get_path("scripts"), "ruff.exe" if sys.platform == "win32" else "ruff")
    return str(beside) if beside.exists() else shutil.which("ruff")


def _program(source: str) -> str:
    """The program without its looks; of docstrings the text that clients see."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=True)
            first = node.body[0] if node.body else None
            if text is not None and isinstance(first, ast.Expr):
                first.value = ast.Constant(text)
    return ast.dump(tree)
