"""Coverage is measured where the code runs: in kernels and in child processes too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.structure.house import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.kernel]

SCRIPT = """
import subprocess, sys
from pathlib import Path
from tests.rigs.kernel import KernelRig
rig = KernelRig(Path(sys.argv[1]))
try:
    rig.run("from mcp_notebook.errors import McpError; str(McpError('a', hint='b'))").check()
finally:
    rig.stop()
child = "from mcp_notebook.lab import checkout_lessons; checkout_lessons()"
subprocess.run([sys.executable, "-c", child], cwd=sys.argv[1], check=True)
"""


def test_lines_that_only_a_kernel_or_a_child_runs_are_counted(tmp_path: Path) -> None:
    """The script itself imports nothing of ours; the kernel and the child work in other folders."""
    home, data = tmp_path / "home", tmp_path / "data"
    home.mkdir()
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    # the run that measures the suite must not be mistaken for this one
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE")}
    environment |= {"COVERAGE_FILE": str(data), "PYTHONPATH": str(ROOT)}

    def coverage(*arguments: str) -> str:
        command = [sys.executable, "-m", "coverage", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    coverage("run", str(script), str(home))
    coverage("combine", "--quiet", str(tmp_path))
    files = json.loads(coverage("json", "-o", "-"))["files"]

    def body(file: str, function: str) -> list[int]:
        executed = files[file]["functions"][function]["executed_lines"]
        assert isinstance(executed, list)
        return executed

    assert body("mcp_notebook/errors.py", "McpError.__str__") != []
    assert body("mcp_notebook/lab.py", "checkout_lessons") != []
    assert files["mcp_notebook/lab.py"]["functions"]["lay_out"]["executed_lines"] == []
