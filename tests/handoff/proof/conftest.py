"""A notebook whose calls are recorded, and what its file came to: walked once for all tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_notebook.handoff.catalogue import Catalogue
from mcp_notebook.handoff.proof.plan import Plan, plan_calls
from mcp_notebook.handoff.proof.proof import Proof, offered, prove
from mcp_notebook.handoff.proof.stand import Subject
from mcp_notebook.runtime.server import NotebookServer
from mcp_notebook.runtime.workbench import Workbench

from .servers import FAITHFUL, SECRET, define, faulty


class Scene:
    """A workbench with a server whose calls are recorded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workbench = Workbench(folder=str(folder))
        define(self.workbench)
        self.workbench.trace.secrets.add("hidden-word")
        self._call()
        self.expected: Catalogue = offered(self.workbench, self.server)

    @property
    def server(self) -> NotebookServer:
        return self.workbench.servers["notebook"]

    def plan(self, replay: tuple[str, ...] = ("counted",)) -> Plan:
        return plan_calls(self.workbench, self.server, expected=self.expected, replay=replay)

    def prove(self, text: str, transports: tuple[str, ...] = ("stdio", "http")) -> Proof:
        file = self.folder / "server.py"
        file.write_text(text)
        return prove(
            Subject(command=(sys.executable, str(file)), env={"SUBJECT_KEY": SECRET}),
            workbench=self.workbench,
            server=self.server,
            plan=self.plan(),
            expected=self.expected,
            transports=transports,
        )

    def _call(self) -> None:
        """The calls; those of the endpoint that is stopped count as well."""
        wb = self.workbench
        with wb.connect(wb.serve(transport="memory"), era="legacy", name="first") as legacy:
            legacy.start("order", {"what": "tea"}, answer={"size": 3}).result()
            legacy.start("push", {}, answer="decline").result()
            legacy.call("add", a=1)
        wb.stop("notebook-memory")
        with wb.connect(wb.serve(), name="second") as modern:
            modern.start("order", {"what": "rice"}, answer={"size": 4}).result()
            for _ in range(2):
                modern.call("add", a=40)
                modern.call("counted")
            for tool, arguments in (
                ("chance", {}),
                ("named", {"thing": "x"}),
                ("named", {"thing": "hidden-word"}),
                ("send", {"to": "ada"}),
                ("boom", {"x": 0}),
                ("env", {}),
            ):
                modern.call(tool, **arguments)
            modern.read("data://x")
            modern.prompt("review", code="1 + 1")


@pytest.fixture(scope="package")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    made = Scene(tmp_path_factory.mktemp("scene"))
    yield made
    made.workbench.close()


@pytest.fixture(scope="package")
def proof(scene: Scene) -> Proof:
    """What the faithful file came to, over stdio and HTTP."""
    return scene.prove(FAITHFUL)


@pytest.fixture(scope="package")
def bad_proof(scene: Scene) -> Proof:
    """What a file with every fault came to, over stdio."""
    return scene.prove(faulty(), ("stdio",))
