"""The environment of the recipe, built from its files, and what a reader finds in it.

It is not Binder: no container, no limit of memory, and the proxy's part is played by its headers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import nbformat
import pytest

from mcp_notebook import Workbench
from mcp_notebook.bench.readings import FILE

from .launch import HOST, Image, Launched, Notebook, built, interpreter, opened

PYTHON, VERSION = interpreter()

pytestmark = [pytest.mark.slow, pytest.mark.kernel, pytest.mark.timeout(600)]

LESSON = "lessons/00_first_call.ipynb"
SAVED = ("progress.json", "results.json")
TOOL = '%%mcp tool\ndef add(a: int, b: int) -> int:\n    "Add two numbers."\n    return a + b\n'


@pytest.fixture(scope="module", params=[VERSION], ids=[f"python{VERSION}"])
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """What Binder would build, with the Python that the id of the test names."""
    return built(PYTHON, tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def lab(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    """A JupyterLab in it, started as Binder starts it."""
    launched = Launched(image, tmp_path_factory.mktemp("launch"))
    yield launched
    launched.stop()


@pytest.fixture(scope="module")
def notebook(lab: Launched) -> Iterator[Notebook]:
    """A kernel in the folder of the lessons, with a tool."""
    with opened(lab, LESSON) as page:
        page.run("%load_ext mcp_notebook")
        page.run(TOOL)
        yield page
        page.run("%mcp stop --all")


def test_it_is_built_and_its_versions_agree(image: Image) -> None:
    assert "No broken requirements" in image.run("pip", "check")
    assert (image.prefix / "share/jupyter/lab/settings/overrides.json").is_file()
    assert list((image.repository / "mcp_notebook/__pycache__").glob("lab.*.pyc"))


def test_lesson_00_runs_in_it(image: Image) -> None:
    image.run("jupyter", "execute", "--inplace", "--timeout=60", LESSON)

    cells = nbformat.read(image.repository / LESSON, as_version=4).cells
    failed = {
        cell.id
        for cell in cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    }
    expected = {cell.id for cell in cells if "raises-exception" in cell.metadata.get("tags", [])}
    assert failed == expected
    assert [
        cell.id for cell in cells if cell.cell_type == "code" and not cell.execution_count
    ] == []


def test_the_link_leads_to_the_lesson_behind_the_proxys_path(lab: Launched) -> None:
    page = lab.browser.get(f"lab/tree/{LESSON}")

    assert page.status_code == 200
    assert str(lab.browser.base_url.path) in page.text
    assert lab.browser.get(f"api/contents/{LESSON}").json()["type"] == "notebook"


@pytest.mark.parametrize("transport", ["http", "http-json", "sse", "websocket"])
def test_an_address_that_is_shown_works_in_this_container_and_nowhere_else(
    notebook: Notebook, lab: Launched, transport: str
) -> None:
    """What stands there is the truth: a loopback address, and no path of the proxy's."""
    shown = notebook.run(f"%mcp serve -t {transport} --as {transport}")
    (address,) = re.findall(r"\b(?:http|ws)://[^\s'\"<>]+", shown)

    assert re.match(r"(http|ws)://127\.0\.0\.1:\d+/", address), shown
    assert HOST not in shown
    with Workbench() as terminal:
        assert terminal.connect(address).call("add", a=2, b=3).value == 5
    port = re.findall(r":(\d+)/", address)[0]
    assert lab.browser.get(f"proxy/{port}/mcp").status_code == 404


def test_a_proxy_that_somebody_adds_is_refused_by_host_and_by_origin(notebook: Notebook) -> None:
    (url,) = re.findall(r"http://[^\s'\"<>]+", notebook.run("%mcp serve -t http --as guarded"))
    message = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    accepts = {"Accept": "application/json, text/event-stream"}

    def status(**headers: str) -> int:
        return httpx.post(url, json=message, headers=accepts | headers, timeout=30).status_code

    assert status(Host=HOST) == 421
    assert status(Origin=f"https://{HOST}") == 403
    assert status() not in {403, 421}


def test_results_are_kept_as_the_page_about_binder_says(notebook: Notebook, lab: Launched) -> None:
    """The very lines of docs/binder.md: two that save, two that put back."""
    page = (lab.image.repository / "docs/binder.md").read_text(encoding="utf-8")
    lines = re.findall(r"^!cp .+$", page, re.M)
    folder = lab.image.repository / "lessons"
    saving, putting_back = lines[:2], lines[2:]
    assert len(putting_back) == 2
    notebook.run("%mcp guess S23 no")
    before = notebook.run("%mcp progress 01")
    (folder / ".mcp_results.json").write_text('{"version": 1}', encoding="utf-8")

    listing = lab.browser.get("api/contents/lessons").json()["content"]
    assert [each["name"] for each in listing if each["name"].startswith(".")] == []
    assert lab.browser.get("files/lessons/.mcp_progress.json").status_code == 404
    for line in saving:
        notebook.run(line)
    saved = {name: lab.browser.get(f"files/lessons/{name}") for name in SAVED}
    assert '"S23"' in saved["progress.json"].text
    for hidden in folder.glob(".mcp_*.json"):
        hidden.unlink()
    assert notebook.run("%mcp progress 01") != before

    for line in putting_back:
        notebook.run(line)
    assert notebook.run("%mcp progress 01") == before
    assert (folder / FILE).read_text(encoding="utf-8") == saved["results.json"].text


def test_a_notebook_and_its_server_leave_most_of_the_memory_free(
    notebook: Notebook, lab: Launched
) -> None:
    """Binder promises 450 MB, and gives 2 GB at most."""
    assert notebook.run("%mcp call add(1, b=1)")
    used = lab.memory()
    print(f"JupyterLab and one notebook: {used / 2**20:.0f} MiB")
    assert used < 450e6


def test_the_lab_asks_for_nothing_outside(lab: Launched) -> None:
    settings = lab.browser.get("lab/api/settings/@jupyterlab/apputils-extension:notification")
    assert '"fetchNews":"false"' in re.sub(r"\s", "", settings.json()["raw"]) or (
        settings.json()["schema"]["properties"]["fetchNews"]["default"] == "false"
    )
