"""``bridge``: a host's child process whose standard streams are joined to this kernel.

Outside it is stdio: any host that launches ``python -m mcp_notebook.bridge`` talks to the live
notebook. Inside the child reaches the kernel over a private Unix socket (mode 0600 in a folder of
mode 0700, the peer's user checked at both ends). Its first line is a greeting with a token that is
written beside the socket, and on no command line; the greeting is no message and not recorded.
"""

from __future__ import annotations

import asyncio
import hmac
import itertools
import json
import os
import secrets
import shlex
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from mcp_notebook.bridge.choice import LINK, WELCOME
from mcp_notebook.bridge.notes import Note, answers, folders, notes, objection, remove, runs, twins
from mcp_notebook.errors import ConnectError, UsageError
from mcp_notebook.trace.events import Direction

from .base import (
    ChildCommand,
    ConnectOptions,
    Listener,
    Served,
    ServeOptions,
    StreamListener,
    StreamPair,
)
from .ports import stop_listening
from .sockets import MAX_UNIX_PATH_BYTES, peer_is_me
from .stdio import StdioTransport
from .streams import LineDuplex
from .tap import Tap

GREETING_S = 10.0
"""How long a peer may take to greet."""
MAX_GREETING_BYTES = 4096

_children = itertools.count(1)


class _Greeted(LineDuplex):
    """The kernel's end of one socket: a link from the moment its peer has shown the token."""

    grace_s = 0.0  # the bridge has waited for the answers before it ended its side

    def __init__(self, listener: BridgeListener) -> None:
        super().__init__(receives=Direction.CLIENT_TO_SERVER, tap=listener.tap.link())
        self._listener = listener
        self._early: bytes | None = b""
        self._peer = ""
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A process has dialled."""
        super().connection_made(transport)
        self._peer = _process(transport)
        if not peer_is_me(transport):
            self._turn_away("the peer belongs to another user")
            return
        self._listener.ungreeted.add(self)
        loop = asyncio.get_running_loop()
        self._late = loop.call_later(GREETING_S, self._turn_away, "the peer did not greet")

    def data_received(self, data: bytes) -> None:
        """The greeting, then what a link carries."""
        if self._early is None:
            super().data_received(data)
            return
        self._early += data
        line, newline, rest = self._early.partition(b"\n")
        if not newline and len(line) <= MAX_GREETING_BYTES:
            return
        link = self._listener.known(line) if newline else None
        if link is None:
            self._turn_away("the peer did not greet with the token of this endpoint")
            return
        self._early = None
        self._settled()
        if self.tap:
            self.tap.opened(self._listener.link_address(link) or self._peer)
        self._writer.write(WELCOME)
        self._listener.accept(self)
        if rest:
            super().data_received(rest)

    def connection_lost(self, exc: Exception | None) -> None:
        """The process is gone."""
        self._settled()
        super().connection_lost(exc)

    def _settled(self) -> None:
        self._listener.ungreeted.discard(self)
        if self._late is not None:
            self._late.cancel()

    def _turn_away(self, why: str) -> None:
        if self.tap:
            self.tap.opened(self._peer)
            self.tap.fault(f"closed: {why}")
        self.abort()


def _process(transport: asyncio.BaseTransport) -> str:
    """The process at the other end, where the system tells."""
    if sys.platform != "linux":
        return "a bridge"
    import struct

    sock = transport.get_extra_info("socket")
    told = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return f"bridge process {struct.unpack('3i', told)[0]}"


class BridgeListener(StreamListener):
    """A private socket with a note beside it, by which bridges find it.

    Attributes:
        command: what a host launches.
    """

    def __init__(self, served: Served, tap: Tap, note: Note) -> None:
        super().__init__(served)
        self.tap = tap
        self.command = command_of(note)
        self.address = shlex.join(self.command)
        self.ungreeted: set[_Greeted] = set()
        self.closed = False
        self._note = note
        self._server: asyncio.Server | None = None

    def known(self, greeting: bytes) -> str | None:
        """The link that a greeting names, if it carries the token of this endpoint."""
        try:
            content = json.loads(greeting)
            token, link = content["token"], content.get("link", "")
        except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
            return None
        if not (isinstance(token, str) and isinstance(link, str)):
            return None
        right = hmac.compare_digest(token.encode("utf-8", "replace"), self._note.token.encode())
        return link if right else None

    def twins(self) -> list[Note]:
        """The notes of other kernels that a host cannot tell from this one."""
        return twins(self._note)

    def link_address(self, link: str) -> str:
        """How both ends call the link to a child that this kernel started."""
        return f"{self.address} (child {link})" if link.isdecimal() else ""

    async def open(self) -> None:
        """Listen, then write the note: whoever reads it finds somebody listening.

        Raises:
            UsageError: the system refuses.
        """
        note, path = self._note, self._note.socket
        if len(os.fsencode(path)) > MAX_UNIX_PATH_BYTES:
            raise UsageError(
                f"the socket path {path} is too long.", hint="Set XDG_RUNTIME_DIR to a short path."
            )
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            bind_private(sock, path)
            loop = asyncio.get_running_loop()
            self._server = await loop.create_unix_server(lambda: _Greeted(self), sock=sock)
            write_note(note)
        except OSError as error:
            sock.close()
            await self.close()
            raise UsageError(f"cannot make the socket {path}: {error.strerror}.") from None

    async def close(self) -> None:
        """Stop listening, end every link, leave no file."""
        self.closed = True
        remove(self._note.path, f"{self._note.path}.draft", self._note.socket)
        if self._server is not None:
            await stop_listening(self._server)
        for one in list(self.ungreeted):
            one.abort()
        await asyncio.sleep(0)  # what is aborted is closed in the next turn of the loop
        await self.close_links()


def bind_private(sock: socket.socket, path: str) -> None:
    """Make the socket's file, for its user alone."""
    # nobody can connect before listen(), so nobody gets in between these two
    sock.bind(path)
    Path(path).chmod(0o600)


def sweep(folder: str, kind: str = "bridge") -> None:
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


def command_of(note: Note) -> list[str]:
    """The command for a host; it means the same after a restart of the kernel."""
    command = [sys.executable, "-m", "mcp_notebook.bridge", note.endpoint]
    command += ["--kernel", note.notebook or note.folder]
    folder = os.path.dirname(note.path)  # noqa: PTH120 - a plain string, as hosts get it
    return command if folder in folders(environment=False) else [*command, "--folder", folder]


class BridgeTransport(StdioTransport):
    """A child process joined to the live notebook."""

    name = "bridge"
    standing = "stdio on the outside"
    summary = "a host's child process, joined to this kernel: stdio on the outside"

    def missing(self) -> str:
        """Windows' Python has no Unix sockets."""
        return "" if hasattr(socket, "AF_UNIX") else "Python has no Unix sockets on Windows."

    async def listen(  # type: ignore[override]
        self, served: Served, options: ServeOptions, tap: Tap
    ) -> BridgeListener:
        """Listen where bridges look."""
        self.refuse(options, "port", "path", "host", "token")
        folder = own_folder()
        sweep(folder)
        kernel, notebook = kernel_names()
        note = Note(
            endpoint=options.name,
            server=served.name,
            notebook=notebook,
            kernel=kernel,
            folder=options.folder,
            pid=os.getpid(),
            token=secrets.token_urlsafe(32),
            path=f"{folder}/bridge-{os.getpid()}-{secrets.token_hex(4)}.json",
        )
        listener = BridgeListener(served, tap, note)
        for other in listener.twins():
            options.warn(
                f"process {other.pid} serves {note.endpoint} for the same "
                f"{'notebook' if notebook else 'folder'}, and hosts cannot tell the two: stop "
                "one, or give another name with --as"
            )
        await listener.open()
        return listener

    def connect(
        self, target: Listener | str | Sequence[str], options: ConnectOptions, tap: Tap
    ) -> StreamPair:
        """Start the child that a host would start."""
        if not isinstance(target, BridgeListener):
            raise UsageError(
                "bridge leads to an endpoint of this kernel.",
                hint="To another kernel: %mcp connect -- python -m mcp_notebook.bridge NAME",
            )
        if target.closed:
            raise ConnectError("that endpoint is stopped.", hint="Start it: %mcp serve -t bridge")
        link = str(next(_children))
        command = ChildCommand(argv=target.command, env={LINK: link})
        return self._connect(command, options, tap, None, target.link_address(link))
