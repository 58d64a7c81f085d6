"""Loading, reloading and unloading the extension: what comes, and that nothing stays."""

from __future__ import annotations

import json

import pytest

from tests.rigs.census import assert_nothing_left, take_census
from tests.rigs.kernel import KernelRig

pytestmark = pytest.mark.kernel

SHELL_STATE = """
def _shell_state():
    import logging, signal, sys
    shell = get_ipython()
    loggers = [logging.getLogger(), *(logging.getLogger(n) for n in (
        "mcp", "httpx2", "httpcore2", "uvicorn", "websockets", "sse_starlette", "asyncio"))]
    return {
        "magics": sorted(name for kind in ("line", "cell")
                         for name in shell.magics_manager.magics[kind] if name.startswith("mcp")),
        "configurables": [type(c).__name__ for c in shell.configurables],
        "registry": sorted(shell.magics_manager.registry),
        "matchers": len(shell.Completer.custom_matchers),
        "hooks": {event: len(calls) for event, calls in shell.events.callbacks.items()},
        "formatters": sorted(
            f"{kind}: {key}" for kind, formatter in
            [("bundle", shell.display_formatter.mimebundle_formatter),
             *shell.display_formatter.formatters.items()]
            for key in [*formatter.deferred_printers, *formatter.type_printers]
            if "mcp_notebook" in str(key)),
        "loggers": [(l.name, l.level, l.propagate, [type(h).__name__ for h in l.handlers])
                    for l in loggers],
        "signal": signal.getsignal(signal.SIGURG) is signal.SIG_DFL,
        "names": sorted(n for n in shell.user_ns if "mcp" in n.lower()),
        "excepthook": (sys.excepthook.__qualname__, sys.displayhook.__class__.__name__),
    }
"""


def state(kernel: KernelRig) -> object:
    """What the extension may change in the shell and in logging."""
    kernel.run(SHELL_STATE).check()
    shown = kernel.run("print(__import__('json').dumps(_shell_state())); del _shell_state")
    return json.loads(shown.check().stdout)


WORK = [
    "%%mcp tool\nimport time\ndef add(a: int, b: int = 2) -> int:\n    return a + b\n"
    "async def gather() -> int:\n    return 1\n",
    "%mcp call add(1)",
    "%mcp call gather()",
    *(
        line
        for transport in ("http", "http-json", "sse", "websocket", "tcp", "unix", "pipe", "stdio")
        for line in (
            f"%mcp serve -t {transport}",
            "%mcp connect",
            "%mcp connect --era legacy",
            "%mcp call add(1)",
        )
    ),
    "notices = %mcp listen",
    "del notices",
]
"""Cells that start everything the extension can start."""


def warm(kernel: KernelRig) -> None:
    """Loads and unloads once: what Python itself keeps after a first import is no leak."""
    kernel.run("%load_ext mcp_notebook").check()
    for line in WORK[:3]:
        kernel.run(line).check()
    kernel.run("%mcp serve").check()
    kernel.run("%mcp connect").check()
    kernel.run("%mcp call add(1)").check()
    kernel.run("%unload_ext mcp_notebook").check()
    kernel.run("%reset -f").check()


def test_unloading_leaves_nothing_behind(kernel: KernelRig) -> None:
    warm(kernel)
    before, shell_before = take_census(kernel), state(kernel)

    kernel.run("%load_ext mcp_notebook").check()
    assert state(kernel) != shell_before
    for line in WORK:
        kernel.run(line).check()
    running = take_census(kernel).grown(before)
    assert len(running["ports"]) == 5
    assert "mcp-loop" in running["threads"]
    assert running["children"]
    kernel.run("%unload_ext mcp_notebook").check()

    assert kernel.run("%mcp status").status == "error"
    kernel.run("%reset -f").check()
    assert_nothing_left(kernel, before)
    assert state(kernel) == shell_before


def test_loading_and_unloading_alone_leaves_nothing_behind(kernel: KernelRig) -> None:
    kernel.run("import mcp_notebook.runtime.workbench, jsonschema").check()
    kernel.run("%load_ext autoreload").check()  # the magic that loads is itself loaded by its use
    before, shell_before = take_census(kernel), state(kernel)

    kernel.run("%load_ext mcp_notebook").check()
    kernel.run("%unload_ext mcp_notebook").check()

    assert_nothing_left(kernel, before)
    assert state(kernel) == shell_before


def test_reloading_stops_what_ran_and_starts_afresh(kernel: KernelRig) -> None:
    kernel.run("%load_ext mcp_notebook").check()
    kernel.run(WORK[0]).check()
    kernel.run("ep = %mcp serve").check()
    loaded = state(kernel)

    kernel.run("%reload_ext mcp_notebook").check()

    assert kernel.value("ep.status") == "stopped"
    assert kernel.run("%mcp status").check().text.startswith("Nothing runs yet")
    kernel.run(WORK[0]).check()
    kernel.run("again = %mcp serve").check()
    assert kernel.value("again.url") == kernel.value("ep.url")
    kernel.run("del ep, again, add, gather, time").check()
    assert state(kernel) == loaded


def test_loading_twice_is_loading_once(shared_kernel: KernelRig) -> None:
    shared_kernel.run("%load_ext mcp_notebook").check()
    loaded = state(shared_kernel)

    shared_kernel.run("import mcp_notebook; mcp_notebook.load_ipython_extension(get_ipython())")
    shared_kernel.run("del mcp_notebook").check()

    assert state(shared_kernel) == loaded


def test_a_decorator_before_the_extension_is_not_lost(kernel: KernelRig) -> None:
    kernel.run("from mcp_notebook import tool\n@tool\ndef early() -> int:\n    return 1").check()
    kernel.run("%load_ext mcp_notebook").check()

    assert kernel.run("%mcp call early()").check().text.startswith("1")


LOADING = """\
import sys, threading
from importlib.abc import MetaPathFinder

class Watch(MetaPathFinder):
    "Notes what the cell's own thread imports; finds nothing itself."
    seen = []
    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is threading.main_thread():
            self.seen.append(name)

sys.meta_path.insert(0, Watch())
get_ipython().run_line_magic('load_ext', 'mcp_notebook')
print(*(name for name in Watch.seen if name.partition('.')[0] in HEAVY))
print(*(name for name in Watch.seen if name.partition('.')[0] == 'mcp_notebook'))
"""


def test_loading_waits_for_nothing_heavy(kernel: KernelRig) -> None:
    # importing the SDK takes 1.5 s: a thread does that meanwhile (`make bench` has the seconds)
    heavy = {"mcp", "mcp_types", "pydantic", "anyio", "httpx2", "starlette", "uvicorn", "anywidget"}
    shown = kernel.run(f"HEAVY = {heavy!r}\n{LOADING}").check().stdout.split("\n")

    assert shown[0] == ""
    assert "mcp_notebook.magics.extension" in shown[1]


def test_meanwhile_the_sdk_is_imported(kernel: KernelRig) -> None:
    kernel.run("%load_ext mcp_notebook").check()
    shown = kernel.run("import sys; print('mcp.server.mcpserver' in sys.modules)")

    assert shown.check().stdout == "True\n", "a cell waits until the thread has it"


@pytest.mark.parametrize(
    ("trait", "wrong", "said"),
    [
        ("transport", "htp", "Did you mean http?"),
        ("era", "ancient", "there is no era 'ancient'"),
        ("timeout", 0, "more than 0 seconds"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_when_it_is_set(
    shared_kernel: KernelRig, trait: str, wrong: object, said: str
) -> None:
    shared_kernel.run("%load_ext mcp_notebook").check()
    before = shared_kernel.run(f"%config MCPMagics.{trait}").check().text

    shown = shared_kernel.run(f"%config MCPMagics.{trait} = {wrong!r}").check()

    assert said in shown.stderr
    assert len(shown.stderr.strip().split("\n")) == 1
    assert shared_kernel.run(f"%config MCPMagics.{trait}").check().text == before


def test_what_the_system_refuses_is_said_in_one_line(shared_kernel: KernelRig) -> None:
    shared_kernel.run("%load_ext mcp_notebook").check()
    shared_kernel.run(
        "import mcp_notebook.magics.commands.serve as _serve\n"
        "def _refuse(*_): raise PermissionError(13, 'Permission denied', '/nowhere')\n"
        "_refuse = type(_refuse)(_refuse.__code__, {'PermissionError': PermissionError})\n"
        "_kept, _serve._check_server = _serve._check_server, _refuse"
    ).check()
    try:
        result = shared_kernel.run("%mcp serve")
    finally:
        shared_kernel.run("_serve._check_server = _kept").check()

    assert result.ename == "McpError"
    assert result.evalue == (
        "the system refused: [Errno 13] Permission denied: '/nowhere'. %mcp status"
    )


def test_what_the_system_refuses_a_cell_keeps_its_frames(shared_kernel: KernelRig) -> None:
    shared_kernel.run("%load_ext mcp_notebook").check()

    result = shared_kernel.run("%%mcp tool\nopen('/nowhere/at/all')")

    assert result.ename == "FileNotFoundError"
    assert "open('/nowhere/at/all')" in result.traceback
