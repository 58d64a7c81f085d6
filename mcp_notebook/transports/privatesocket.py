"""A private socket with a note beside it, by which processes of this user find this kernel.

The socket has mode 0600 in a folder of mode 0700. Who dials it greets with a token that is
written in the note, and on no command line.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import secrets
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from mcp_notebook.bridge.notes import Note, answers, folders, notes, objection, remove, runs, twins
from mcp_notebook.errors import UsageError

from .ports import stop_listening
from .sockets import MAX_UNIX_PATH_BYTES

GREETING_S: Final = 10.0
"""How long a peer may take to greet."""

MAX_GREETING_BYTES: Final = 4096


class PrivateSocket:
    """A private socket and its note.

    Args:
        kind: who looks for it: ``bridge`` or ``tap``.
        name: what they call it.
        folder: the notebook's folder.
        server: the name of the server behind it, where there is one.

    Attributes:
        note: what is written down.

    Raises:
        UsageError: there is no folder for it.
    """

    def __init__(self, kind: str, name: str, *, folder: str, server: str = "") -> None:
        self._kind = kind
        self._server: asyncio.Server | None = None
        place = own_folder()
        sweep(place, kind)
        kernel, notebook = kernel_names()
        self.note = Note(
            endpoint=name,
            server=server,
            notebook=notebook,
            kernel=kernel,
            folder=folder,
            pid=os.getpid(),
            token=secrets.token_urlsafe(32),
            path=f"{place}/{kind}-{os.getpid()}-{secrets.token_hex(4)}.json",
        )

    def twins(self) -> list[Note]:
        """The notes of other kernels that a host cannot tell from this one."""
        return twins(self.note, self._kind)

    def command(self, *python: str) -> list[str]:
        """What a host launches to find it; it means the same after a restart of the kernel.

        Args:
            *python: the interpreter's arguments, the module's name last.
        """
        note = self.note
        command = [sys.executable, *python, note.endpoint]
        command += ["--kernel", note.notebook or note.folder]
        folder = os.path.dirname(note.path)  # noqa: PTH120 - a plain string, as hosts get it
        return command if folder in folders(environment=False) else [*command, "--folder", folder]

    def content(self, greeting: bytes) -> dict[str, Any] | None:
        """What a greeting says, if it carries the token."""
        try:
            content = json.loads(greeting)
            token = content["token"]
        except (ValueError, RecursionError, TypeError, KeyError):
            return None
        if not (isinstance(content, dict) and isinstance(token, str)):
            return None
        right = hmac.compare_digest(token.encode("utf-8", "replace"), self.note.token.encode())
        return content if right else None

    async def open(self, protocol: Callable[[], asyncio.Protocol]) -> None:
        """Listen, then write the note: whoever reads it finds somebody listening.

        Raises:
            UsageError: the system refuses.
        """
        path = self.note.socket
        if len(os.fsencode(path)) > MAX_UNIX_PATH_BYTES:
            raise UsageError(
                f"the socket path {path} is too long.", hint="Set XDG_RUNTIME_DIR to a short path."
            )
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            _bind(sock, path)
            loop = asyncio.get_running_loop()
            self._server = await loop.create_unix_server(protocol, sock=sock)
            write_note(self.note)
        except OSError as error:
            sock.close()
            await self.close()
            raise UsageError(f"cannot make the socket {path}: {error.strerror}.") from None

    async def close(self) -> None:
        """Leave no file and take no more links."""
        remove(self.note.path, f"{self.note.path}.draft", self.note.socket)
        if self._server is not None:
            await stop_listening(self._server)


def _bind(sock: socket.socket, path: str) -> None:
    """Make the socket's file, for its user alone."""
    # nobody can connect before listen(), so nobody gets in between these two
    sock.bind(path)
    Path(path).chmod(0o600)


def sweep(folder: str, kind: str) -> None:
    """Remove what killed kernels have left, also those that were killed while they started."""
    for note in notes(folder, kind)[0]:
        answers(note)
    for path in Path(folder).glob(f"{kind}-*-*"):
        pid = path.name.split("-")[1]
        noted = path.suffix == ".json" or path.with_suffix(".json").exists()
        if pid.isdecimal() and not noted and not runs(int(pid)):
            remove(str(path))


def write_note(note: Note) -> None:
    """Write a note at once or not at all, for its user alone."""
    content = {name: value for name, value in note._asdict().items() if name != "path"}
    draft = Path(f"{note.path}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file)
    draft.rename(note.path)


def own_folder() -> str:
    """A folder of mode 0700 of this user.

    Raises:
        UsageError: there is none and none can be made.
    """
    problem = "there is no folder for it"
    for folder in folders():
        try:
            Path(folder).mkdir(mode=0o700)
        except FileExistsError:
            pass
        except OSError as error:  # a folder of the session that may not be written to
            problem = f"{folder}: {error.strerror}"
            continue
        problem = objection(os.lstat(folder), folder)
        if not problem:
            return folder
        break  # somebody may have put it there: say so
    raise UsageError(
        f"bridge needs a folder of this user alone, and {problem}.",
        hint="Remove it or set its mode to 0700, then %mcp serve -t bridge",
    )


def kernel_names() -> tuple[str, str]:
    """The id of this kernel, and its notebook where the server that started it says so.

    Outside a kernel the id is the process id: a script that a notebook starts inherits the name
    of the notebook and is another program.
    """
    if "ipykernel" in sys.modules:
        for word in sys.argv[1:]:
            if word.endswith(".json"):
                name = Path(word.rpartition("=")[2]).stem.removeprefix("kernel-")
                notebook = os.environ.get("JPY_SESSION_NAME", "")
                return name, notebook if notebook.endswith(".ipynb") else ""
    return str(os.getpid()), ""
