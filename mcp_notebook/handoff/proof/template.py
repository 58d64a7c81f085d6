"""Calls that the notebook answered, made again: the server SERVER_NAME answers as it did.

    pip install pytest "mcp>=2.3"
    pytest

The server is started as a host starts it, once in each era of the protocol, with this Python: what
it declares to need must be installed here.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.shared.exceptions import MCPError

SERVER = Path(__file__).resolve().parent / "server.py"

# ---- what the notebook answered

NEEDED: Any = []

OFFERED: Any = {}

CALLS: Any = []

# ---- asking again

ERAS = {"legacy": "legacy", "modern": "2026-07-28"}
LONGEST = 2000


class Session:
    """A client of the server, in one era."""

    def __init__(self, portal: BlockingPortal, era: str) -> None:
        self.portal = portal
        self.era = era
        self.answers: list[Any] = []
        self.client = Client(
            StdioServerParameters(
                command=sys.executable,
                args=[str(SERVER), "--transport", "stdio"],
                env={name: os.environ[name] for name in NEEDED},
            ),
            mode=ERAS[era],
            elicitation_callback=self.elicited,
            sampling_callback=self.sampled,
        )

    async def elicited(self, context: Any, params: Any) -> Any:
        """Answer a form as it was answered in the notebook."""
        return self.next_answer(types.ElicitResult)

    async def sampled(self, context: Any, params: Any) -> Any:
        """Answer for a model as it was answered in the notebook."""
        return self.next_answer(types.CreateMessageResult)

    def next_answer(self, model: Any) -> Any:
        """The next recorded answer, which may be a refusal."""
        given = self.answers.pop(0)
        if "error" in given:
            return types.ErrorData.model_validate(given["error"])
        return model.model_validate(given)

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Await a method of the client."""
        return self.portal.call(function, *arguments)

    def ask(self, call: dict[str, Any]) -> dict[str, Any]:
        """What the server answers to a call, without what only its era adds."""
        self.answers = list(call.get("answers", []))
        name, arguments = call["name"], call.get("arguments", {})
        try:
            if call["method"] == "tools/call":
                found = self.run(self.client.call_tool, name, arguments)
            elif call["method"] == "resources/read":
                found = self.run(self.client.read_resource, name)
            else:
                found = self.run(self.client.get_prompt, name, arguments)
        except MCPError as error:
            return {"error": {"code": error.error.code, "message": error.error.message}}
        result = found.model_dump(mode="json", by_alias=True, exclude_none=True)
        for added in ("_meta", "resultType", "cacheScope", "ttlMs"):
            result.pop(added, None)
        if "content" in result and result.get("isError") is False:
            del result["isError"]
        return {"result": digested(result)}


def digested(value: Any) -> Any:
    """The same with each long text as its digest."""
    if isinstance(value, str) and len(value) > LONGEST:
        return f"sha256:{hashlib.sha256(value.encode()).hexdigest()}"
    if isinstance(value, dict):
        return {key: digested(part) for key, part in value.items()}
    if isinstance(value, list):
        return [digested(part) for part in value]
    return value


@pytest.fixture(scope="module", params=ERAS)
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    """A server that was just started, and its client."""
    missing = [name for name in NEEDED if name not in os.environ]
    if missing:
        pytest.skip(f"the server needs {', '.join(missing)}: set them in the environment")
    with start_blocking_portal() as portal:
        opened = Session(portal, request.param)
        with portal.wrap_async_context_manager(opened.client):
            yield opened


def test_the_server_offers_what_the_notebook_did(session: Session) -> None:
    """Names and addresses; schemas are compared when it is exported."""
    client = session.client
    offered = {
        "tools": sorted(one.name for one in session.run(client.list_tools).tools),
        "resources": sorted(str(one.uri) for one in session.run(client.list_resources).resources),
        "templates": sorted(
            one.uri_template
            for one in session.run(client.list_resource_templates).resource_templates
        ),
        "prompts": sorted(one.name for one in session.run(client.list_prompts).prompts),
    }
    assert offered == OFFERED


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_a_call_is_answered_as_the_notebook_did(session: Session, number: int) -> None:
    """One recorded call."""
    call = CALLS[number]
    if session.era != call.get("era", session.era):
        pytest.skip(f"recorded in the {call['era']} era alone")
    assert session.ask(call) == call["answer"]
