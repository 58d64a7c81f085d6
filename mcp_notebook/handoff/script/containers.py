"""Containers for the server: an image, several behind a proxy, a cluster's manifests."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from mcp_notebook.errors import UsageError
from mcp_notebook.handoff.selection import Selection
from mcp_notebook.handoff.state import state_of, state_text

from .project import Files, command_name
from .text import requirements, script

TEMPLATES: Final = Path(__file__).parent / "templates"

ENDPOINT: Final = "/mcp"

REPLICAS: Final = 4
"""So many processes answer where none holds anything of its own."""

_ONE_POD: Final = """\
  # the old one ends before the new one begins
  strategy:
    type: Recreate"""

_REDIS_SERVICE: Final = """\

  redis:
    image: redis:7
    restart: unless-stopped
    # notices only: nothing is kept
    command: ["redis-server", "--save", "", "--appendonly", "no"]
"""

_REDIS_MANIFEST: Final = """\
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: @NAME@-redis
spec:
  replicas: 1
  selector:
    matchLabels:
      app.kubernetes.io/name: @NAME@-redis
  template:
    metadata:
      labels:
        app.kubernetes.io/name: @NAME@-redis
    spec:
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        runAsUser: 999
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: redis
          image: redis:7
          # notices only: nothing is kept
          args: ["redis-server", "--save", "", "--appendonly", "no"]
          ports:
            - name: redis
              containerPort: 6379
          securityContext:
            allowPrivilegeEscalation: false
            capabilities:
              drop: ["ALL"]
---
apiVersion: v1
kind: Service
metadata:
  name: @NAME@-redis
spec:
  selector:
    app.kubernetes.io/name: @NAME@-redis
  ports:
    - name: redis
      port: 6379
      targetPort: redis
"""


def docker(selection: Selection, *, extras: frozenset[str] = frozenset()) -> Files:
    """The files of an image, of several containers behind nginx, and of a cluster.

    Args:
        selection: what leaves the notebook.
        extras: ``websocket``, ``redis``.

    Raises:
        UsageError: as ``script``, or a shipped file has the name of one of these.
    """
    made = {
        "server.py": script(selection, extras=extras),
        "requirements.txt": "".join(f"{line}\n" for line in requirements(selection, extras)),
        "Dockerfile": _dockerfile(selection),
        ".dockerignore": _template("dockerignore"),
        "nginx.conf": nginx_conf(),
        "compose.yaml": _compose(selection, extras),
        "kubernetes.yaml": _kubernetes(selection, extras),
    }
    files = {PurePosixPath(name): text.encode() for name, text in made.items()}
    for one in selection.files:
        if one.path in files:
            raise UsageError(
                f"the notebook uses a file named {one.path}, which the export writes itself.",
                hint="Rename that file, and where the notebook names it.",
            )
        files[one.path] = one.content
    return files


def nginx_conf(servers: Sequence[str] = (), *, listen: str = "8080") -> str:
    """A proxy in front of several processes of one server, in turns.

    Args:
        servers: their addresses, ``host:port``; by default the containers that Docker's name
            server gives for ``server``, those that are added later included.
        listen: where the proxy listens.
    """
    if servers:
        lines = "".join(f"    server {one} max_fails=1 fail_timeout=2s;\n" for one in servers)
        before = f"upstream servers {{\n{lines}}}\n"
        passed = "proxy_pass http://servers;"
    else:
        before = (
            "# Docker's name server. A name in a variable is asked for again and again, so that\n"
            "# containers may come and go.\n"
            "resolver 127.0.0.11 valid=2s ipv6=off;\n"
        )
        passed = "set $servers http://server:8000;\nproxy_pass $servers;"
    return _template(
        "nginx.conf",
        SERVERS=textwrap.indent(before, " " * 4),
        LISTEN=listen,
        PASS=textwrap.indent(passed, " " * 12),
    )


def _template(name: str, **values: str) -> str:
    return _filled((TEMPLATES / name).read_text(encoding="utf-8"), **values)


def _filled(text: str, **values: str) -> str:
    """A template with ``@NAME@`` filled in; a line of one empty value goes."""
    for name, value in values.items():
        if not value:
            text = text.replace(f"@{name}@\n", "")
        text = text.replace(f"@{name}@", value)
    left = re.search(r"@[A-Z]+@", text)
    assert left is None, left
    return text


def _dockerfile(selection: Selection) -> str:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return _template("Dockerfile", NAME=command_name(selection.server), PYTHON=python)


def _names(selection: Selection, *, secret: bool) -> list[str]:
    return sorted({one.name for one in selection.variables if one.secret is secret})


def _compose(selection: Selection, extras: frozenset[str]) -> str:
    names = _names(selection, secret=True) + _names(selection, secret=False)
    lines = [f"{name}: ${{{name}:?write {name} into .env}}" for name in names]
    if "redis" in extras:
        lines.append("REDIS_URL: redis://redis:6379/0")
    return _template(
        "compose.yaml",
        NAME=command_name(selection.server),
        PATH=ENDPOINT,
        DOTENV="\n".join(f"#   {name}=" for name in names),
        ENVIRONMENT=textwrap.indent("\n".join(lines), " " * 6),
        REDIS=_REDIS_SERVICE.rstrip("\n") if "redis" in extras else "",
        **_replicas(selection, 6),
    )


def _replicas(selection: Selection, indent: int) -> dict[str, str]:
    """How many processes answer, and why only one where they would disagree."""
    state = state_of(selection)
    if not state:
        return {"STATE": "", "REPLICAS": str(REPLICAS)}
    lines = [
        f"# one: {state_text(state)} in its memory, and another would have its own.",
        "# With more of them keep it in a database that all of them ask.",
    ]
    return {"STATE": textwrap.indent("\n".join(lines), " " * indent), "REPLICAS": "1"}


def _kubernetes(selection: Selection, extras: frozenset[str]) -> str:
    name = command_name(selection.server)
    secrets = ["MCP_STATE_KEY", *_names(selection, secret=True), *_names(selection, secret=False)]
    lines = []
    for each in secrets:
        lines += [f"- name: {each}", "  valueFrom:", "    secretKeyRef:"]
        lines += [f"      name: {name}", f"      key: {each}"]
    if "redis" in extras:
        lines += ["- name: REDIS_URL", f"  value: redis://{name}-redis:6379/0"]
    return _template(
        "kubernetes.yaml",
        LITERALS=" ".join(f"--from-literal={each}=..." for each in secrets),
        ENVIRONMENT=textwrap.indent("\n".join(lines), " " * 12),
        PATH=ENDPOINT,
        REDIS=_REDIS_MANIFEST.rstrip("\n") if "redis" in extras else "",
        STRATEGY=_ONE_POD if state_of(selection) else "",
        **_replicas(selection, 2),
        NAME=name,
    )
