"""What a proof stands on: a workbench of its own, the exported file, and the notebook's server."""

from __future__ import annotations

import asyncio
import concurrent.futures
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Final

from mcp_notebook.errors import McpError
from mcp_notebook.runtime.connection import Connection
from mcp_notebook.runtime.server import NotebookServer
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.store import Trace
from mcp_notebook.transports.ports import free_port

from .recorded import Call, Outcome
from .replay import make
from .subprocesses import listening

ERAS: Final = ("legacy", "modern")
CALL_S: Final = 60.0
"""Seconds a replayed call may take."""

OPEN_S: Final = 60.0
"""Seconds a server may take to start and to greet: a cold import of a big library is slow."""

_URL: Final = {"http": "http://127.0.0.1:{port}/mcp", "websocket": "ws://127.0.0.1:{port}/mcp"}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The file that is proven, and how it is started.

    Attributes:
        command: the interpreter and the file.
        env: the variables it needs, by name; their values are shown nowhere.
        path: a folder that Python looks for modules in; empty where none is needed.
        root: the folder of its files; ``None`` where it is started in its own place.
        files: what is in there and is its own, relative to the folder.
    """

    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    path: str = ""
    root: Path | None = None
    files: tuple[PurePosixPath, ...] = ()

    def copied(self, to: Path) -> Subject:
        """The same as a copy of its files: what it writes beside itself ships with nobody."""
        if self.root is None:
            return self
        moved = {str(self.root / file): to / file for file in self.files}
        for source, place in moved.items():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, place)
        return replace(
            self,
            command=tuple(str(moved.get(word, word)) for word in self.command),
            path=str(to / Path(self.path).relative_to(self.root)) if self.path else "",
            root=None,
        )

    @property
    def whole_env(self) -> dict[str, str]:
        """Every variable that it is started with."""
        found = {"PYTHONDONTWRITEBYTECODE": "1"}  # nothing is left beside the file
        return {**found, **self.env, **({"PYTHONPATH": self.path} if self.path else {})}


class Stand:
    """A workbench of its own: what the caller has running and recorded stays as it is.

    Args:
        subject: the file.
        folder: a folder to start it in that is not its own: it must work from anywhere.
        bench: the workbench.
    """

    def __init__(self, subject: Subject, folder: str, bench: Workbench) -> None:
        self.bench = bench
        self._subject = subject
        self._folder = folder
        self._serving: list[AsyncExitStack] = []

    @contextmanager
    def road(self, transport: str, era: str) -> Iterator[Connection]:
        """A connection to the file, in a process that nothing has called yet.

        Raises:
            McpError: it does not start, or does not answer.
        """
        name = f"{transport}-{era}"
        subject = self._subject.copied(Path(self._folder, "copies", name))
        if transport == "stdio":
            with self.bench.connect(
                [*subject.command, "--transport", "stdio"],
                name=name,
                era=era,
                timeout=OPEN_S,
                env=subject.whole_env,
                cwd=self._folder,
            ) as connection:
                yield connection
            return
        port = free_port()
        argv = [*subject.command, "--transport", transport, "--port", str(port)]
        serving = AsyncExitStack()
        self._serving.append(serving)
        served = listening(argv, port, env=subject.whole_env, cwd=self._folder)
        self.bench.loop.run(serving.enter_async_context(served))
        url = _URL[transport].format(port=port)
        with self.bench.connect(url, name=name, era=era, timeout=OPEN_S) as connection:
            yield connection
        self.bench.loop.run(serving.aclose())

    def close(self) -> None:
        """End the servers that still run: after Ctrl-C nobody else does."""

        async def end() -> None:
            await asyncio.gather(*(one.aclose() for one in self._serving), return_exceptions=True)

        if self._serving and self.bench.loop.running:
            with suppress(McpError, TimeoutError, concurrent.futures.CancelledError):
                self.bench.loop.run(end(), timeout_s=10)


@contextmanager
def stand(subject: Subject) -> Iterator[Stand]:
    """A stand while the block runs; leaving it ends whatever it started."""
    with (
        tempfile.TemporaryDirectory(prefix="mcp-proof-", ignore_cleanup_errors=True) as folder,
        Workbench(folder=folder, trace=Trace()) as bench,
    ):
        for value in subject.env.values():
            bench.trace.secrets.add(value)
        made = Stand(subject, folder, bench)
        try:
            yield made
        finally:
            made.close()


class Notebook:
    """The notebook's own server, asked over ``memory`` on the workbench of the proof.

    Args:
        bench: that workbench.
        server: the server as it is now.
        may_ask: the tools that may be called once more; resources and prompts always may.
    """

    def __init__(self, bench: Workbench, server: NotebookServer, may_ask: frozenset[str]) -> None:
        self._bench = bench
        self._server = server
        self._may_ask = may_ask
        self._endpoint = bench.serve(server, "memory", name="notebook")

    def open(self, era: str, name: str = "") -> Connection:
        """A connection to it."""
        return self._bench.connect(self._endpoint, name=name or f"notebook-{era}", era=era)

    def __call__(self, call: Call, era: str) -> Outcome | None:
        """What it answers now; ``None`` where the tool may not be called once more."""
        if call.kind == "tool" and call.name not in self._may_ask:
            return None
        name = f"notebook-{era}"
        connection = self._bench.connections.get(name)
        with suppress(McpError):
            if connection is None or not connection.is_open:
                connection = self.open(era)
            return make(connection, call, timeout=CALL_S)
        return None
