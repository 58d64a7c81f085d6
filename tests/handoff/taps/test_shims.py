"""Shims and the notebook that looks on: what shows, and what happens when it is not there."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from mcp_notebook import Workbench
from mcp_notebook.errors import UsageError
from mcp_notebook.handoff.hosts.target import launch_of
from mcp_notebook.handoff.taps import shims
from mcp_notebook.handoff.taps.tap import HostTap
from mcp_notebook.shim.copies import MOST_BYTES
from mcp_notebook.trace.events import (
    Chunk,
    Direction,
    Event,
    Fault,
    LinkClosed,
    LinkOpened,
    Message,
    StderrLine,
    Vantage,
)
from tests.rigs.shim import eventually

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Python has no Unix sockets on Windows")

UP, DOWN = Direction.CLIENT_TO_SERVER, Direction.SERVER_TO_CLIENT
AWAY = b'{"jsonrpc":"2.0","method":"away"}'
LAST = b'{"jsonrpc":"2.0","method":"last"}'
ODD = b'{"a":1}\r\n\xff\xfe\n\n{"b":2}\n'


@contextmanager
def started(tap: HostTap) -> Iterator[subprocess.Popen[bytes]]:
    """The command that the tap gives to hosts, started as a host does it."""
    process = subprocess.Popen(
        tap.command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd="/",
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            assert stream is not None
            stream.close()


def of(bench: Workbench, kind: type[Event], conn: str = "tap") -> list[Any]:
    """The events of a kind."""
    return [e for e in bench.trace if type(e) is kind and e.conn == conn]


def said(bench: Workbench, direction: Direction) -> bytes:
    """What was recorded of one direction, joined."""
    return b"".join(e.data for e in of(bench, Chunk) if e.direction is direction)


def exchange(process: subprocess.Popen[bytes], data: bytes) -> None:
    """Let ``cat`` say something back."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(data)
    got = b""
    while len(got) < len(data):
        got += process.stdout.read(1 << 16)
    assert got == data


def test_lines_bytes_and_standard_error_show(bench: Workbench) -> None:
    tap = bench.tap(["sh", "-c", "cat; printf 'one\\ntwo \\377' >&2; exit 3"], name="tap")
    with started(tap) as process:
        assert process.communicate(ODD, timeout=50) == (ODD, b"one\ntwo \xff")
        assert process.returncode == 3
    eventually(lambda: of(bench, LinkClosed), "the end of the link")

    assert said(bench, UP) == said(bench, DOWN) == ODD
    for direction in (UP, DOWN):
        raws = [(m.raw, m.span) for m in of(bench, Message) if m.direction is direction]
        assert [raw for raw, _ in raws] == [b'{"a":1}', b"\xff\xfe", b'{"b":2}']
        assert all(ODD[s.start : s.end].strip() == raw for raw, s in raws)
    assert [e.text for e in of(bench, StderrLine)] == ["one", "two \ufffd"]
    assert [e.reason for e in of(bench, LinkClosed)] == ["the server ended with code 3"]
    assert {e.vantage for e in bench.trace} == {Vantage.RELAY}
    assert {e.transport for e in bench.trace} == {"stdio"}
    assert of(bench, Fault) == []
    (opened,) = of(bench, LinkOpened)
    assert opened.address.endswith("exit 3'")


def test_a_notebook_that_comes_late_sees_what_waited(bench: Workbench, sockets: Path) -> None:
    tap = bench.tap(["cat"], name="tap")
    with started(tap) as process:
        exchange(process, b'{"early":1}\n')
        eventually(lambda: said(bench, DOWN), "the first line")
        tap.stop()
        assert list(sockets.iterdir()) == []
        shim = psutil.Process(process.pid)  # one socket leads to its guardian
        eventually(lambda: len(shim.net_connections("unix")) == 1, "the shim to notice")
        assert (tap.links, tap.status) == (0, "stopped")
        exchange(process, AWAY + b"\n")
        bench.trace.clear()
        again = bench.tap(["cat"], name="tap")
        assert again.command == tap.command
        exchange(process, b'{"late":1}\n')
        eventually(lambda: b"late" in said(bench, DOWN), "the last line")

        raws = [m.raw for m in of(bench, Message) if m.direction is DOWN]
        assert raws == [AWAY, b'{"late":1}']
        (opened,) = of(bench, LinkOpened)  # a link is open before anything passes on it
        assert opened.time_ns <= min(m.time_ns for m in of(bench, Message))
        assert sorted(e.text for e in of(bench, Fault)) == [
            "joined in the middle: 12 bytes of the host passed before",
            "joined in the middle: 12 bytes of the server passed before",
        ]


@pytest.mark.slow
def test_what_is_too_much_is_left_out_and_counted(bench: Workbench) -> None:
    """The background loop stands still as in a notebook that is stopped; the traffic goes on."""
    tap = bench.tap(["cat"], name="tap")
    line = b"[" + b"1," * 499_999 + b"1]\n"
    with started(tap) as process:
        exchange(process, b'{"first":1}\n')
        eventually(lambda: said(bench, DOWN), "the first line")
        go_on = threading.Event()
        bench.loop.call_soon(go_on.wait)
        try:
            for _ in range(3 * MOST_BYTES // len(line)):
                exchange(process, line)
        finally:
            go_on.set()
        exchange(process, LAST + b"\n")
        eventually(lambda: LAST in said(bench, DOWN)[-50:], "the last line")

    missed = [int(e.text.split()[0]) for e in of(bench, Fault) if "were not copied" in e.text]
    total = 3 * MOST_BYTES // len(line) * len(line) + len(b'{"first":1}\n' + LAST + b"\n")
    recorded = sum(e.size for e in of(bench, Chunk))
    assert missed
    assert recorded + sum(missed) == 2 * total
    ends = [m.raw for m in of(bench, Message) if m.direction is DOWN][-1]
    assert ends == LAST
    assert all(json.loads(m.raw) for m in of(bench, Message) if not m.cut)


def test_two_hosts_at_one_tap(bench: Workbench) -> None:
    tap = bench.tap(["cat"], name="tap")
    with started(tap) as one, started(tap) as two:
        exchange(one, b'{"one":1}\n')
        exchange(two, b'{"two":2}\n')
        eventually(lambda: len(of(bench, Message)) == 4, "four messages")
        assert tap.links == 2
        by_link: dict[str, set[bytes]] = {}
        for message in of(bench, Message):
            by_link.setdefault(message.link, set()).add(message.raw)
        assert sorted(by_link.values(), key=str) == [{b'{"one":1}'}, {b'{"two":2}'}]


def test_two_kernels_with_one_name_in_one_folder_are_said(bench: Workbench) -> None:
    bench.tap(["cat"], name="tap")
    with Workbench(folder=bench.folder) as other:
        assert "hosts cannot tell the two" in other.tap(["cat"], name="tap").warnings[0]
        assert other.tap(["cat"], name="mine").warnings == []


def test_a_shim_that_is_killed_is_said(bench: Workbench) -> None:
    tap = bench.tap(["cat"], name="tap")
    with started(tap) as process:
        exchange(process, b"{}\n")
        eventually(lambda: tap.links == 1 and of(bench, Message), "the link")
        process.kill()
        eventually(lambda: of(bench, LinkClosed), "the end of the link")
    assert of(bench, LinkClosed)[0].reason == "the shim is gone"


def test_the_socket_is_private_and_a_stranger_is_sent_away(bench: Workbench, sockets: Path) -> None:
    tap = bench.tap(["cat"], name="tap")
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(p.stat().st_mode) for p in sockets.iterdir()} == {0o600}
    (path,) = sockets.glob("tap-*.sock")
    token = json.loads(path.with_suffix(".json").read_text())["token"]
    assert token not in tap.address + repr(tap)
    for greeting in (b'{"token":"wrong"}\n', b"[]\n", b"GET / HTTP/1.1\r\n\r\n", b"x" * 9000):
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.settimeout(50)
            stranger.connect(str(path))
            stranger.sendall(greeting)
            with suppress(ConnectionResetError):  # where it had not read everything
                assert stranger.recv(99) == b""
    with socket.socket(socket.AF_UNIX) as rude:  # the right token, then no hello
        rude.settimeout(50)
        rude.connect(str(path))
        rude.sendall(json.dumps({"token": token}).encode() + b"\n")
        assert rude.recv(99)
        rude.sendall(shims.HEAD.pack(b"i", 1, 0, 2) + b"{}")
        assert rude.recv(99) == b""
    assert list(bench.trace) == []


def test_secrets_of_the_command_are_not_shown(bench: Workbench) -> None:
    secret = "hunter2-hunter2"
    tap = bench.tap(["sh", "-c", "cat", "--api-key", secret], name="tap")
    assert secret in tap.command  # the host needs it
    assert secret not in tap.target + tap.address + repr(tap)
    assert ".command holds it all" in repr(tap)
    assert "%mcp config" not in repr(tap)  # it would refuse
    with pytest.raises(UsageError, match="would be written into the file"):
        launch_of(bench, tap)
    with started(tap) as process:
        exchange(process, b'{"say":"' + secret.encode() + b'"}\n')
        eventually(lambda: len(of(bench, Message)) == 2, "the messages")
    shown = bench.trace.redacted()
    assert secret not in repr([getattr(e, "address", getattr(e, "raw", b"")) for e in shown])


def test_it_is_listed_and_stopped_as_what_else_runs(bench: Workbench, sockets: Path) -> None:
    from mcp_notebook.show.panel import scene
    from mcp_notebook.show.status import status, stoppable

    tap = bench.tap(["cat"])
    assert tap.name == "cat-tap"
    assert bench.tap(["cat"]).name == tap.name
    assert bench.tap(["cat", "-u"]).name == f"{tap.name}-2"
    assert tap.stopped
    text = status(bench)["text/plain"]
    assert "taps" in text
    assert "mcp_notebook.shim" in text
    assert "python -m mcp_notebook.shim" in status(bench, stable=True)["text/plain"]
    assert "tap" in stoppable(bench)["text/plain"]
    assert [row.kind for row in scene(bench).rows] == ["tap", "tap"]
    assert bench.stop_all() == [tap.name, f"{tap.name}-2"]
    assert list(sockets.iterdir()) == []
    assert bench.taps == {}
    tap.stop()


@pytest.mark.parametrize(
    ("target", "options", "why"),
    [
        (["no-such-program"], {}, "no program no-such-program"),
        ([], {}, "there is no command"),
        (["cat"], {"port": 1}, "--port is for a URL"),
        ("tcp://127.0.0.1:1", {}, "tcp cannot be tapped"),
        ("http://u:pw@127.0.0.1/", {}, "has a password in it"),
        ("nothing://x", {}, "no transport"),
    ],
)
def test_what_cannot_be_tapped(bench: Workbench, target: Any, options: Any, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        bench.tap(target, **options)


def test_a_name_that_something_else_has(bench: Workbench) -> None:
    bench.serve(transport="memory", name="taken")
    with pytest.raises(UsageError, match="taken runs already and is no tap"):
        bench.tap(["cat"], name="taken")
    assert isinstance(bench.tap(["cat"]), HostTap)


@pytest.mark.parametrize("name", ["we ird", "../x", "-x", "a/b", "a;b", "a\x1b"])
def test_a_name_that_cannot_be_typed(bench: Workbench, name: str) -> None:
    with pytest.raises(UsageError, match=r"is no name of a tap.*--as NAME"):
        bench.tap(["cat"], name=name)
    assert list(bench.taps) == []
