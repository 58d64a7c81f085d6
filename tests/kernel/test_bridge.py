"""Hosts and a live notebook: real kernels, real bridges."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.rigs.bridge import Host, initialize, notice, request, short_folder
from tests.rigs.kernel import KernelRig

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(180)]

LOAD = "%load_ext mcp_notebook"
TOOL = '%%mcp tool\ndef add(a: int, b: int = 2) -> int:\n    "Add."\n    return a + b'
SERVE = "ep = %mcp serve -t bridge"
SLOW = (
    "%%mcp tool\nasync def linger() -> str:\n    import asyncio, pathlib\n"
    "    pathlib.Path('started').touch()\n    await asyncio.sleep(1000)\n    return 'never'"
)


@pytest.fixture
def runtime() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


@pytest.fixture
def start(runtime: Path, make_kernel: Callable[..., KernelRig]) -> Callable[..., KernelRig]:
    """Starts kernels that serve a notebook over bridge."""

    def make(notebook: str = "") -> KernelRig:
        kernel = make_kernel(XDG_RUNTIME_DIR=str(runtime), JPY_SESSION_NAME=notebook)
        serve(kernel)
        return kernel

    return make


@pytest.fixture
def host(runtime: Path) -> Iterator[Callable[..., Host]]:
    with ExitStack() as stack:

        def run(*words: str) -> Host:
            # as a host does it: no environment but the necessary
            folder = runtime / f"mcp-notebook-{os.getuid()}"
            return stack.enter_context(Host("--folder", str(folder), *words))

        yield run


def serve(kernel: KernelRig) -> None:
    for cell in (LOAD, TOOL, SERVE):
        kernel.run(cell, timeout=60).check()


def open_session(host: Host) -> None:
    host.send(initialize())
    assert host.answer(0)["result"]["serverInfo"]["name"] == "notebook"
    host.send(notice("notifications/initialized"))


def called(host: Host, identifier: Any, **arguments: Any) -> Any:
    answer = host.call("tools/call", identifier, name="add", arguments=arguments)
    assert "result" in answer, answer
    return answer["result"]["structuredContent"]["result"]


def files(runtime: Path) -> list[str]:
    folder = runtime / f"mcp-notebook-{os.getuid()}"
    return sorted(p.suffix for p in folder.iterdir()) if folder.exists() else []


def test_a_host_sees_the_notebook_change(
    start: Callable[..., KernelRig], host: Callable[..., Host]
) -> None:
    kernel = start()
    child = host("notebook-bridge")
    open_session(child)
    assert called(child, 1, a=40) == 42
    kernel.run(TOOL.replace("a + b", "a - b")).check()
    assert child.receive()["method"] == "notifications/tools/list_changed"
    assert called(child, 2, a=40) == 38


def test_5_mb_each_way(start: Callable[..., KernelRig], host: Callable[..., Host]) -> None:
    kernel = start()
    kernel.run('%%mcp tool\ndef echo(text: str) -> str:\n    "Echo."\n    return text').check()
    child = host()
    open_session(child)
    text = "x" * 5_000_000
    answer = child.call("tools/call", 1, name="echo", arguments={"text": text})
    assert answer["result"]["structuredContent"] == {"result": text}


def test_a_legacy_host_goes_on_after_a_restart(
    start: Callable[..., KernelRig], host: Callable[..., Host]
) -> None:
    kernel = start("/books/one.ipynb")
    child = host("one.ipynb", "--wait", "100")
    open_session(child)
    assert called(child, 1, a=1) == 3
    pid = kernel.pid
    kernel.restart()
    assert kernel.pid != pid
    child.hear("went away")
    child.send(request("tools/call", 2, name="add", arguments={"a": 2}))  # waits
    serve(kernel)
    assert child.answer(2)["result"]["structuredContent"] == {"result": 4}
    assert called(child, 3, a=3) == 5


def test_a_modern_host_goes_on_after_a_restart(start: Callable[..., KernelRig]) -> None:
    kernel = start()
    command = kernel.value("ep.listener.command")
    with Host(*command[3:], "--wait", "100") as child:
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "host", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        asked = {"name": "add", "arguments": {"a": 1}, "_meta": meta}
        assert child.call("tools/call", 1, **asked)["result"]["structuredContent"] == {"result": 3}
        kernel.restart()
        child.hear("went away")
        child.send(request("tools/call", 2, **asked))
        serve(kernel)
        assert child.answer(2)["result"]["structuredContent"] == {"result": 3}


def test_a_killed_kernel_is_said_and_its_files_go_with_the_next(
    start: Callable[..., KernelRig], host: Callable[..., Host], runtime: Path
) -> None:
    kernel = start()
    kernel.run(SLOW).check()
    child = host("--wait", "0")
    open_session(child)
    child.send(request("tools/call", 1, name="linger", arguments={}))
    kernel.wait_until((kernel.cwd / "started").exists, 30, "the tool to run")
    kernel.kill()
    error = child.answer(1)["error"]
    assert error["code"] == -32000
    assert "It may have run" in error["message"]
    assert "is away" in child.call("tools/list", 2)["error"]["message"]
    assert files(runtime) == []  # who looked has tidied up
    child.end_input()
    assert child.exit_code() == 0


def test_nothing_is_left_after_a_shut_down(
    start: Callable[..., KernelRig], host: Callable[..., Host], runtime: Path
) -> None:
    kernel = start()
    assert files(runtime) == [".json", ".sock"]
    kernel.run("connection = %mcp connect").check()
    child = host()
    open_session(child)
    bridges = kernel.children()
    assert any("mcp_notebook.bridge" in p.cmdline() for p in bridges)
    kernel.stop()
    child.hear("went away")
    assert files(runtime) == []
    assert not psutil.wait_procs(bridges, timeout=10)[1]


def test_two_notebooks_are_told_apart(
    start: Callable[..., KernelRig], host: Callable[..., Host]
) -> None:
    one, two = start("/books/one.ipynb"), start("/books/two.ipynb")
    two.run(TOOL.replace("a + b", "a * b")).check()
    child = host("--wait", "0")
    told = child.call("initialize")["error"]["message"]
    assert "several notebooks" in told
    assert "/books/one.ipynb" in told
    assert "/books/two.ipynb" in told
    for words, expected in ((["one.ipynb"], 42), (["--kernel", "two.ipynb"], 80)):
        child = host(*words)
        open_session(child)
        assert called(child, 1, a=40) == expected
    child = host("--kernel", str(one.pid))
    open_session(child)
    assert called(child, 1, a=40) == 42
    assert one.value("ep.listener.command[-4:-2]") == ["--kernel", "/books/one.ipynb"]


def test_the_cells_show_it_as_every_transport(start: Callable[..., KernelRig]) -> None:
    kernel = start()
    shown = kernel.run("%mcp serve -t bridge").check().text
    assert "notebook over bridge (stdio on the outside), listening" in shown
    assert "-m mcp_notebook.bridge notebook-bridge" in shown
    connected = kernel.run("c = %mcp connect --env A=1\nc").check().text
    assert "bridge, 2026-07-28 (modern)" in connected
    kernel.run("%mcp call add(2, 3)").check()
    assert "notebook-bridge" in kernel.run("%mcp status").check().text
    assert "tools/call add" in kernel.run("%mcp flow --text").check().text
    compared = kernel.run("%mcp compare add(2, 3) --over bridge,pipe", timeout=60).check().text
    assert "bridge" in compared
    found = kernel.complete("%mcp serve -t bri")["matches"]
    assert "bridge" in found
    refused = kernel.run("%mcp connect --token x")
    assert "--token means nothing here" in refused.traceback
    links = kernel.value(
        "sorted({e.address for e in get_ipython().run_line_magic('mcp', 'trace')"
        " if type(e).__name__ == 'LinkOpened' and e.transport == 'bridge'})"
    )
    assert links
    assert all("(child " in address for address in links)  # the same words at both ends
