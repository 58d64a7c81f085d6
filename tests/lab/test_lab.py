"""`python -m mcp_notebook lab`."""

from __future__ import annotations

import importlib
import importlib.util
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest

from mcp_notebook import __main__, lab
from mcp_notebook.transports.ports import free_port
from tests.rigs.surroundings import await_answer, jupyter_environment


@pytest.fixture
def lessons(tmp_path: Path) -> Path:
    """A small folder of lessons, with traces of use in it."""
    folder = tmp_path / "packaged"
    files = {
        "00_first_call.ipynb": "{}",
        "01_stdio.ipynb": "{}",
        "servers/weather.py": "print('sun')\n",
        ".ipynb_checkpoints/00_first_call.ipynb": "{}",
        "servers/__pycache__/weather.pyc": "",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What JupyterLab was asked to do, instead of doing it."""
    calls: list[list[str]] = []
    stand_in = types.ModuleType("jupyterlab.labapp")
    stand_in.LabApp = types.SimpleNamespace(launch_instance=calls.append)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "jupyterlab.labapp", stand_in)
    return calls


def test_lessons_are_laid_out_without_traces_of_use(lessons: Path, tmp_path: Path) -> None:
    layout = lab.lay_out(lessons, tmp_path / "mine")

    assert layout.written == ["00_first_call.ipynb", "01_stdio.ipynb", "servers/weather.py"]
    assert layout.kept == []
    assert (tmp_path / "mine/servers/weather.py").read_text() == "print('sun')\n"
    assert not (tmp_path / "mine/.ipynb_checkpoints").exists()


def test_laying_out_again_writes_nothing(lessons: Path, tmp_path: Path) -> None:
    lab.lay_out(lessons, tmp_path / "mine")

    assert lab.lay_out(lessons, tmp_path / "mine") == lab.Layout()


def test_a_file_the_reader_changed_is_kept_and_named(lessons: Path, tmp_path: Path) -> None:
    lab.lay_out(lessons, tmp_path / "mine")
    changed = tmp_path / "mine/01_stdio.ipynb"
    changed.write_text("my work")
    (lessons / "01_stdio.ipynb").write_text("{new}")

    layout = lab.lay_out(lessons, tmp_path / "mine")

    assert (layout.written, layout.kept) == ([], ["01_stdio.ipynb"])
    assert changed.read_text() == "my work"


def test_a_file_the_reader_did_not_change_follows_the_package(
    lessons: Path, tmp_path: Path
) -> None:
    lab.lay_out(lessons, tmp_path / "mine")
    (lessons / "01_stdio.ipynb").write_text("{new}")

    layout = lab.lay_out(lessons, tmp_path / "mine")

    assert (layout.written, layout.kept) == (["01_stdio.ipynb"], [])
    assert (tmp_path / "mine/01_stdio.ipynb").read_text() == "{new}"


def test_a_file_that_was_there_before_is_kept(lessons: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine/00_first_call.ipynb"
    mine.parent.mkdir()
    mine.write_text("something else")

    assert lab.lay_out(lessons, tmp_path / "mine").kept == ["00_first_call.ipynb"]
    assert lab.lay_out(lessons, tmp_path / "mine").kept == ["00_first_call.ipynb"]
    assert mine.read_text() == "something else"


def test_jupyterlab_opens_the_first_lesson_and_gets_the_rest_of_the_line(lessons: Path) -> None:
    assert lab.lab_command(lessons, ["--no-browser", "--port=8899"]) == [
        f"--ServerApp.root_dir={lessons}",
        "--LabApp.default_url=/lab/tree/00_first_call.ipynb",
        "--no-browser",
        "--port=8899",
    ]


def test_a_setting_the_reader_gives_is_not_given_twice(lessons: Path) -> None:
    assert lab.lab_command(lessons, ["--ServerApp.root_dir=elsewhere"]) == [
        "--LabApp.default_url=/lab/tree/00_first_call.ipynb",
        "--ServerApp.root_dir=elsewhere",
    ]


def test_from_a_checkout_the_lessons_are_opened_where_they_lie(
    opened: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    assert __main__.main(["lab", "--no-browser"]) == 0

    assert f"--ServerApp.root_dir={lab.checkout_lessons()}" in opened[0]
    assert list(tmp_path.iterdir()) == []


def test_an_installed_package_lays_its_lessons_out_and_says_what_it_kept(
    opened: list[list[str]],
    lessons: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(lab, "PACKAGE", tmp_path / "installed")
    lessons.rename(tmp_path / "_lessons")
    (tmp_path / "installed").mkdir()
    (tmp_path / "_lessons").rename(tmp_path / "installed/_lessons")
    monkeypatch.chdir(tmp_path)

    assert __main__.main(["lab"]) == 0
    (tmp_path / "mcp_lessons/01_stdio.ipynb").write_text("my work")
    assert __main__.main(["lab", "--token=abc"]) == 0

    first, second = opened
    assert first[0] == f"--ServerApp.root_dir={tmp_path / 'mcp_lessons'}"
    assert second[-1] == "--token=abc"
    shown = capsys.readouterr().out
    assert "3 files written" in shown
    assert "Kept, because you changed them: 01_stdio.ipynb." in shown


def test_a_folder_that_cannot_be_made_is_one_line(
    opened: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()

    assert __main__.main(["lab", "--to", str(tmp_path / "file/below")]) == 1

    assert "Name another folder with --to" in capsys.readouterr().err
    assert opened == []


def test_without_jupyterlab_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)

    assert __main__.main(["lab"]) == 1

    assert 'pip install "mcp_notebook[lab' in capsys.readouterr().err


def test_the_command_line_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main([]) == 2
    assert "open the lessons in JupyterLab" in capsys.readouterr().out

    for line in (["--help"], ["lab", "--help"]):
        with pytest.raises(SystemExit) as ended:
            __main__.main(line)
        assert ended.value.code == 0
    assert "--to DIR" in capsys.readouterr().out


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        __main__.main(["--version"])

    assert re.fullmatch(r"mcp_notebook \d+\.\d+\S*\n", capsys.readouterr().out)


@pytest.mark.slow
def test_the_real_jupyterlab_answers_and_leads_to_the_first_lesson(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "lab.log"
    command = [
        *(sys.executable, "-m", "mcp_notebook", "lab", "--to", str(tmp_path / "mine")),
        *("--no-browser", "--allow-root", f"--port={port}", "--IdentityProvider.token=abc"),
    ]
    with (
        log.open("wb") as stream,
        subprocess.Popen(
            command,
            cwd=tmp_path,
            env=jupyter_environment(tmp_path / "jupyter"),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
        ) as server,
    ):
        try:
            url = f"http://127.0.0.1:{port}/api/contents/README.md?token=abc"
            await_answer(url, server, log)
        finally:
            server.terminate()
    shown = log.read_text(encoding="utf-8")
    for lesson in sorted(lab.packaged_lessons().glob("[0-9]*.ipynb"))[:1]:
        assert f":{port}/lab/tree/{lesson.name}?token=" in shown
