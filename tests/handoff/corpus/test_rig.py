"""The rig finds what it is there to find: each fault is put into a file, and is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.handoff.corpus.entries import Entry
from tests.handoff.corpus.notebook import Played
from tests.handoff.corpus.servers import Servers
from tests.handoff.corpus.verdicts import judge, table

pytestmark = [pytest.mark.slow]

SERVER = '''\
from mcp.server.mcpserver import MCPServer

mcp = MCPServer("notebook")
TOKEN = "a text"


@mcp.tool()
def add(a: int, b: int = 2) -> int:
    """Add two numbers."""
    return a + b


if __name__ == "__main__":
    mcp.run()
'''
CALLS = [{"tool": "add", "args": {"a": 1}}]
WRITTEN = {
    "obstacles": [],
    "remarks": [],
    "variables": {},
    "values": {},
    "requires": [],
    "path": "server.py",
}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    found = Servers(tmp_path_factory.mktemp("rig") / "servers")
    try:
        yield found
    finally:
        found.stop()


@pytest.fixture(scope="module")
def notebook(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the server above lists and answers: it stands for the notebook."""
    script = tmp_path_factory.mktemp("notebook") / "server.py"
    script.write_text(SERVER)
    found = servers.ask(script, CALLS, environment={}, requires=[])
    assert "broken" not in found, found
    assert found["answers"][0]["result"]["structuredContent"] == {"result": 3}
    return found


def judged(
    folder: Path, notebook: dict[str, Any], servers: Servers, text: str, **header: Any
) -> tuple[str, str]:
    """What is said of a file that was exported from that notebook: what it became, and why."""
    (folder / "server.py").write_text(text)
    played = Played(
        catalogue=notebook["catalogue"], answers=notebook["answers"], export=WRITTEN, folder=folder
    )
    given = {"expect": "exported", "calls": CALLS} | header
    verdict = judge(Entry(name="rig", cells={"1": ""}, header=given), played, servers)
    return verdict.became, "\n".join(verdict.faults)


def test_the_same_file_is_exported_and_equal(
    tmp_path: Path, notebook: dict[str, Any], servers: Servers
) -> None:
    assert judged(tmp_path, notebook, servers, SERVER) == ("exported", "")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("return a + b", "return a - b", "differs"),
        ("b: int = 2", "b: int = 3", "tools (catalogue) differs"),
        ("Add two numbers.", "Add numbers.", "tools (legacy) differs"),
        ('"notebook"', '"notebook", version="9"', "it says of itself"),
        ('MCPServer("notebook")', 'MCPServer("other")', "it says of itself"),
        ("return a + b", "print(1, file=OUT, flush=True); return a + b", "no JSON"),
        ("TOKEN", "import IPython; TOKEN", "server.py imports IPython"),
        ("TOKEN", "import numpy; TOKEN", "No module named 'numpy'"),
        ("TOKEN", "import mcp_notebook.errors; TOKEN", "No module named 'mcp_notebook'"),
        ("TOKEN", "open('/tmp/notebooks/x'); TOKEN", "names a folder of this machine"),
        ("a text", "hunter2-hunter2", "server.py holds 'hunter2-hunter2'"),
        ("a text", "not wanted", "server.py holds 'not wanted'"),
        ("a text", r"\d", "does not compile"),
        ("Add two", "Add  two", "does not hold 'Add two numbers'"),
    ],
)
def test_a_fault_in_the_file_makes_it_wrong(
    old: str, new: str, told: str, tmp_path: Path, notebook: dict[str, Any], servers: Servers
) -> None:
    text = SERVER.replace(old, new, 1)
    if "OUT" in new:
        text = "import os\nOUT = os.fdopen(os.dup(1), 'w')\n" + text
    header = {
        "secrets": ["hunter2-hunter2"],
        "absent": ["not wanted"],
        "present": ["Add two numbers"],
    }
    became, faults = judged(tmp_path, notebook, servers, text, **header)
    assert became == "wrong"
    assert told in faults


def test_a_refusal_counts_for_its_own_reason_only(tmp_path: Path, servers: Servers) -> None:
    obstacle = {
        "part": "add",
        "through": ["add", "df"],
        "reason": "df is a DataFrame",
        "ways": ["--freeze df=df.parquet"],
    }
    refused = {**WRITTEN, "obstacles": [obstacle], "path": ""}
    played = Played(export=refused, folder=tmp_path)
    right = {"tool": "add", "name": "df", "reason": "dataframe", "way": "--freeze df="}
    for due, faults in (
        (right, 0),
        (right | {"name": "client"}, 1),
        (right | {"reason": "sqlite"}, 1),
        (right | {"way": "--env"}, 1),
        (right | {"tool": "other"}, 1),
    ):
        entry = Entry(name="rig", cells={}, header={"expect": "refused", "refused": due})
        assert len(judge(entry, played, servers).faults) == faults, due
    exported = Entry(name="rig", cells={}, header={"expect": "exported"})
    assert judge(exported, played, servers).faults
    assert "1 refused, 0 wrong" in table([judge(exported, played, servers)])
