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
from tests.peers.conftest import HERE, Peers, notebook, served

pytestmark = [pytest.mark.peers, pytest.mark.kernel, pytest.mark.timeout(180)]

REQUIRED = {"2025-11-25": 30, "2026-07-28": 37}

POLLING = "the SDK replays missed events from a store of the application's, and a notebook has none"
SCHEMA = "a tool's schema comes from its function; the suite wants one that no function has"
TASKS = "io.modelcontextprotocol/tasks is an extension that the SDK does not offer"
HEADERS = "wants a tool whose arguments travel as headers too; a function cannot ask for that"

ADVICE = {
    "2025-11-25": {},
    "2026-07-28": {
        # a notebook has a name and no version; the suite asks for both
        "server-stateless": "sep-2575-server-identifies-in-result-meta",
    },
}
"""Required scenarios that hold, with the one check of each that warns."""

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


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real notebook's server."""
    rig = notebook(tmp_path_factory.mktemp("conformance"), "conformance.py")
    try:
        yield served(rig, "http")
    finally:
        rig.stop()


@pytest.mark.parametrize("revision", conformance.REVISIONS)
def test_a_notebooks_server_conforms(
    peers: Peers, endpoint: str, revision: str, tmp_path: Path
) -> None:
    verdicts = conformance.against_server(peers, endpoint, revision, tmp_path)
    wanted = conformance.required(peers, revision, "server")
    assert len(wanted) == REQUIRED[revision]
    assert set(wanted) <= set(verdicts)
    failing = {v.scenario: v.complaints for v in verdicts.values() if not v.held}
    advice = {name: failing.pop(name, ()) for name in ADVICE[revision]}
    assert {name: [one.partition(":")[0] for one in said] for name, said in advice.items()} == {
        name: [check] for name, check in ADVICE[revision].items()
    }
    assert failing.keys() == NOT_HELD[revision].keys(), failing
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


@pytest.mark.parametrize(
    ("revision", "scenario"),
    [(revision, name) for revision, names in CLIENT_SCENARIOS.items() for name in names],
)
def test_a_connection_conforms(peers: Peers, revision: str, scenario: str, tmp_path: Path) -> None:
    command = shlex.join([sys.executable, str(HERE / "conformance_client.py")])
    verdict, said = conformance.against_client(peers, command, scenario, revision, tmp_path)
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
