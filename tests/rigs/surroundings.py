"""The environment that kernels and Jupyter servers of the tests are started in: theirs alone."""

from __future__ import annotations

import os
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from mcp_notebook.bench.programs import find_program
from mcp_notebook.errors import MissingProgram

IN_CI = os.environ.get("CI") == "true"
"""Whether what is missing here must fail instead of being skipped."""


def need(*programs: str) -> None:
    """Skip the test where one of these programs is not installed; in CI that is a failure."""
    for program in programs:
        try:
            find_program(program)
        except MissingProgram as missing:
            (pytest.fail if IN_CI else pytest.skip)(str(missing))


def jupyter_environment(home: Path) -> dict[str, str]:
    """The environment of this process, with every Jupyter and IPython folder under `home`.

    `PYTEST_CURRENT_TEST` is left out: ipykernel that sees it does not redirect file descriptors,
    and then `sys.stdout.fileno()` raises, which no reader's kernel does.
    """
    environment = dict(os.environ)
    environment.pop("PYTEST_CURRENT_TEST", None)
    for variable, folder in {
        "IPYTHONDIR": "ipython",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }.items():
        path = home / folder
        path.mkdir(parents=True, exist_ok=True)
        environment[variable] = str(path)
    return environment


def await_answer(url: str, server: subprocess.Popen[bytes], log: Path, timeout: float = 60) -> None:
    """Waits until the server that writes to `log` answers at `url`; fails with the log's end."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)  # a server announces nothing before it listens
    pytest.fail(f"no answer at {url}:\n{log.read_text(encoding='utf-8')[-3000:]}")
