"""The chooser: what is ticked decides, what stays without a kernel opens by itself."""

from __future__ import annotations

from collections.abc import Mapping

from mcp_notebook.show.chooser import Advice, Ask, ChooserForm, advice, decision
from tests.show.hostile import TEXT, assert_tame

STDIO = Advice(
    road="stdio",
    title="pipes",
    standing="standard",
    asked=["streaming"],
    reasons=[("no port is open", "S24, P2")],
    warnings=["one client alone"],
    beside=["sse"],
)
REMOTE = Advice(road="http-2026", title="Streamable HTTP", standing="standard")
ASKS = [Ask(key="remote", text="Remote?", more="other machines"), Ask(key="shared", text="Shared?")]


def choose(answers: Mapping[str, bool]) -> Advice:
    return REMOTE if answers["remote"] else STDIO


def test_advice_names_its_reasons_and_what_is_behind_them() -> None:
    bundle = advice(STDIO)

    assert bundle["text/plain"].split("\n") == [
        "stdio: pipes (standard)",
        "you said yes to: streaming",
        "  + no port is open (S24, P2)",
        "  ! one client alone",
        "  & serve as well: sse",
    ]
    for told in ("stdio: pipes (standard)", "no port is open (S24, P2)", "one client alone"):
        assert told in bundle["text/html"]


def test_a_flow_opens_without_a_kernel() -> None:
    bundle = decision("the flow", [("one machine", STDIO), ("else", REMOTE)], ASKS)

    assert "1. one machine -> stdio" in bundle["text/plain"]
    assert bundle["text/html"].count("<details") == 3
    assert "<script" not in bundle["text/html"]
    assert "remote" in bundle["text/html"]


def test_a_tick_changes_the_advice() -> None:
    form = ChooserForm(ASKS, choose)
    *ticks, said = form.box.children

    assert "stdio" in said.value
    ticks[0].value = True

    assert form.answers == {"remote": True, "shared": False}
    assert "http-2026" in said.value
    assert [tick.description for tick in ticks] == ["Remote?", "Shared?"]


def test_hostile_words_stay_words() -> None:
    hostile = Advice(
        road=TEXT,
        title=TEXT,
        standing=TEXT,
        asked=[TEXT],
        reasons=[(TEXT, TEXT)],
        warnings=[TEXT],
        beside=[TEXT],
    )
    assert_tame(advice(hostile))
    assert_tame(decision(TEXT, [(TEXT, hostile)], [Ask(key=TEXT, text=TEXT, more=TEXT)]))
