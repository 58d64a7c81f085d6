"""The kernel rig itself: what other tests stand on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

from tests.rigs.census import assert_nothing_left, take_census, wait_until_gone
from tests.rigs.kernel import KernelRig

pytestmark = pytest.mark.kernel


def test_a_cell_shows_what_it_prints_displays_and_returns(shared_kernel: KernelRig) -> None:
    result = shared_kernel.run("print('out'); display('shown'); 6 * 7").check()

    assert result.stdout == "out\n"
    assert result.displays == [{"text/plain": "'shown'"}]
    assert result.result == {"text/plain": "42"}


def test_stderr_is_kept_apart(shared_kernel: KernelRig) -> None:
    result = shared_kernel.run("import sys; print('oops', file=sys.stderr)").check()

    assert (result.stdout, result.stderr) == ("", "oops\n")


def test_an_error_has_name_text_and_traceback(shared_kernel: KernelRig) -> None:
    result = shared_kernel.run("1 / 0")

    assert (result.status, result.ename) == ("error", "ZeroDivisionError")
    assert result.evalue == "division by zero"
    assert "1 / 0" in result.traceback


def test_a_failed_cell_fails_the_check(shared_kernel: KernelRig) -> None:
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        shared_kernel.run("1 / 0").check()


def test_an_updated_display_is_seen_once_in_its_last_state(shared_kernel: KernelRig) -> None:
    result = shared_kernel.run("h = display('first', display_id=True); h.update('second')").check()

    assert result.displays == [{"text/plain": "'second'"}]


def test_values_come_back_as_json(shared_kernel: KernelRig) -> None:
    assert shared_kernel.value("{'a': [1, 2.5, None]}") == {"a": [1, 2.5, None]}


def test_tab_completes(shared_kernel: KernelRig) -> None:
    shared_kernel.run("a_rather_long_name = 1").check()

    reply = shared_kernel.complete("a_rather_lo")

    assert "a_rather_long_name" in reply["matches"]


def test_input_is_answered_where_answers_are_given(shared_kernel: KernelRig) -> None:
    execution = shared_kernel.start("print(input('name? ').upper())", answers=["ada"])

    assert execution.wait().stdout == "ADA\n"
    assert execution.questions == ["name? "]


def test_input_without_answers_fails_as_it_does_under_nbclient(shared_kernel: KernelRig) -> None:
    assert shared_kernel.run("input('name? ')").ename == "StdinNotImplementedError"


def test_a_thread_that_prints_after_its_cell_still_reaches_that_cell(
    shared_kernel: KernelRig,
) -> None:
    execution = shared_kernel.start(
        "import contextvars, threading\n"
        "go = threading.Event()\n"
        "def late():\n"
        "    go.wait(20); print('late')\n"
        "threading.Thread(target=contextvars.copy_context().run, args=(late,)).start()"
    )
    assert execution.wait().check().stdout == ""

    shared_kernel.run("go.set()").check()

    assert execution.wait_for_text("late").stdout == "late\n"


def test_the_kernel_does_not_know_that_pytest_runs(shared_kernel: KernelRig) -> None:
    assert shared_kernel.value("'PYTEST_CURRENT_TEST' in __import__('os').environ") is False
    assert shared_kernel.value("__import__('sys').stdout.fileno()") > 0


def test_the_kernel_is_this_interpreter_in_a_folder_of_its_own(shared_kernel: KernelRig) -> None:
    assert shared_kernel.value("__import__('sys').executable") == sys.executable
    assert shared_kernel.value("__import__('os').getcwd()") == str(shared_kernel.cwd)


def test_interrupt_ends_a_cell_and_the_kernel_lives(kernel: KernelRig) -> None:
    execution = kernel.start("print('begun', flush=True)\nimport time; time.sleep(600)")
    execution.wait_for_text("begun")

    kernel.interrupt()

    assert execution.wait(10).ename == "KeyboardInterrupt"
    assert kernel.value("1 + 1") == 2


def test_restart_brings_a_new_process_with_empty_memory(kernel: KernelRig) -> None:
    kernel.run("x = 1").check()
    before = kernel.pid

    kernel.restart()

    assert kernel.pid != before
    assert kernel.run("x").ename == "NameError"


def test_a_cell_that_outlasts_its_time_fails_the_test_and_says_which(kernel: KernelRig) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"in vain for the end of .*sleep"):
        kernel.run("print('so far', flush=True)\nimport time; time.sleep(600)", timeout=0.5)


def test_a_killed_kernel_is_noticed_at_once_by_who_waits(kernel: KernelRig) -> None:
    execution = kernel.start("print('begun', flush=True)\nimport time; time.sleep(600)")
    execution.wait_for_text("begun")

    kernel.kill()

    with pytest.raises(pytest.fail.Exception, match="the kernel died before the end of"):
        execution.wait(30)


def test_stopping_the_rig_ends_what_the_kernel_started(
    make_kernel: Callable[..., KernelRig],
) -> None:
    kernel = make_kernel(COLOUR="blue")
    assert kernel.value("__import__('os').environ['COLOUR']") == "blue"
    pid = kernel.value(
        "__import__('subprocess').Popen(['sleep', '600'], start_new_session=True).pid"
    )
    assert [child.pid for child in kernel.children()] == [pid]

    kernel.stop()

    wait_until_gone([pid])


def test_a_census_finds_what_was_left_and_only_that(kernel: KernelRig) -> None:
    kernel.run("import socket, subprocess, threading, asyncio, logging").check()
    for _ in range(5):  # a kernel that has just begun still takes connections of its front end
        before = take_census(kernel)
        if not (growth := take_census(kernel).grown(before)):
            break
    assert growth == {}

    kernel.run(
        "stop = threading.Event()\n"
        "thread = threading.Thread(target=stop.wait, name='left-over'); thread.start()\n"
        "listener = socket.create_server(('127.0.0.1', 0))\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        "async def forgotten(): await asyncio.sleep(600)\n"
        "task = asyncio.get_running_loop().create_task(forgotten())\n"
        "logging.getLogger().addHandler(handler := logging.NullHandler())"
    ).check()
    growth = take_census(kernel).grown(before)

    assert growth["threads"] == ["left-over"]
    assert growth["descriptors"] == ["socket"]
    assert growth["children"] == ["sleep 600"]
    assert growth["tasks"] == ["forgotten"]
    assert growth["logging"] == ["NullHandler"]
    assert growth["ports"] == kernel.value("[listener.getsockname()[1]]")

    kernel.run(
        "stop.set(); thread.join(); listener.close(); child.kill(); child.wait(); task.cancel()\n"
        "logging.getLogger().removeHandler(handler); del listener"
    ).check()
    assert_nothing_left(kernel, before)


def test_a_census_counts_a_worker_of_asyncios_pool_only_while_it_works(kernel: KernelRig) -> None:
    kernel.run(
        "import asyncio, threading\n"
        "loop, ways = asyncio.get_running_loop(), [threading.Event() for _ in range(3)]\n"
        "work = [loop.run_in_executor(None, way.wait) for way in ways]"
    ).check()
    assert {f"asyncio_{n}" for n in range(3)} <= set(take_census(kernel).threads)
    kernel.run("for way in ways[:2]: way.set()\nawait asyncio.gather(*work[:2])").check()
    assert {"asyncio_0", "asyncio_2"} <= set(take_census(kernel).threads)
    kernel.run("ways[2].set(); await work[2]").check()
    assert not {"asyncio_1", "asyncio_2"} & set(take_census(kernel).threads)


def test_a_kernel_that_loses_its_ports_is_started_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched, begun = KernelRig._launched, []

    def unlucky(rig: KernelRig, file: Path, environment: dict[str, str]) -> KernelManager:
        begun.append(file)
        dies = {} if len(begun) > 1 else {"PYTHONHASHSEED": "no seed"}
        return launched(rig, file, environment | dies)

    monkeypatch.setattr(KernelRig, "_launched", unlucky)
    rig = KernelRig(tmp_path)
    try:
        assert rig.value("6 * 7") == 42
    finally:
        rig.stop()
    assert len(begun) == 2
