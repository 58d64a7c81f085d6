"""Processes of one exported server behind the nginx of the export, and clients that call them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from mcp_notebook.bench.programs import Program, running
from mcp_notebook.handoff.script import nginx_conf, script
from mcp_notebook.transports.ports import free_port
from tests.handoff.script.made import Notebook

STATE_KEY = "0123456789abcdef" * 4

NOTEBOOK = (
    Notebook(
        "RUNS = os.environ['RUNS']",
        """
def work(number: int, ms: int = 0) -> int:
    with open(RUNS, 'a') as runs:
        runs.write(f'{number} ')
    time.sleep(ms / 1000)
    return os.getpid()
""",
        """
async def slowly(number: int, steps: int, ctx: Context) -> int:
    for step in range(steps):
        await ctx.report_progress(step, steps)
        await asyncio.sleep(0.1)
    return os.getpid()
""",
        """
async def announce(ctx: Context) -> int:
    await ctx.notify_tools_changed()
    await ctx.notify_resource_updated('note://a')
    return os.getpid()
""",
        """
class Name(BaseModel):
    name: str

def ask_name() -> Elicit[Name]:
    return Elicit('Who are you?', Name)

def greet(who: Annotated[Name, Resolve(ask_name)]) -> str:
    return f'Hello {who.name}'
""",
        imports=(
            "import asyncio",
            "import os",
            "import time",
            "from typing import Annotated",
            "from mcp.server.mcpserver import Context",
            "from mcp.server.mcpserver.resolve import Elicit, Resolve",
            "from pydantic import BaseModel",
        ),
        environment={"RUNS": os.devnull},
    )
    .part("work")
    .part("slowly")
    .part("announce")
    .part("greet")
)


@dataclass
class Farm:
    """Four processes and a proxy.

    Attributes:
        servers: the processes, which may be replaced.
        proxy: nginx.
        runs: where a tool writes that it ran.
        access: nginx's log: status, process, of each request.
    """

    folder: Path
    environment: Mapping[str, str]
    stack: ExitStack
    servers: list[Program] = field(default_factory=list)
    proxy: Program | None = None

    @property
    def runs(self) -> Counter[int]:
        """How often the tool ran, by the number of the call."""
        return Counter(map(int, (self.folder / "runs").read_text().split()))

    @property
    def refused(self) -> Counter[str]:
        """Requests that nginx could not have answered, by the port of the last process tried."""
        lines = (self.folder / "access").read_text().splitlines()
        return Counter(
            line.split()[-1].rpartition(":")[2] for line in lines if line.split()[0] != "200"
        )

    def url(self, server: Program | None = None) -> str:
        """The endpoint, at the proxy or at one of the processes."""
        at = server or self.proxy
        assert at is not None
        return f"{at.url}/mcp"

    def start(self, port: int = 0) -> Program:
        """One more process."""
        port = port or free_port()
        argv = [sys.executable, str(self.folder / "server.py"), "--transport", "http"]
        argv += ["--stateless", "--port", str(port)]
        return self.stack.enter_context(running(argv, port=port, env=self.environment))

    def configured(self, servers: Sequence[Program], port: int) -> list[str]:
        """The command of an nginx in front of some processes, with the export's configuration."""
        conf = nginx_conf(
            [f"127.0.0.1:{server.port}" for server in servers], listen=f"127.0.0.1:{port}"
        )
        folder = self.folder / str(port)
        folder.mkdir()
        access = "log_format short '$status $upstream_addr';\n    access_log {}/access short;"
        conf = conf.replace("/tmp/", f"{folder}/")
        conf = conf.replace("access_log off;", access.format(self.folder))
        (folder / "nginx.conf").write_text(conf)
        alone = "daemon off; master_process off;"
        return ["nginx", "-e", "stderr", "-g", alone, "-c", str(folder / "nginx.conf")]

    async def end(self, number: int, how: signal.Signals) -> int:
        """End a process, wait until it has gone, and start another on its port."""
        old = self.servers[number]
        os.kill(old.pid, how)
        while True:
            with contextlib.suppress(ProcessLookupError):
                os.kill(old.pid, 0)
                await asyncio.sleep(0.02)
                continue
            break
        self.servers[number] = await asyncio.to_thread(self.start, old.port)
        return old.port


@contextmanager
def farm(folder: Path, redis: Program) -> Iterator[Farm]:
    """Four processes of an exported server, which share what several have to share."""
    extras = frozenset({"redis", "websocket"})
    (folder / "server.py").write_text(script(NOTEBOOK.selection("farm"), extras=extras))
    (folder / "runs").touch()
    environment = {
        "RUNS": str(folder / "runs"),
        "MCP_STATE_KEY": STATE_KEY,
        "REDIS_URL": f"redis://127.0.0.1:{redis.port}/0",
        "PYTHONWARNINGS": "error",
    }
    with ExitStack() as stack:
        made = Farm(folder, environment, stack)
        made.servers = [made.start() for _ in range(4)]
        port = free_port()
        argv = made.configured(made.servers, port)
        made.proxy = stack.enter_context(running(argv, port=port))
        yield made


@contextmanager
def redis_server() -> Iterator[Program]:
    """A Redis that keeps nothing."""
    port = free_port()
    argv = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with running(argv, port=port) as program:
        yield program


# ---- clients ---------------------------------------------------------------------------------

MODERN = "2026-07-28"
LEGACY = "2025-11-25"


def request(
    era: str, number: int, tool: str, arguments: dict[str, Any], **meta: Any
) -> dict[str, Any]:
    """The headers and the body of a call."""
    params: dict[str, Any] = {"name": tool, "arguments": arguments, "_meta": meta}
    headers = {
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
        "MCP-Protocol-Version": era,
    }
    if era == MODERN:
        headers |= {"Mcp-Method": "tools/call", "Mcp-Name": tool}
        meta |= {
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientInfo": {"name": "farm", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    body = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
    return {"headers": headers, "content": json.dumps(body).encode()}


def answer(response: httpx.Response) -> Any:
    """The value that a tool returned; an exception where there is none."""
    response.raise_for_status()
    text = response.text
    if response.headers["content-type"].startswith("text/event-stream"):
        text = [line[5:] for line in text.splitlines() if line.startswith("data:")][-1]
    result = json.loads(text)["result"]
    assert not result.get("isError"), result
    return result["structuredContent"]["result"]


@dataclass
class Outcome:
    """What became of many calls.

    Attributes:
        pids: calls by the process that answered.
        failed: what went wrong, by the number of the call.
    """

    pids: Counter[int] = field(default_factory=Counter)
    failed: dict[int, str] = field(default_factory=dict)


async def calls(
    url: str,
    count: int,
    *,
    era: str,
    lanes: int = 16,
    first: int = 0,
    meanwhile: Mapping[int, Callable[[], Any]] = {},
    **arguments: Any,
) -> Outcome:
    """Many calls over a few kept-alive connections.

    Args:
        url: where to.
        count: how many.
        era: the revision that the clients speak.
        lanes: how many at a time.
        first: the number of the first.
        meanwhile: by number of calls: something to do beside, once so many have begun.
    """
    outcome = Outcome()
    numbers = iter(range(first, first + count))
    limits = httpx.Limits(max_connections=lanes, max_keepalive_connections=lanes)
    beside: list[asyncio.Task[Any]] = []

    async def lane(client: httpx.AsyncClient) -> None:
        for number in numbers:
            if number - first in meanwhile:
                beside.append(asyncio.create_task(meanwhile[number - first]()))  # noqa: TID251
            sent = request(era, number, "work", {"number": number, **arguments})
            try:
                outcome.pids[answer(await client.post(url, **sent))] += 1
            except (httpx.HTTPError, AssertionError, KeyError) as error:
                outcome.failed[number] = repr(error)

    async with httpx.AsyncClient(limits=limits, timeout=30, trust_env=False) as client:
        await asyncio.gather(*(lane(client) for _ in range(lanes)))
        await asyncio.gather(*beside)
    return outcome


numbers = itertools.count(1_000_000, 100_000)
"""Where the calls of one test begin, so that no other has the same."""
