"""No secret is written: not from a constant, the inside of a text, a default, a comment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import pytest

from tests.handoff.reach.stage import Stage, alone, called, source_of

LIVE = "sk-live-1234567890abcdefghij"


@dataclass(frozen=True, kw_only=True)
class Hidden:
    """Cells with a secret.

    Attributes:
        cells: the cells.
        secret: what must not be in the file.
        variables: the variables that the server takes.
        stays: what must be in the file as it was.
    """

    cells: list[str]
    secret: str
    variables: list[str]
    stays: list[str] = field(default_factory=list)


def tool(body: str) -> str:
    return f"%%mcp tool\ndef t() -> str:\n    return str({body})"


HIDDEN = {
    "constant": Hidden(
        cells=[f"API_KEY = {LIVE!r}", tool("len(API_KEY)")], secret=LIVE, variables=["API_KEY"]
    ),
    "short_password": Hidden(
        cells=["password: str = 'hunter2'", tool("password")],
        secret="hunter2",
        variables=["PASSWORD"],
    ),
    "shape_under_any_name": Hidden(
        cells=[f"x = {LIVE!r}", tool("x")], secret=LIVE, variables=["X"]
    ),
    "formatted_text": Hidden(
        cells=[f'url = f"https://host/?api_key={LIVE}&page={{2 + 1}}"', tool("url")],
        secret=LIVE,
        variables=["API_KEY"],
        stays=["&page={2 + 1}"],
    ),
    "header": Hidden(
        cells=[
            "HEADERS = {'Authorization': 'Bearer abcdef123456', 'Accept': 'text/html'}",
            tool("HEADERS"),
        ],
        secret="abcdef123456",
        variables=["AUTHORIZATION"],
        stays=["'Accept': 'text/html'"],
    ),
    "keyword": Hidden(
        cells=[tool("dict(user='me', password='s3cret-pw')")],
        secret="s3cret-pw",
        variables=["PASSWORD"],
        stays=["user='me'"],
    ),
    "default": Hidden(
        cells=["def login(token='tok_12345678'):\n    return token", tool("login()")],
        secret="tok_12345678",
        variables=["TOKEN"],
    ),
    "comparison": Hidden(
        cells=["def check(token):\n    return token == 'tok_12345678'", tool("check('x')")],
        secret="tok_12345678",
        variables=["TOKEN"],
    ),
    "address_with_password": Hidden(
        cells=["DATABASE_URL = 'postgres://me:pw12345@host/db'", tool("DATABASE_URL")],
        secret="pw12345",
        variables=["DATABASE_URL"],
    ),
    "fallback": Hidden(
        cells=[
            "import os\nAPI_KEY = os.environ.get('NOT_SET_KEY', 'hunter2hunter2')",
            tool("API_KEY"),
        ],
        secret="hunter2hunter2",
        variables=["NOT_SET_KEY"],
    ),
    "worked_out": Hidden(
        cells=["API_KEY = ''.join(reversed('2retnuh-yek'))", tool("API_KEY")],
        secret="key-hunter2",
        variables=["API_KEY"],
    ),
    "asked_for": Hidden(
        cells=["def getpass():\n    return 'typed-by-hand'", "k = getpass()", tool("k")],
        secret="typed-by-hand",
        variables=["K"],
    ),
    "same_value_elsewhere": Hidden(
        cells=[f"API_KEY = {LIVE!r}", tool(f"'key is {LIVE}!' + API_KEY")],
        secret=LIVE,
        variables=["API_KEY"],
    ),
    "comment": Hidden(
        cells=[f"# was {LIVE}\nLIMIT = 3  # token = 'tok_12345678'", tool("LIMIT")],
        secret=LIVE,
        variables=[],
        stays=["# was ***", "token = ***"],
    ),
    "bytes": Hidden(
        cells=["SECRET_KEY = b'hunter2hunter2'", tool("SECRET_KEY")],
        secret="hunter2hunter2",
        variables=["SECRET_KEY"],
    ),
    "list": Hidden(
        cells=["API_KEYS = ['first-key-1', 'second-key-2']", tool("API_KEYS")],
        secret="second-key-2",
        variables=["API_KEYS", "API_KEYS_2"],
    ),
    "harmless": Hidden(
        cells=[
            "TOKEN_URL = 'https://host/token'\nPRIMARY_KEY = 'id'\nPAD_TOKEN = '<pad>'\n"
            "KEY_FILE = 'key.pem'\ntoken = ''\nMAX_TOKENS = 500\nAUTHOR = 'somebody'",
            tool("[TOKEN_URL, PRIMARY_KEY, PAD_TOKEN, token, MAX_TOKENS, AUTHOR]"),
        ],
        secret="environ",
        variables=[],
    ),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_a_secret_becomes_a_variable(
    stage: Stage, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = HIDDEN[name]
    stage.run(*hidden.cells)
    selection = stage.gather()
    source = source_of(selection)
    assert not selection.obstacles
    assert hidden.secret not in source
    assert hidden.secret not in repr(selection.variables) + repr(selection.remarks)
    assert [v.name for v in selection.variables] == hidden.variables
    for text in hidden.stays:
        assert text in source
    for variable in selection.variables:
        assert variable.secret
        monkeypatch.setenv(variable.name, variable.value)
    assert called(alone(selection), ["t()"]) == called(stage.names, ["t()"])
    if hidden.variables:
        assert any(hidden.variables[0] in remark for remark in selection.remarks)


def test_a_secret_in_a_docstring_is_refused(stage: Stage) -> None:
    stage.run(f'%%mcp tool\ndef t() -> str:\n    """Uses {LIVE}."""\n    return ""')
    (obstacle,) = stage.gather().obstacles
    assert "docstring" in obstacle.reason
    assert LIVE not in repr(obstacle)


def test_what_a_cell_put_into_the_environment(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "")
    monkeypatch.setenv("SHOP_REGION", "")
    stage.run(
        "import os\nos.environ['SHOP_TOKEN'] = 'abc-12345-def'\nos.environ['SHOP_REGION'] = 'eu'",
        tool("os.environ['SHOP_TOKEN'] + os.environ['SHOP_REGION']"),
    )
    selection = stage.gather()
    assert "abc-12345-def" not in source_of(selection)
    assert [(v.name, v.secret) for v in selection.variables] == [("SHOP_TOKEN", True)]
    monkeypatch.setenv("SHOP_TOKEN", "abc-12345-def")
    monkeypatch.delenv("SHOP_REGION")
    assert called(alone(selection), ["t()"]) == ["'abc-12345-defeu'"]
    assert os.environ.pop("SHOP_REGION") == "eu"


@pytest.mark.parametrize("name", [".env", "credentials.json", "server.pem"])
def test_a_file_of_secrets_is_not_shipped(stage: Stage, name: str) -> None:
    (stage.folder / name).write_text("x")
    stage.run(f"%%mcp tool\ndef t() -> str:\n    return open({name!r}).read()")
    selection = stage.gather()
    assert [o.part for o in selection.obstacles] == ["t"]
    assert PurePosixPath(name) not in {f.path for f in selection.files}


def test_a_file_that_shows_a_secret_is_not_shipped(stage: Stage) -> None:
    (stage.folder / "settings.json").write_text(f'{{"key": "{LIVE}"}}')
    stage.run("%%mcp tool\ndef t() -> str:\n    return open('settings.json').read()")
    (obstacle,) = stage.gather().obstacles
    assert "settings.json" in obstacle.reason
    assert LIVE not in repr(obstacle)


def test_a_reason_shows_no_secret(stage: Stage) -> None:
    stage.run(
        "API_KEY = 'first-hunter2-key'",
        "def h(key=API_KEY):\n    return key",
        "API_KEY = 'second-hunter2-key'",
        tool("h()"),
    )
    (obstacle,) = stage.gather().obstacles
    assert "the default API_KEY was" in obstacle.reason
    assert "hunter2" not in repr(obstacle)


def test_a_secret_is_not_frozen_into_a_file(stage: Stage) -> None:
    stage.run(f"value = {{'x': {LIVE!r}}}", tool("value"))
    selection = stage.gather(freeze={"value": "value.json"})
    assert not selection.files
    (obstacle,) = selection.obstacles
    assert "holds what looks like a secret" in obstacle.reason


def test_a_secret_default_of_a_tool_is_told_to_every_client_and_refused(stage: Stage) -> None:
    stage.run(f"%%mcp tool\ndef t(token: str = {LIVE!r}) -> str:\n    return token")
    (obstacle,) = stage.gather().obstacles
    assert obstacle.through == ("t", "token")
    assert LIVE not in repr(obstacle)


def test_a_secret_given_to_a_constructor_is_named_after_the_object(stage: Stage) -> None:
    stage.run(
        "class Client:\n    def __init__(self, given: str) -> None:\n        self.key = given",
        "client = Client('sk-live-0123456789abcdefghij')",
        "%%mcp tool\ndef t() -> int:\n    return len(client.key)",
    )
    selection = stage.gather()
    assert [(one.name, one.stands_for) for one in selection.variables] == [
        ("CLIENT_SECRET", "secret in client")
    ]
    assert "os.environ['CLIENT_SECRET']" in source_of(selection)
