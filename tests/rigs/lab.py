"""A real JupyterLab server and a real Chromium that works in it.

One server and one browser serve the whole run; every test gets a browser context of its own.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    expect,
    sync_playwright,
)
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from mcp_notebook.transports.ports import free_port
from tests.rigs.surroundings import IN_CI, await_answer, jupyter_environment

TOKEN = "rig"

# two cores shared by a server, a kernel and a browser
expect.set_options(timeout=30_000)

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    # a page nobody looks at is slowed down otherwise
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
]

READY = """() => {
    const panel = window.jupyterapp?.shell.currentWidget;
    return panel?.sessionContext?.isReady
        && panel.sessionContext.session?.kernel?.status === 'idle';
}"""

# With subshells the kernel may say idle while a cell runs: the cells are asked as well.
IDLE = """() => {
    const panel = window.jupyterapp.shell.currentWidget;
    return panel.content.widgets.every(
            cell => cell.model.type !== 'code' || (cell.model.executionState ?? 'idle') === 'idle')
        && panel.sessionContext.session.kernel.status === 'idle';
}"""

KERNELSPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}

NOT_OURS = ("favicon.ico", "notebook_core.")
"""Errors that contain one of these are no fault of what is shown in the page.

Notebook 7 itself looks for the schema of a setting that only JupyterLab has."""


class LabRig:
    """A JupyterLab server in folders of its own; end it with :meth:`stop`.

    Args:
        home: an empty folder. Notebooks are opened from `home/root`.
        classic: whether it is a Jupyter Notebook 7 instead.

    Attributes:
        root: where the notebooks lie.
        settings: what the reader set in JupyterLab, a file for each plugin.
    """

    def __init__(self, home: Path, *, classic: bool = False) -> None:
        self.pages = "notebooks" if classic else "lab/tree"
        self.root = home / "root"
        self.root.mkdir(parents=True)
        self.log = home / "lab.log"
        environment = jupyter_environment(home / "jupyter")
        self.settings = Path(environment["JUPYTERLAB_SETTINGS_DIR"])
        _settle(self.settings)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [
            *(sys.executable, "-m", "notebook" if classic else "jupyterlab"),
            *("--no-browser", "--allow-root"),
            *("--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"),
            *(f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={self.root}"),
            f"--{'JupyterNotebookApp' if classic else 'LabApp'}.expose_app_in_browser=True",
        ]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            await_answer(f"{self.url}/api/status?token={TOKEN}", self.process, self.log)
        except BaseException:
            self.stop()
            raise

    def kernels(self) -> list[psutil.Process]:
        """The processes the server started and that still run: kernels and what they started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self) -> None:
        """Ends the server, its kernels, and whatever those started; asks first."""
        family: list[psutil.Process] = []
        if self.process.poll() is None:
            family = self.kernels()
            self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
        for process in family:
            if process.is_running():
                process.kill()


class LabPage:
    """One browser page in JupyterLab.

    Attributes:
        page: Playwright's page, for whatever is not here.
        errors: what the page's scripts complained of since it was opened.
    """

    def __init__(self, lab: LabRig, page: Page) -> None:
        self.lab = lab
        self.page = page
        self.errors: list[str] = []
        page.set_default_timeout(60_000)
        page.on("pageerror", self._raised)
        page.on("console", self._console)

    def _raised(self, error: Error) -> None:
        if not any(n in str(error.stack) for n in NOT_OURS):
            self.errors.append(str(error))

    def _console(self, message: ConsoleMessage) -> None:
        where = message.location.get("url", "")
        if message.type == "error" and not any(n in where + message.text for n in NOT_OURS):
            self.errors.append(f"{message.text} ({where})")

    def open_notebook(self, notebook: Path | nbformat.NotebookNode, name: str = "") -> None:
        """Copies a notebook into the server's root, opens it, waits for its kernel.

        Args:
            notebook: a file, or a notebook made with `nbformat.v4`.
            name: what to call it there; by default its own name, or `test.ipynb`.
        """
        if isinstance(notebook, Path):
            name = name or notebook.name
            shutil.copyfile(notebook, self.lab.root / name)
        else:
            name = name or "test.ipynb"
            # a notebook that names no kernel makes Lab ask for one
            notebook.metadata.setdefault("kernelspec", KERNELSPEC)
            nbformat.write(notebook, self.lab.root / name)
        self.open_file(name)

    def open_file(self, name: str) -> None:
        """Opens a notebook that lies in the server's root, waits for its kernel."""
        self.page.goto(
            f"{self.lab.url}/{self.lab.pages}/{name}?token={TOKEN}&reset",
            wait_until="domcontentloaded",
        )
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")
        self.page.wait_for_selector(
            ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell", state="attached"
        )
        self.wait_ready()

    def reload(self) -> None:
        """Loads the page anew, as the reader's browser does; the kernel goes on."""
        url = self.page.url.split("?")[0]
        self.page.goto(f"{url}?token={TOKEN}", wait_until="domcontentloaded")
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")
        self.wait_ready()

    def wait_ready(self) -> None:
        """Waits until the open notebook has a kernel that is idle."""
        try:
            self.page.wait_for_function(READY)
        except PlaywrightTimeout:
            dialog = self.page.locator(".jp-Dialog").all_inner_texts()
            pytest.fail(f"no kernel; dialogs: {dialog}; errors: {self.errors}")

    def execute(self, code: str) -> None:
        """Runs code in the notebook's kernel, in no cell, and waits for its end."""
        status = self.page.evaluate(
            """async code => {
                const {kernel} = window.jupyterapp.shell.currentWidget.sessionContext.session;
                const asked = {code, store_history: false};
                return (await kernel.requestExecute(asked).done).content;
            }""",
            code,
        )
        assert status["status"] == "ok", status

    def value(self, expression: str) -> Any:
        """What an expression comes to in the notebook's kernel, by way of JSON."""
        self.execute(f"_value = __import__('json').dumps({expression})")
        told = self.page.evaluate(
            """async () => {
                const {kernel} = window.jupyterapp.shell.currentWidget.sessionContext.session;
                const asked = {code: '', user_expressions: {it: '_value'}, store_history: false};
                const reply = (await kernel.requestExecute(asked).done).content;
                return reply.user_expressions.it.data['text/plain'];
            }"""
        )
        return json.loads(ast.literal_eval(told))

    def run_all(self, timeout: float = 60) -> None:
        """Runs every cell, and waits for the end; a failing cell ends it, as in Lab."""
        self.command("notebook:run-all-cells")
        self.wait_idle(timeout)

    def restart_and_run_all(self, timeout: float = 60) -> None:
        """Restart & Run All, without the question Lab asks first."""
        self.restart()
        self.run_all(timeout)

    def restart(self) -> None:
        """Restarts the kernel, without the question Lab asks first."""
        self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
        )
        self.wait_ready()

    def start_all(self) -> None:
        """Run All without waiting."""
        self.page.evaluate(
            "() => { void window.jupyterapp.commands.execute('notebook:run-all-cells'); }"
        )

    def command(self, name: str) -> None:
        """Executes one of JupyterLab's commands on the open notebook and waits for it."""
        self.page.evaluate(
            """name => {
                window.jupyterapp.shell.currentWidget.content.deselectAll();
                return window.jupyterapp.commands.execute(name);
            }""",
            name,
        )

    def wait_idle(self, timeout: float = 60) -> None:
        """Waits until no cell runs."""
        self.page.wait_for_function(IDLE, timeout=timeout * 1000)

    def cell(self, number: int) -> Locator:
        """The cell at this place, from 0, text cells counted."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell").nth(number)

    def output(self, number: int) -> str:
        """The text a reader sees under the cell at this place; empty without output."""
        outputs = self.cell(number).locator(".jp-OutputArea-output")
        return "\n".join(outputs.all_inner_texts()).strip()

    def outputs(self) -> list[list[nbformat.NotebookNode]]:
        """The outputs of all cells as the notebook would save them; empty for text cells."""
        cells = self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.content.model.toJSON().cells"
        )
        return [[nbformat.from_dict(one) for one in cell.get("outputs", [])] for cell in cells]

    def screenshot(self, path: Path) -> Path:
        """Saves what is seen."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path)
        return path

    def shut_down_kernel(self) -> None:
        """Ends the kernel of the open notebook, if there is one."""
        self.page.evaluate(
            "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.shutdown()"
        )


def _settle(settings: Path) -> None:
    """Writes the settings that make a page a test can rely on."""
    for plugin, values in {
        # the news and update toasts ask the network and cover the page
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
        # cells that are out of sight are taken out of the page otherwise
        "notebook-extension/tracker": {"windowingMode": "none"},
    }.items():
        file = settings / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values), encoding="utf-8")


def find_chromium() -> str | None:
    """The Chromium of this machine: named by `CHROMIUM`, or found on the path."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabRig]:
    """JupyterLab, running; one for all tests."""
    rig = LabRig(tmp_path_factory.mktemp("lab"))
    try:
        yield rig
    finally:
        rig.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium. Without one the test is skipped, except in CI, where it fails."""
    chromium = find_chromium()
    if chromium is None:
        reason = "no Chromium here: install one, or name it in the variable CHROMIUM"
        if IN_CI:
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, headless=True, args=CHROMIUM_ARGUMENTS
        )
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture
def page(browser: Browser, lab: LabRig) -> Iterator[LabPage]:
    """A page of its own for one test; its kernel ends with it."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    try:
        page = LabPage(lab, context.new_page())
        yield page
        with contextlib.suppress(Error):  # a page the test closed: the server ends the kernel later
            page.shut_down_kernel()
    finally:
        context.close()
