"""Which notebook a bridge finds, and what it does not trust."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mcp_notebook.bridge import choice, notes
from tests.rigs.bridge import FakeNotebook, Host, initialize, short_folder
from tests.structure.house import ROOT

Start = Callable[..., Host]

ROOT_ONLY = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
NOBODY = 65534


def refusal(child: Host) -> str:
    """What the host is told."""
    message = child.call("initialize")["error"]["message"]
    assert isinstance(message, str)
    return message


def test_several_notebooks_are_listed_and_either_can_be_named(runtime: Path, host: Start) -> None:
    folder = str(runtime)
    with (
        FakeNotebook(runtime, "bridge-1-a", notebook="/nb/one.ipynb", kernel="aaaa-1") as one,
        FakeNotebook(runtime, "bridge-1-b", folder=folder, kernel="bbbb-2", pid=4) as two,
    ):
        told = refusal(host("--wait", "0"))
        assert "several notebooks" in told
        assert "notebook-bridge --kernel aaaa-1 (/nb/one.ipynb" in told
        assert f"notebook-bridge --kernel bbbb-2 (a kernel in {folder}" in told
        assert one.token not in told
        for words, meant in (
            (["one.ipynb"], one),
            (["one"], one),
            (["/nb/one.ipynb"], one),
            (["--kernel", "one.ipynb"], one),
            (["--kernel", "aaaa"], one),
            (["notebook", "--kernel=bbbb-2"], two),
            (["notebook-bridge", "--kernel", folder], two),
            (["--kernel", "4"], two),
        ):
            with host(*words):
                meant.accept()
            meant.hang_up()  # only now: it would come again
        assert "away: none listens as --kernel bbb." in refusal(
            host("--wait", "0", "--kernel", "bbb")
        )


def test_notebooks_that_cannot_be_told_apart_say_how_to_change_that(
    runtime: Path, host: Start
) -> None:
    with (
        FakeNotebook(runtime, "bridge-1-a", folder=str(runtime), kernel="aaaa-1"),
        FakeNotebook(runtime, "bridge-1-b", folder=str(runtime), kernel="bbbb-2"),
    ):
        child = host("notebook-bridge", "--kernel", str(runtime), "--wait", "0", "--standby")
        child.send(initialize())
        opened = child.answer(0)["result"]["instructions"]
        called = child.call("tools/call", 1, name="add")["error"]["message"]
        for told in (opened, called):
            assert "cannot be told apart" in told
            assert "%mcp config HOST --live --as NAME --write" in told


def test_a_folder_means_the_kernel_without_a_notebook_before_the_notebooks_in_it(
    runtime: Path, host: Start
) -> None:
    folder = str(runtime)
    with (
        FakeNotebook(runtime, "bridge-1-a", folder=folder, notebook=f"{folder}/one.ipynb"),
        FakeNotebook(runtime, "bridge-1-b", folder=folder) as meant,
    ):
        host("notebook-bridge", "--kernel", folder)
        meant.accept()


def test_an_endpoint_of_that_name_goes_before_a_server_of_that_name(
    runtime: Path, host: Start
) -> None:
    with (
        FakeNotebook(runtime, "bridge-1-a", endpoint="other", server="same"),
        FakeNotebook(runtime, "bridge-1-b", endpoint="same", server="other") as meant,
    ):
        host("same")
        meant.accept()


def test_another_notebook_is_not_taken_for_the_one_that_went(runtime: Path, host: Start) -> None:
    with FakeNotebook(runtime, notebook="/nb/one.ipynb", kernel="one", folder="/nb") as mine:
        child = host("--wait", "0")
        mine.accept()
        mine.die()
    child.hear("went away")
    with FakeNotebook(runtime, "bridge-1-b", notebook="/nb/two.ipynb", folder="/nb", kernel="two"):
        told = refusal(child)
        assert "is away" in told
        assert "These listen: notebook-bridge --kernel two" in told
        with FakeNotebook(runtime, "bridge-1-c", notebook="/nb/one.ipynb", folder="/nb") as back:
            back.accept()


def test_another_endpoint_of_the_same_kernel_is_not_taken_either(
    runtime: Path, host: Start
) -> None:
    with FakeNotebook(runtime) as mine:
        child = host("--wait", "0")
        mine.accept()
        mine.die()
    child.hear("went away")
    with FakeNotebook(runtime, "bridge-1-b", endpoint="other"):
        assert "These listen: other --kernel k-1234" in refusal(child)


def test_what_a_killed_kernel_left_is_removed(runtime: Path, host: Start) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with FakeNotebook(runtime, pid=gone.pid) as dead:
        dead.die()
        assert dead.note.exists()
        assert "is away" in refusal(host("--wait", "0"))
        assert not dead.note.exists()
        assert not dead.path.exists()


def test_what_a_living_process_has_left_stays(runtime: Path, host: Start) -> None:
    with FakeNotebook(runtime) as busy:
        busy.die()
        assert "is away" in refusal(host("--wait", "0"))
        assert busy.note.exists()


def test_a_notebook_that_does_not_welcome_is_named(runtime: Path, host: Start) -> None:
    with FakeNotebook(runtime) as odd:
        child = host("--wait", "0")
        odd.accept(welcome=b"220 mail.example ESMTP\r\n" + b" " * 20)
        told = refusal(child)
        assert "does not answer" in told
        assert "notebook-bridge" in told


def test_a_notebook_that_hangs_is_named(
    runtime: Path, host: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes, "HELLO_S", 0.05)
    with FakeNotebook(runtime, pid=os.getpid()) as hung:
        with pytest.raises(notes.Away, match=r"notebook-bridge .* does not answer .*restart"):
            choice.Choice(folder=str(hung.folder)).join()
        assert hung.note.exists()


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda n: n.folder.chmod(0o755), "is open to others (mode 0755)"),
        (lambda n: n.folder.chmod(0o710), "is open to others (mode 0710)"),
        (lambda n: n.note.chmod(0o644), ".json is open to others (mode 0644)"),
        (lambda n: n.path.chmod(0o666), ".sock is open to others (mode 0666)"),
        (lambda n: n.path.chmod(0o620), ".sock is open to others (mode 0620)"),
    ],
)
def test_wrong_modes_are_refused(
    runtime: Path, host: Start, spoil: Callable[[FakeNotebook], None], complaint: str
) -> None:
    with FakeNotebook(runtime) as notebook:
        spoil(notebook)
        notebook.listening.settimeout(0)
        assert complaint in refusal(host("--wait", "0"))
        with pytest.raises(BlockingIOError):
            notebook.listening.accept()


def test_symbolic_links_are_refused(runtime: Path, host: Start) -> None:
    with FakeNotebook(runtime) as notebook, short_folder() as elsewhere:
        real = notebook.path.rename(elsewhere / "real.sock")
        notebook.path.symlink_to(real)
        assert "bridge-1-aa.sock is a symbolic link" in refusal(host("--wait", "0"))
        notebook.path.unlink()
        real.rename(notebook.path)
        moved = notebook.note.rename(elsewhere / "real.json")
        notebook.note.symlink_to(moved)
        assert "is away" in refusal(host("--wait", "0"))
        notebook.note.unlink()
        moved.rename(notebook.note)
        moved = notebook.folder.rename(elsewhere / "moved")
        notebook.folder.symlink_to(moved)
        assert f"Refused: {notebook.folder} is a symbolic link" in refusal(host("--wait", "0"))
        notebook.folder.unlink()
        moved.rename(notebook.folder)


@ROOT_ONLY
def test_what_belongs_to_another_user_is_refused(runtime: Path, host: Start) -> None:
    with FakeNotebook(runtime) as notebook:
        for path in (notebook.path, notebook.note, notebook.folder):
            os.chown(path, NOBODY, -1)
            assert f"{path} belongs to another user" in refusal(host("--wait", "0"))
            os.chown(path, 0, -1)


@ROOT_ONLY
def test_a_listener_of_another_user_gets_no_token(runtime: Path, host: Start) -> None:
    with FakeNotebook(runtime) as notebook:
        # the files stay root's: only who listens is somebody else, as the system tells
        notebook.path.unlink()
        script = (
            "import os, socket, sys\n"
            "s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); os.chmod(sys.argv[1], 0o600)\n"
            f"os.setuid({NOBODY}); s.listen(); print('up', flush=True)\n"
            "print(s.accept()[0].recv(100), flush=True); sys.stdin.read()\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", script, str(notebook.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "up\n"
            assert "is another user" in refusal(host("--wait", "0"))
            assert other.stdout.readline() == "b''\n"


def test_who_the_peer_is_comes_from_the_system(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeNotebook(runtime) as notebook:
        [note], refused = notes.notes(str(notebook.folder))
        assert refused == []
        with notes.dial(note) as link:
            assert notes.peer_uid(link) in (None, os.getuid())
        monkeypatch.setattr(notes, "peer_uid", lambda _link: os.getuid() + 1)
        with pytest.raises(notes.Away, match="is another user"):
            notes.dial(note)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"pid": "x"}', b"\xff" * 70_000])
def test_a_note_that_is_none_is_passed_over(runtime: Path, content: bytes) -> None:
    with FakeNotebook(runtime) as notebook:
        notebook.note.write_bytes(content)
        assert notes.notes(str(notebook.folder)) == ([], [])


def test_places_are_found_without_the_environment_where_hosts_pass_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/somewhere/of/its/own/")
    monkeypatch.delenv("TMPDIR", raising=False)
    own = f"mcp-notebook-{os.getuid()}"
    assert notes.folders()[0] == f"/somewhere/of/its/own/{own}"
    assert f"/somewhere/of/its/own/{own}" not in notes.folders(environment=False)
    assert {f"/run/user/{os.getuid()}/{own}", f"/tmp/{own}"} <= set(notes.folders(False))


def test_a_note_shows_itself_without_its_token(runtime: Path) -> None:
    with FakeNotebook(runtime) as notebook:
        [note], _ = notes.notes(str(notebook.folder))
        assert note.token == notebook.token
        assert notebook.token not in note.shown() + choice.HOW
        assert stat.S_ISSOCK(Path(note.socket).stat().st_mode)
        assert json.loads(choice.greeting(note.token))["token"] == notebook.token


# ---- the command line -------------------------------------------------------------------------


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mcp_notebook.bridge", *words],
        input="",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["one", "two"], "'two' is not understood"),
        (["--token", "x"], "'--token' is not understood"),
        (["--kernel"], "--kernel wants a value"),
        (["--wait", "soon"], "--wait wants a number of seconds"),
        (["--wait=-1"], "--wait wants a number of seconds"),
        (["--wait", "nan"], "--wait wants a number of seconds"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exit_code_2(words: list[str], complaint: str) -> None:
    shown = run(*words)
    assert shown.returncode == 2
    assert complaint in shown.stderr
    assert shown.stderr.count("\n") == 1
    assert shown.stdout == ""


def test_help_and_the_list(runtime: Path) -> None:
    assert "--kernel K" in run("--help").stdout
    folder = f"{runtime}/mcp-notebook-{os.getuid()}"
    nobody = run("--list", "--folder", folder)
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert "no notebook listens. In the notebook run" in nobody.stderr
    with FakeNotebook(runtime, pid=os.getpid()):
        there = run("--list", "--folder", folder)
        assert there.returncode == 0
        assert there.stdout == (
            f"notebook-bridge --kernel k-1234 (a kernel in /somewhere, process {os.getpid()})\n"
        )


def test_without_unix_sockets_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from mcp_notebook.bridge.__main__ import main

    monkeypatch.delattr(socket, "AF_UNIX")
    assert main([]) == 1
    assert "no Unix sockets on Windows" in capsys.readouterr().err


def test_it_starts_with_few_modules(runtime: Path) -> None:
    """What a start costs is what it imports: no clock is asked."""
    bare = imported("-c", "import runpy")
    folder = f"{runtime}/mcp-notebook-{os.getuid()}"
    own = imported("-m", "mcp_notebook.bridge", "--folder", folder) - bare
    assert "mcp_notebook.bridge.joint" in own
    slow = {
        "argparse",
        "asyncio",
        "dataclasses",
        "inspect",
        "logging",
        "mcp",
        "pathlib",
        "pydantic",
        "ssl",
        "subprocess",
        "tempfile",
        "threading",
        "urllib",
    }
    assert {name.partition(".")[0] for name in own} & slow == set()
    assert len(own) <= 60


def imported(*words: str) -> set[str]:
    """The modules that a Python without an environment's start files imports."""
    shown = subprocess.run(
        [sys.executable, "-S", "-X", "importtime", *words],
        input="",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    rows = [
        line.split("|") for line in shown.stderr.splitlines() if line.startswith("import time:")
    ]
    return {row[2].strip() for row in rows if len(row) == 3 and "imported package" not in row[2]}
