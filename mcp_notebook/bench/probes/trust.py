"""What keeps strangers out: P7 the place of a credential, P16 whether the wire can be read."""

from __future__ import annotations

import secrets
from dataclasses import replace

from mcp_notebook.bench.processes import stranger
from mcp_notebook.bench.processes.stage import Stage, way_of
from mcp_notebook.bench.processes.subject import SECRET
from mcp_notebook.bench.readings import Reading
from mcp_notebook.bench.roads import Road
from mcp_notebook.trace.events import Chunk, Vantage

from .registry import probe, reading
from .speed import call


@probe("P7", "place of a credential", shown="{how}")
def credential(stage: Stage, road: Road) -> Reading:
    """A call without and with a credential, where the server asks for one."""
    if road.name == "memory":
        return reading(
            {"how": "none", "refused": False, "passed": True},
            "client and server are one process: whoever runs it may call it",
        )
    token = secrets.token_urlsafe(24)
    if not road.networked:
        with stage.connect(road, env={SECRET: token}) as given:
            seen = bool(given.call("secret_given").value)
        without = bool(stage.connection(road).call("secret_given").value)
        told = "the client handed a secret to its child in the environment"
        return reading(
            {"how": "by environment" if seen and not without else "none", "passed": seen},
            f"{told}; another client's child did not have it" if not without else told,
        )
    endpoint = stage.workbench.serve(
        "subject", road.transport, name=f"guarded-{road.name}", port=0, token=token
    )
    try:
        way = way_of(road, int(endpoint.url.rpartition(":")[2].partition("/")[0]))
        refused = _refusal(way)
        known = replace(way, headers={"Authorization": f"Bearer {token}"})
        passed = _refusal(known) == ""
    finally:
        stage.workbench.stop(endpoint.name)
    how = "built in" if refused and passed else "none"
    told = f"without a token: {refused or 'answered'}; with it: {'answered' if passed else 'no'}"
    return reading({"how": how, "refused": bool(refused), "passed": passed}, told)


def _refusal(way: stranger.Way) -> str:
    """Why a call was turned away; empty where it was answered."""
    try:
        stranger.ask(way)
    except (stranger.Refused, OSError) as error:
        return str(error) or type(error).__name__
    return ""


@probe("P16", "readable on the wire", shown="{seen}")
def secrecy(stage: Stage, road: Road) -> Reading:
    """A word in a call: whether it stands readable in the bytes that travelled."""
    connection = stage.connection(road)
    trace = stage.workbench.trace
    since, word = trace.last_seq, f"sentinel-{secrets.token_hex(8)}"
    stage.run(call(connection, "echo", text=word))
    # the bytes that the client sent: those of a WebSocket are masked, its answers are not
    read = b"".join(
        event.data
        for event in trace.since(since)
        if isinstance(event, Chunk)
        and event.conn == connection.name
        and event.vantage is Vantage.CLIENT
    )
    seen = word.encode() in read
    where = "of a TCP connection" if road.networked else "between two processes"
    where = "inside one process" if road.name == "memory" else where
    told = f"the word of a call could {'' if seen else 'not '}be read in the bytes {where}"
    told += "; on a network that asks for TLS" if seen and road.networked else ""
    return reading({"seen": seen, "network": road.networked}, told)
