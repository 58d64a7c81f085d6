"""The recipe in `binder/`: what Binder's builder, repo2docker, makes of it. No Docker needed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import urllib.parse
from pathlib import Path

import pytest

from mcp_notebook.bench.programs import find_program
from tests.rigs.surroundings import IN_CI
from tests.structure.house import ROOT

BINDER = ROOT / "binder"
PROGRAMS = {"nginx-light", "haproxy", "openssl", "curl", "nodejs", "iproute2", "redis-server"}
FIRST_LESSON = "lessons/00_first_call.ipynb"
LAUNCH = re.compile(r"https://mybinder\.org/v2/gh/([^/\s]+/[^/\s]+)/([^?\s]+)\?([^\s)\"'<>]+)")
PLACEHOLDER = "OWNER/REPO"


def written(folder: Path) -> str:
    """The Dockerfile that repo2docker writes for a folder, with the options that Binder gives."""
    command = [
        *(sys.executable, "-m", "repo2docker", "--no-build", "--debug"),
        *("--user-id", "1000", "--user-name", "jovyan", "."),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return f"{done.stderr}\n{done.stdout}"


@pytest.fixture(scope="module")
def dockerfile(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What becomes of this checkout; of the files that decide, so that nothing else is read."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(BINDER, folder / "binder")
    for name in ("pyproject.toml", "constraints.txt", "Makefile"):
        shutil.copy(ROOT / name, folder)
    return written(folder)


def test_the_python_is_the_one_that_is_asked_for(dockerfile: str) -> None:
    assert (BINDER / "runtime.txt").read_text(encoding="utf-8").strip() == "python-3.12"
    assert "Building conda environment for python=3.12" in dockerfile
    # the file of the versions in the image; repo2docker writes "-2e" for a dot, "-2d" for a dash
    (lock,) = re.findall(r"environment-2epy-2d(3-2e\d+)-2dlinux", dockerfile)
    assert lock == "3-2e12"


def test_without_runtime_txt_it_would_be_a_python_that_is_too_old(tmp_path: Path) -> None:
    """Why that file is there: the default is 3.10, and the package needs 3.11."""
    shutil.copytree(BINDER, tmp_path / "binder")
    (tmp_path / "binder/runtime.txt").unlink()

    assert "Building conda environment for python=3.10" in written(tmp_path)


def test_debian_packages_are_installed(dockerfile: str) -> None:
    (line,) = re.findall(r"apt-get install --yes --no-install-recommends (.+?) &&", dockerfile)
    assert set(line.split()) == PROGRAMS


def test_the_package_is_installed_from_the_checkout_by_its_reader(dockerfile: str) -> None:
    _before, _copied, after = dockerfile.partition("COPY --chown=1000:1000 src/ ${REPO_DIR}/")
    (installs,) = re.findall(r"^RUN (.*pip.* install .*)$", after, re.M)
    assert installs.endswith('/pip install --no-cache-dir -r "binder/requirements.txt"')
    user = after.rindex("USER ${NB_USER}", 0, after.index(installs))
    assert "USER root" not in after[user : after.index(installs)]


def test_post_build_runs_and_nothing_else_is_built(dockerfile: str) -> None:
    assert re.findall(r"^RUN (\./binder/\S+)$", dockerfile, re.M) == ["./binder/postBuild"]
    # another build pack would have left its marks
    for other in ("environment.yml", "julia", "install.R", "nix-shell", "Pipfile", "npm install"):
        assert other not in dockerfile
    assert "unspecified" not in dockerfile


def test_post_build_can_be_executed_and_leaves_node_alone() -> None:
    script = BINDER / "postBuild"
    assert script.stat().st_mode & 0o111
    text = script.read_text(encoding="utf-8")
    assert text.startswith("#!/usr/bin/env bash\n")
    assert not re.search(r"\bnpm\b|\bjupyter lab build\b|\byarn\b", text)


def test_what_is_installed_is_what_make_lab_installs() -> None:
    lines = (BINDER / "requirements.txt").read_text(encoding="utf-8").splitlines()
    asked = [line for line in lines if line and not line.startswith("#")]
    assert asked == ["-c ../constraints.txt", "-e .[lab,lessons]", "notebook"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "$(PIP) -c constraints.txt -e '.[lab,lessons]'" in makefile
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert re.search(r"^notebook==", pins, re.M)


def test_programs_of_the_recipe_are_those_that_the_build_machine_installs() -> None:
    apt = set((BINDER / "apt.txt").read_text(encoding="utf-8").split())
    assert apt == PROGRAMS
    assert apt <= set((ROOT / ".ci/run").read_text(encoding="utf-8").split())


@pytest.mark.skipif(not IN_CI, reason="elsewhere a lesson says what to install, and goes on")
@pytest.mark.parametrize("program", ["nginx", "haproxy", "openssl", "curl", "node", "ip"])
def test_on_the_build_machine_no_program_is_missing(program: str) -> None:
    assert find_program(program)


# ---- the badge ---------------------------------------------------------------------------------


def test_the_link_in_the_readme_opens_lesson_00_in_jupyterlab() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = LAUNCH.findall(readme)
    assert found
    for _repository, ref, query in found:
        assert ref == "HEAD"
        (path,) = urllib.parse.parse_qs(query)["urlpath"]
        assert path == f"lab/tree/{FIRST_LESSON}"
    assert (ROOT / FIRST_LESSON).is_file()


def test_the_badge_is_a_link_only_when_the_address_is_known() -> None:
    """Once pyproject.toml names the repository, a placeholder in the README is an error."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    address = project.get("urls", {}).get("Repository", "")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    repositories = {repository for repository, _ref, _query in LAUNCH.findall(readme)}
    outside_of_code = re.sub(r"```.*?```", "", readme, flags=re.S)

    if address:
        assert repositories == {address.removesuffix(".git").partition("github.com/")[2]}
        assert LAUNCH.search(outside_of_code)
    else:
        assert repositories == {PLACEHOLDER}
        assert not LAUNCH.search(outside_of_code), "a link that leads nowhere"
