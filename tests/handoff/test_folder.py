"""The folder of an export: nothing is lost that somebody else wrote."""

from __future__ import annotations

import _thread
import os
import stat
import time
from pathlib import Path, PurePosixPath

import pytest

from mcp_notebook.errors import UsageError
from mcp_notebook.handoff.catalogue import Catalogue
from mcp_notebook.handoff.contract import Kept, contract_file
from mcp_notebook.handoff.folder import (
    Folder,
    check_path,
    script_path,
    shown_path,
    uninterrupted,
    write_new,
)

FILES = {PurePosixPath("server.py"): b"one\n", PurePosixPath("data/table.json"): b"{}"}


def export(script: Path, files: dict[PurePosixPath, bytes], *, force: bool = False) -> list[str]:
    """What an export does with its files."""
    folder = Folder(script)
    folder.check(files, force=force)
    copies = folder.write(files)
    kept = Kept(catalogue=Catalogue(), written=folder.digests(files))
    write_new(contract_file(script), kept.to_text().encode(), force=True)
    return copies


@pytest.fixture
def script(tmp_path: Path) -> Path:
    found = tmp_path / "out/server.py"
    export(found, FILES)
    return found


@pytest.mark.parametrize(
    ("path", "server", "expected"),
    [
        (None, "notebook", "notebook/server.py"),
        (None, "my server/2", "my-server-2/server.py"),
        (None, "..", "server/server.py"),
        ("out", "x", "out/server.py"),
        ("out/tools.py", "x", "out/tools.py"),
    ],
)
def test_where_a_server_goes(path: str | None, server: str, expected: str) -> None:
    assert script_path(path, server=server, folder=Path("here")) == Path("here") / expected


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("server.txt", r"server.txt would be a folder.* -o server.py is a file; -o server.txt/ is"),
        ("class.py", "class.py is no name of a module.*-o class_server.py"),
        ("a folder/my server.py", "my server.py is no name of a module.*-o my_server_server.py"),
        ("out/asyncio.py", "asyncio.py would hide the module.*-o asyncio_server.py"),
    ],
)
def test_a_path_that_is_no_module_is_asked_about(tmp_path: Path, path: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check_path(path, tmp_path)


def test_paths_of_folders_and_modules_are_taken(tmp_path: Path) -> None:
    (tmp_path / "there.txt").mkdir()
    for path in (None, "out", "a b/server.py", "v1.2", "server.txt/", "there.txt", "my-tools.py"):
        check_path(path, tmp_path)


def test_files_are_written_whole_and_readable_by_others(script: Path) -> None:
    umask = os.umask(0)
    os.umask(umask)

    assert script.read_bytes() == b"one\n"
    assert (script.parent / "data/table.json").read_bytes() == b"{}"
    assert stat.S_IMODE(script.stat().st_mode) == 0o666 & ~umask
    assert [p for p in script.parent.rglob("*") if p.name.endswith(".part")] == []


def test_what_was_written_is_overwritten(script: Path) -> None:
    assert export(script, {**FILES, PurePosixPath("server.py"): b"two\n"}) == []
    assert script.read_bytes() == b"two\n"


def test_what_was_changed_since_stays_until_forced_and_then_as_a_copy(script: Path) -> None:
    new = {**FILES, PurePosixPath("server.py"): b"two\n"}
    script.write_bytes(b"changed by hand\n")

    with pytest.raises(UsageError, match=r"server\.py in .* changed since .*--force"):
        export(script, new)
    assert script.read_bytes() == b"changed by hand\n"

    assert export(script, new, force=True) == ["server.py.bak"]
    assert script.read_bytes() == b"two\n"
    assert (script.parent / "server.py.bak").read_bytes() == b"changed by hand\n"

    script.write_bytes(b"changed again\n")
    assert export(script, new, force=True) == ["server.py.bak1"]


def test_what_somebody_else_wrote_stays_until_forced(tmp_path: Path) -> None:
    (tmp_path / "server.py").write_bytes(b"mine\n")

    with pytest.raises(UsageError, match=r"was not written by %mcp export"):
        export(tmp_path / "server.py", FILES)

    assert not (tmp_path / "data").exists()  # all is seen before anything is written
    assert export(tmp_path / "server.py", FILES, force=True) == ["server.py.bak"]


def test_the_same_content_is_nobodys_loss(tmp_path: Path) -> None:
    (tmp_path / "server.py").write_bytes(b"one\n")

    assert export(tmp_path / "server.py", FILES) == []


def test_older_files_of_an_export_stay_known(script: Path) -> None:
    export(script, {PurePosixPath("server.py"): b"two\n"})
    export(script, {**FILES, PurePosixPath("data/table.json"): b"[]"})

    assert (script.parent / "data/table.json").read_bytes() == b"[]"


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")

    with pytest.raises(UsageError, match="cannot be written"):
        export(tmp_path / "out/server.py", FILES)


def test_one_file_is_not_overwritten_unasked(tmp_path: Path) -> None:
    place = tmp_path / "x.ipynb"
    write_new(place, b"1", force=False)

    with pytest.raises(UsageError, match=r"is there already. --force"):
        write_new(place, b"2", force=False)

    assert write_new(place, b"2", force=True, keep=True) == "x.ipynb.bak"
    assert (tmp_path / "x.ipynb.bak").read_bytes() == b"1"
    assert write_new(place, b"2", force=True, keep=True) == ""
    assert place.read_bytes() == b"2"
    with pytest.raises(UsageError, match="cannot be written"):
        write_new(tmp_path / "no/x.ipynb", b"3", force=False)


def test_paths_are_shown_from_the_working_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    assert shown_path(tmp_path / "a/b.py") == "a/b.py"
    assert shown_path(tmp_path) == "this folder"
    assert shown_path(Path("/elsewhere/b.py")) == "/elsewhere/b.py"


def test_ctrl_c_strikes_after_the_writing(tmp_path: Path) -> None:
    place = tmp_path / "done"

    def work() -> None:
        _thread.interrupt_main()
        time.sleep(0.2)
        place.touch()

    with pytest.raises(KeyboardInterrupt):
        uninterrupted(work)

    assert place.exists()
    with pytest.raises(UsageError, match="why"):
        uninterrupted(lambda: (_ for _ in ()).throw(UsageError("why")))
    assert uninterrupted(lambda: 5) == 5
