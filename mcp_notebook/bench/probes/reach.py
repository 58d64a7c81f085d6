"""Who reaches the server: P1 here, P2 from elsewhere, P3 many clients."""

from __future__ import annotations

from mcp_notebook.bench.readings import Reading
from mcp_notebook.bench.roads import Road
from mcp_notebook.bench.stage import Stage
from mcp_notebook.errors import UsageError

from .registry import probe, reading


@probe("P1", "local")
def local(stage: Stage, road: Road) -> Reading:
    """A call from this machine, without any credential."""
    answer = stage.connection(road).call("echo", text="here").value
    if answer != "here":
        raise UsageError(f"the call came to {answer!r}.")
    where = "127.0.0.1" if road.networked else "no address"
    return reading(True, f"a call was answered; the client used {where} and no credential")


@probe("P3", "many clients", "server processes")
def many_clients(stage: Stage, road: Road) -> Reading:
    """Two clients ask for the process that serves them."""
    second = stage.connect(road)
    try:
        pids = {stage.connection(road).call("pid").value, second.call("pid").value}
    finally:
        second.close()
    told = "two clients were served by one process"
    if len(pids) > 1:
        told = "two clients were served by two processes"
    return reading({"clients": 2, "processes": len(pids)}, told)
