"""On Binder nobody is root: what the lessons start must not need it."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import httpx
import pytest

from mcp_notebook.bench import programs
from mcp_notebook.transports.ports import free_port
from tests.rigs.surroundings import IN_CI

pytestmark = pytest.mark.slow

NOBODY = 65534

# It becomes nobody and gives that user the files which the call made for its program.
WRAPPER = """#!/bin/sh
for each; do
  case "$each" in
    /tmp/mcp-nginx-* | /tmp/mcp-haproxy-*)
      if [ -d "$each" ]; then chown -R {uid} "$each"; else chown -R {uid} "$(dirname "$each")"; fi
  esac
done
exec setpriv --reuid={uid} --regid={uid} --clear-groups --no-new-privs {program} "$@"
"""


@pytest.fixture(params=["nginx", "haproxy"])
def name(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A program that `programs` starts as nobody."""
    program: str = request.param
    if not IN_CI and (shutil.which("setpriv") is None or os.getuid() != 0):
        pytest.skip("only root can become somebody else")
    monkeypatch.setenv("TMPDIR", "/tmp")
    real = programs.find_program(program)
    wrapper = tmp_path / program
    wrapper.write_text(WRAPPER.format(uid=NOBODY, program=real), encoding="utf-8")
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(programs, "find_program", lambda _name: str(wrapper))
    return program


def test_a_proxy_runs_for_somebody_who_is_not_root(name: str) -> None:
    port = free_port()
    if name == "nginx":
        block = f"server {{ listen 127.0.0.1:{port}; location / {{ return 200 'here'; }} }}"
        started = programs.nginx(block, port=port)
    else:
        sections = (
            "defaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n"
            f"frontend f\n bind 127.0.0.1:{port}\n"
            " http-request return status 200 content-type text/plain string here\n"
        )
        started = programs.haproxy(sections, port=port)
    with started as proxy:
        owner = Path(f"/proc/{proxy.pid}").stat().st_uid
        assert httpx.get(proxy.url, timeout=20).text.strip() == "here"
    assert owner == NOBODY
