"""A host that runs a bridge, and a notebook whose every byte a test decides."""

from __future__ import annotations

import json
import os
import queue
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mcp_notebook.bridge.choice import WELCOME

LIMIT_S = 50.0
"""How long anything is waited for; only a failure takes so long."""


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's name."""
    made = Path(tempfile.mkdtemp(prefix="mb-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


class Host:
    """Starts a bridge as a host does and talks to it line by line.

    Args:
        words: the bridge's arguments.
        environment: all the variables it gets.
        command: another command than the bridge's.
        folder: where it is started.

    Attributes:
        stray: the lines on standard output that are no message.
    """

    def __init__(
        self,
        *words: str,
        environment: dict[str, str] | None = None,
        command: list[str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.stray: list[bytes] = []
        self.process = subprocess.Popen(
            command or [sys.executable, "-m", "mcp_notebook.bridge", *words],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment if environment is not None else {"PATH": os.environ["PATH"]},
        )
        self.said: list[str] = []
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._words: queue.Queue[str] = queue.Queue()
        takers = (self._take_lines, self._take_words)
        self._takers = [threading.Thread(target=take, daemon=True) for take in takers]
        for taker in self._takers:
            taker.start()

    def _take_lines(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(b"")

    def _take_words(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._words.put(line.decode().rstrip())

    def send(self, *messages: Any) -> None:
        """Write messages, or bytes as they are."""
        assert self.process.stdin is not None
        for message in messages:
            raw = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
            self.process.stdin.write(raw)
        self.process.stdin.flush()

    def line(self) -> bytes:
        """The next line; empty at the end."""
        return self._lines.get(timeout=LIMIT_S)

    def receive(self) -> Any:
        """The next message."""
        line = self.line()
        assert line, f"the bridge ended: {self.last_words()}"
        try:
            return json.loads(line)
        except ValueError:
            self.stray.append(line)
            return self.receive()

    def answer(self, identifier: Any) -> Any:
        """The next message with an id, which must be this one; notices are passed over."""
        while (found := self.receive()).get("id") is None:
            pass
        assert found["id"] == identifier, found
        return found

    def hear(self, part: str) -> str:
        """The next line on standard error that contains this."""
        while part not in (line := self._words.get(timeout=LIMIT_S)):
            self.said.append(line)
        self.said.append(line)
        return line

    def last_words(self) -> str:
        """What it wrote to standard error so far."""
        while not self._words.empty():
            self.said.append(self._words.get())
        return "\n".join(self.said)

    def end_input(self) -> None:
        """End its standard input, as a host that is done."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def exit_code(self) -> int:
        """Its exit code, once it has ended."""
        return self.process.wait(LIMIT_S)

    def call(self, method: str, identifier: Any = 1, **params: Any) -> Any:
        """Send a request and return its answer."""
        self.send(request(method, identifier, **params))
        return self.answer(identifier)

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for taker in self._takers:  # they end with the process; a stream in use is not closed
            taker.join(LIMIT_S)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()


def request(method: str, identifier: Any = 1, **params: Any) -> dict[str, Any]:
    """A request as a host writes it."""
    return {"jsonrpc": "2.0", "id": identifier, "method": method, "params": params}


def notice(method: str, **params: Any) -> dict[str, Any]:
    """A notification."""
    return {"jsonrpc": "2.0", "method": method, "params": params}


def initialize(identifier: Any = 0) -> dict[str, Any]:
    """The opening of a legacy session."""
    return request(
        "initialize",
        identifier,
        protocolVersion="2025-11-25",
        capabilities={},
        clientInfo={"name": "host", "version": "1"},
    )


class FakeNotebook:
    """A socket with a note, as a notebook has them; the test plays the kernel.

    Args:
        where: what holds its folder, which is made as a bridge wants it.
        stem: of the names of its files.
        facts: what the note says, beside the usual.
    """

    def __init__(self, where: Path, stem: str = "bridge-1-aa", **facts: Any) -> None:
        self.folder = where / f"mcp-notebook-{os.getuid()}"
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.path, self.note = self.folder / f"{stem}.sock", self.folder / f"{stem}.json"
        self.token = "the-token-of-this-notebook"
        self.greeting: dict[str, Any] = {}
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.settimeout(LIMIT_S)
        self.listening.bind(str(self.path))
        self.path.chmod(0o600)
        self.listening.listen(8)
        content = {
            "endpoint": "notebook-bridge",
            "server": "notebook",
            "notebook": "",
            "kernel": "k-1234",
            "folder": "/somewhere",
            "pid": os.getpid(),
            "token": self.token,
            **facts,
        }
        draft = self.note.with_suffix(".draft")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(content))
        draft.rename(self.note)
        self.link: Any = None
        self.lines: Any = None

    def accept(self, welcome: bytes = WELCOME) -> None:
        """Take the next bridge that greets; those that only knock are passed over."""
        while True:
            link, _ = self.listening.accept()
            link.settimeout(LIMIT_S)
            lines = link.makefile("rb")
            first = lines.readline()
            if first:
                break
            link.close()
        self.greeting = json.loads(first)
        self.link, self.lines = link, lines
        link.sendall(welcome)

    def receive(self) -> Any:
        """The next message of the host."""
        return json.loads(self.lines.readline())

    def line(self) -> bytes:
        """The next line of the host; empty at its end."""
        return bytes(self.lines.readline())

    def send(self, *messages: Any) -> None:
        """Write messages, or bytes as they are."""
        for message in messages:
            raw = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
            self.link.sendall(raw)

    def reply(self, identifier: Any, **result: Any) -> None:
        """Answer a request."""
        self.send({"jsonrpc": "2.0", "id": identifier, "result": result})

    def hang_up(self) -> None:
        """End the link."""
        self.link.shutdown(socket.SHUT_RDWR)
        self.lines.close()
        self.link.close()

    def die(self) -> None:
        """End link and socket as a killed kernel does: the files stay."""
        self.listening.close()
        if self.link is not None:
            self.hang_up()

    def leave(self) -> None:
        """End as a kernel that is shut down: nothing stays."""
        for path in (self.note, self.path):
            path.unlink(missing_ok=True)
        self.die()

    def __enter__(self) -> FakeNotebook:
        return self

    def __exit__(self, *_: object) -> None:
        self.listening.close()
        if self.link is not None:
            self.lines.close()
            self.link.close()
        for path in (self.note, self.path):
            path.unlink(missing_ok=True)
