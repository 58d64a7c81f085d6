"""Foreign programs, and a notebook whose endpoints they talk to."""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from mcp_notebook.runtime.workbench import Workbench
from tests.peers import install
from tests.rigs.kernel import KernelRig
from tests.rigs.surroundings import IN_CI

HERE = Path(__file__).parent
NOTEBOOKS = HERE / "notebooks"
CLIENTS = HERE / "clients"

SYSTEMS = {"Linux": "linux", "Darwin": "darwin"}
MACHINES = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Peers:
    """Where the foreign programs are. Asking for one that is not installed skips; in CI it fails.

    Attributes:
        missing: the environments that are not there.
    """

    missing: frozenset[str]

    def _need(self, environment: str) -> Path:
        if environment in self.missing:
            told = f"not installed: {environment}. Run: python -m tests.peers.install"
            (pytest.fail if IN_CI else pytest.skip)(told)
        return install.STORE / environment

    @property
    def modules(self) -> Path:
        """The packages of npm."""
        return self._need("node") / "node_modules"

    @property
    def node(self) -> str:
        """A Node that is new enough for all of them."""
        system = SYSTEMS.get(platform.system(), "linux")
        machine = MACHINES.get(platform.machine(), "x64")
        return str(self.modules / f"node-{system}-{machine}" / "bin" / "node")

    def script(self, package: str, path: str) -> list[str]:
        """The command that starts a program of an npm package."""
        return [self.node, str(self.modules / package / path)]

    def everything(self, *arguments: str) -> list[str]:
        """The command of the reference server."""
        package = "@modelcontextprotocol/server-everything"
        return [*self.script(package, "dist/index.js"), *arguments]

    def desk(self, script: str) -> list[str]:
        """The command of a server in the folder ``servers``."""
        return [self.python("fastmcp"), str(HERE / "servers" / script)]

    def python(self, environment: str) -> str:
        """The interpreter of a virtual environment."""
        return str(self._need(environment) / "bin" / "python")


def run(
    command: Sequence[str], *, timeout: float = 50, check: bool = True, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a foreign program to its end; `more` are variables of its environment.

    It fails the test with what the program said, where it does not end well.
    """
    environment = {**os.environ, **more}
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if check and done.returncode:
        pytest.fail(f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


@contextmanager
def listening(command: list[str], port: int, log: Path) -> Iterator[None]:
    """Runs a server until the block ends; enters it once its port answers."""
    environment = {**os.environ, "PORT": str(port)}
    with log.open("wb") as out:
        server = subprocess.Popen(command, stdout=out, stderr=out, env=environment)
        try:
            deadline = time.monotonic() + 40
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=5).close()
                    break
                except ConnectionRefusedError:
                    if server.poll() is not None or time.monotonic() > deadline:
                        pytest.fail(f"{command} does not listen:\n{log.read_text()}")
                    time.sleep(0.05)  # a server announces nothing before it listens
            yield
        finally:
            server.terminate()
            server.wait(10)


@pytest.fixture(scope="session")
def peers() -> Peers:
    """The foreign programs."""
    return Peers(frozenset(install.missing()))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A workbench whose connections lead to foreign servers."""
    with Workbench(folder=str(tmp_path_factory.mktemp("peers"))) as own:
        yield own


def notebook(home: Path, cells: str) -> KernelRig:
    """A real kernel that has run the cells of a file in `notebooks`."""
    rig = KernelRig(home)
    try:
        rig.run("%load_ext mcp_notebook").check()
        rig.run((NOTEBOOKS / cells).read_text(encoding="utf-8"), timeout=60).check()
    except BaseException:
        rig.stop()
        raise
    return rig


def served(rig: KernelRig, transport: str, *options: str) -> str:
    """Serves the notebook over a transport and gives the address."""
    rig.run(f"ep = %mcp serve -t {transport} {' '.join(options)}").check()
    url = rig.value("ep.url")
    assert isinstance(url, str)
    return url


@pytest.fixture(scope="package")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelRig]:
    """A real notebook with tools that report, ask, and take and give pictures."""
    rig = notebook(tmp_path_factory.mktemp("desk"), "desk.py")
    try:
        yield rig
    finally:
        rig.stop()


@pytest.fixture(scope="package")
def bridge(desk: KernelRig) -> list[str]:
    """The command that a host starts to reach it."""
    desk.run("%mcp serve -t bridge --as desk").check()
    command = desk.value("current().endpoints['desk'].listener.command")
    assert isinstance(command, list)
    return command


@pytest.fixture(scope="package")
def urls(desk: KernelRig, bridge: list[str]) -> dict[str, str]:
    """Its endpoints; for ``stdio`` the command of its bridge, as a list in JSON."""
    found = {transport: served(desk, transport) for transport in ("http", "sse", "websocket")}
    return {**found, "stdio": json.dumps(bridge)}
