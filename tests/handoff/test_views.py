"""What an export, a diff and an import look like: text and HTML say the same, and are tame."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from mcp_notebook.handoff.ascells import FoundPart
from mcp_notebook.handoff.contract import Change, Diff
from mcp_notebook.handoff.fromfile import Imported
from mcp_notebook.handoff.proof.environment import Environment
from mcp_notebook.handoff.proof.plan import MAY_CHANGE, Plan
from mcp_notebook.handoff.proof.proof import Proof, RoadResult
from mcp_notebook.handoff.proof.recorded import Call
from mcp_notebook.handoff.proof.replay import DIFFERS, EQUAL, OLDER, UNSTEADY, Verdict
from mcp_notebook.handoff.report import Export, Report
from mcp_notebook.handoff.selection import (
    Definition,
    Obstacle,
    Registration,
    Requirement,
    Selection,
    Shipped,
    Variable,
)
from mcp_notebook.magics import handoffviews
from mcp_notebook.runtime.server import Part
from tests.show.hostile import FORBIDDEN, TEXT, assert_tame

SECRET = "a-secret-value"


def part(name: str) -> Part:
    return Part(kind="tool", name=name, function=lambda: None)


SELECTION = Selection(
    server="notebook",
    imports=("import math", "import numpy as np", "from mymod import twice"),
    definitions=(
        Definition(binds=("FACTOR",), source="FACTOR = 3"),
        Definition(binds=("scaled",), source="def scaled(x):\n    return x * FACTOR"),
        Definition(
            binds=("area",),
            source='def area(r):\n    open("table.json")\n    return scaled(np.pi * r) + KEY',
        ),
        Definition(binds=("KEY",), source='KEY = os.environ["KEY"]'),
        Definition(binds=("plain",), source="def plain(x):\n    return twice(x)"),
    ),
    registrations=(
        Registration(part=part("area"), expression="area"),
        Registration(part=part("plain"), expression="plain"),
    ),
    requirements=(Requirement(distribution="numpy", version="2", modules=("numpy",)),),
    files=(
        Shipped(path=PurePosixPath("table.json"), content=b"{}", reason="area opens it"),
        Shipped(path=PurePosixPath("mymod.py"), content=b"", reason="plain imports it"),
    ),
    variables=(
        Variable(name="KEY", stands_for="KEY", value=SECRET),
        Variable(name="OTHER", stands_for="other", secret=False),
    ),
    remarks=("KEY is a secret.",),
)


def call(name: str, seq: int) -> Call:
    return Call(method="tools/call", name=name, seq=seq)


ROADS = (
    RoadResult(
        transport="stdio",
        era="legacy",
        verdicts=(
            Verdict(call=call("area", 1), word=EQUAL),
            Verdict(call=call("plain", 2), word=EQUAL, note="but for the addresses of objects"),
            Verdict(call=call("old", 3), word=OLDER),
        ),
    ),
    RoadResult(
        transport="http",
        era="modern",
        differences=("tool area: title is not there",),
        verdicts=(
            Verdict(call=call("area", 1), word=DIFFERS, wanted="3", got="4"),
            Verdict(call=call("dice", 4), word=UNSTEADY),
        ),
    ),
    RoadResult(transport="websocket", era="legacy", error="the server ended at once"),
    RoadResult(
        transport="http",
        era="legacy",
        verdicts=(
            Verdict(call=Call(method="prompts/get", name="area", seq=5), word=EQUAL),
            Verdict(call=call("plain", 2), word=UNSTEADY),
        ),
    ),
)

BAD = Proof(
    roads=ROADS[:3],
    plan=Plan(
        calls=tuple(verdict.call for road in ROADS[:3] for verdict in road.verdicts),
        left_out={"send": "it may change something"},
        unrecorded=("never",),
        unsteady=frozenset({"clock"}),
    ),
    environment=Environment(python=Path("p"), tool="uv", seconds=2.0, requirements=()),
    seconds=3.0,
)


def made(selection: Selection = SELECTION, proof: Proof | None = BAD, path: str = "out") -> Export:
    report = Report(
        server=selection.server,
        selection=selection,
        written=("server.py", "test_server.py") if path else (),
        proof=proof,
    )
    return Export(path=Path(path, "server.py") if path else None, report=report)


class _Seen(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = ""
        self.feed(text)

    def handle_data(self, data: str) -> None:
        self.text += data + " "


def both(bundle: dict[str, Any]) -> str:
    """The plain text; each word of it is in the HTML as well."""
    plain, html = bundle["text/plain"], _Seen(bundle["text/html"]).text
    for word in re.findall(r"\w{3,}", plain):
        assert word in html, word
    return str(plain)


def test_what_each_part_takes_along_is_told() -> None:
    taken = {one.name: one for one in made().report.taken}

    assert taken["area"].definitions == ("FACTOR", "KEY", "scaled")
    assert taken["area"].packages == ("numpy",)
    assert taken["area"].files == ("table.json",)
    assert taken["area"].variables == ("KEY",)
    assert (taken["plain"].definitions, taken["plain"].files) == ((), ("mymod.py",))


def test_a_proof_that_fails_says_where_and_what() -> None:
    text = both(handoffviews.export(made()))

    for said in (
        "notebook: 2 parts exported, but not proven equal",
        "(with test_server.py)",
        "with FACTOR, KEY, scaled; packages numpy; files table.json; variables KEY",
        "KEY    a secret",
        "OTHER  stands for other, not secret",
        "stdio legacy      lists equal",
        "calls: 2 equal, 1 older",
        "1 difference in the lists  calls: 1 differs, 1 unsteady",
        "websocket legacy  failed",
        "http modern: tool area: title is not there",
        "http modern: area: recorded '3', the file says '4'",
        "--unsteady TOOL",
        "plain: equal but for the addresses of objects",
        "not the same twice, so not compared: clock, dice",
        "called before it was defined anew, so not compared: old",
        "send: compared by schema alone; it may change something",
        "never called, so compared by schema alone: never",
        "proven in 3.0 s in a clean environment, made by uv in 2 s",
        "KEY is a secret.",
    ):
        assert said in text, said
    assert SECRET not in text
    assert SECRET not in repr(made())
    assert not made().ok


def test_a_notebook_that_is_compared_shows_no_times() -> None:
    text = handoffviews.export(made(), stable=True)["text/plain"]
    assert " s in a clean environment" not in text


SUMMARIES: list[tuple[Proof | None, str, bool]] = [
    (None, "2 parts exported, not proven", True),
    (Proof(why_not="KEY is not set"), "2 parts exported, not proven: KEY is not set", False),
    (
        Proof(roads=(RoadResult(transport="stdio", era="legacy"),)),
        "2 parts exported, lists proven equal; 0 of 2 tools called",
        True,
    ),
    (
        Proof(roads=(ROADS[0],), plan=Plan(calls=(call("area", 1),))),
        "2 parts exported, proven equal; 2 of 2 tools called",
        True,
    ),
    (
        Proof(roads=(ROADS[3],), plan=Plan(calls=(ROADS[3].verdicts[0].call,))),
        "2 parts exported, lists proven equal; 0 of 2 tools called",
        True,
    ),
]


@pytest.mark.parametrize(("proof", "said", "ok"), SUMMARIES)
def test_the_first_line_says_what_was_proven(proof: Proof | None, said: str, ok: bool) -> None:
    export = made(proof=proof)

    assert export.report.summary() == f"notebook: {said}"
    assert repr(export).startswith(f"notebook: {said}")
    assert export.ok is ok


def test_what_was_not_called_is_one_line_with_what_to_type() -> None:
    left_out = dict.fromkeys(["send", "odd name", "drop"], MAY_CHANGE)
    plan = Plan(left_out={**left_out, "ask": "a secret stands in what was asked"})
    export = made(proof=Proof(roads=(ROADS[0],), plan=plan))
    lines = [line for line in repr(export).splitlines() if "by schema alone" in line]
    assert lines == [
        "send, odd name, drop: compared by schema alone; a call may change something: neither "
        "read-only nor idempotent. %mcp export --replay send 'odd name' drop calls them in the "
        "proof; %%mcp tool --read-only is for tools that change nothing",
        "ask: compared by schema alone; a secret stands in what was asked",
    ]


def test_what_was_refused_names_the_way_and_the_ways_out() -> None:
    obstacle = Obstacle(
        part="total",
        through=("total", "helper", "table"),
        reason="table is a pandas DataFrame",
        ways=("--freeze table=table.parquet", "read it in the tool"),
    )
    export = made(Selection(server="notebook", obstacles=(obstacle,)), None, "")
    text = both(handoffviews.export(export))

    assert "notebook: not exported; 1 part cannot leave" in text
    assert "total -> helper -> table" in text
    assert "Ways out: --freeze table=table.parquet; or read it in the tool" in text
    assert not export.ok


def test_a_diff_lists_the_changes() -> None:
    changes = (
        Change(kind="tool", name="add", says="is gone", means="breaking"),
        Change(kind="tool", name="sub", says="is new", means="added"),
    )
    diff = Diff(old="server.py", new="notebook", changes=changes, remarks=("it was started",))
    text = both(handoffviews.diff(diff))

    assert "notebook since server.py: 1 breaking, 1 added" in text
    assert "breaking  tool  add  is gone" in text
    assert "it was started" in text
    assert (len(diff), list(diff), diff.ok) == (2, list(changes), False)
    same = Diff(old="server.py", new="notebook", changes=())
    assert repr(same) == "notebook: the same contract as server.py"


def test_an_import_shows_its_parts_and_the_cell_folded() -> None:
    found = Imported(
        path=Path("x.py"),
        server="",
        imports=("import math",),
        rest=(),
        parts=(
            FoundPart(
                kind="tool", function="f", source="def f(): ...", options={"name": "'g'"}, line=3
            ),
        ),
        remarks=("**options was left out",),
    )
    bundle = handoffviews.imported(found)

    assert "tool  g  3" in both(bundle)
    assert "<details>" in bundle["text/html"]
    assert "@tool(name=&#x27;g&#x27;)" in bundle["text/html"]


def test_hostile_words_stay_words() -> None:
    change = Change(kind=TEXT, name=TEXT, says=TEXT, means="breaking")
    diff = Diff(old=TEXT, new=TEXT, changes=(change,), remarks=(TEXT,))
    hostile = Selection(
        server=TEXT,
        registrations=(Registration(part=part(TEXT), expression="x"),),
        variables=(Variable(name=TEXT, stands_for=TEXT),),
        obstacles=(Obstacle(part=TEXT, through=(TEXT,), reason=TEXT, ways=(TEXT,)),),
        remarks=(TEXT,),
    )
    road = RoadResult(
        transport="stdio",
        era="legacy",
        differences=(TEXT,),
        verdicts=(Verdict(call=call(TEXT, 1), word=DIFFERS, wanted=TEXT, got=TEXT),),
    )
    export = made(hostile, Proof(roads=(road,), plan=Plan(left_out={TEXT: TEXT})))
    text = f"def f():\n    # {TEXT.splitlines()[0]}\n    return 1"
    source = FoundPart(kind="tool", function=TEXT, source=text, options={}, line=1)
    imported = Imported(
        path=Path("x.py"), server=TEXT, imports=(), rest=(), parts=(source,), remarks=(TEXT,)
    )

    assert_tame(handoffviews.diff(diff))
    assert_tame(handoffviews.export(export))
    assert_tame(handoffviews.imported(imported))
    for shown in (repr(diff), repr(export), repr(imported)):
        assert not [c for c in FORBIDDEN if c in shown]
