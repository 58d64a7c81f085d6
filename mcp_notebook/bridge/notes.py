"""The notes and sockets of the notebooks that listen: where they are, whom they belong to."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import struct
import sys
from typing import NamedTuple

HELLO_S = 3.0
"""How long a notebook may take to answer the greeting."""


class Away(Exception):
    """No notebook can be joined; its text says why and what to do."""


class Note(NamedTuple):
    """What a notebook that listens writes down beside its socket."""

    endpoint: str
    server: str
    notebook: str
    kernel: str
    folder: str
    pid: int
    token: str
    path: str

    @property
    def socket(self) -> str:
        """The path of its socket."""
        return self.path.removesuffix(".json") + ".sock"

    def is_called(self, word: str) -> bool:
        """Whether a user's word means its server or notebook."""
        base = self.notebook.rpartition("/")[2]
        return word in (self.server, self.notebook, base, base.removesuffix(".ipynb"))

    def is_kernel(self, word: str) -> bool:
        """Whether a user's word means its kernel."""
        if word in (self.kernel, str(self.pid)) or (len(word) > 3 and self.kernel.startswith(word)):
            return True
        return (self.is_called(word) and word != self.server) or (
            os.path.realpath(word) == os.path.realpath(self.folder)
        )

    def known_as(self) -> tuple[str, str]:
        """What the command of a host says of it; it must stay the same over a restart."""
        return self.endpoint, self.notebook or os.path.realpath(self.folder)

    def shown(self) -> str:
        """One line without its token."""
        where = self.notebook or f"a kernel in {self.folder}"
        return f"{self.endpoint} --kernel {self.kernel} ({where}, process {self.pid})"


def folders(environment: bool = True) -> list[str]:
    """Where notebooks of this user may listen, best first; hosts often pass no environment."""
    uid = os.getuid()
    named = os.environ if environment else {}
    parents = [named.get("XDG_RUNTIME_DIR"), f"/run/user/{uid}", named.get("TMPDIR"), "/tmp"]
    if sys.platform == "darwin":
        parents.insert(3, os.confstr(65537))  # _CS_DARWIN_USER_TEMP_DIR
    found = [f"{p.rstrip('/')}/mcp-notebook-{uid}" for p in parents if p]
    return list(dict.fromkeys(found))


def objection(info: os.stat_result, path: str, what: str = "folder") -> str:
    """Why a path (as ``lstat`` saw it) is not to be trusted; nothing where it is this user's."""
    kinds = {"folder": stat.S_ISDIR, "socket": stat.S_ISSOCK, "file": stat.S_ISREG}
    if stat.S_ISLNK(info.st_mode):
        return f"{path} is a symbolic link"
    if not kinds[what](info.st_mode):
        return f"{path} is no {what}"
    if info.st_uid != os.getuid():
        return f"{path} belongs to another user"
    mode = stat.S_IMODE(info.st_mode)
    return f"{path} is open to others (mode {mode:04o})" if mode & 0o077 else ""


def peer_uid(link: socket.socket) -> int | None:
    """The user at the other end; ``None`` where the system does not tell."""
    if sys.platform != "linux":
        return None  # the folder's mode keeps others out
    size = struct.calcsize("3i")
    uid = struct.unpack("3i", link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))[1]
    return int(uid)


def read_note(path: str) -> Note:
    """A note, read if it is a file of this user alone; else OSError or ValueError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - because of start-up time
        if why := objection(os.fstat(descriptor), path, "file"):
            raise PermissionError(why)
        content = json.loads(file.read(1 << 16))
    try:
        return Note(**{**content, "path": path, "pid": int(content["pid"])})
    except (TypeError, KeyError):
        raise ValueError(f"{path} is no note of a notebook") from None


def notes(folder: str = "", kind: str = "bridge") -> tuple[list[Note], list[str]]:
    """Every note of a kind, and what was refused on the way, with the reason.

    Args:
        folder: where to look; in every folder of this user's by default.
        kind: ``bridge`` for notebooks that serve, ``tap`` for those that look on.
    """
    found: list[Note] = []
    refused: list[str] = []
    for place in [folder] if folder else folders():
        try:
            if why := objection(os.lstat(place), place):
                refused.append(why)
                continue
            names = sorted(os.listdir(place))  # noqa: PTH208 - because pathlib costs start-up time
        except OSError:
            continue
        for name in names:
            if name.startswith(f"{kind}-") and name.endswith(".json"):
                try:
                    found.append(read_note(f"{place}/{name}"))
                except PermissionError as error:
                    refused.append(str(error))
                except (OSError, ValueError):
                    continue  # gone in the meantime, or not ours
    return found, refused


def dial(note: Note) -> socket.socket:
    """A link to a notebook whose socket and user are in order; OSError where none listens."""
    if why := objection(os.lstat(note.socket), note.socket, "socket"):
        raise Away(f"refused: {why}.")
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        link.settimeout(HELLO_S)
        link.connect(note.socket)
        if peer_uid(link) not in (None, os.getuid()):
            raise Away(f"refused: who listens at {note.socket} is another user.")
    except BaseException:
        link.close()
        raise
    return link


def runs(pid: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def remove(*paths: str) -> None:
    """Remove files; what is gone already is no error."""
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)  # noqa: PTH108 - because of start-up time


def answers(note: Note) -> bool:
    """Whether a notebook listens; what a dead kernel left behind is removed."""
    try:
        dial(note).close()
    except (ConnectionRefusedError, FileNotFoundError):
        if not runs(note.pid):
            remove(note.path, note.socket)
        return False
    except (OSError, Away):
        return True  # whoever joins it is told
    return True


def twins(note: Note, kind: str = "bridge") -> list[Note]:
    """The other notebooks that listen and that a host cannot tell from this one."""
    folder = os.path.dirname(note.path)  # noqa: PTH120 - because of start-up time
    return [
        other
        for other in notes(folder, kind)[0]
        if other.path != note.path and other.known_as() == note.known_as() and answers(other)
    ]
