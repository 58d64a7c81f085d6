"""A real ipykernel, driven over ZeroMQ as a front end drives it.

Nothing runs in the background here: each wait reads the kernel's channels on the calling thread and
gives every message to the execution it belongs to. So several executions may be under way, and what
a background thread prints after its cell has ended still reaches that cell's :class:`Execution`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import zmq
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

from tests.rigs.surroundings import jupyter_environment

Message = dict[str, Any]

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
"""The escape sequences that colour a traceback."""


@dataclass
class Result:
    """What one execution left behind.

    Attributes:
        status: `ok`, `error` or `aborted`, from the kernel's reply: what decides Run All.
        displays: the MIME bundles of `display()`, updates applied, in order.
        result: the MIME bundle of the last expression, or None.
        traceback: as the front end shows it, without the colours.
    """

    status: str
    stdout: str = ""
    stderr: str = ""
    ename: str = ""
    evalue: str = ""
    traceback: str = ""
    displays: list[dict[str, Any]] = field(default_factory=list)
    result: dict[str, Any] | None = None
    payload: list[Message] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Everything a reader reads, as plain text, in the order of the kinds."""
        shown = [*self.displays, *([self.result] if self.result else [])]
        parts = [self.stdout, *(bundle.get("text/plain", "") for bundle in shown)]
        return "\n".join(part for part in [*parts, self.stderr, self.traceback] if part)

    def check(self) -> Result:
        """This result, if the execution went well; otherwise the test fails with what was shown."""
        assert self.status == "ok", f"{self.ename}: {self.evalue}\n{self.text}"
        return self


class Execution:
    """One cell that was sent; made by :meth:`KernelRig.start`."""

    def __init__(self, rig: KernelRig, msg_id: str, code: str, answers: Sequence[str]) -> None:
        self.msg_id = msg_id
        self.code = code
        self.messages: list[Message] = []
        """What the kernel published for this cell, in order."""
        self.reply: Message | None = None
        self.idle = False
        self.questions: list[str] = []
        """The prompts of `input()`, each answered with the next of `answers`."""
        self._rig = rig
        self._answers = list(answers)

    @property
    def done(self) -> bool:
        """Whether the kernel has replied and said that it is idle again."""
        return self.reply is not None and self.idle

    def wait(self, timeout: float = 30) -> Result:
        """Waits for the end of the cell."""
        self._rig.wait_until(lambda: self.done, timeout, f"the end of {self.code!r}")
        return self.so_far()

    def wait_for_text(self, text: str, timeout: float = 30) -> Result:
        """Waits until `text` has been shown, whether the cell has ended or not."""
        self._rig.wait_until(
            lambda: text in self.so_far().text, timeout, f"{text!r} from {self.code!r}"
        )
        return self.so_far()

    def so_far(self) -> Result:
        """What has been shown until now; `status` is `running` before the reply."""
        reply = self.reply or {"status": "running"}
        result = Result(status=reply["status"], payload=reply.get("payload", []))
        places: dict[str, int] = {}
        clear = False
        for message in self.messages:
            kind, content = message["msg_type"], message["content"]
            if kind == "clear_output":
                clear = True
                continue
            if clear and kind in {"stream", "display_data", "execute_result", "error"}:
                result.stdout = result.stderr = ""
                result.displays, result.result, clear = [], None, False
                places.clear()
            if kind == "stream":
                name = content["name"]
                setattr(result, name, getattr(result, name) + content["text"])
            elif kind == "display_data":
                display_id = content.get("transient", {}).get("display_id")
                if display_id:
                    places[display_id] = len(result.displays)
                result.displays.append(content["data"])
            elif kind == "update_display_data":
                place = places.get(content["transient"]["display_id"])
                if place is not None:
                    result.displays[place] = content["data"]
            elif kind == "execute_result":
                result.result = content["data"]
            elif kind == "error":
                result.traceback = COLOURS.sub("", "\n".join(content["traceback"]))
        result.ename, result.evalue = reply.get("ename", ""), reply.get("evalue", "")
        return result

    def displayed(self, display_id: str) -> bool:
        """Whether this cell has displayed something under this id."""
        return any(
            message["msg_type"] == "display_data"
            and message["content"].get("transient", {}).get("display_id") == display_id
            for message in self.messages
        )

    def take(self, message: Message) -> None:
        """Accepts a message of this execution; called by the rig."""
        kind, content = message["msg_type"], message["content"]
        if kind == "execute_reply":
            self.reply = content
        elif kind == "status":
            self.idle = self.idle or content["execution_state"] == "idle"
        elif kind == "input_request":
            self.questions.append(content["prompt"])
            assert self._answers, f"no answer was given for the prompt {content['prompt']!r}"
            self._rig.client.input(self._answers.pop(0))
        else:
            self.messages.append(message)


STARTS = 3
"""Jupyter looks for free ports, the kernel binds them later: another may be quicker."""


class Stillborn(AssertionError):
    """The kernel ended before it was ready."""


class KernelRig:
    """Starts one kernel and speaks to it; end it with :meth:`stop`, however the test went.

    Args:
        home: an empty folder: the kernel works in `home/work`, its settings lie beside that.
        environment: variables added to the kernel's environment.
    """

    def __init__(self, home: Path, environment: dict[str, str] | None = None) -> None:
        self.cwd = home / "work"
        self.cwd.mkdir(parents=True, exist_ok=True)
        self.comms: list[Message] = []
        """Every comm message the kernel sent, in order."""
        self._executions: dict[str, Execution] = {}
        self._replies: dict[str, Message] = {}
        environment = jupyter_environment(home / "jupyter") | (environment or {})
        for left in reversed(range(STARTS)):
            self.manager = self._launched(home / "kernel.json", environment)
            self.client = self.manager.client()
            try:
                self.client.start_channels(hb=False)
                self._await_ready()
            except Stillborn:
                self.stop()
                if not left:
                    raise
            except BaseException:
                self.stop()
                raise
            else:
                break

    def _launched(self, connection_file: Path, environment: dict[str, str]) -> KernelManager:
        connection_file.unlink(missing_ok=True)  # it holds the ports of the start before
        # no kernelspec of this machine: the interpreter of the tests
        specs = KernelSpecManager(kernel_dirs=[], ensure_native_kernel=True)
        manager = KernelManager(
            kernel_name="python3",
            kernel_spec_manager=specs,
            connection_file=str(connection_file),
            shutdown_wait_time=5.0,
        )
        manager.start_kernel(cwd=str(self.cwd), env=environment)
        return manager

    # ---- what a front end does -----------------------------------------------------------

    def run(self, code: str, timeout: float = 30, answers: Sequence[str] = ()) -> Result:
        """Runs a cell to its end. `answers` are typed, one by one, where the cell asks for input.

        Without answers the front end says that it has no stdin, as nbclient and nbval do.
        """
        return self.start(code, answers).wait(timeout)

    def start(
        self,
        code: str,
        answers: Sequence[str] = (),
        *,
        cell_id: str = "",
        allow_stdin: bool = False,
    ) -> Execution:
        """Sends a cell and returns at once.

        Args:
            code: the cell.
            answers: what is typed where the cell asks for input.
            cell_id: the id by which JupyterLab knows the cell again; other front ends send none.
            allow_stdin: whether somebody sits in front of it, also without `answers`.
        """
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": bool(answers) or allow_stdin,
            "stop_on_error": False,
        }
        metadata = {"cellId": cell_id} if cell_id else None
        request = self.client.session.msg("execute_request", content, metadata=metadata)
        self.client.shell_channel.send(request)
        msg_id = request["header"]["msg_id"]
        execution = self._executions[msg_id] = Execution(self, msg_id, code, answers)
        return execution

    def value(self, expression: str, timeout: float = 30) -> Any:
        """The value of an expression in the kernel, which JSON must be able to hold."""
        shown = self.run(f"print(__import__('json').dumps({expression}))", timeout).check().stdout
        return json.loads(shown)

    def complete(self, code: str, pos: int | None = None, timeout: float = 30) -> Message:
        """The content of the kernel's reply to Tab at `pos` (default: the end of `code`)."""
        return self._request(self.client.complete(code, pos), timeout)

    def inspect(self, code: str, pos: int | None = None, timeout: float = 30) -> Message:
        """The content of the kernel's reply to Shift-Tab at `pos`."""
        return self._request(self.client.inspect(code, pos), timeout)

    def interrupt(self) -> None:
        """What the stop button does."""
        self.manager.interrupt_kernel()

    def restart(self) -> None:
        """What Restart does: a new process behind the same connection."""
        self.manager.restart_kernel(now=False)
        self._executions.clear()
        self._await_ready()

    def kill(self) -> None:
        """Ends the kernel with SIGKILL, as the out-of-memory killer does; nothing is cleaned up."""
        process = psutil.Process(self.pid)
        os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(psutil.NoSuchProcess):
            # the zombie is reaped by the manager: it is the parent
            deadline = time.monotonic() + 5
            while self.alive and time.monotonic() < deadline:
                with contextlib.suppress(psutil.TimeoutExpired):
                    process.wait(0.05)
        assert not self.alive, "the kernel outlived SIGKILL"

    @property
    def alive(self) -> bool:
        """Whether the kernel's process runs."""
        return bool(self.manager.is_alive())

    @property
    def pid(self) -> int:
        """The process id of the kernel; another one after a restart."""
        pid = self.manager.provisioner.pid
        assert isinstance(pid, int)
        return pid

    def children(self) -> list[psutil.Process]:
        """Every process that the kernel started and that still runs, grandchildren included."""
        return psutil.Process(self.pid).children(recursive=True)

    def wait_until(self, condition: Callable[[], bool], timeout: float, what: str) -> None:
        """Reads the channels until the condition holds; the test fails when it never does."""
        deadline = time.monotonic() + timeout
        while not condition():
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                pytest.fail(f"waited {timeout} s in vain for {what}\n{self._shown()}")
            self._read(min(remaining, 0.2))
            if not self.alive and not condition():
                self._read(0.2)
                if not condition():
                    pytest.fail(f"the kernel died before {what}\n{self._shown()}")

    def stop(self) -> None:
        """Ends the kernel and whatever it started; asks first, so that it can clean up."""
        family = []
        with contextlib.suppress(psutil.NoSuchProcess, AssertionError):
            family = [psutil.Process(self.pid), *self.children()]
        try:
            if self.alive:
                self.manager.shutdown_kernel(now=False)
        finally:
            self.client.stop_channels()
            self.manager.cleanup_resources()
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()

    # ---- the channels ----------------------------------------------------------------------

    def _await_ready(self, timeout: float = 60) -> None:
        """Waits until requests are answered and what the kernel publishes arrives here.

        A subscription takes effect some time after connecting, so a lost status proves nothing:
        it is asked again.
        """
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if not self.alive:
                raise Stillborn("the kernel died while starting")
            msg_id = self.client.kernel_info()
            probe = self._executions[msg_id] = Execution(self, msg_id, "kernel_info", ())
            again = time.monotonic() + 1
            while time.monotonic() < again:
                self._read(0.1)
                if msg_id in self._replies and probe.idle:
                    return
        pytest.fail(f"the kernel was not ready within {timeout} s")

    def _request(self, msg_id: str, timeout: float) -> Message:
        self.wait_until(lambda: msg_id in self._replies, timeout, "a reply")
        return self._replies.pop(msg_id)

    def _read(self, timeout: float) -> None:
        """Gives out what has arrived; waits up to `timeout` seconds for the first message."""
        channels = (self.client.iopub_channel, self.client.shell_channel, self.client.stdin_channel)
        poller = zmq.Poller()
        for channel in channels:
            poller.register(channel.socket, zmq.POLLIN)
        for socket, _ in poller.poll(timeout * 1000):
            while True:
                _, message = self.client.session.recv(socket, mode=zmq.NOBLOCK)
                if message is None:
                    break
                self._give(message)

    def _give(self, message: Message) -> None:
        kind = message["msg_type"]
        parent = message["parent_header"].get("msg_id", "")
        if kind.startswith("comm_"):
            self.comms.append(message)
        execution = self._executions.get(parent)
        if kind.endswith("_reply") and kind != "execute_reply":
            self._replies[parent] = message["content"]
        elif kind == "update_display_data":
            # whatever changed it: a front end changes it where it was displayed
            display_id = message["content"]["transient"]["display_id"]
            for each in self._executions.values():
                if each.displayed(display_id) or each is execution:
                    each.take(message)
        elif execution is not None:
            execution.take(message)

    def _shown(self) -> str:
        last = list(self._executions.values())[-3:]
        return "\n".join(f"--- {each.code}\n{each.so_far().text}" for each in last)


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[KernelRig]:
    """A kernel for one test."""
    rig = KernelRig(tmp_path / "kernel")
    try:
        yield rig
    finally:
        rig.stop()


@pytest.fixture(scope="module")
def shared_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelRig]:
    """A kernel for all tests of a module: for those that leave nothing behind in it."""
    rig = KernelRig(tmp_path_factory.mktemp("kernel"))
    try:
        yield rig
    finally:
        rig.stop()


@pytest.fixture
def make_kernel(tmp_path: Path) -> Iterator[Callable[..., KernelRig]]:
    """Starts as many kernels as a test asks for, with the variables it gives."""
    rigs: list[KernelRig] = []

    def make(**environment: str) -> KernelRig:
        rigs.append(KernelRig(tmp_path / f"kernel-{len(rigs)}", environment))
        return rigs[-1]

    try:
        yield make
    finally:
        for rig in rigs:
            rig.stop()
