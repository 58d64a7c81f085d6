"""Foreign clients at the endpoints of a real notebook."""

from __future__ import annotations

import itertools
import json
import shutil
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


def seen(command: list[str], way: str, url: str) -> dict[str, Any]:
    """What a client saw, which shows the notebook a picture and teaches it a word."""
    word = f"word{next(WORDS)}"
    done = run([*command, way, url, SENT, word])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert {"climb", "negative", "greet", "rhyme", "learn"} <= set(found.pop("tools"))
    assert found.pop("learnt") == f"{word} it is"
    return found


def script(name: str) -> str:
    """A client for Node, copied to where it finds its packages."""
    return str(shutil.copy(CLIENTS / name, install.STORE / "node"))


@pytest.mark.parametrize("way", ["http", "sse", "websocket"])
def test_the_first_python_sdk(peers: Peers, urls: dict[str, str], way: str) -> None:
    found = seen([peers.python("sdk1"), str(CLIENTS / "sdk1.py")], way, urls[way])
    assert found == {**DUE_OF_ALL, "revision": "2025-11-25"}


@pytest.mark.parametrize("way", ["http", "sse", "websocket"])
def test_the_first_typescript_sdk(peers: Peers, urls: dict[str, str], way: str) -> None:
    found = seen([peers.node, script("sdk1.mjs")], way, urls[way])
    assert found == {**DUE_OF_ALL, "revision": "2025-11-25"}


@pytest.mark.parametrize("way", ["http", "sse"])
@pytest.mark.parametrize(("era", "revision"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
def test_the_second_typescript_sdk(
    peers: Peers, urls: dict[str, str], way: str, era: str, revision: str
) -> None:
    found = seen([peers.node, script("sdk2.mjs")], era, urls[way])
    assert found == {**DUE_OF_ALL, "revision": revision}


@pytest.mark.parametrize(
    ("way", "era", "revision"),
    [
        ("http", "auto", "2026-07-28"),
        ("http", "legacy", "2025-11-25"),
        ("sse", "auto", "2025-11-25"),  # it shakes hands on this transport, whatever is served
    ],
)
def test_the_client_of_fastmcp(
    peers: Peers, urls: dict[str, str], way: str, era: str, revision: str
) -> None:
    found = seen([peers.python("fastmcp"), str(CLIENTS / "fastmcp.py")], era, urls[way])
    assert found == {**DUE_OF_ALL, "revision": revision}
