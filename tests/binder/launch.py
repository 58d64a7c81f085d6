"""What Binder builds and starts, without Docker: the recipe's environment, and its JupyterLab."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from websockets.sync.client import ClientConnection, connect

from mcp_notebook.transports.ports import free_port
from tests.rigs.lab import TOKEN
from tests.rigs.surroundings import IN_CI, await_answer, jupyter_environment
from tests.structure.house import ROOT

HOST = "hub.example.org"
"""What a browser calls the machine; Binder's proxy passes it on."""

PREFIX = "/user/someone-repo-x1y2z3/"

WITH_THE_IMAGE = ["jupyterhub==5.4.0", "jupyter-offlinenotebook==0.3.2"]
"""What repo2docker's image has beside JupyterLab and Notebook, and our pins must agree with."""


def interpreter() -> tuple[str, str]:
    """The Python of `binder/runtime.txt` and its version; where it is not here, the running one."""
    asked = (ROOT / "binder/runtime.txt").read_text(encoding="utf-8").strip().partition("-")[2]
    found = shutil.which(f"python{asked}")
    if found:
        tell = [found, "-c", "import sys; print(sys.executable)"]
        # pyenv's shims stand on the PATH also for versions that are not chosen
        environment = os.environ | {"PYENV_VERSION": asked}
        with contextlib.suppress(OSError):
            done = subprocess.run(tell, env=environment, capture_output=True, text=True, timeout=20)
            if done.returncode == 0:
                return done.stdout.strip(), asked
    return sys.executable, f"{sys.version_info.major}.{sys.version_info.minor}"


def copied_checkout(to: Path) -> None:
    """The files that git knows or would add, as a build gets them."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    if listing.returncode:
        pytest.skip("not a git checkout")
    for name in listing.stdout.split("\0"):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, to / name)


@dataclass(frozen=True)
class Image:
    """What the build leaves behind.

    Attributes:
        repository: the checkout in it.
        prefix: the environment it was installed into.
    """

    repository: Path
    prefix: Path

    @property
    def environment(self) -> dict[str, str]:
        """The variables of whatever runs in it: nothing of the Python that runs the tests."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("COVERAGE", "PYTHON", "VIRTUAL_ENV", "PYTEST"))
        }
        path = f"{self.prefix / 'bin'}{os.pathsep}{kept.get('PATH', os.defpath)}"
        return kept | {"PATH": path, "HOME": str(self.repository)}

    def run(self, *command: str, timeout: float = 120) -> str:
        """What a command says in the repository's folder; fails with it unless it ended well."""
        done = subprocess.run(
            command,
            cwd=self.repository,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )
        assert done.returncode == 0, done.stdout[-3000:]
        return done.stdout


def built(python: str, home: Path) -> Image:
    """The image: `pip install -r binder/requirements.txt`, then `binder/postBuild`."""
    image = Image(home / "repository", home / "environment")
    copied_checkout(image.repository)
    subprocess.run([python, "-m", "venv", str(image.prefix)], check=True, timeout=60)
    install = ["pip", "install", "--quiet", "-r", "binder/requirements.txt", *WITH_THE_IMAGE]
    # Binder's folder is its reader's home; here that would hide pip's own settings and cache
    environment = image.environment | {"HOME": os.environ.get("HOME", str(home))}
    done = subprocess.run(
        install, cwd=image.repository, env=environment, capture_output=True, text=True, timeout=420
    )
    if done.returncode and not IN_CI and "connection" in done.stderr.lower():
        pytest.skip("nothing can be installed: no package index answers")
    assert done.returncode == 0, done.stderr[-3000:]
    image.run("./binder/postBuild")
    return image


class Launched:
    """A JupyterLab as Binder starts it, spoken to as its proxy does.

    The arguments are those of BinderHub's spawner (`binderspawner_mixin.py`). One differs: it
    listens on the loopback address, so what follows from 0.0.0.0 is said with an option of its own.
    """

    def __init__(self, image: Image, home: Path, *more: str) -> None:
        self.image = image
        self.port, self.log = free_port(), home / "lab.log"
        arguments = [f"base_url={PREFIX}", f"token={TOKEN}", "trust_xheaders=True"]
        arguments += ["allow_origin=*", "allow_origin_pat=.*"]
        command = [
            *("jupyter-lab", "--ip=127.0.0.1", f"--port={self.port}", "--no-browser"),
            *("--allow-root", "--ServerApp.allow_remote_access=True"),
            *(
                f"--{app}.{argument}"
                for app in ("NotebookApp", "ServerApp")
                for argument in arguments
            ),
            *more,
        ]
        folders = jupyter_environment(home / "jupyter")
        chosen = {
            name: folders[name] for name in folders if name.startswith(("JUPYTER", "IPYTHON"))
        }
        chosen |= {"JUPYTERHUB_SERVICE_PREFIX": PREFIX, "BINDER_LAUNCH_HOST": f"https://{HOST}/"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=image.repository,
                env=image.environment | chosen,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        url = f"http://127.0.0.1:{self.port}{PREFIX}"
        await_answer(f"{url}api/status?token={TOKEN}", self.process, self.log)
        forwarded = {"Host": HOST, "X-Forwarded-Host": HOST, "X-Forwarded-Proto": "https"}
        self.browser = httpx.Client(
            base_url=url,
            headers=forwarded | {"Origin": f"https://{HOST}", "Authorization": f"token {TOKEN}"},
            timeout=30,
        )

    def memory(self) -> int:
        """Bytes that the server and all it started hold, what they share counted once."""
        server = psutil.Process(self.process.pid)
        family = [server, *server.children(recursive=True)]
        return sum(each.memory_full_info().pss for each in family)

    def stop(self) -> None:
        """Ends it, its kernels too."""
        self.browser.close()
        family = []
        if self.process.poll() is None:
            family = psutil.Process(self.process.pid).children(recursive=True)
            self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
        for process in family:
            if process.is_running():
                process.kill()


@contextlib.contextmanager
def opened(lab: Launched, path: str) -> Iterator[Notebook]:
    """A kernel of that JupyterLab, reached through its address as a page reaches it."""
    session = {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}}
    answer = lab.browser.post("api/sessions", json=session)
    assert answer.status_code == 201, answer.text
    kernel = answer.json()["kernel"]["id"]
    with connect(
        f"ws://127.0.0.1:{lab.port}{PREFIX}api/kernels/{kernel}/channels?token={TOKEN}",
        origin=f"https://{HOST}",  # type: ignore[arg-type]
        additional_headers={"X-Forwarded-Host": HOST, "X-Forwarded-Proto": "https"},
    ) as socket:
        yield Notebook(socket)


class Notebook:
    """A notebook in a page: its kernel behind a WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def run(self, code: str) -> str:
        """All that a cell shows as text."""
        number = uuid.uuid4().hex
        header = {"msg_id": number, "msg_type": "execute_request", "username": "", "session": "s"}
        header |= {"version": "5.3", "date": "2026-01-01T00:00:00Z"}
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}}
        content |= {"allow_stdin": False, "stop_on_error": True}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        self.socket.send(json.dumps(message | {"channel": "shell", "buffers": []}))
        shown: list[str] = []
        for kind, said in self._answers(number):
            if kind == "stream":
                shown.append(said["text"])
            elif kind in {"display_data", "execute_result"}:
                shown.append(said["data"]["text/plain"])
            elif kind == "error":
                pytest.fail("\n".join(said["traceback"]))
        return "\n".join(shown)

    def _answers(self, number: str) -> Iterator[tuple[str, dict[str, Any]]]:
        while True:
            received = self.socket.recv(timeout=60)
            if not isinstance(received, str):
                continue  # state of a widget, with its bytes
            message = json.loads(received)
            if message["parent_header"].get("msg_id") != number:
                continue
            kind, content = message["header"]["msg_type"], message["content"]
            yield kind, content
            if kind == "status" and content["execution_state"] == "idle":
                return
