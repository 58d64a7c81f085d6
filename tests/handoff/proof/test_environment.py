"""Clean environments: made once, found again, and never left half made."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from mcp_notebook.errors import UsageError
from mcp_notebook.handoff.proof import environment as rooms
from mcp_notebook.handoff.proof.environment import Unmade, cache_folder, declared, environment

SCRIPT = """\
# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "mcp>=2.3,<3",
#     "numpy",
# ]
# ///
import numpy
"""


def test_what_a_script_declares_is_read() -> None:
    assert declared(SCRIPT) == ("mcp>=2.3,<3", "numpy")
    assert declared("# /// script\n# requires-python = '>=3.11'\n# ///\n") == ()


@pytest.mark.parametrize(
    "text", ["import numpy\n", SCRIPT + SCRIPT, "# /// script\n# dependencies = [\n# ///\n"]
)
def test_what_cannot_be_read_is_said(text: str) -> None:
    with pytest.raises(UsageError):
        declared(text)


def test_environments_are_kept_in_the_cache_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/mcp_notebook")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder().is_relative_to(Path.home())


def packages(python: Path) -> set[str]:
    code = "import importlib.metadata as m; print(*(d.name for d in m.distributions()))"
    shown = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True)
    return set(shown.stdout.split())


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A package on this disk, so that nothing is asked of a registry."""
    folder = tmp_path / "tiny-1.0"
    (folder / "tiny").mkdir(parents=True)
    (folder / "tiny/__init__.py").write_text("")
    info = folder / "tiny-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
    (info / "WHEEL").write_text(
        "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    names = ["tiny/__init__.py", *(f"tiny-1.0.dist-info/{n}" for n in ("METADATA", "WHEEL"))]
    record = "".join(f"{name},,\n" for name in [*names, "tiny-1.0.dist-info/RECORD"])
    (info / "RECORD").write_text(record)
    made = shutil.make_archive(str(tmp_path / "tiny"), "zip", folder)
    return Path(made).rename(tmp_path / "tiny-1.0-py3-none-any.whl")


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_an_environment_has_what_was_asked_for_and_is_found_again(
    tool: str, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if tool == "pip":
        monkeypatch.setattr(rooms, "find_uv", lambda: None)
    wanted = [f"tiny @ {wheel.as_uri()}"]

    first = asyncio.run(environment(wanted, folder=tmp_path / "cache"))
    again = asyncio.run(environment(wanted, folder=tmp_path / "cache"))

    assert (first.tool, first.made, again.made) == (tool, True, False)
    assert first.python == again.python
    assert packages(first.python) == {"tiny"}


@pytest.mark.slow
def test_one_that_cannot_be_made_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    missing = tmp_path / "nothing-1.0-py3-none-any.whl"

    with pytest.raises(Unmade, match=r"could not be filled: .*nothing-1\.0"):
        asyncio.run(environment([f"nothing @ {missing.as_uri()}"], folder=tmp_path))

    assert list((tmp_path / "environments").iterdir()) == []


@pytest.mark.slow
def test_one_that_is_cancelled_leaves_nothing(tmp_path: Path, wheel: Path) -> None:
    begun = asyncio.Event()

    async def cancelled() -> None:
        task = asyncio.get_running_loop().create_task(
            environment(
                [f"tiny @ {wheel.as_uri()}"], folder=tmp_path, on_line=lambda _line: begun.set()
            )
        )
        await begun.wait()
        assert await asyncio.to_thread(lambda: list(tmp_path.glob("environments/*.part")))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())

    assert list((tmp_path / "environments").iterdir()) == []


def test_old_ones_are_removed_and_new_ones_stay(tmp_path: Path) -> None:
    old = time.time() - 3 * 86_400
    for number in range(rooms.KEPT + 3):
        place = tmp_path / f"env-{number}"
        place.mkdir()
        os.utime(place, (old - number, old - number))
    (tmp_path / "today").mkdir()

    rooms._prune(tmp_path, tmp_path / "today")

    left = {path.name for path in tmp_path.iterdir()}
    assert "today" in left
    assert left == {"today", *(f"env-{n}" for n in range(rooms.KEPT - 1))}


def test_settings_of_pip_reach_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", "/wheels /more")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "file:///one file:///two")

    found = asyncio.run(rooms._pip_settings(os.environ))

    assert found == {
        "UV_FIND_LINKS": "/wheels,/more",
        "UV_NO_INDEX": "1",
        "UV_INDEX": "file:///one file:///two",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }
