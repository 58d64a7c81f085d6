"""Servers behind launchers: a kernel connects to all of them, then something ends the kernel.

Every process below a launcher inherits a mark, so that what survives is found wherever it hides.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress

import psutil

from tests.rigs.census import marked, wait_until_none_is_marked
from tests.rigs.kernel import KernelRig

CONNECT = """
import json
from concurrent.futures import ThreadPoolExecutor
from mcp_notebook.runtime.current import current
given = json.loads({given!r})
def _join(name):
    bench, (folder, command) = current(), given["commands"][name]
    one = bench.connect(command, name=name, env=given["env"], cwd=folder, timeout=50)
    return len(one.tools().names)
with ThreadPoolExecutor(8) as pool:
    joined = dict(zip(given["commands"], pool.map(_join, given["commands"])))
print(json.dumps(joined))
"""


def connect_all(
    kernel: KernelRig, commands: Mapping[str, tuple[str, Sequence[str]]], **env: str
) -> tuple[str, dict[str, int]]:
    """Let a kernel connect to every command.

    Args:
        kernel: the kernel; the extension is loaded here.
        commands: by the connection's name, a folder to start it in and a command line.
        env: variables for all of them.

    Returns:
        The mark that they bear, and how many tools each server has.
    """
    mark = f"MARK_{uuid.uuid4().hex}"
    given = json.dumps({"commands": commands, "env": {**env, mark: "1"}})
    kernel.run("%load_ext mcp_notebook").check()
    told = kernel.run(CONNECT.format(given=given), timeout=90).check().stdout
    return mark, json.loads(told.splitlines()[-1])


ENDINGS = ("closed", "restarted", "killed")
"""How a kernel's connections can end; a killed kernel runs no more."""


def end(kernel: KernelRig, ending: str) -> None:
    """Let the kernel's connections end."""
    if ending == "closed":
        kernel.run("%mcp stop --all").check()
    elif ending == "restarted":
        kernel.restart()
    else:
        kernel.kill()


def assert_nobody_survives(mark: str, guarded: int, timeout: float = 6) -> None:
    """Fails while a process bears the mark; ends what survived, so that only this test fails.

    Args:
        mark: what they inherited.
        guarded: how many of them there were at least, before the end.
        timeout: seconds they have.
    """
    assert guarded > 0
    try:
        wait_until_none_is_marked(mark, timeout)
    finally:
        for process in marked(mark):
            with suppress(psutil.Error):
                process.kill()
