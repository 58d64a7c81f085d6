"""``--docker``: read as the programs that take these files read them, and run where that goes."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path, PurePosixPath
from typing import Any

import httpx
import pytest
import yaml

from mcp_notebook.bench.programs import find_program, running
from mcp_notebook.errors import UsageError
from mcp_notebook.handoff.script import docker, nginx_conf, package
from mcp_notebook.handoff.script.project import Files
from mcp_notebook.handoff.selection import Requirement, Selection, Shipped, Variable
from mcp_notebook.transports.ports import free_port
from tests.handoff.script.made import Notebook
from tests.rigs.surroundings import need

NOTEBOOK = Notebook("def one() -> int:\n    return 1").part("one")
EVERY = frozenset({"redis", "websocket"})


def selection(**fields: Any) -> Selection:
    return NOTEBOOK.selection(
        "My server",
        variables=(Variable(name="API_KEY", stands_for="KEY"),),
        requirements=(Requirement(distribution="pydantic", version="2.12.0"),),
        **fields,
    )


@pytest.fixture(scope="module")
def files() -> Files:
    return docker(selection(), extras=EVERY)


def text(files: Files, name: str) -> str:
    return files[PurePosixPath(name)].decode()


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, continued lines joined."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", dockerfile))
    return [(w, rest) for w, _, rest in (line.partition(" ") for line in joined.split("\n")) if w]


def environment(files: Files) -> dict[str, str]:
    """The ENV of the image."""
    told = [rest for word, rest in instructions(text(files, "Dockerfile")) if word == "ENV"]
    return dict(pair.split("=", 1) for rest in told for pair in shlex.split(rest))


def test_the_image_runs_as_nobody_in_particular(files: Files) -> None:
    steps = instructions(text(files, "Dockerfile"))
    words = [word for word, _ in steps]
    assert steps[0] == ("FROM", f"python:3.{sys.version_info.minor}-slim")
    assert ("USER", "10001") in steps
    assert words.index("USER") < words.index("CMD")
    assert [word for word in words[words.index("USER") :] if word in ("RUN", "COPY")] == []
    assert "HEALTHCHECK" in words


@pytest.mark.slow
def test_the_commands_of_the_image_do_what_they_should(files: Files, tmp_path: Path) -> None:
    """Those that need no Docker: the requirements, the start, the health check, the stop."""
    for path, content in files.items():
        (tmp_path / path).write_bytes(content)
    steps = dict(instructions(text(files, "Dockerfile")))
    install = shlex.split(steps["RUN"])  # the last of them
    assert install[:2] == ["pip", "install"]
    # all of it is here: pip then looks nowhere, and says whether the lines are requirements
    command = [sys.executable, "-m", *install, "--no-index", "--dry-run"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr

    port = free_port()
    start = eval(steps["CMD"])
    healthy = eval(steps["HEALTHCHECK"].partition("CMD ")[2])
    assert (start[0], healthy[0]) == ("python", "python")
    given = environment(files) | {"MCP_PORT": str(port), "MCP_HOST": "127.0.0.1", "API_KEY": "k"}
    with running([sys.executable, *start[1:]], port=port, env=given, cwd=str(tmp_path)) as server:
        check = [sys.executable, *(part.replace(":8000/", f":{port}/") for part in healthy[1:])]
        assert subprocess.run(check, capture_output=True, timeout=20).returncode == 0
        initialized = httpx.post(
            f"{server.url}/mcp",
            json={"jsonrpc": "2.0", "method": "ping", "id": 1},
            headers={"Accept": "application/json, text/event-stream"},
            trust_env=False,
        )
        assert "mcp-session-id" not in initialized.headers, "a session would bind it to one process"
    check = subprocess.run(check, capture_output=True, timeout=20)
    assert check.returncode == 1, "the health check of a server that has gone"


def test_compose_has_workers_behind_a_proxy(files: Files) -> None:
    services = yaml.safe_load(text(files, "compose.yaml"))["services"]
    assert sorted(services) == ["proxy", "redis", "server"]
    server, proxy = services["server"], services["proxy"]
    assert server["deploy"] == {"replicas": 4}
    assert "ports" not in server, "only the proxy is reached from outside"
    assert server["environment"]["REDIS_URL"] == "redis://redis:6379/0"
    assert server["environment"]["API_KEY"].startswith("${API_KEY:?")
    assert server["environment"]["MCP_STATE_KEY"].startswith("${MCP_STATE_KEY:?")
    (mount,) = proxy["volumes"]
    assert mount.split(":")[0] == "./nginx.conf"
    inner = proxy["ports"][0].split(":")[1]
    assert f"listen {inner};" in text(files, "nginx.conf")
    assert f"http://server:{environment(files)['MCP_PORT']}" in text(files, "nginx.conf")
    plain = docker(NOTEBOOK.selection("plain"))
    assert sorted(yaml.safe_load(text(plain, "compose.yaml"))["services"]) == ["proxy", "server"]


def test_a_server_with_a_memory_is_one_process() -> None:
    """A tool adds to a cart, another asks for it: they have to meet in one process."""
    cells = ("cart = []", "def add(item: str) -> int:\n    cart.append(item)\n    return len(cart)")
    shop = Notebook(*cells).part("add").selection("shop")
    files = docker(shop) | package(shop)
    service = yaml.safe_load(text(files, "compose.yaml"))["services"]["server"]
    assert service["deploy"]["replicas"] == 1
    deployment = next(yaml.safe_load_all(text(files, "kubernetes.yaml")))
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    for name in ("compose.yaml", "kubernetes.yaml", "server.py", "README.md"):
        assert "--workers" not in text(files, name)
        assert "cart" in text(files, name)
    assert "uvicorn server:app   one process: cart lives in its memory" in re.sub(
        " {3,}", " " * 3, text(files, "server.py")
    )
    assert "Start one process only: `cart` lives in its memory" in text(files, "README.md")


def test_the_manifests_fit_together(files: Files) -> None:
    parts = list(yaml.safe_load_all(text(files, "kubernetes.yaml")))
    by_kind = {(one["kind"], one["metadata"]["name"]): one for one in parts}
    assert set(by_kind) == {
        ("Deployment", "my-server"),
        ("Service", "my-server"),
        ("Ingress", "my-server"),
        ("Deployment", "my-server-redis"),
        ("Service", "my-server-redis"),
    }
    for name in ("my-server", "my-server-redis"):
        spec = by_kind["Deployment", name]["spec"]
        labels = spec["template"]["metadata"]["labels"]
        assert spec["selector"]["matchLabels"] == labels
        assert by_kind["Service", name]["spec"]["selector"] == labels
        (container,) = spec["template"]["spec"]["containers"]
        (served,) = by_kind["Service", name]["spec"]["ports"]
        assert served["targetPort"] in {one["name"] for one in container["ports"]}
        assert spec["template"]["spec"]["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
    pod = by_kind["Deployment", "my-server"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["ports"][0]["containerPort"] == int(environment(files)["MCP_PORT"])
    for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
        assert container[probe]["httpGet"] == {"path": "/health", "port": "mcp"}
    # what a pod gets before it is killed: the pause, the calls under way
    assert pod["terminationGracePeriodSeconds"] > 5 + 20
    given = {one["name"]: one for one in container["env"]}
    assert given["REDIS_URL"]["value"] == "redis://my-server-redis:6379/0"
    for secret in ("API_KEY", "MCP_STATE_KEY"):
        assert given[secret]["valueFrom"]["secretKeyRef"] == {"name": "my-server", "key": secret}
        assert f"--from-literal={secret}=" in text(files, "kubernetes.yaml")
    (rule,) = by_kind["Ingress", "my-server"]["spec"]["rules"]
    assert rule["host"] == given["MCP_ALLOWED_HOSTS"]["value"]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": "my-server", "port": {"name": "mcp"}}


@pytest.mark.parametrize("servers", [(), ("127.0.0.1:8001", "127.0.0.1:8002")])
def test_nginx_takes_its_configuration(servers: tuple[str, ...], tmp_path: Path) -> None:
    need("nginx")
    path = tmp_path / "nginx.conf"
    path.write_text(nginx_conf(servers).replace("/tmp/", f"{tmp_path}/"))
    test = [find_program("nginx"), "-t", "-q", "-e", "stderr", "-c", str(path)]
    told = subprocess.run(test, capture_output=True, text=True, timeout=20)
    assert (told.returncode, told.stderr) == (0, "")


def test_no_secret_and_no_odd_file_gets_into_the_image(files: Files) -> None:
    assert ".env" in text(files, ".dockerignore").splitlines()
    shipped = Shipped(path=PurePosixPath("Dockerfile"), content=b"", reason="opened")
    with pytest.raises(UsageError, match="a file named Dockerfile"):
        docker(selection(files=(shipped,)))
    notes = Shipped(path=PurePosixPath("data/notes.txt"), content=b"n", reason="opened")
    assert docker(selection(files=(notes,)))[PurePosixPath("data/notes.txt")] == b"n"
    assert os.sep not in "".join(path.name for path in files)
