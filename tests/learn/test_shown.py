"""What is shown of claims and exercises: nothing in it paints, hides or runs."""

from __future__ import annotations

from mcp_notebook.show import learning
from mcp_notebook.show.learning import ClaimRow, ExerciseRow
from tests.show.hostile import FORBIDDEN, TEXT, assert_tame

HOSTILE = ClaimRow(
    id=TEXT,
    lesson=TEXT,
    claim=TEXT,
    sources=(TEXT,),
    guess=TEXT,
    mark="right",
    outcome="held",
    measured=TEXT,
    verdict=TEXT,
    because=TEXT,
    reference=TEXT,
    threshold=TEXT,
)
TRIED = ExerciseRow(id=TEXT, title=TEXT, passed=False, tries=2)
QUIET = ClaimRow(id="S1", lesson="01", claim="It is so.", verdict="true")


def test_hostile_text_is_tame_in_every_view() -> None:
    for bundle in (
        learning.claim_card(HOSTILE),
        learning.guess_line(HOSTILE, ("yes", "no")),
        learning.verdict(TEXT, TEXT, passed=False, seen=TEXT, hint=TEXT),
        learning.hint(TEXT, 1, 2, TEXT),
        learning.progress([HOSTILE], [TRIED], TEXT),
    ):
        assert_tame(bundle)


def test_the_page_is_tame_and_fetches_nothing() -> None:
    page = learning.progress_page([HOSTILE], [TRIED])

    assert not [c for c in FORBIDDEN if c in page]
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert "http:" not in page.replace("http-equiv", "")
    assert "https:" not in page


def test_a_verdict_is_told_only_of_what_was_measured() -> None:
    shown = learning.progress([QUIET], [])["text/plain"]

    assert "true" not in shown
    assert "0 of 1 claim measured." in shown


def test_a_stable_table_leaves_out_how_often_an_answer_was_checked() -> None:
    once, often = (
        [ExerciseRow(id="01.1", title="Try", passed=True, tries=tries)] for tries in (1, 9)
    )
    assert learning.progress([], once, stable=True) == learning.progress([], often, stable=True)
    assert learning.progress([], once) != learning.progress([], often)
