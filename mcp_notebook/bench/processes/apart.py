"""A server and a stranger in two networks, joined by one cable: Linux network namespaces.

unshare -r -n python -m mcp_notebook.bench.processes.apart   (the first network is made by unshare)

Writes one line of JSON: for each road what the stranger was told. No root is needed where the
system lets users make namespaces; nothing outside of the two networks is touched, and they end
with this process.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

NEAR: Final = "10.213.0.1"
FAR: Final = "10.213.0.2"
COMMAND: Final = (
    *("unshare", "--map-root-user", "--net", "--kill-child", "--fork"),
    *(sys.executable, "-m", "mcp_notebook.bench.processes.apart"),
)
STRANGER: Final = Path(__file__).with_name("stranger.py")
_SHORT_S: Final = 10


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True, timeout=_SHORT_S)


def _join(far: int) -> None:
    """Lay a cable to the network of a process, and give both ends an address."""
    inside = ("nsenter", "--target", str(far), "--net", "ip")
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(far))
    _run("ip", "addr", "add", f"{NEAR}/30", "dev", "near")
    _run("ip", "link", "set", "near", "up")
    _run(*inside, "addr", "add", f"{FAR}/30", "dev", "far")
    _run(*inside, "link", "set", "far", "up")


def _await_network(far: int) -> None:
    """Wait until a process is in a network of its own."""
    own = Path("/proc/self/ns/net").readlink()
    for _ in range(200):
        if Path(f"/proc/{far}/ns/net").readlink() != own:
            return
        time.sleep(0.01)
    raise TimeoutError("the second network was not made")


def main() -> None:
    """Serve in one network, ask from the other."""
    far = subprocess.Popen(
        ["unshare", "--net", "sleep", "60"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        _await_network(far.pid)
        _join(far.pid)
        sys.stdout.write(json.dumps(_asked(far.pid)) + "\n")
    finally:
        far.kill()
        far.wait()


def _asked(far: int) -> dict[str, str]:
    """What the stranger was told on each road; empty where it was answered."""
    from mcp_notebook.bench.roads import ROADS
    from mcp_notebook.runtime.workbench import Workbench

    from .subject import make_subject

    token = secrets.token_urlsafe(24)
    found = {}
    with Workbench() as workbench:
        server = workbench.add(make_subject())
        for road in ROADS.values():
            if not road.networked:
                continue
            endpoint = workbench.serve(
                server, road.transport, name=road.name, host=NEAR, port=0, token=token
            )
            port = endpoint.url.rpartition(":")[2].partition("/")[0]
            argv = [
                *("nsenter", "--target", str(far), "--net", sys.executable, "-I", "-S"),
                *(str(STRANGER), road.name, NEAR, port, road.path),
            ]
            done = subprocess.run(
                argv,
                env={"MCP_STRANGER_TOKEN": token},
                cwd="/",
                capture_output=True,
                text=True,
                timeout=_SHORT_S,
                check=False,
            )
            found[road.name] = "" if done.returncode == 0 else (done.stdout or done.stderr).strip()
    return found


if __name__ == "__main__":
    main()
