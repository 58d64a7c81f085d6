"""Text from elsewhere, made fit to be shown."""

from __future__ import annotations

import pytest

from mcp_notebook.show.markup import bundle, code, columns, table
from mcp_notebook.show.text import clean, duration_text, html, lines, size_text, steady
from tests.show.hostile import FORBIDDEN, TEXT, assert_tame


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain äöü 你好", "plain äöü 你好"),
        ("a\nb\r\nc\rd", "a⏎b⏎c⏎d"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\u202eturned", r"\u202eturned"),
        ("a\tb\x00", r"a\tb\x00"),
        ("tag \U000e0041", r"tag \U000e0041"),
        ("half \ud800", r"half \ud800"),
        ("\u2028", r"\u2028"),
        ("wide\u00a0space", "wide space"),
        (7, "7"),
    ],
)
def test_a_line_hides_and_moves_nothing(text: object, expected: str) -> None:
    assert clean(text) == expected


def test_emoji_and_scripts_that_need_joiners_stay_whole() -> None:
    assert clean("👩\u200d🔬 می\u200cخواهم") == "👩\u200d🔬 می\u200cخواهم"


def test_a_long_line_ends_in_an_ellipsis_within_its_limit() -> None:
    assert clean("abcdef", 4) == "abc…"
    assert clean("abcd", 4) == "abcd"
    assert clean("a\r\n" * 50, 6) == "a⏎a⏎a…"
    assert len(clean("\x1b" * 1000, 10)) == 10


def test_several_lines_stay_several() -> None:
    assert lines("a\r\nb\x1b") == "a\nb\\x1b"


def test_html_can_stand_in_an_element_and_in_an_attribute() -> None:
    shown = html(TEXT)

    assert not set("<>\"'") & set(shown)
    assert not set(FORBIDDEN) & set(shown)


def test_pieces_of_html_escape_what_is_not_html_already() -> None:
    made = bundle("x", code(TEXT), table((TEXT, "b"), [(TEXT, code(TEXT))]), TEXT)

    assert_tame(made | {"text/plain": ""})
    assert made["text/html"].count("&lt;script&gt;") == 5


def test_columns_that_are_empty_everywhere_take_no_room() -> None:
    assert columns([("a", "", "bc"), ("abc", "", "d")], indent="  ") == "  a    bc\n  abc  d"


@pytest.mark.parametrize(
    ("n", "expected"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (999_999, "1.0 MB"), (5 * 10**12, "5000.0 GB")],
)
def test_sizes(n: int, expected: str) -> None:
    assert size_text(n) == expected


@pytest.mark.parametrize(
    ("ns", "expected"),
    [(-5, "0 µs"), (340_000, "340 µs"), (2_100_000, "2.1 ms"), (1_250_000_000, "1.25 s")],
)
def test_durations(ns: int, expected: str) -> None:
    assert duration_text(ns) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://127.0.0.1:8000/mcp", "http://127.0.0.1:PORT/mcp"),
        ("[::1]:80 localhost:1", "[::1]:PORT localhost:PORT"),
        ("process 4711, pid=12", "process PID, pid=PID"),
        ("<f at 0x7f12ab34cd56>", "<f at 0xADDRESS>"),
        ("10:30 stays", "10:30 stays"),
    ],
)
def test_what_changes_from_run_to_run_can_be_left_out(text: str, expected: str) -> None:
    assert steady(text) == expected
