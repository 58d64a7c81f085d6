"""What people type around a line: comments, addresses cut short, calls that go on."""

from __future__ import annotations

import pytest

from mcp_notebook.magics import line


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("call add(1);", "call add(1)"),
        ("call add(1) ;  # a comment", "call add(1)"),
        ("status # it's fine", "status"),
        ("status #", "status"),
        ("# nothing but this", ""),
        ("call echo(text='a') #b", "call echo(text='a')"),
        ('call echo(")") # b', 'call echo(")")'),
    ],
)
def test_a_comment_and_a_semicolon_at_the_end_are_dropped(typed: str, meant: str) -> None:
    assert line.bare(typed) == meant


@pytest.mark.parametrize(
    "typed",
    [
        "call echo text='a # b;'",
        'call echo text="it\'s # b"',
        "call echo(text='a # b', more=[1, # two",
        "call echo('it\\'s # b')",
        "call echo {a # b",
        "connect mcp.json#name",
        "flow #12",
        "connect -- sh -c 'a; b'",
        "call echo text=';'",
        "call echo text='open;",
        r"call echo text='C:\\' more=1",
    ],
)
def test_what_belongs_to_the_line_is_kept(typed: str) -> None:
    assert line.bare(typed) == typed


@pytest.mark.parametrize(
    ("behind", "then"),
    [
        (".value", "r.value"),
        (" .exchange", "r.exchange"),
        ("[0]", "r.value[0]"),
        (" + 3", "r.value + 3"),
        ("-3", "r.value -3"),
        (" == 3", "r.value == 3"),
    ],
)
def test_python_behind_a_call_is_told_in_two_steps(behind: str, then: str) -> None:
    assert line.after_call(behind, "add(1)") == f"r = %mcp call add(1), then {then}"


@pytest.mark.parametrize("behind", ["", " ", " --on c", " -h", " b=3", " more"])
def test_options_behind_a_call_are_no_python(behind: str) -> None:
    assert line.after_call(behind, "add(1)") == ""


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("127.0.0.1:8931", "http://127.0.0.1:8931/mcp"),
        ("localhost:8000/mcp", "http://localhost:8000/mcp"),
        ("localhost", "http://localhost/mcp"),
        ("[::1]:8000", "http://[::1]:8000/mcp"),
        ("example.org:80/", "http://example.org:80/"),
        ("module:attr", ""),
        ("server.py", ""),
        ("http://localhost:8000", ""),
        ("unix:8000", ""),
    ],
)
def test_an_address_without_a_scheme_is_recognised(typed: str, meant: str) -> None:
    assert line.as_url(typed) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("python server.py", "%mcp connect -- python server.py"),
        ("python -m server", "%mcp connect -- python -m server"),
        ("server.py now", "%mcp connect -- python server.py now"),
        ("sh -c true", "%mcp connect -- sh -c true"),
        ("server.py --era legacy", ""),
        ("server.py", ""),
        ("notebook more", ""),
        ("--as python server.py", ""),
    ],
)
def test_a_command_without_dashes_is_recognised(typed: str, meant: str) -> None:
    assert line.as_command(typed.split()) == meant


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("http://ada:pw@localhost/mcp", "password"),
        ("http://localhost/mcp?api_key=abc&x=1", "api_key"),
        ("http://localhost/mcp?page=1", ""),
        ("http://ada@localhost/mcp", ""),
        ("http://[", ""),
        ("server.py", ""),
    ],
)
def test_a_secret_in_a_url_is_found(url: str, part: str) -> None:
    assert line.secret_in(url) == part
