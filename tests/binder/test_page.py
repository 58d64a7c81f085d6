"""JupyterLab in a browser behind a real proxy, under a path such as Binder's."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import Browser, expect

from mcp_notebook.bench.programs import nginx
from mcp_notebook.errors import MissingProgram
from mcp_notebook.transports.ports import free_port
from tests.rigs.lab import LabPage
from tests.rigs.surroundings import IN_CI
from tests.rigs.views import LOAD, TOOL, View, notebook

from .launch import HOST, PREFIX, Image, Launched

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PROXY = """
map $http_upgrade $upgraded {{ default upgrade; '' close; }}
server {{
  listen 127.0.0.1:{front};
  location {prefix} {{
    proxy_pass http://127.0.0.1:{back};
    proxy_http_version 1.1;
    proxy_set_header Host {host};
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $upgraded;
    proxy_read_timeout 600;
  }}
  location / {{ return 404; }}
}}
"""


@pytest.fixture
def behind(browser: Browser, tmp_path: Path) -> Iterator[LabPage]:
    """A page that knows only the proxy's address; the environment is that of the tests."""
    image = Image(tmp_path / "repository", Path(sys.prefix))
    image.repository.mkdir()
    front = free_port()
    lab = Launched(image, tmp_path / "home", "--LabApp.expose_app_in_browser=True")
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    try:
        with nginx(PROXY.format(front=front, back=lab.port, prefix=PREFIX, host=HOST), port=front):
            url = f"http://127.0.0.1:{front}{PREFIX}".rstrip("/")
            rig = SimpleNamespace(url=url, pages="lab/tree", root=image.repository)
            yield LabPage(rig, context.new_page())  # type: ignore[arg-type]
    except MissingProgram:
        if IN_CI:
            raise
        pytest.skip("no nginx here")
    finally:
        context.close()
        lab.stop()


def test_a_view_is_alive_behind_the_proxy_and_the_page_asks_nobody_else(behind: LabPage) -> None:
    asked: set[str] = set()
    behind.page.on("request", lambda request: asked.add(request.url))
    behind.open_notebook(
        notebook(
            LOAD, TOOL, "%mcp serve -t http", "%mcp connect", "%mcp flow", "%mcp call add(2, 3)"
        )
    )
    behind.run_all()

    address = re.findall(r"http://127\.0\.0\.1:\d+/mcp", behind.output(2))[0]
    view = View(behind.cell(4))
    expect(view.calls()).to_have_count(1)
    view.calls().first.click()
    expect(view.hook("detail")).to_be_visible()
    assert behind.output(5).startswith("5")
    root = behind.lab.url
    assert [url for url in asked if not url.startswith((root, "data:", "blob:"))] == []
    assert not address.startswith(root)
    assert behind.errors == []
