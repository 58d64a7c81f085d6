"""Four processes of an exported server behind nginx: ended, killed, and in touch by Redis."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import anyio
import httpx
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ElicitResult

from mcp_notebook.runtime.workbench import Workbench
from tests.handoff.deploy.farm import (
    LEGACY,
    MODERN,
    Farm,
    calls,
    farm,
    numbers,
    redis_server,
    request,
)
from tests.rigs.surroundings import need

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    need("nginx", "redis-server")
    with redis_server() as redis, farm(tmp_path_factory.mktemp("farm"), redis) as made:
        yield made


@pytest.mark.parametrize("era", [MODERN, LEGACY])
def test_a_process_is_replaced_under_a_thousand_calls_and_none_fails(site: Farm, era: str) -> None:
    first = next(numbers)
    old = {server.pid for server in site.servers}
    replacing = {300: lambda: site.end(1, signal.SIGTERM)}

    outcome = asyncio.run(calls(site.url(), 1000, era=era, first=first, meanwhile=replacing))

    assert outcome.failed == {}
    assert set(outcome.pids) >= old, "not all of them were called"
    # nginx leaves a process that was away alone for two seconds
    now = {server.pid for server in site.servers}
    called: set[int] = set()
    while called != now:
        again = asyncio.run(calls(site.url(), 40, era=era, first=next(numbers)))
        assert again.failed == {}
        called |= set(again.pids)
    assert [n for n, times in site.runs.items() if n < first + 1000 and times > 1] == []
    assert len([n for n in site.runs if first <= n < first + 1000]) == 1000


def test_a_killed_process_fails_only_what_it_had_and_no_call_runs_twice(site: Farm) -> None:
    first, lanes = next(numbers), 12
    killed = site.servers[2]
    before = site.refused
    killing = {60: lambda: site.end(2, signal.SIGKILL)}

    outcome = asyncio.run(
        calls(site.url(), 240, era=MODERN, lanes=lanes, first=first, meanwhile=killing, ms=80)
    )

    runs = site.runs
    answered = set(range(first, first + 240)) - set(outcome.failed)
    assert 0 < len(outcome.failed) <= lanes
    assert all("502" in why for why in outcome.failed.values()), outcome.failed
    assert site.refused - before == {str(killed.port): len(outcome.failed)}
    assert [n for n in range(first, first + 240) if runs[n] > 1] == []
    assert [n for n in answered if runs[n] != 1] == []


def test_calls_under_way_are_finished_when_a_process_is_told_to_stop(site: Farm) -> None:
    """Those that stream their progress as well, in both eras."""
    old = site.servers[0]

    async def called(client: httpx.AsyncClient, era: str, at_work: asyncio.Event) -> str:
        sent = request(era, 1, "slowly", {"steps": 15, "number": 0}, progressToken=7)
        text = ""
        async with client.stream("POST", site.url(old), **sent) as response:
            async for part in response.aiter_text():
                text += part
                at_work.set()  # the first progress has come
        return text.replace(" ", "")

    async def stopped() -> list[str]:
        both = [asyncio.Event(), asyncio.Event()]

        async def end() -> None:
            for at_work in both:
                await at_work.wait()
            await site.end(0, signal.SIGTERM)

        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            calls = [called(client, *each) for each in zip((MODERN, LEGACY), both, strict=True)]
            *texts, _ = await asyncio.gather(*calls, end())
        return texts

    for text in asyncio.run(stopped()):
        assert text.count("notifications/progress") == 15
        assert f'"result":{old.pid}' in text


def test_a_notice_of_one_process_reaches_the_listeners_of_another(site: Farm) -> None:
    async def listened() -> tuple[list[str], int]:
        here, there = site.servers[0], site.servers[3]
        heard = []
        async with (
            Client(streamable_http_client(site.url(here))) as listener,
            Client(streamable_http_client(site.url(there))) as other,
        ):
            notices = listener.listen(tools_list_changed=True, resource_subscriptions=["note://a"])
            async with notices as subscription:
                with anyio.fail_after(20):
                    result = await other.call_tool("announce", {})
                    async for event in subscription:
                        heard.append(repr(event))
                        if len(heard) == 2:
                            break
        return heard, result.structured_content["result"]

    heard, pid = asyncio.run(listened())
    assert heard == ["ToolsListChanged()", "ResourceUpdated(uri='note://a')"]
    assert pid == site.servers[3].pid


@pytest.mark.parametrize("mode", [MODERN, "legacy", "auto"])
def test_clients_of_the_sdk_are_served_in_turns(site: Farm, mode: str) -> None:
    async def called() -> set[int]:
        async with Client(streamable_http_client(site.url()), mode=mode) as client:
            assert len((await client.list_tools()).tools) == 4
            results = [await client.call_tool("work", {"number": 0}) for _ in range(8)]
        return {result.structured_content["result"] for result in results}

    assert asyncio.run(called()) == {server.pid for server in site.servers}


def test_a_websocket_passes_the_proxy_to_the_same_processes(site: Farm) -> None:
    with Workbench() as bench:
        for era in ("modern", "legacy"):
            connection = bench.connect(site.url().replace("http:", "ws:"), era=era)
            pids = {connection.call("work", number=0).value for _ in range(4)}
            assert len(pids) == 1, "a connection stays with its process"
            assert pids < {server.pid for server in site.servers}
            connection.close()


def test_a_question_of_one_process_is_answered_through_another(site: Farm) -> None:
    asked = []

    async def say(context: object, params: object) -> ElicitResult:
        asked.append(params)
        return ElicitResult(action="accept", content={"name": "Ada"})

    async def greeted() -> list[str]:
        transport = streamable_http_client(site.url())
        async with Client(transport, mode=MODERN, elicitation_callback=say) as client:
            results = [await client.call_tool("greet", {}) for _ in range(4)]
        return [result.content[0].text for result in results]

    assert asyncio.run(greeted()) == ["Hello Ada"] * 4
    assert len(asked) == 4
