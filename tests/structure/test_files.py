"""The files of the repository: sizes, leftovers, and what must not be in them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.structure.house import MAX_LINES, PACKAGE, ROOT

LEFT_FOR_LATER = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")

REGISTRIES = re.compile(
    "|".join(
        re.escape(".".join(name))
        for name in (
            ("files", "pythonhosted", "org"),
            ("registry", "npmjs", "org"),
            ("registry", "yarnpkg", "com"),
            ("deb", "debian", "org"),
        )
    )
    + "|" + re.escape("pypi" + ".org") + r"/simple|--(extra-)?index" + r"-url",
)  # fmt: skip
"""Where packages come from is a matter of the machine, not of the project."""

MACHINE_PATHS = re.compile(
    r"(?<![\w.~:/$}>-])/(?:"
    r"(?:home|Users)/(?!you\b|me\b|user\b|runner\b|jovyan\b)[\w.-]+/"
    r"|ro" + r"ot/"
    r"|(?:[\w.@+-]+/)+(?:site-packages|\.venv|mcp_notebook|ipykernel)/)"
)
"""Folders of the machine a file was written on; they slip in with stored outputs."""

NOT_TEXT = {".png", ".gif", ".ico", ".woff2", ".zip"}


def tracked() -> list[Path]:
    """The text files git knows, or would add; in a tree without git, every file but caches."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    if listing.returncode:
        pytest.skip("not a git checkout")
    paths = (ROOT / name for name in listing.stdout.split("\0") if name)
    return [path for path in paths if path.is_file() and path.suffix not in NOT_TEXT]


def lines_with(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    """`file:line: match` for each line that matches."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {match.group()}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (match := pattern.search(line))
    ]


def test_no_module_is_longer_than_its_subject() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in PACKAGE.rglob("*.py")
    }
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}


def test_modules_are_named_by_nouns_of_the_field() -> None:
    vague = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc", "core"}
    assert [path for path in PACKAGE.rglob("*.py") if path.stem in vague] == []


def test_nothing_is_left_for_later() -> None:
    assert lines_with(LEFT_FOR_LATER, tracked()) == []


def test_no_file_names_a_registry() -> None:
    assert lines_with(REGISTRIES, tracked()) == []


def test_no_file_names_a_folder_of_the_machine_it_was_written_on() -> None:
    assert lines_with(MACHINE_PATHS, tracked()) == []


@pytest.mark.parametrize(
    "line",
    [
        "File /ro" + "ot/project/x.py",
        "/home" + "/ada/notebooks/first.ipynb",
        '"/srv/env/lib/python3.11/site-' + 'packages/mcp/server.py"',
        "(/opt/checkout/mcp_note" + "book/errors.py:12)",
    ],
)
def test_a_machine_path_is_found(line: str) -> None:
    assert MACHINE_PATHS.search(line)


@pytest.mark.parametrize(
    "line",
    ["https://example.org/home/ada/x", "mcp_notebook/wire/lines.py", "/home/you/server.py",
     "{root}/mcp_notebook/x", "./root/x", "POST /mcp/root", "~/.venv/bin"],
)  # fmt: skip
def test_a_path_of_the_project_is_no_offence(line: str) -> None:
    assert not MACHINE_PATHS.search(line)


def test_every_pin_is_exact_and_nothing_else() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]

    assert [line for line in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[\w.+!]+", line)] == []
    names = [re.sub(r"[._-]+", "-", pin.partition("==")[0]).lower() for pin in pins]
    assert len(names) == len(set(names))
