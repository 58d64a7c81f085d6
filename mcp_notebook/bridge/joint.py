"""The joint: a host's two pipes on one side, a link to the notebook on the other."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import stat
import sys
import time
from typing import Any

from .choice import Choice
from .ledger import Ledger, error, is_message, is_request
from .lines import Lines, encoded, key, messages
from .notes import Away
from .standby import result_of, revision_of

WAIT_S = 5.0
"""How long a request waits for a notebook that is away."""
LOOK_S = 0.25
"""How often a notebook that is away is looked for."""
GRACE_S = 1.0
"""How long answers are waited for once the host has ended its input."""
LINGER_S = 5.0
"""How long the notebook may take to end its side then."""
FULL = 4 << 20
"""Nothing more is read while this much waits to be written."""

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
WENT = "the notebook went away while this was under way. It may have run; it was not sent again"

Held = tuple[float, bytes, list[dict[str, Any]]]


class Joint:
    """Carries lines both ways until the host is done.

    Args:
        choice: the notebook that is meant.
        wait: seconds a request waits for a notebook that is away.
        standby: open the host's session also before there is a notebook.
        stdin: descriptor of what the host writes.
        stdout: descriptor of what the host reads.
    """

    def __init__(
        self,
        choice: Choice,
        wait: float = WAIT_S,
        stdin: int = 0,
        stdout: int = 1,
        *,
        standby: bool = False,
    ) -> None:
        self._choice = choice
        self._standby = standby
        self._wait = wait
        self._stdin = stdin
        self._stdout = stdout
        self._link: socket.socket | None = None
        self._ready = False  # the session is open: lines of the host may pass
        self._up = bytearray()
        self._down = bytearray()
        self._from_host = Lines()
        self._from_notebook = Lines()
        self._ledger = Ledger()
        self._held: list[Held] = []
        self._why = ""
        self._failed = False
        self._look_at = 0.0
        self._ended_at: float | None = None
        self._shut_at: float | None = None

    def run(self) -> int:
        """Carry until the end; the exit code is 1 where no notebook was there for the host."""
        mode = os.fstat(self._stdout).st_mode
        piped = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)  # not a terminal, which others share
        blocking = os.get_blocking(self._stdout)
        if piped:
            os.set_blocking(self._stdout, False)
        try:
            while not self._over():
                self._step()
        except BrokenPipeError:
            pass  # the host is gone
        finally:
            if self._link is not None:
                self._link.close()
            if piped:
                os.set_blocking(self._stdout, blocking)
        return 1 if self._failed or self._choice.joined is None else 0

    def _over(self) -> bool:
        if self._down or self._held:
            return False
        return self._failed or (self._ended_at is not None and self._link is None)

    @property
    def _looks(self) -> bool:
        """Whether a notebook is wanted: not by a host that has ended its input."""
        return self._link is None and not self._failed and self._ended_at is None

    def _step(self) -> None:
        now = time.monotonic()
        if self._looks and now >= self._look_at:
            self._look(now)
        self._give_up(now)
        link = self._link
        readers: list[Any] = []
        writers: list[Any] = [self._stdout] if self._down else []
        if self._ended_at is None and len(self._up) < FULL:
            readers.append(self._stdin)
        if link is not None:
            if len(self._down) < FULL:
                readers.append(link)
            if self._up:
                writers.append(link)
        if self._over():
            return
        readable, writable, _ = select.select(readers, writers, [], self._timeout(now))
        if self._stdout in writable:
            self._write()
        if link is not None and link in writable:
            self._send(link)
        if link is not None and link in readable and self._link is link:
            self._receive(link)
        if self._stdin in readable:
            self._read()
        self._end(time.monotonic())

    def _timeout(self, now: float) -> float | None:
        times = [held[0] for held in self._held]
        if self._looks:
            times.append(self._look_at)
        elif self._link is None:
            pass  # only what the host has not read yet is left to do
        elif self._shut_at is not None:
            times.append(self._shut_at + LINGER_S)
        elif self._ended_at is not None:
            times.append(self._ended_at + GRACE_S)
        return max(0.0, min(times) - now) if times else None

    # ---- the four movements ---------------------------------------------------------------

    def _read(self) -> None:
        data = os.read(self._stdin, 1 << 16)
        if not data:
            self._ended_at = time.monotonic()
            if self._link is not None and self._ready:
                self._up += self._from_host.rest()
            return
        for line, whole in self._from_host.feed(data):
            self._take_from_host(line, whole)

    def _write(self) -> None:
        with contextlib.suppress(BlockingIOError):
            del self._down[: os.write(self._stdout, bytes(self._down[: 1 << 16]))]

    def _send(self, link: socket.socket) -> None:
        try:
            del self._up[: link.send(bytes(self._up[: 1 << 18]))]
        except BlockingIOError:
            pass
        except OSError:
            self._receive(link)  # what came before it broke

    def _receive(self, link: socket.socket) -> None:
        try:
            data = link.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose(WENT)
            return
        for line, whole in self._from_notebook.feed(data):
            self._take_from_notebook(line, whole)

    # ---- what passes ----------------------------------------------------------------------

    def _take_from_host(self, line: bytes, whole: bool) -> None:
        if not whole:
            if self._link is not None and self._ready:
                self._up += line
            return
        if not line.strip():
            return
        found = messages(line)
        if self._standby and self._choice.joined is None:
            self._look(time.monotonic())
            if self._choice.joined is None and self._stand_in(line, found or []):
                return
        if self._link is not None and self._ready:
            self._pass_up(line, found or [])
        elif found is None or not any(is_message(message) for message in found):
            code = PARSE_ERROR if found is None else INVALID_REQUEST
            self._down += error(None, "this line is no JSON-RPC message", code)
        else:
            self._hold(line, found)

    def _stand_in(self, line: bytes, found: list[dict[str, Any]]) -> bool:
        """Answer a line in the place of a notebook that has not been there yet, if possible."""
        message = found[0] if len(found) == 1 else {}
        if not is_request(message):
            opened = message.get("method") == "notifications/initialized"
            return opened and self._ledger.from_host(message, line)
        result = result_of(message, self._why)
        if result is None:
            return False
        if revision := revision_of(message):
            self._ledger.stand_in(message, line, revision)
        self._down += encoded(id=message["id"], result=result)
        return True

    def _pass_up(self, line: bytes, found: list[dict[str, Any]]) -> None:
        useful = [self._ledger.from_host(message, line) for message in found]
        if not found or any(useful):
            self._up += line

    def _hold(self, line: bytes, found: list[dict[str, Any]]) -> None:
        """Keep a line until the notebook is there, or until its time is over."""
        for message in found:
            params = message.get("params")
            if message.get("method") == "notifications/cancelled" and isinstance(params, dict):
                self._held = [
                    held
                    for held in self._held
                    if [key(m.get("id")) for m in held[2]] != [key(params.get("requestId"))]
                ]
        self._look_at = 0.0  # what is said then is true now
        self._held.append((time.monotonic() + self._wait, line, found))

    def _take_from_notebook(self, line: bytes, whole: bool) -> None:
        own = False
        for message in (messages(line) or []) if whole else []:
            what = self._ledger.from_notebook(message)
            own |= what is not None
            if what == "initialize":
                self._go_on(message)
            elif what == "subscriptions/listen":
                self._down += self._ledger.heard_again(message)
        if not own:
            self._down += line

    # ---- the notebook comes and goes --------------------------------------------------------

    def _look(self, now: float) -> None:
        self._look_at = now + LOOK_S
        again = self._choice.joined is not None
        try:
            self._link = self._choice.join()
        except Away as why:
            if str(why) != self._why:
                self._why = str(why)
                say(self._why)
            return
        if again or self._ledger.session:
            say("the notebook is back" if again else "the notebook is there")
        self._why = ""
        self._up += self._ledger.replay()
        if not self._up:
            self._up += self._ledger.listen_again()
            self._release()

    def _go_on(self, message: dict[str, Any]) -> None:
        """The notebook has answered the replayed ``initialize``."""
        lines = self._ledger.opened(message)
        if lines is None:
            self._why = "the notebook came back with another revision of the protocol."
            self._why += " Start this server anew in the host"
            say(self._why)
            self._lose(self._why)
            self._failed = True
            self._give_up(float("inf"))
            return
        self._up += lines[0] + self._ledger.listen_again()
        self._down += lines[1]
        self._release()

    def _release(self) -> None:
        self._ready = True
        held, self._held = self._held, []
        for _, line, found in held:
            self._pass_up(line, found)

    def _lose(self, text: str) -> None:
        if self._link is not None:
            self._link.close()
        self._link, self._ready = None, False
        self._up.clear()
        self._from_notebook = Lines()
        self._down += self._ledger.lose(f"{text}.")
        self._look_at = 0.0
        if self._ended_at is None and not self._failed:
            say("the notebook went away; it is looked for")

    def _give_up(self, now: float) -> None:
        """Answer what has waited too long, or all of it once the host has ended its input."""
        if self._ended_at is not None and not self._ready:
            now = float("inf")
        due = [held for held in self._held if held[0] <= now]
        self._held = [held for held in self._held if held[0] > now]
        why = self._why or "the notebook came back and has not opened the session yet."
        for message in (m for held in due for m in held[2] if is_request(m)):
            self._down += error(message["id"], why)

    def _end(self, now: float) -> None:
        """Once the host has ended its input, end ours; then wait for the notebook's end."""
        link = self._link
        if link is None or self._ended_at is None:
            return
        if self._shut_at is None:
            late = now >= self._ended_at + GRACE_S
            if late or not (self._ledger.owed or self._up or self._held):
                with contextlib.suppress(OSError):
                    link.shutdown(socket.SHUT_WR)
                self._shut_at = now
        elif now >= self._shut_at + LINGER_S:
            self._lose(WENT)


def say(text: str) -> None:
    """A line for the host's log."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"mcp_notebook.bridge: {text}\n")
        sys.stderr.flush()
