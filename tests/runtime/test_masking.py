"""Secrets of a command line and of a token that is none."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from mcp_notebook.errors import ConnectError, UsageError
from mcp_notebook.runtime.masking import argv_secrets, masked
from mcp_notebook.runtime.workbench import Workbench


def test_options_that_sound_secret_give_their_values_away() -> None:
    argv = [
        "srv",
        "--token",
        "abc123",
        "--api-key=k-9",
        "--verbose",
        "--auth-token",
        "--port",
        "80",
    ]
    assert argv_secrets(argv) == ["abc123", "k-9"]
    assert argv_secrets([]) == []


@pytest.mark.parametrize(
    ("argv", "secret"),
    [
        (["cmd", "postgresql://bob:s3cretpw99@h/db"], "s3cretpw99"),
        (["npx", "mcp-remote", "https://a.example/mcp?token=abcdefghijk123456"],
         "abcdefghijk123456"),
        (["mcp-remote", "--header", "Authorization: Bearer abcdefghijklmnop1234"],
         "abcdefghijklmnop1234"),
        (["cmd", "sk-proj-abcdefghijklmnopqrstuvwx0123456789"],
         "sk-proj-abcdefghijklmnopqrstuvwx0123456789"),
    ],
)  # fmt: skip
def test_a_secret_is_found_by_its_place_or_shape(argv: list[str], secret: str) -> None:
    assert secret not in masked(" ".join(argv), argv_secrets(argv))


@pytest.mark.parametrize(
    "argv",
    [
        [
            "python",
            "-m",
            "mcp_notebook.bridge",
            "notebook-bridge",
            "--kernel",
            "token.ipynb",
        ],
        ["npx", "-y", "@modelcontextprotocol/server-everything", "stdio"],
        ["uv", "run", "--with", "x==1.0", "server.py", "http://127.0.0.1:8000/mcp?mode=plain"],
    ],
)
def test_a_harmless_command_line_stays_as_it_is(argv: list[str]) -> None:
    assert argv_secrets(argv) == []


def test_the_longest_secret_is_masked_first() -> None:
    assert masked("x abcdef abc", ["abc", "abcdef"]) == "x *** ***"


def test_a_secret_of_a_command_is_in_no_error_and_not_in_the_trace() -> None:
    secret = "sk-very-secret-1234"
    with Workbench() as bench:
        argv = [
            sys.executable,
            "-c",
            "import sys; sys.exit(sys.argv[1])",
            secret,
            "--token",
            "tok-987654",
        ]
        with pytest.raises(ConnectError) as caught:
            bench.connect(argv, secrets=[secret])
        told = f"{caught.value} {bench.why()}"
        shown = [str(event) for event in bench.trace.redacted()]
    assert "***" in told
    for planted in (secret, "tok-987654"):
        assert planted not in told
        assert not [line for line in shown if planted in line]


@pytest.mark.parametrize("token", ["", "  ", 5])
def test_a_token_that_protects_nothing_is_refused(token: Any) -> None:
    with Workbench() as bench:
        with pytest.raises(UsageError, match="token is empty"):
            bench.serve(token=token)
        assert not bench.endpoints


def test_a_closed_workbench_says_so() -> None:
    bench = Workbench()
    bench.close()
    with pytest.raises(UsageError, match="closed"):
        bench.serve(transport="memory")
    with pytest.raises(UsageError, match="closed"):
        bench.connect([sys.executable, "x.py"])
    assert not bench.loop.running


def test_a_failed_connect_does_not_cost_the_old_connection() -> None:
    with Workbench() as bench:
        bench.tool(lambda: 1, name="one")
        bench.connect(bench.serve(transport="memory"), name="x")
        with pytest.raises(ConnectError):
            bench.connect(["no-such-program-anywhere"], name="x")
        assert bench.connection("x").call("one").text == "1"
