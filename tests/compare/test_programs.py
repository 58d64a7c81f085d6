"""Real nginx, haproxy and workers: started, spoken to, ended with their block and the kernel."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from mcp_notebook.bench import programs
from mcp_notebook.bench.programs import Program, find_program, haproxy, nginx, running
from mcp_notebook.errors import ConnectError, MissingProgram
from mcp_notebook.transports.ports import free_port
from tests.rigs.surroundings import need

SERVER = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = os.environ.get("WORD", "none").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@contextlib.contextmanager
def worker(word: str) -> Iterator[Program]:
    port = free_port()
    argv = [sys.executable, "-c", SERVER, str(port)]
    with running(argv, port=port, env={"WORD": word}) as child:
        yield child


def gone(pid: int) -> bool:
    for _ in range(200):
        if not psutil.pid_exists(pid):
            return True
        time.sleep(0.02)
    return False


def test_a_program_runs_while_its_block_does() -> None:
    with worker("hello") as child:
        assert httpx.get(child.url).text == "hello"
        assert "GET / HTTP/1.1" in child.log
        assert psutil.pid_exists(child.pid)
    assert gone(child.pid)


def test_a_refused_line_is_quoted_without_times_ids_and_folders() -> None:
    need("nginx")
    port = free_port()
    with (
        pytest.raises(ConnectError) as refused,
        nginx(f"server {{ listen 127.0.0.1:{port}; Upgrade: websocket; }}", port=port),
    ):
        pass
    said = str(refused.value)
    assert said.startswith('nginx ended at once: unknown directive "Upgrade:" in nginx.conf:'), said


def test_nginx_passes_on_and_haproxy_takes_turns() -> None:
    need("nginx", "haproxy")
    front, middle = free_port(), free_port()
    with worker("one") as one, worker("two") as two:
        block = f"server {{ listen 127.0.0.1:{middle}; location / {{ proxy_pass {one.url}; }} }}"
        sections = f"""
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
frontend all
    bind 127.0.0.1:{front}
    default_backend workers
backend workers
    balance roundrobin
    server one 127.0.0.1:{middle}
    server two 127.0.0.1:{two.port}
"""
        with nginx(block, port=middle) as proxy, haproxy(sections, port=front) as balancer:
            assert httpx.get(proxy.url).headers["server"].startswith("nginx")
            assert [httpx.get(balancer.url).text for _ in range(4)] == ["one", "two"] * 2
    assert gone(proxy.pid)
    assert gone(balancer.pid)


@pytest.mark.parametrize(
    ("start", "words"),
    [(nginx, "nginx ended at once: .*unknown directive"), (haproxy, "haproxy ended at once: ")],
    ids=["nginx", "haproxy"],
)
def test_a_configuration_that_is_refused_is_told_in_the_programs_words(
    start: object, words: str
) -> None:
    need(start.__name__)  # type: ignore[attr-defined]
    with pytest.raises(ConnectError, match=words), start("bogus;", port=free_port()):  # type: ignore[operator]
        pass


def test_a_program_that_never_listens_is_ended_and_told() -> None:
    argv = [sys.executable, "-c", "import time; print('thinking', flush=True); time.sleep(60)"]
    with (
        pytest.raises(ConnectError, match=r"does not listen on port .*: thinking"),
        running(argv, port=free_port(), timeout_s=1),
    ):
        pass
    assert not psutil.Process().children(recursive=True)


def test_a_missing_program_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_SYSTEM_FOLDERS", ())
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingProgram, match=r"nginx is not here\. .*apt install nginx-light"):
        find_program("nginx")
    with pytest.raises(MissingProgram), haproxy("", port=1):
        pass


def test_a_program_does_not_outlive_the_process_that_started_it(tmp_path: Path) -> None:
    port = free_port()
    script = f"""
import sys, time
from mcp_notebook.bench.programs import running
with running([sys.executable, "-c", {SERVER!r}, "{port}"], port={port}) as child:
    print(child.pid, flush=True)
    time.sleep(60)
"""
    owner = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    assert gone(pid)
