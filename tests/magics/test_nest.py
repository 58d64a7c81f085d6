"""``%mcp nest`` and tools bound to the kernel's own thread or loop."""

from __future__ import annotations

import pytest

from tests.rigs.kernel import KernelRig

pytestmark = pytest.mark.kernel

SCRIPT = """\
import asyncio

from mcp import Client


async def main() -> None:
    async with Client("{url}") as client:
        result = await client.call_tool("add", {{"a": 2, "b": 3}})
        print(result.structured_content)


if __name__ == "__main__":
    asyncio.run(main())
"""
"""As it stands in the SDK's documentation."""

BOUND = '''\
%%mcp tool --thread kernel
async def bound() -> str:
    """Uses what belongs to the kernel's loop."""
    return await asyncio.wait_for(asyncio.shield(future), 5)

def on_main() -> bool:
    """Runs on the kernel's thread."""
    return threading.current_thread() is threading.main_thread()
'''

MADE_HERE = "import asyncio, threading\nfuture = asyncio.get_running_loop().create_future()"


def test_a_pasted_script_runs_in_a_cell_after_nest(kernel: KernelRig) -> None:
    kernel.run("%load_ext mcp_notebook").check()
    kernel.run("%%mcp tool\ndef add(a: int, b: int) -> int:\n    return a + b").check()
    kernel.run("ep = %mcp serve").check()
    script = SCRIPT.format(url=kernel.value("ep.url"))
    refused = kernel.run(script)
    assert "asyncio.run() cannot be called from a running event loop" in refused.evalue

    assert "asyncio.run(...) works" in kernel.run("%mcp nest").check().text

    for _ in range(3):
        assert kernel.run(script).check().stdout == "{'result': 5}\n"
    assert kernel.run("%mcp nest").check().status == "ok"
    kernel.run("%mcp connect").check()
    assert kernel.run("%mcp call add(2, b=3)").check().text == "5"
    assert kernel.run("await asyncio.sleep(0, 'still awaits')").check().text == "'still awaits'"


def test_a_tool_of_the_kernels_loop_is_awaited_or_nested(kernel: KernelRig) -> None:
    kernel.run("%load_ext mcp_notebook").check()
    kernel.run(f"{MADE_HERE}\nfuture.set_result('made here')").check()
    kernel.run(BOUND).check()
    kernel.run("%mcp serve -t http").check()
    kernel.run("conn = %mcp connect").check()

    failed = kernel.run("r = %mcp call bound()").check()
    assert failed.status == "ok"
    assert kernel.value("r.is_error") is True
    advice = "Use: await conn.aio.call(...), or type %mcp nest once."
    assert advice in kernel.run("r").check().text
    assert advice in kernel.run("%mcp why").check().text
    awaited = kernel.run("(await conn.aio.call('bound')).value").check()
    assert awaited.text == "'made here'"

    kernel.run("%mcp nest").check()

    assert kernel.run("%mcp call bound()").check().text == "made here"


def test_a_plain_tool_of_the_kernels_thread_runs_while_a_magic_waits(kernel: KernelRig) -> None:
    kernel.run("%load_ext mcp_notebook").check()
    kernel.run(MADE_HERE).check()
    kernel.run(BOUND).check()
    kernel.run("%mcp serve -t tcp").check()
    kernel.run("conn = %mcp connect").check()

    assert kernel.run("%mcp call on_main()").check().text == "True"
    assert kernel.run("(await conn.aio.call('on_main')).value").check().text == "True"


def test_an_object_of_the_kernels_thread_is_recognised(kernel: KernelRig) -> None:
    kernel.run("%load_ext mcp_notebook").check()
    kernel.run("import sqlite3\ndb = sqlite3.connect(':memory:')").check()
    body = "\ndef rows() -> list[tuple[int]]:\n    return db.execute('select 7').fetchall()\n"
    kernel.run(f"%%mcp tool{body}").check()

    kernel.run("%mcp call rows()").check()

    assert "%%mcp tool --thread kernel" in kernel.run("%mcp why").check().text
    kernel.run(f"%%mcp tool --thread kernel{body}").check()
    assert "7" in kernel.run("%mcp call rows()").check().text


def test_nest_asyncio_that_is_there_already_is_said(
    kernel: KernelRig,
) -> None:
    kernel.run(
        "import asyncio, sys, types\n"
        "sys.modules['nest_asyncio'] = types.ModuleType('nest_asyncio')\n"
        "asyncio._nest_patched = True"
    ).check()
    kernel.run("%load_ext mcp_notebook").check()

    assert "already applied" in kernel.run("%mcp nest").check().text
    assert kernel.value("'nest_asyncio2' in sys.modules") is False
