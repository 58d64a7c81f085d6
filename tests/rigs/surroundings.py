"""The environment that kernels and Jupyter servers of the tests are started in: theirs alone."""

from __future__ import annotations

import os
from pathlib import Path

IN_CI = os.environ.get("CI") == "true"
"""Whether what is missing here must fail instead of being skipped."""


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
