"""``%%mcp claim``, ``%mcp guess``, ``progress``, ``check`` and ``hint`` in a real kernel."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.rigs.kernel import KernelRig

pytestmark = pytest.mark.kernel

EMPTY = "# Exercise 98.1: give the bytes that travel\ndef frame(message):\n    ..."
RIGHT = (
    "# Exercise 98.1: give the bytes\nimport json\n"
    'def frame(message):\n    return json.dumps(message).encode() + b"\\n"'
)
CLAIM = "S1: A message on a pipe is one line."


def kept(lesson: KernelRig) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(
        (lesson.cwd / ".mcp_progress.json").read_text(encoding="utf-8")
    )
    return data


def test_a_claim_that_holds_shows_what_was_guessed_and_measured(lesson: KernelRig) -> None:
    lesson.run("%mcp guess s1 YES").check()
    result = lesson.run("%%mcp claim S1\nn = 3\nassert n == 3\nf'{n} lines'").check()

    assert result.result is not None
    for word in ("A message on a pipe", "yes, nearly", "3 lines", "true with conditions"):
        assert word in result.result["text/plain"]
        assert word in result.result["text/html"]
    assert lesson.value("n") == 3  # it ran in the notebook's namespace
    assert kept(lesson)["claims"]["S1"] == {
        "guess": "yes",
        "outcome": "held",
        "measured": "3 lines",
    }


def test_a_claim_whose_program_is_missing_says_what_to_install_and_the_run_goes_on(
    lesson: KernelRig,
) -> None:
    lesson.run("from mcp_notebook.bench import programs").check()
    cell = "%%mcp claim S1\nprogram = 'nginx'\nprograms.find_program(program)"
    lesson.run("import os; path = os.environ['PATH']; os.environ['PATH'] = '/nowhere'").check()
    lesson.run("known, programs._SYSTEM_FOLDERS = programs._SYSTEM_FOLDERS, ()").check()

    shown = lesson.run(cell).check().text

    assert "not measured here" in shown
    assert "nginx is not here. To see this: apt install nginx-light" in shown
    assert kept(lesson)["claims"]["S1"]["outcome"] == "missing"
    assert "0 of 1 claim measured" in lesson.run("%mcp progress 98").check().text
    lesson.run("%%mcp claim S1\n'measured elsewhere'").check()
    lesson.run(cell).check()
    assert kept(lesson)["claims"]["S1"]["measured"] == "measured elsewhere"
    lesson.run("os.environ['PATH'], programs._SYSTEM_FOLDERS = path, known").check()


@pytest.mark.parametrize("awaits", ["", "import asyncio\nawait asyncio.sleep(0)\n"])
def test_a_claim_that_fails_stops_run_all_and_shows_the_readers_line(
    lesson: KernelRig, awaits: str
) -> None:
    result = lesson.run(f"%%mcp claim S1\n{awaits}def look():\n    assert 1 == 2, 'no'\nlook()")

    assert (result.status, result.ename) == ("error", "AssertionError")
    assert f"line {5 if awaits else 3}, in look()" in result.traceback
    assert "mcp_notebook" not in result.traceback
    assert "asyncio/" not in result.traceback
    assert kept(lesson)["claims"]["S1"]["outcome"] == "failed"
    assert "not shown: AssertionError: no" in lesson.run("%mcp progress").check().text


def test_a_claim_awaits_on_a_loop_of_its_own_and_is_interrupted(lesson: KernelRig) -> None:
    shown = lesson.run("%%mcp claim S1\nimport asyncio\nx = await asyncio.sleep(0, 5)\nx").check()
    assert "5" in shown.text
    assert lesson.value("x") == 5

    cell = lesson.start(
        "%%mcp claim S1\nimport asyncio\n"
        "try:\n    print('asleep', flush=True)\n    await asyncio.sleep(60)\n"
        "finally:\n    ended = True"
    )
    cell.wait_for_text("asleep")
    lesson.interrupt()
    assert cell.wait().ename == "KeyboardInterrupt"
    assert lesson.value("ended") is True


def test_a_claim_that_is_no_python_measures_nothing(lesson: KernelRig) -> None:
    result = lesson.run("%%mcp claim S1\n1 +")
    assert "SyntaxError" in result.traceback
    assert not (lesson.cwd / ".mcp_progress.json").exists()


def test_a_secret_that_the_trace_knows_is_not_kept(lesson: KernelRig) -> None:
    lesson.run(
        "w = get_ipython().magics_manager.registry['MCPMagics'].workbench\n"
        "_ = w.trace.secrets.add('tops3cret')"
    ).check()
    result = lesson.run("%%mcp claim S1\n'it is tops3cret'").check()

    assert "tops3cret" not in result.text
    assert "tops3cret" not in json.dumps(kept(lesson))


def test_a_guess_without_one_asks(lesson: KernelRig) -> None:
    shown = lesson.run("%mcp guess S1").check().text
    assert shown == f"{CLAIM}\nWhat do you think? %mcp guess S1 yes|no|depends|unsure"


def test_progress_survives_a_restart_and_becomes_a_page(lesson: KernelRig) -> None:
    lesson.run("%mcp guess S1 no").check()
    lesson.run("%%mcp claim S1\n'<b>bold</b>'").check()
    lesson.run("%mcp check 98.1")
    lesson.restart()
    lesson.run("%load_ext mcp_notebook\nimport checks98").check()

    shown = lesson.run("t = %mcp progress 98 --html page.html\nt").check()
    page = (lesson.cwd / "page.html").read_text(encoding="utf-8")
    lesson.run("%mcp progress 98 --html").check()
    assert (lesson.cwd / "progress.html").read_text(encoding="utf-8") == page

    assert "no, wrong" in shown.text
    assert "1 of 1 claim measured; 0 of 1 guessed right" in shown.text
    assert "98.1  Frame a message  not yet" in shown.text
    assert shown.result is not None
    for made in (shown.result["text/html"], page):
        assert "&lt;b&gt;bold" in made
        assert "<b>" not in made
        assert "<script" not in made
    assert "Articles 000, 002" in page
    assert "those of the articles in lessons/README.md" in page


def test_a_damaged_progress_file_is_put_aside_and_said(lesson: KernelRig) -> None:
    (lesson.cwd / ".mcp_progress.json").write_text("{", encoding="utf-8")
    shown = lesson.run("%mcp progress 98").check().text
    assert ".mcp_progress.json.damaged" in shown


def test_a_check_is_a_verdict_and_never_an_error(lesson: KernelRig) -> None:
    lesson.run(EMPTY).check()
    untouched = lesson.run("%mcp check 98.1").check()
    assert "98.1 Frame a message: not yet" in untouched.text
    assert "Hint: Write the body of frame." in untouched.text

    lesson.run("def frame(message):\n    raise ValueError('x')").check()
    assert "raised ValueError: x" in lesson.run("%mcp check 98.1").check().text

    lesson.run(RIGHT).check()
    result = lesson.run("v = %mcp check 98.1\nassert v.passed and v\nv").check()
    assert "98.1 Frame a message: passed" in result.text
    assert kept(lesson)["exercises"]["98.1"] == {"passed": True, "tries": 3}


def test_hints_come_one_after_the_other_and_the_solution_at_last(lesson: KernelRig) -> None:
    told = [lesson.run("%mcp hint 98.1").check().text for _ in range(3)]
    assert "Hint 1 of 2" in told[0]
    assert "makes no line end" in told[1]
    assert told[1] == told[2]
    assert 'b"\\n"' in lesson.run("%mcp hint 98.1 --solution").check().text

    locked = lesson.cwd / "solutions.locked"
    (lesson.cwd / "solutions").rename(locked)
    try:
        away = lesson.run("%mcp hint 98.1 --solution")
    finally:
        locked.rename(lesson.cwd / "solutions")
    assert away.ename == "UsageError"
    assert "locked away" in away.traceback


def test_a_check_sees_what_the_cell_of_its_exercise_sent(lesson: KernelRig) -> None:
    lesson.run(
        "from mcp_notebook.learn.exercise import exercise\n"
        "from mcp_notebook.learn.verdict import Verdict\n"
        "@exercise('98.2', title='Call', hints=('Call it.',))\n"
        "def called(attempt):\n"
        "    tools = [e.tool for e in attempt.exchanges() if e.tool]\n"
        "    return Verdict(tools == ['add'], f'{tools} {attempt.source[:15]}')"
    ).check()
    lesson.run("%%mcp tool\ndef add(a: int) -> int:\n    'Add.'\n    return a").check()
    lesson.run("%mcp call add(1)").check()
    lesson.run("# Exercise 98.2: call it once\n%mcp call add(2)").check()

    shown = lesson.run("%mcp check 98.2").check().text
    assert "98.2 Call: passed" in shown
    assert "['add'] # Exercise 98.2" in shown
    assert lesson.run("%mcp check 98.2").check().text == shown  # looking again changes nothing


WRONG_LINES = [
    ("%%mcp claim\n1", ("SNN is missing", "Usage: %%mcp claim")),
    ("%%mcp claim S2\n1", ("there is no claim S2", "Lesson 98 has S1")),
    ("%%mcp claim S1", ("the cell asserts nothing",)),
    ("%mcp claim S1", ("is for whole cells", "%%mcp claim")),
    ("%mcp guess S1 maybe", ("'maybe' is no guess", "yes, no, depends, unsure")),
    ("%mcp guess", ("SNN is missing",)),
    ("%mcp progress 5", ("lesson 05 has no claims", "Lesson 98 has S1")),
    ("%mcp progress --html no/where.html", ("cannot be written", "Choose another path")),
    ("%mcp check 98.9", ("no exercise 98.9", "Lesson 98 has 98.1")),
    ("%mcp check", ("NN.K is missing",)),
    ("%mcp hint 1", ("'1' is no exercise", "01.3")),
    ("%%mcp check 98.1\n1", ("is for one line",)),
]


@pytest.mark.parametrize(("line", "words"), WRONG_LINES, ids=[line for line, _ in WRONG_LINES])
def test_a_wrong_line_is_one_line_that_says_what_to_type(
    lesson: KernelRig, line: str, words: tuple[str, ...]
) -> None:
    result = lesson.run(line)

    assert (result.status, result.ename) == ("error", "UsageError")
    assert len(result.traceback.strip().split("\n")) == 1
    for word in words:
        assert word in result.traceback


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("%%mcp claim ", ["S1"]),
        ("%mcp guess S1 ", ["depends", "no", "unsure", "yes"]),
        ("%mcp guess ", ["S1"]),
        ("%mcp progress ", ["98"]),
        ("%mcp check 9", ["98.1"]),
        ("%mcp hint 98.1 --s", ["--solution"]),
    ],
)
def test_ids_are_completed(lesson: KernelRig, typed: str, offered: list[str]) -> None:
    lesson.run(EMPTY).check()
    assert [m for m in sorted(lesson.complete(typed)["matches"]) if m != "98.2"] == offered
