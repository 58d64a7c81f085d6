"""The official conformance suite: both sides, both revisions.

What fails is data here, with its reason; what passes although it is listed fails too.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers import conformance
from tests.peers.conformance import Verdict
from tests.peers.conformance_client import answers
from tests.peers.conftest import Peers, notebook, served
from tests.rigs.bridge import short_folder

pytestmark = [pytest.mark.peers, pytest.mark.kernel, pytest.mark.timeout(180)]

REQUIRED = {"2025-11-25": 30, "2026-07-28": 37}

POLLING = "the SDK replays missed events from a store of the application's, and a notebook has none"
SCHEMA = "a tool's schema comes from its function; the suite wants one that no function has"
TASKS = "io.modelcontextprotocol/tasks is an extension that the SDK does not offer"
HEADERS = "wants a tool whose arguments travel as headers too; a function cannot ask for that"

NOT_HELD = {
    "2025-11-25": {"json-schema-2020-12": SCHEMA, "server-sse-polling": POLLING},
    "2026-07-28": {
        "json-schema-2020-12": SCHEMA,
        "http-custom-header-server-validation": HEADERS,
        "tasks-lifecycle": TASKS,
        "tasks-capability-negotiation": TASKS,
        "tasks-wire-fields": TASKS,
        "tasks-request-state-removal": TASKS,
        "tasks-mrtr-input": TASKS,
        "tasks-request-headers": TASKS,
        "tasks-dispatch-and-envelope": TASKS,
        "tasks-status-notifications": TASKS,
        "tasks-required-task-error": TASKS,
        "tasks-mrtr-composition": TASKS,
    },
}
"""Scenarios that no revision requires, run for sight alone, and why they do not hold."""


STREAM = "an answer of one body has no room for what comes before it"
BACK = "and none for a request of the server"
SESSION = "it keeps no session"

NOT_HELD_BY_HTTP_JSON = {
    "2025-11-25": {
        "tools-call-with-logging": STREAM,
        "tools-call-with-progress": STREAM,
        "tools-call-sampling": BACK,
        "tools-call-elicitation": BACK,
        "elicitation-sep1034-defaults": BACK,
        "elicitation-sep1330-enums": BACK,
        "server-sse-multiple-streams": SESSION,
        "server-session-lifecycle": SESSION,
    },
    "2026-07-28": {"tools-call-with-progress": STREAM},
}
"""What ``http-json`` does not hold beside that: it is a restriction, and this is its price."""


@pytest.fixture(scope="module")
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The addresses of a real notebook's server, by transport."""
    rig = notebook(tmp_path_factory.mktemp("conformance"), "conformance.py")
    try:
        # without a version of its own a server draws a warning; see the last test
        told = ("--version", "1.0")
        yield {transport: served(rig, transport, *told) for transport in ("http", "http-json")}
    finally:
        rig.stop()


@pytest.mark.parametrize("revision", conformance.REVISIONS)
@pytest.mark.parametrize("transport", ["http", "http-json"])
def test_a_notebooks_server_conforms(
    peers: Peers,
    endpoints: dict[str, str],
    transport: str,
    revision: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    verdicts = conformance.against_server(peers, endpoints[transport], revision, tmp_path)
    wanted = conformance.required(peers, revision, "server")
    assert len(wanted) == REQUIRED[revision]
    assert set(wanted) <= set(verdicts)
    failing = {v.scenario: v.complaints for v in verdicts.values() if not v.held}
    held = [name for name in wanted if name not in failing]
    with capsys.disabled():
        checks = sum(verdicts[name].passed for name in held)
        print(
            f"\n  {transport}, {revision}: {len(held)} of {len(wanted)} required scenarios, "
            f"{checks} checks passed"
        )
    known = NOT_HELD[revision].keys()
    if transport == "http-json":
        known |= NOT_HELD_BY_HTTP_JSON[revision].keys()
    assert failing.keys() == known, failing
    if transport == "http":
        assert held == wanted
    assert set(verdicts) == {*wanted, *conformance.reported(peers, revision, "server")}


CLIENT_SCENARIOS = {
    "2025-11-25": [
        "initialize",
        "tools_call",
        "elicitation-sep1034-client-defaults",
        "sse-retry",
        "json-schema-2020-12-preservation",
    ],
    "2026-07-28": [
        "tools_call",
        "request-metadata",
        "sep-2322-client-request-state",
        "http-standard-headers",
        "http-custom-headers",
        "http-invalid-tool-headers",
        "json-schema-ref-no-deref",
        "json-schema-2020-12-preservation",
    ],
}
"""All that is not about OAuth; the last of each list is run without being required."""


@pytest.fixture(scope="module")
def client() -> Iterator[str]:
    """The command that leads the suite to our client."""
    with short_folder() as folder, answers(folder / "client") as command:
        yield shlex.join(command)


@pytest.mark.parametrize(
    ("revision", "scenario"),
    [(revision, name) for revision, names in CLIENT_SCENARIOS.items() for name in names],
)
def test_a_connection_conforms(
    peers: Peers, client: str, revision: str, scenario: str, tmp_path: Path
) -> None:
    verdict, said = conformance.against_client(peers, client, scenario, revision, tmp_path)
    assert isinstance(verdict, Verdict), said
    assert verdict.complaints == (), said
    assert verdict.passed > 0
    assert not said


@pytest.mark.parametrize("revision", conformance.REVISIONS)
def test_no_scenario_is_left_out(peers: Peers, revision: str) -> None:
    wanted = [
        *conformance.required(peers, revision, "client"),
        *conformance.reported(peers, revision, "client"),
    ]
    assert sorted(s for s in wanted if not s.startswith("auth/")) == sorted(
        CLIENT_SCENARIOS[revision]
    )


def test_what_a_server_lacks_is_found(peers: Peers, urls: dict[str, str], tmp_path: Path) -> None:
    """A negative control: this notebook has none of the suite's tools, and no version."""
    verdicts = conformance.against_server(peers, urls["http"], "2026-07-28", tmp_path)
    assert not verdicts["tools-call-image"].held
    assert verdicts["tools-call-image"].complaints
    advice = [said.partition(":")[0] for said in verdicts["server-stateless"].complaints]
    assert "sep-2575-server-identifies-in-result-meta" in advice
    assert verdicts["caching"].held
    assert verdicts["dns-rebinding-protection"].held


def test_what_a_client_leaves_undone_is_found(peers: Peers, tmp_path: Path) -> None:
    """A negative control: this client does nothing, and says that all went well."""
    idle = shlex.join([sys.executable, "-c", "pass"])
    verdict, said = conformance.against_client(peers, idle, "tools_call", "2025-11-25", tmp_path)
    assert verdict is None or not verdict.held
    assert said
