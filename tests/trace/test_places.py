"""The prefilter says "nothing here" only where no rule finds anything."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_notebook.trace import places
from mcp_notebook.trace.places import find

WORDS = st.sampled_from(
    [
        *("Authorization", "authorization", "X-API-Key", "set-cookie", "X-Auth-Me", "sessionKey"),
        *("password", "PassPhrase", "pa\\u0073sword", "progressToken", "requestState", "id_token"),
        *("sig", "pwd", "code", "to%6ben", "state", "client_secret", "private-key", "PRIVATE KEY"),
        *("sk-abcdefgh12", "ghp_abcdefghijklmnop1234", "AKIAIOSFODNN7EXAMPLE", "xoxb-1234-abcd"),
        *("eyJhbGciOi.eyJzdWIi.c2ln", "Bearer abc123", "basic YTpiYzE=", "hf_" + "a1" * 12),
        *("-----BEGIN RSA PRIVATE KEY-----", "-----END", "AIza" + "x" * 32, "ya29." + "y" * 20),
        *("pypi-" + "z" * 32, "npm_" + "q" * 30, "glpat-" + "w" * 16, "--token", "-pass"),
        *("https://", "al:pw@", "host", "value1", "12.5", "null", "[", "]", "{", "}", "\\", '"'),
        *("'", ":", "=", " ", "?", "&", ";", ",", "\n", "\r\n", "\\u0026", '\\"', "/", "*"),
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(WORDS, max_size=14), st.booleans(), st.booleans())
def test_the_prefilter_loses_nothing(words: list[str], head: bool, prose: bool) -> None:
    data = "".join(words).encode()
    header = places._HEADER if head else places._HEADER_ELSEWHERE
    rules = [
        *places._headers(data, header),
        *places._urls(data),
        *places._members(data),
        *places._shapes(data),
        *(places._prose(data) if prose else ()),
    ]

    assert list(find(data, head=head, prose=prose)) == rules


@pytest.mark.parametrize("line", [b"Cookie: a\n", b'"password":\n', b"-----BEGIN PRIVATE KEY-----"])
def test_a_place_that_began_may_go_on_in_the_next_line(line: bytes) -> None:
    assert places.goes_on(line)
    assert not places.goes_on(b"listening on port 8000\n")
