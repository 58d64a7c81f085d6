"""A kernel that serves and connects: busy, interrupted, restarted, killed, in company."""

from __future__ import annotations

import inspect
import json
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.rigs.census import assert_nothing_left, take_census, wait_until_gone
from tests.rigs.kernel import KernelRig
from tests.transports.tools import Bell, add, linger, ring

pytestmark = pytest.mark.kernel

TRANSPORTS = [
    "memory",
    "pipe",
    "stdio",
    "bridge",
    "unix",
    "tcp",
    "http",
    "http-json",
    "sse",
    "websocket",
]
ERAS = ["legacy", "modern"]

TOOLS = "%%mcp tool add linger\nimport asyncio, socket\n\n" + "\n\n".join(
    inspect.getsource(function) for function in (add, ring, linger)
)
"""`add`, and `linger(port)`, which rings when it starts and when it is cancelled."""


@pytest.fixture(scope="module")
def served(shared_kernel: KernelRig) -> KernelRig:
    """A kernel with the tools, and every transport served when it is first asked for."""
    shared_kernel.run("%load_ext mcp_notebook").check()
    shared_kernel.run(TOOLS).check()
    return shared_kernel


def connect(kernel: KernelRig, transport: str, era: str = "auto", name: str = "line") -> None:
    """A new connection to the endpoint of this transport, which is started where need be."""
    found = kernel.run(f"%mcp connect notebook-{transport} --era {era} --as {name}")
    if found.status != "ok":
        kernel.run(f"%mcp serve -t {transport}").check()
        kernel.run(f"%mcp connect notebook-{transport} --era {era} --as {name}").check()


# ---- busy ------------------------------------------------------------------------------------

CALLER = """\
import asyncio, json, sys, time
from mcp import Client

async def main() -> None:
    async with Client(sys.argv[1]) as client:
        await client.call_tool("add", {"a": 1})
        print("ready", flush=True)
        for line in sys.stdin:
            seconds = []
            for number in range(int(line)):
                begun = time.perf_counter()
                result = await client.call_tool("add", {"a": number})
                seconds.append(time.perf_counter() - begun)
                assert result.structured_content == {"result": number + 2}
            print(json.dumps(seconds), flush=True)

asyncio.run(main())
"""
"""A client in a process of its own: it calls as often as a line of its input says."""

CALLS = 30


@contextmanager
def calling(url: str) -> Iterator[Callable[[], list[float]]]:
    """Another process, connected; what is given calls and returns the seconds of each call."""
    process = subprocess.Popen(
        [sys.executable, "-c", CALLER, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None

    def measure() -> list[float]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{CALLS}\n")
        process.stdin.flush()
        return sorted(json.loads(process.stdout.readline()))

    try:
        assert process.stdout.readline() == "ready\n"
        yield measure
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


@pytest.mark.parametrize(
    "cell",
    ["import time\nprint('begun', flush=True)\ntime.sleep(600)",
     "n = 0\nprint('begun', flush=True)\nwhile True:\n    n += 1"],
    ids=["sleeping", "computing"],
)  # fmt: skip
def test_a_call_from_another_process_answers_while_a_cell_runs(
    served: KernelRig, cell: str
) -> None:
    served.run("ep = %mcp serve").check()
    with calling(served.value("ep.url")) as measure:
        execution = served.start(cell)
        execution.wait_for_text("begun")
        try:
            seconds = measure()  # the cell ends only when it is interrupted
            assert not execution.done
        finally:
            served.interrupt()
            execution.wait()
    p95 = seconds[round(0.95 * (len(seconds) - 1))]
    print(f"p95 {p95 * 1000:.1f} ms, median {seconds[len(seconds) // 2] * 1000:.1f} ms")
    assert len(seconds) == CALLS


@pytest.mark.parametrize("transport", ["http", "tcp", "websocket", "pipe"])
def test_a_tool_that_blocks_its_loop_delays_no_other_connection(
    served: KernelRig, transport: str
) -> None:
    """Told by order, not by time: the others are answered while it still blocks."""
    served.run(
        "%%mcp tool block quick\nimport threading\nrelease = threading.Event()\n"
        "async def block() -> bool:\n    return release.wait(30)\n"
        "async def quick() -> int:\n    return 1\n"
    ).check()
    connect(served, transport, name="one")
    connect(served, transport, name="two")
    served.run("wb = %mcp workbench").check()
    served.run("one, two = wb.connection('one'), wb.connection('two')").check()
    served.run("blocked = one.start('block', {})").check()
    served.run("while not wb.threads.running(): pass").check()

    answers = served.value(
        "[[two.call('add', a=n).value, two.call('quick').value] for n in range(5)]"
    )

    assert answers == [[n + 2, 1] for n in range(5)]
    assert served.value("blocked.future.done()") is False
    assert served.value("[c.value for c in [release.set() or blocked.result()]]") == [True]
    served.run("%mcp remove block quick").check()


# ---- interrupted -----------------------------------------------------------------------------


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_interrupt_cancels_the_call_and_the_next_call_works(
    served: KernelRig, transport: str, era: str
) -> None:
    connect(served, transport, era)
    with Bell() as bell:
        execution = served.start(f"%mcp call linger({bell.port})")
        assert bell.hear() == "started"

        served.interrupt()

        result = execution.wait(1)  # the issue asks for this bound
        assert (result.status, result.ename) == ("error", "KeyboardInterrupt")
        assert "what is connected stays so" in result.traceback
        assert "mcp_notebook" not in result.traceback
        assert served.run("%mcp call add(1) --on line").check().text == "3"
        if (transport, era) != (
            "http-json",
            "legacy",
        ):  # there a client that leaves cancels nothing
            assert bell.hear() == "cancelled"


@pytest.mark.parametrize("line", ["%mcp call stay --on line", "wb.connection('line').call('stay')"])
def test_interrupt_between_the_start_and_the_wait_cancels_the_call_too(
    served: KernelRig, line: str
) -> None:
    served.run(
        "%%mcp tool stay\nimport asyncio, threading\n"
        "begun, ended = threading.Event(), threading.Event()\n"
        "async def stay() -> None:\n    begun.set()\n"
        "    try:\n        await asyncio.Event().wait()\n    finally:\n        ended.set()"
    ).check()
    connect(served, "http")
    served.run("wb = %mcp workbench").check()
    served.run(
        "from mcp_notebook.runtime.calls import PendingCall\n"
        "begin = PendingCall.begin\n"
        "def struck(self, coro):\n"
        "    begin(self, coro)\n"
        "    begun.wait(20)\n"
        "    raise KeyboardInterrupt\n"
        "PendingCall.begin = struck"
    ).check()
    try:
        assert served.run(line).ename == "KeyboardInterrupt"
        assert served.value("[begun.is_set(), ended.wait(20)]") == [True, True]
    finally:
        served.run("PendingCall.begin = begin").check()
        served.run("%mcp remove stay").check()
    assert served.run("%mcp call add(1) --on line").check().text == "3"


def test_interrupt_reaches_a_cell_that_awaits(served: KernelRig) -> None:
    connect(served, "http")
    served.run("wb = %mcp workbench").check()
    served.run("line = wb.connection('line')").check()
    with Bell() as bell:
        execution = served.start(f"await line.aio.call('linger', port={bell.port})")
        assert bell.hear() == "started"

        served.interrupt()

        assert execution.wait(1).status == "error"
        assert bell.hear() == "cancelled"
    assert served.run("%mcp call add(1) --on line").check().text == "3"


# ---- over several cells ------------------------------------------------------------------------


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_connection_is_opened_used_and_closed_in_three_cells(
    served: KernelRig, transport: str, era: str
) -> None:
    connect(served, transport, era, "cells")

    assert served.run("%mcp call add(2, b=3) --on cells").check().text == "5"

    assert served.run("%mcp close cells").check().text == "stopped: cells"
    assert served.run("%mcp call add(1) --on cells").status == "error"


# ---- restarted and killed ----------------------------------------------------------------------

NOTEBOOK = [
    "%load_ext mcp_notebook",
    TOOLS,
    *(f"{t.replace('-', '_')} = %mcp serve -t {t}" for t in ("http", "sse", "websocket", "tcp")),
    "%mcp connect notebook-http",
    "%mcp call add(2)",
]


def test_restart_and_run_all_works_twice_in_a_row_with_the_same_ports(kernel: KernelRig) -> None:
    seen = []
    for round_ in range(3):
        if round_:
            kernel.restart()
        results = [kernel.run(cell).check() for cell in NOTEBOOK]
        assert results[-1].text == "4"
        assert [r.text for r in results if "warning" in r.text] == []
        seen.append(kernel.value("[e.url for e in (http, sse, websocket, tcp)]"))
    assert seen[0] == seen[1] == seen[2]


def test_a_taken_port_leaves_the_kernel_alive_and_says_so_in_one_line(served: KernelRig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for transport in ("http", "http-json", "sse", "websocket", "tcp"):
            result = served.run(f"%mcp serve -t {transport} --port {port} --as taken")

            assert result.status == "error"
            assert result.traceback == f"UsageError: {result.evalue}"
            assert f"port {port} is taken" in result.evalue
    assert served.value("1 + 1") == 2


STUBBORN = """\
import json, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
code = ("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print(1, flush=True); time.sleep(600)")
grandchild = subprocess.Popen([sys.executable, "-c", code], start_new_session=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
grandchild.stdout.readline()
for line in sys.stdin:
    message = json.loads(line)
    if message.get("method") == "initialize":
        result = {"protocolVersion": "2025-11-25", "capabilities": {},
                  "serverInfo": {"name": "stubborn", "version": "1"}}
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
time.sleep(600)
"""
"""A server that ignores SIGTERM and the end of its input, with a grandchild that does too."""


@pytest.fixture
def family(kernel: KernelRig) -> list[int]:
    """The processes below a kernel with a stubborn child and a child of the notebook's own."""
    (kernel.cwd / "stubborn.py").write_text(STUBBORN)
    kernel.run("%load_ext mcp_notebook").check()
    kernel.run("%%mcp tool\ndef add(a: int) -> int:\n    return a").check()
    kernel.run("%mcp serve -t stdio").check()
    kernel.run("%mcp connect").check()
    kernel.run("%mcp connect stubborn.py --era legacy").check()
    children = kernel.children()
    assert len(children) >= 5  # two guardians, two children, a grandchild
    return [child.pid for child in children]


def test_no_child_outlives_a_killed_kernel(kernel: KernelRig, family: list[int]) -> None:
    kernel.kill()

    wait_until_gone(family, 3)


def test_no_child_outlives_a_restart(kernel: KernelRig, family: list[int]) -> None:
    kernel.restart()

    wait_until_gone(family, 3)


def test_a_stubborn_child_ends_with_its_connection(kernel: KernelRig, family: list[int]) -> None:
    kernel.run("%mcp stop --all").check()

    wait_until_gone(family, 3)
    assert kernel.children() == []


# ---- in company --------------------------------------------------------------------------------


def test_two_kernels_side_by_side_do_not_meet(make_kernel: Callable[..., KernelRig]) -> None:
    first, second = make_kernel(), make_kernel()
    second.run(f"%cd -q {first.cwd}").check()
    addresses: list[list[str]] = []
    warned: list[list[str]] = []
    for kernel, name in ((first, "first"), (second, "second")):
        kernel.run("%load_ext mcp_notebook").check()
        kernel.run(f"%%mcp tool\ndef who() -> str:\n    return {name!r}").check()
        shown = [
            kernel.run(f"ep_{n} = %mcp serve -t {t}\nep_{n}").check().text
            for n, t in enumerate(("http", "websocket", "tcp", "unix"))
        ]
        warned.append([text for text in shown if "warning" in text])
        addresses.append(kernel.value("[ep_0.url, ep_1.url, ep_2.url, ep_3.url]"))

    assert warned[0] == []
    assert len(warned[1]) == 3
    assert all("is taken" in text for text in warned[1])
    assert set(addresses[0]).isdisjoint(addresses[1])
    for kernel, name, own in ((first, "first", addresses[0]), (second, "second", addresses[1])):
        for url in own:
            kernel.run(f"%mcp connect {url}").check()
            assert kernel.run("%mcp call who()").check().text == name
    first.stop()
    assert second.run("%mcp call who()").check().text == "second"
    assert Path(urlsplit(addresses[1][3]).path).exists()
    assert not Path(urlsplit(addresses[0][3]).path).exists()


# ---- many times --------------------------------------------------------------------------------

ROUNDS = """
def _rounds(transport, count, abreast):
    import asyncio, concurrent.futures, time
    wb = get_ipython().run_line_magic("mcp", "workbench")
    def some(lane):
        for number in range(lane, count, abreast):
            endpoint = wb.serve(transport=transport, name=f"round-{lane}")
            line = wb.connect(endpoint, era=("legacy", "modern")[number % 2], name=f"line-{lane}")
            assert line.call("add", a=number).value == number + 2
            if number % 3:  # now the connection is closed first, now its endpoint stops
                line.close()
            endpoint.stop()
            wb.stop(*({line.name} & set(wb.connections)))
    async def fill_pool():  # the loop's own pool of threads is bounded: it is full from the start
        await asyncio.gather(*(asyncio.to_thread(time.sleep, 0.1) for _ in range(40)))
    wb.loop.run(fill_pool())
    with concurrent.futures.ThreadPoolExecutor(abreast) as lanes:
        list(lanes.map(some, range(abreast)))
    async def tasks():
        for _ in range(100):  # what is ending gets a moment
            left = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
            if len(left) < 3:
                break
            await asyncio.sleep(0.02)
        return sorted(t.get_coro().__qualname__ for t in left)
    return wb.loop.run(tasks())
"""
"""Serves, connects, calls and stops; gives the tasks that the background loop has then."""


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_fifty_rounds_leave_threads_descriptors_and_tasks_where_they_were(
    served: KernelRig, transport: str
) -> None:
    served.run("%mcp stop --all").check()
    served.run(ROUNDS).check()
    abreast = 3 if transport == "stdio" else 1  # a child takes a second to start
    tasks = served.value(f"_rounds({transport!r}, 3, {abreast})", 60)
    before = take_census(served)

    after = served.value(f"_rounds({transport!r}, 50, {abreast})", 150)

    assert Counter(after) - Counter(tasks) == Counter()

    assert_nothing_left(served, before)
