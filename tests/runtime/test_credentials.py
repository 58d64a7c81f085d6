"""Which names sound like secrets, and which values are masked."""

from __future__ import annotations

import pytest

from mcp_notebook.runtime.credentials import secret_values, sounds_secret


@pytest.mark.parametrize(
    "name",
    [
        "API_KEY", "OPENAI_API_KEY", "apiKey", "X-Api-Key", "Authorization", "Cookie", "Set-Cookie",
        "GITHUB_TOKEN", "clientSecret", "PGPASSWORD", "db_passwd", "MYSQL_PWD", "APIKEY", "token",
        "AWS_SECRET_ACCESS_KEY", "X-Auth-Token", "GOOGLE_CREDENTIALS", "DB_PASS", "AUTHTOKEN",
    ],
)  # fmt: skip
def test_a_name_that_holds_a_credential_is_known(name: str) -> None:
    assert sounds_secret(name)


@pytest.mark.parametrize(
    "name",
    ["TOKENIZERS_PARALLELISM", "AUTHOR", "MONKEY", "KEYBOARD", "COMPASS", "PATH", "Accept", "LANG"],
)
def test_a_name_that_only_holds_the_letters_is_not(name: str) -> None:
    assert not sounds_secret(name)


def test_switches_numbers_and_short_words_are_not_masked() -> None:
    named = {
        "API_KEY": "true",
        "MAX_TOKENS": "100000",
        "KEY": "abc",
        "SECRET": "0.25",
        "PATH": "/x",
    }
    assert secret_values(named) == []


def test_what_follows_the_scheme_is_a_secret_too() -> None:
    assert secret_values({"Authorization": "Bearer abcdefgh"}) == ["Bearer abcdefgh", "abcdefgh"]
