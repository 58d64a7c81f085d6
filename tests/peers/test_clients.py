"""Foreign clients at the endpoints of a real notebook; by ``stdio`` they start its bridge."""

from __future__ import annotations

import functools
import itertools
import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from tests.peers import install
from tests.peers.conftest import CLIENTS, Peers, run
from tests.peers.pictures import DUE, SENT

pytestmark = [pytest.mark.peers, pytest.mark.kernel, pytest.mark.timeout(120)]


DUE_OF_ALL = {
    "climbed": "3 steps up",
    "steps": [[1, 3, "step 1"], [2, 3, "step 2"], [3, 3, "step 3"]],
    "picture": DUE,
    "greeted": "Hello, Ann, 41 years old!",
    "rhymed": "The sea is wide / And so say we.",
    "asked": ["Who are you?", "Write a line about the sea."],
    "drawer": "drawer 7 holds 21 pens",
    "prompt": "Tidy the desk, please.",
}
"""What each client sees, whichever it is."""


WORDS = itertools.count(1)

ERAS = {"auto": "2026-07-28", "legacy": "2025-11-25"}
BOTH = [(era, road) for era in ERAS for road in ("http", "sse", "stdio")]
VISITS = {
    # by client: how it is told to speak, and to which endpoint
    "sdk1.py": [(road, road) for road in ("http", "sse", "websocket", "stdio")],
    "sdk1.mjs": [(road, road) for road in ("http", "sse", "websocket", "stdio")],
    "sdk2.mjs": BOTH,
    "fastmcp.py": [visit for visit in BOTH if visit != ("legacy", "sse")],
}
"""One process for each client: starting one costs more than a visit."""


@pytest.fixture(scope="module")
def seen(peers: Peers, urls: dict[str, str]) -> Callable[[str, str, str], dict[str, Any]]:
    """What a client saw, which shows the notebook a picture and teaches it a word."""

    @functools.cache
    def visits(client: str) -> list[dict[str, Any]]:
        command = [peers.node] if client.endswith(".mjs") else [peers.python(client[:-3])]
        where = script(client) if client.endswith(".mjs") else str(CLIENTS / client)
        words: list[str] = []
        for how, road in VISITS[client]:
            words += [how, urls[road], f"word{next(WORDS)}"]
        done = run([*command, where, SENT, *words], check=False)
        found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        for word, one in zip(words[2::3], found, strict=False):
            assert {"climb", "negative", "greet", "rhyme", "learn"} <= set(one.pop("tools"))
            assert one.pop("learnt") == f"{word} it is"
        if done.returncode:
            found.append({"failed": done.stderr})
        return found

    def seen_by(client: str, how: str, road: str) -> dict[str, Any]:
        found = visits(client)
        at = VISITS[client].index((how, road))
        return found[at] if at < len(found) else found[-1]  # the first that fails ends them all

    return seen_by


def spoken(client: str, how: str, road: str) -> str:
    """The revision that is due."""
    if (client, how, road) == ("fastmcp.py", "auto", "sse"):
        return ERAS["legacy"]  # it shakes hands on this transport, whatever is served
    return ERAS.get(how, ERAS["legacy"])


def script(name: str) -> str:
    """A client for Node, copied to where it finds its packages."""
    return str(shutil.copy(CLIENTS / name, install.STORE / "node"))


@pytest.mark.parametrize(
    ("client", "how", "road"),
    [(client, *visit) for client, visits in VISITS.items() for visit in visits],
)
def test_a_foreign_client(
    seen: Callable[[str, str, str], dict[str, Any]], client: str, how: str, road: str
) -> None:
    assert seen(client, how, road) == {**DUE_OF_ALL, "revision": spoken(client, how, road)}
