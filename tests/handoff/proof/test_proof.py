"""The proof finds what is not the same, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mcp_notebook.errors import UsageError
from mcp_notebook.handoff.proof import template
from mcp_notebook.handoff.proof.plan import plan_calls
from mcp_notebook.handoff.proof.proof import Proof
from mcp_notebook.handoff.proof.recorded import Call, recorded
from mcp_notebook.handoff.proof.replay import DIFFERS, EQUAL, UNSTEADY, Verdict, other_orders
from mcp_notebook.handoff.proof.testfile import LONGEST, as_test

from .conftest import Scene
from .servers import FAITHFUL, SECRET

ROADS = ["stdio legacy", "stdio modern", "http legacy", "http modern"]


def words(proof: Proof, road: str) -> dict[str, set[str]]:
    """What the calls of each name came to on a road."""
    found: dict[str, set[str]] = {}
    for one in proof:
        if one.name == road:
            for verdict in one.verdicts:
                found.setdefault(verdict.call.name, set()).add(verdict.word)
    return found


# ---- what is replayed ------------------------------------------------------------------------


def test_calls_of_every_connection_are_found_with_their_answers(scene: Scene) -> None:
    calls = recorded(scene.workbench, scene.server)

    assert [(c.name, c.era) for c in calls][:3] == [
        ("order", "legacy"),
        ("push", "legacy"),
        ("add", "legacy"),
    ]
    orders = [c for c in calls if c.name == "order"]
    assert [c.answers for c in orders] == [
        ({"action": "accept", "content": {"size": 3}},),
        ({"action": "accept", "content": {"size": 4}},),
    ]
    assert [c.arguments for c in orders] == [{"what": "tea"}, {"what": "rice"}]
    assert len([c for c in calls if c.name == "counted"]) == 2


def test_only_harmless_tools_and_named_ones_are_called(scene: Scene) -> None:
    plan = scene.plan()

    assert "neither read-only nor idempotent" in plan.left_out["send"]
    assert "send" not in {call.name for call in plan.calls}
    assert [
        c.outcome["result"]["structuredContent"] for c in plan.calls if c.name == "counted"
    ] == [
        {"result": 1},
        {"result": 2},
    ]
    assert len([c for c in plan.calls if c.name == "add"]) == 2  # one a question, not one a call


def test_a_call_with_a_secret_in_it_is_not_made_again(scene: Scene) -> None:
    plan = scene.plan()

    assert plan.left_out["named"] == "a secret stands in what was asked"
    assert [c.arguments for c in plan.calls if c.name == "named"] == [{"thing": "x"}]


@pytest.mark.parametrize("option", ["replay", "unsteady"])
def test_a_tool_that_is_not_there_is_said(scene: Scene, option: str) -> None:
    with pytest.raises(UsageError, match=r"no tool 'sned'. Did you mean send\?"):
        plan_calls(
            scene.workbench,
            scene.server,
            expected=scene.expected,
            **{option: ["sned"]},  # type: ignore[arg-type]
        )


# ---- what comes of it ------------------------------------------------------------------------


@pytest.mark.slow
def test_a_file_that_does_the_same_is_proven_on_every_road(proof: Proof) -> None:
    assert [road.name for road in proof] == ROADS
    assert [(road.error, road.differences) for road in proof] == [("", ())] * 4
    assert proof.ok
    for road in ROADS:
        found = words(proof, road)
        assert found.pop("chance") == {UNSTEADY}
        assert set(map(frozenset, found.values())) == {frozenset({EQUAL})}
        assert {"add", "counted", "order", "push", "boom", "env", "data://x"} <= set(found)


@pytest.mark.slow
def test_what_is_not_the_same_twice_is_said(proof: Proof) -> None:
    assert proof.unsteady() == ["chance"]
    notes = {v.note for road in proof for v in road.verdicts if v.call.name == "named"}
    assert notes == {"but for the addresses of objects"}


@pytest.mark.slow
def test_a_tool_that_was_not_named_was_not_called(scene: Scene, proof: Proof) -> None:
    assert proof.ok
    assert list(scene.folder.rglob("sent")) == []


@pytest.mark.slow
def test_each_fault_of_a_file_is_found(bad_proof: Proof) -> None:
    road = bad_proof.roads[0]

    assert not bad_proof.ok
    assert sorted(road.differences) == [
        "it wrote what is no message: b'a stray line'",
        'prompt review: description: "Review code." here, "Review it." there',
        "tool add: inputSchema.properties.b.default: 2 here, 3 there",
    ]
    found = words(bad_proof, "stdio legacy")
    assert {name for name, came in found.items() if DIFFERS in came} == {
        "add",
        "counted",
        "data://x",
        "review",
    }
    told = next(v for v in road.verdicts if v.call.name == "add" and v.word == DIFFERS)
    assert (told.wanted, told.got) == ("3", "5")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import nothing_of_this_name", "nothing_of_this_name"),
        ("print('no message'); import sys; sys.exit(3)", "exit code 3"),
    ],
)
def test_a_file_that_does_not_start_says_why(scene: Scene, text: str, said: str) -> None:
    proof = scene.prove(text)

    assert not proof.ok
    assert all(said in road.error for road in proof), [road.error for road in proof]


@pytest.mark.slow
def test_what_the_notebook_has_running_and_recorded_stays(scene: Scene, proof: Proof) -> None:
    names = {exchange.conn for exchange in scene.workbench.trace.exchanges("client")}

    assert proof.ok
    assert names == {"first", "second"}
    assert SECRET not in repr(proof)


def listed(*items: str) -> dict[str, object]:
    text = json.dumps(items)
    block = {"type": "text", "text": text}
    return {"result": {"content": [block], "structuredContent": [*items]}}


ORDERS: list[tuple[list[dict[str, object] | None], set[str]]] = [
    ([listed("b", "a"), listed("c", "a")], {DIFFERS}),
    ([listed("b", "a"), listed("b", "a")], {DIFFERS}),  # the same everywhere: sorted wrongly
    ([listed("b", "c", "a"), listed("c", "b", "a")], {DIFFERS}),  # more than there was
    ([listed("b", "a"), None], {UNSTEADY, EQUAL}),
    ([None, None], {EQUAL}),
]


@pytest.mark.parametrize(("came", "expected"), ORDERS)
def test_the_order_of_a_set_is_no_difference_where_it_is_seen_to_vary(
    came: list[dict[str, object] | None], expected: set[str]
) -> None:
    call = Call(method="tools/call", name="letters", outcome=listed("a", "b"))
    verdicts = [
        Verdict(call=call, word=EQUAL if one is None else DIFFERS, came=one or {}) for one in came
    ]
    assert {one.word for one in other_orders(verdicts)} == expected


# ---- the test that is written ------------------------------------------------------------------


@pytest.mark.slow
def test_the_written_test_holds_what_was_answered_alike_and_no_secret(
    scene: Scene, proof: Proof
) -> None:
    calls = [(call, eras) for call, eras in proof.steady() if not call.tells]
    text = as_test(calls, scene.expected, script="server.py", variables=["SUBJECT_KEY"])

    compile(text, "test_server.py", "exec")
    names = {call.name for call, _ in calls}
    assert {"add", "counted", "order", "boom", "data://x", "review"} <= names
    assert names & {"chance", "named", "send"} == set()
    assert [eras for call, eras in calls if call.name == "push"] == [("legacy",)]
    assert 'NEEDED: Any = ["SUBJECT_KEY"]' in text
    for left in ("mcp_notebook", "hidden-word", SECRET):
        assert left not in text


@pytest.mark.slow
def test_the_template_asks_as_the_test_does(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anyio.from_thread import start_blocking_portal

    (tmp_path / "server.py").write_text(FAITHFUL)
    monkeypatch.setattr(template, "SERVER", tmp_path / "server.py")
    monkeypatch.setattr(template, "NEEDED", ["SUBJECT_KEY"])
    monkeypatch.setenv("SUBJECT_KEY", SECRET)
    steady = [c for c in scene.plan().calls if c.name not in ("chance", "named", "push")]

    with start_blocking_portal() as portal:
        session = template.Session(portal, "modern")
        with portal.wrap_async_context_manager(session.client):
            for call in steady:
                row = {"method": call.method, "name": call.name, "arguments": call.arguments}
                assert session.ask({**row, "answers": call.answers}) == call.outcome
            unknown = session.ask({"method": "tools/call", "name": "nothing"})
            missing = session.ask({"method": "resources/read", "name": "none://x"})
    assert unknown["result"]["isError"] or "error" in unknown
    assert "code" in missing["error"]


@pytest.mark.parametrize(
    "text", ["plain", 'a "b"', "it's \"x\" 'y' 'z'", "\\ \n \u2028 \x00 \U0001f600 \ud800", ""]
)
def test_every_text_is_written_so_that_python_reads_it(scene: Scene, text: str) -> None:
    call = Call(method="tools/call", name="add", arguments={text: [text]}, outcome={})
    names: dict[str, object] = {}
    written = as_test([(call, ("legacy",))], scene.expected, script="server.py", variables=[])
    source = written.partition("CALLS: Any = ")[2].partition("\n# ----")[0]
    names["calls"] = eval(source)

    assert names["calls"][0]["arguments"] == {text: [text]}  # type: ignore[index]
    assert written.encode("utf-8")


def test_long_texts_are_written_as_their_digest(scene: Scene) -> None:
    long = Call(
        method="tools/call",
        name="add",
        arguments={"a": 1},
        outcome={"result": {"content": [{"type": "text", "text": "x" * (LONGEST + 1)}]}},
    )
    text = as_test([(long, ("legacy",))], scene.expected)

    assert "x" * 100 not in text
    assert template.digested(long.outcome) != long.outcome
    assert template.digested(long.outcome)["result"]["content"][0]["text"] in text
    assert '"era": "legacy"' in text
