"""Renaming globals: scopes, f-strings on every Python, and what is refused."""

from __future__ import annotations

import pytest

from mcp_notebook.handoff.script.fstrings import expressions
from mcp_notebook.handoff.script.renaming import Doubt, renamed
from mcp_notebook.handoff.script.scopes import bound_names

RENAMED = {
    "app = app + 1": "APP = APP + 1",
    "def app(n):\n    return app(n - 1)": "def APP(n):\n    return APP(n - 1)",
    "async  def  app(): ...": "async  def  APP(): ...",
    "@app\ndef f(app=app): return app": "@APP\ndef f(app=APP): return app",
    "def f():\n    app = 1\n    return app": "def f():\n    app = 1\n    return app",
    "def f():\n    global app\n    app = 1": "def f():\n    global APP\n    APP = 1",
    "def f():\n    app = 1\n    def g():\n        nonlocal app\n        app += 1": None,
    "def f():\n    def g():\n        return app\n    return g": (
        "def f():\n    def g():\n        return APP\n    return g"
    ),
    "x = [app for app in app]": "x = [app for app in APP]",
    "x = {k: app for k in app if app}": "x = {k: APP for k in APP if APP}",
    "f = lambda app: app": None,
    "f = lambda n: app(n)": "f = lambda n: APP(n)",
    "x.app = app.app(app=1)": "x.app = APP.app(app=1)",
    "x = f'{app}'": "x = f'{APP}'",
    "é = f'é{app}' + app": "é = f'é{APP}' + APP",
    "x = f'app {{app}} {app!r:>{app}} {d[\"app\"]} {app.app} {app=}'": (
        "x = f'app {{app}} {APP!r:>{APP}} {d[\"app\"]} {APP.app} {APP=}'"
    ),
    "x = f'{app(1)}{app(1)}' 'app {app}' rf'\\{app}'": (
        "x = f'{APP(1)}{APP(1)}' 'app {app}' rf'\\{APP}'"
    ),
    "x = f'''\n{app} {{\n  {\n app(\n 'app') !s}'''": (
        "x = f'''\n{APP} {{\n  {\n APP(\n 'app') !s}'''"
    ),
    "x = f'\\N{EM DASH}{app}\\\\{app}'": "x = f'\\N{EM DASH}{APP}\\\\{APP}'",
    "x = f'{f\"{app}\"}{[app for app in app]}{(lambda: app)()}'": (
        "x = f'{f\"{APP}\"}{[app for app in APP]}{(lambda: APP)()}'"
    ),
    "x = f'{app != 1}{app:%H:%M}'": "x = f'{APP != 1}{APP:%H:%M}'",
    "def f(app):\n    return f'{app}'": None,
    "class C(app):\n    def m(self): return app": "class C(APP):\n    def m(self): return APP",
}


@pytest.mark.parametrize("source", RENAMED)
def test_a_global_is_renamed_wherever_it_stands(source: str) -> None:
    assert renamed(source, {"app": "APP"}, strict=True) == (RENAMED[source] or source)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("class app: ...", "is a class"),
        ("class C:\n    app = 1", "attribute of the class C"),
        ("try: ...\nexcept E as app: ...", "import or a pattern"),
        ("if x:\n    import app", "import or a pattern"),
        ("match x:\n    case [app]: ...", "import or a pattern"),
        ("x = globals()['app']", "text that is looked up"),
        ("def f(x: 'list[app]'): ...", "text that is looked up"),
        ("x: 'app' = 1", "text that is looked up"),
    ],
)
def test_where_it_might_change_something_else_it_is_refused(source: str, why: str) -> None:
    with pytest.raises(Doubt, match=why):
        renamed(source, {"app": "APP"}, strict=True)


def test_the_expressions_of_f_strings_are_found() -> None:
    literal = "f'a{b}{{c}}{d!r}' 'x{y}' fr'{e:{f}}'"
    assert [text for _, text in expressions(literal)] == ["b", "d", "e", "f"]
    assert all(literal[at:].startswith(text) for at, text in expressions(literal))


def test_what_a_statement_binds_is_known() -> None:
    source = """
import a.b, c as d
from e import f as g
with open(x) as h, y as (i, *j): ...
for k in l: m = (n := 1)
o = [p for p in q if (r := p)]
def s(t=(u := 1)):
    global v
    w = 1
try: ...
except E as z: ...
match x:
    case {"a": aa, **bb}: ...
"""
    assert bound_names(source) == {*"adghijkmnorsuvz", "aa", "bb"}
