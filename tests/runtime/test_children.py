"""Child processes of the stdio transport: what travels, what they say, how they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.resources import TextResource

from mcp_notebook.errors import CallTimeout, ConnectError, ConnectionLost, UsageError
from mcp_notebook.runtime.connection import Connection
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.events import LinkClosed, Message, StderrLine, Vantage
from tests.rigs.census import wait_until_gone

ROOT = Path(__file__).parents[2]
BARE = ROOT / "lessons" / "servers" / "bare_stdio.py"


def started(bench: Workbench, **options: object) -> Connection:
    return bench.connect(bench.serve(transport="stdio"), timeout=40, **options)  # type: ignore[arg-type]


def process_tree(pid: int) -> list[int]:
    """A process and everything below it."""
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def our_children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


# ---- what travels ------------------------------------------------------------------------------


def test_the_tools_run_in_a_process_of_their_own(bench: Workbench) -> None:
    factor = 7

    def helper(n: int) -> int:
        return n * factor

    @bench.tool
    def where() -> int:
        return os.getpid()

    @bench.tool
    def times(n: int) -> int:
        return helper(n)

    @bench.resource("note://one", name="one")
    def one() -> str:
        return "in the child"

    @bench.prompt
    def ask() -> str:
        return "Say something."

    bench.server(version="1.4")
    connection = started(bench)
    assert connection.call("where").value == connection.pid != os.getpid()
    assert connection.call("times", n=6).value == 42
    assert connection.read("note://one").value == "in the child"
    assert connection.prompt("ask").text == "user: Say something."
    assert connection.server_info is not None
    assert (connection.server_info.name, connection.server_info.version) == ("notebook", "1.4")


def test_what_cannot_travel_is_left_out_by_name(bench: Workbench) -> None:
    lock = threading.Lock()

    @bench.tool
    def locked() -> bool:
        return lock.locked()

    @bench.tool
    def free() -> str:
        return "free"

    connection = started(bench)
    assert connection.tools().names == ["free"]
    assert connection.call("free").value == "free"
    assert list(connection.left_out) == ["locked"]
    assert "lock" in connection.left_out["locked"]


def test_where_nothing_can_travel_it_says_so(bench: Workbench) -> None:
    lock = threading.Lock()

    @bench.tool
    def locked() -> bool:
        return lock.locked()

    with pytest.raises(UsageError, match=r"no tool of notebook can travel.*locked") as caught:
        started(bench)
    assert "-t http" in str(caught.value)
    assert our_children() == set()


def test_an_adopted_server_travels_with_its_tools(bench: Workbench) -> None:
    mine = MCPServer("mine", version="2.0", log_level="ERROR")

    @mine.tool(title="Twice as much")
    def double(n: int) -> int:
        """Double it."""
        return 2 * n

    connection = bench.connect(bench.serve(mine, "stdio"), timeout=40)
    (tool,) = connection.tools()
    assert (tool.name, tool.title, tool.description) == ("double", "Twice as much", "Double it.")
    assert connection.call("double", n=21).value == 42
    assert connection.server_info is not None
    assert connection.server_info.version == "2.0"


def test_an_adopted_server_travels_with_its_resources_and_prompts(bench: Workbench) -> None:
    mine = MCPServer("mine", log_level="ERROR")

    @mine.resource("note://one", title="First", mime_type="text/markdown")
    def one() -> str:
        return "one"

    @mine.resource("note://{name}")
    def note(name: str) -> str:
        return name

    @mine.prompt()
    def ask(what: str) -> str:
        return f"Say {what}."

    mine.add_resource(TextResource(uri="note://text", name="text", text="fixed"))
    connection = bench.connect(bench.serve(mine, "stdio"), timeout=40)
    assert connection.resources().names == ["note://one", "note://{name}"]
    first = connection.resources()[0]
    assert (first.name, first.title, first.mime_type) == ("one", "First", "text/markdown")
    assert connection.read("note://two").value == "two"
    assert connection.prompt("ask", what="it").text == "user: Say it."
    assert connection.left_out == {"note://text": "it is no function"}


def test_the_snapshot_is_private_and_gone_once_read(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tempfile

    from mcp_notebook.runtime.snapshot import child_command

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    bench.tool(lambda: 1, name="one")
    command = child_command(bench.servers["notebook"])
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert str(file) in command.argv
    assert command.cleanup is not None
    command.cleanup()
    assert list(tmp_path.iterdir()) == []
    connection = started(bench)
    assert list(tmp_path.iterdir()) == []
    connection.close()
    assert list(tmp_path.iterdir()) == []


# ---- what they say -----------------------------------------------------------------------------


def test_prints_do_not_break_the_wire_and_land_in_the_trace(bench: Workbench) -> None:
    @bench.tool
    def noisy() -> int:
        import subprocess
        import sys

        print("printed")
        print("to stderr", file=sys.stderr)
        os.write(1, b"written to descriptor 1\n")
        subprocess.run([sys.executable, "-c", "print('a grandchild')"], check=True)
        sys.stdin.read()  # its input is not the wire
        return 42

    connection = started(bench)
    assert connection.call("noisy").value == 42
    assert connection.call("noisy").value == 42
    connection.close()
    said = [e.text for e in bench.trace if isinstance(e, StderrLine)]
    for text in ("printed", "to stderr", "written to descriptor 1", "a grandchild"):
        assert said.count(text) == 2


def test_a_child_reports_its_own_vantage(bench: Workbench) -> None:
    bench.tool(lambda: 1, name="one")
    connection = started(bench)
    connection.call("one")
    connection.close()
    by_vantage = {
        vantage: [m.raw for m in bench.trace if isinstance(m, Message) and m.vantage is vantage]
        for vantage in (Vantage.CLIENT, Vantage.SERVER)
    }
    assert by_vantage[Vantage.CLIENT] == by_vantage[Vantage.SERVER] != []
    first = next(m for m in bench.trace if isinstance(m, Message) and m.vantage is Vantage.SERVER)
    sent = next(m for m in bench.trace if isinstance(m, Message) and m.raw == first.raw)
    assert sent.time_ns < first.time_ns, "one clock for all processes of a machine"


# ---- how they fail -----------------------------------------------------------------------------


def test_a_missing_program_is_one_line(bench: Workbench) -> None:
    with pytest.raises(ConnectError, match="there is no program 'no-such-program'") as caught:
        bench.connect(["no-such-program", "--flag"])
    assert "\n" not in str(caught.value)
    assert our_children() == set()


def test_a_missing_folder_is_one_line(bench: Workbench) -> None:
    with pytest.raises(ConnectError, match="there is no folder '/no/such/folder'"):
        bench.connect([sys.executable, str(BARE)], cwd="/no/such/folder")


def test_a_program_that_cannot_be_run_is_one_line(bench: Workbench, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no program")
    with pytest.raises(ConnectError, match=r"notes\.txt"):
        bench.connect([str(text)])


def test_a_command_line_that_is_too_long_leaves_nothing_behind(bench: Workbench) -> None:
    counts = []
    for _ in range(3):
        with pytest.raises(ConnectError, match="cannot start"):
            bench.connect([sys.executable, "-c", "x" * 4_000_000])
        counts.append(psutil.Process().num_fds())
    assert counts[1] == counts[2]  # the first one started the loop as well


def test_a_child_that_ends_before_it_answers_tells_its_last_words(bench: Workbench) -> None:
    code = "import sys; print('no such setting', file=sys.stderr); sys.exit(5)"
    with pytest.raises(ConnectError, match=r"exit code 5; it said: no such setting"):
        bench.connect([sys.executable, "-c", code], timeout=20)
    assert "no such setting" in bench.why()


def test_a_child_that_never_answers_is_given_up(bench: Workbench) -> None:
    code = "import sys; sys.stdin.read()"
    with pytest.raises(ConnectError, match="did not answer the handshake in time"):
        bench.connect([sys.executable, "-c", code], timeout=1)
    assert our_children() == set()


def test_a_child_that_speaks_no_mcp_is_given_up(bench: Workbench) -> None:
    code = "print('Welcome to the server!', flush=True); input()"
    with pytest.raises(ConnectError):
        bench.connect([sys.executable, "-c", code], timeout=2)
    assert our_children() == set()


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_child_that_dies_in_a_call_ends_it_with_exit_code_and_last_words(
    bench: Workbench, era: str
) -> None:
    @bench.tool
    def die() -> None:
        import os
        import sys

        print("the disk is full", file=sys.stderr, flush=True)
        os._exit(3)

    connection = started(bench, era=era)
    pid = connection.pid
    assert pid
    with pytest.raises(ConnectionLost, match="exit code 3") as caught:
        connection.call("die")
    assert "the disk is full" in str(caught.value)
    assert connection.status.startswith("lost: exit code 3")
    assert not connection.is_open
    with pytest.raises(ConnectionLost, match="exit code 3"):
        connection.tools()
    assert "the disk is full" in bench.why()
    wait_until_gone([pid])
    again = started(bench, era=era)
    assert again.tools().names == ["die"]


def test_a_killed_child_is_noticed_while_nobody_calls(bench: Workbench) -> None:
    noticed = threading.Event()
    connection = bench.connect([sys.executable, str(BARE)], timeout=20)
    bench.trace.subscribe(lambda e: noticed.set() if isinstance(e, LinkClosed) else None)
    assert connection.pid
    os.kill(connection.pid, signal.SIGKILL)
    assert noticed.wait(10)
    with pytest.raises(ConnectionLost, match="is gone"):
        connection.call("count_words", text="")


def test_a_child_whose_input_is_closed_is_lost_not_waited_for(bench: Workbench) -> None:
    """It goes on running, and nothing that is sent arrives."""

    @bench.tool
    def deaf() -> None:
        import os

        for name in os.listdir("/proc/self/fd"):
            try:
                is_pipe = os.readlink(f"/proc/self/fd/{name}").startswith("pipe:")
            except OSError:
                continue
            if (
                is_pipe
                and int(name) > 2
                and not os.fdopen(int(name), "rb", closefd=False).writable()
            ):
                flags = Path(f"/proc/self/fdinfo/{name}").read_text().split("flags:")[1].split()[0]
                if int(flags, 8) & 3 == os.O_RDONLY:
                    os.close(int(name))
        import threading

        threading.Event().wait()

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc to find the descriptor")
    connection = started(bench)
    pid = connection.pid
    assert pid
    with pytest.raises((ConnectionLost, CallTimeout)):
        connection.start("deaf", {}, timeout=1).result()
    connection.close()
    wait_until_gone([pid])


def test_a_long_line_on_stderr_is_kept_in_parts(bench: Workbench) -> None:
    code = (
        "import sys; sys.stderr.write('x' * 200_000 + '\\nend\\n'); sys.stderr.flush(); "
        f"exec(open({str(BARE)!r}).read())"
    )
    with bench.connect([sys.executable, "-c", code], timeout=20) as connection:
        connection.call("count_words", text="")
    said = [e.text for e in bench.trace if isinstance(e, StderrLine)]
    assert "".join(said).count("x") == 200_000
    assert "end" in said


# ---- how they end ------------------------------------------------------------------------------

STUBBORN = """
import os, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = subprocess.Popen(
    [sys.executable, "-c",
     "import signal, threading; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
     "print('ready', flush=True); threading.Event().wait()"],
    stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, start_new_session=DETACHED)
grandchild.stdout.readline()
try:
    exec(open(BARE).read())  # serves until its input ends
finally:
    pass
import threading
threading.Event().wait()  # ignores that its input has ended
"""


@pytest.fixture(params=[False, True], ids=["one session", "a session of its own"])
def stubborn(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """A server that ignores EOF and SIGTERM and has a grandchild that does too."""
    script = tmp_path / "stubborn.py"
    script.write_text(f"BARE = {str(BARE)!r}\nDETACHED = {request.param}\n{STUBBORN}")
    return [sys.executable, str(script)]


def test_closing_ends_a_stubborn_child_and_its_grandchild(
    bench: Workbench, stubborn: list[str]
) -> None:
    connection = bench.connect(stubborn, timeout=20)
    assert connection.pid
    tree = process_tree(connection.pid)
    assert len(tree) == 2
    connection.close()
    wait_until_gone(tree, timeout=3)
    assert our_children() == set()


@pytest.mark.slow
def test_nobody_outlives_a_killed_kernel(stubborn: list[str]) -> None:
    program = textwrap.dedent(f"""
        import sys, threading
        from mcp_notebook.runtime.workbench import Workbench
        bench = Workbench()
        bench.tool(lambda: 1, name="one")
        foreign = bench.connect({stubborn!r}, timeout=30)
        own = bench.connect(bench.serve(transport="stdio"), timeout=40)
        print(foreign.pid, own.pid, flush=True)
        threading.Event().wait()
    """)
    kernel = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with kernel:
        assert kernel.stdout is not None
        pids = [int(word) for word in kernel.stdout.readline().split()]
        below = process_tree(kernel.pid)[1:]
        assert len(pids) == 2
        assert len(below) >= 5, "two guardians, two children, a grandchild"
        assert set(pids) < set(below)
        kernel.kill()
        wait_until_gone(below, timeout=3)


def test_an_endpoint_that_stops_ends_its_children(bench: Workbench) -> None:
    bench.tool(lambda: 1, name="one")
    endpoint = bench.serve(transport="stdio")
    connection = bench.connect(endpoint, timeout=40)
    assert endpoint.links == 1
    endpoint.stop()
    assert connection.pid
    wait_until_gone([connection.pid])
    with pytest.raises(ConnectionLost, match="its endpoint was stopped"):
        connection.tools()
    assert our_children() == set()


def test_the_environment_is_a_minimum_and_what_was_given(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_KERNEL", "hidden")

    @bench.tool
    def variables() -> list[str]:
        import os

        return [*os.environ, os.environ.get("GIVEN", ""), os.getcwd()]

    found = started(bench, env={"GIVEN": "a gift"}, cwd=str(ROOT)).call("variables").value
    assert "PATH" in found
    assert "a gift" in found
    assert "SECRET_OF_THE_KERNEL" not in found
    assert "MCP_NOTEBOOK_TRACE_FD" not in found
    assert found[-1] == str(ROOT)


def test_a_child_runs_the_copy_of_the_package_that_the_kernel_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere/else")
    with Workbench() as bench:
        bench.tool(lambda: 1, name="one")
        command = bench.servers["notebook"].child_command()
        assert command.cleanup is not None
        command.cleanup()
    assert command.env == {"PYTHONPATH": "/somewhere/else"}


# ---- async tools, and what a child reports of them -----------------------------------------------

BLOCKS = """
import asyncio, os, threading
from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("held", log_level="ERROR")
begun, released = threading.Event(), threading.Event()

@server.tool()
async def block() -> bool:
    begun.set()
    return released.wait(20)

@server.tool()
async def release() -> bool:
    there = begun.is_set()
    released.set()
    return there

@server.tool()
async def tell(ctx: Context) -> str:
    await ctx.report_progress(1, 2)
    return "told"

@server.tool()
async def die() -> None:
    os._exit(3)
"""


@pytest.fixture
def held(bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A connection to a child of these tools."""
    (tmp_path / "held.py").write_text(BLOCKS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    endpoint = bench.serve("held:server", transport="stdio")
    return bench.connect(endpoint, timeout=20)


def test_a_child_answers_while_an_async_tool_of_it_blocks(held: Any) -> None:
    blocked = held.start("block", {})
    assert held.call("release").value is True
    assert blocked.result().value is True
    assert held.call("tell").value == "told"


def test_what_a_child_saw_of_a_call_is_in_the_trace_when_its_answer_is(
    held: Any, bench: Workbench
) -> None:
    for _ in range(20):
        since = bench.trace.last_seq
        held.call("release")
        seen = [e.vantage for e in bench.trace.since(since) if isinstance(e, Message)]
        assert seen == [Vantage.CLIENT, Vantage.SERVER, Vantage.SERVER, Vantage.CLIENT]


def test_a_call_that_ends_the_child_has_arrived(held: Any, bench: Workbench) -> None:
    with pytest.raises(Exception, match="exit code 3"):
        held.call("die")
    arrived = [m for m in bench.trace if isinstance(m, Message) and m.vantage is Vantage.SERVER]
    assert b'"die"' in arrived[-1].raw
