"""Constants and state: the statement that gives the value that is there, or the value itself."""

from __future__ import annotations

import ast
import contextlib
import enum
import pathlib
from collections.abc import Iterator
from typing import Any

from .cells import Statement
from .names import root
from .node import Node, Piece, Trouble, piece_of
from .notebook import Notebook
from .pure import PLAIN, UnsureError, replay, same
from .written import NotWritableError, literal, numpy_number, written


def data_of(name: str, value: Any, notebook: Notebook) -> Node | None:
    """What gives a plain value; None where the value is no plain one."""
    if not numpy_number(value) and not (isinstance(value, PLAIN) and _plain_type(value)):
        return None
    try:
        return _data_of(name, value, notebook)
    except RecursionError:
        return Node(
            trouble=Trouble(
                reason=f"{name} holds itself, or is nested too deep to be followed",
                ways=(f"--replace {name}=EXPRESSION that makes it",),
            )
        )


def _data_of(name: str, value: Any, notebook: Notebook) -> Node:
    found = _by_statements(name, value, notebook)
    if found is not None:
        return found
    filled = _registered(name, value, notebook)
    if filled is not None:
        return filled
    changers = notebook.history.changers(name, notebook.reached)
    if changers:
        state = _state(name, value, changers, notebook)
        if state is not None:
            return state
    return _as_it_is(name, value, changers, notebook)


def _plain_type(value: Any) -> bool:
    """Whether it is of such a type itself: a class of one's own on top of ``dict`` is more."""
    return type(value) in PLAIN or isinstance(value, enum.Enum | pathlib.PurePath)


def _by_statements(name: str, value: Any, notebook: Notebook) -> Node | None:
    """The statements, where working them out gives the value."""
    for statement in notebook.history.bindings(name):
        chain = notebook.history.chain(name, statement)
        if _whole_import(statement, name, notebook):
            return Node(pieces=(piece_of(statement),))
        if statement.whole and _in_passing(statement, name):
            return None
        try:
            again = replay([s.node for s in chain], name, notebook.names)
        except UnsureError:
            again = value if _reads_environment(statement) and len(chain) == 1 else None
        if same(again, value) and _same_holder(statement, value, notebook):
            return Node(pieces=tuple(piece_of(s) for s in chain))
        if statement.whole:
            return None
    return None


def _in_passing(statement: Statement, name: str) -> bool:
    """Whether a loop or the like binds a name among others, which it would all do again."""
    compound = ast.For | ast.AsyncFor | ast.While | ast.With | ast.AsyncWith | ast.If | ast.Match
    return isinstance(statement.node, compound) and bool(
        (statement.binds | statement.changes) - {name}
    )


def _whole_import(statement: Statement, name: str, notebook: Notebook) -> bool:
    """``try: import x`` with ``x = None`` where it is missing: what it gave, it gives again."""
    return isinstance(statement.node, ast.Try) and any(
        isinstance(inner, ast.Import | ast.ImportFrom) for inner in ast.walk(statement.node)
    )


def _same_holder(statement: Statement, value: Any, notebook: Notebook) -> bool:
    """``B = A`` is one list with two names: so it has to stay."""
    node = statement.node
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
        return isinstance(value, str | int | float | tuple) or (
            notebook.names.get(node.value.id) is value
        )
    return True


def reads_environment(node: ast.AST) -> bool:
    """Whether an expression takes something from the environment of the process."""
    text = ast.unparse(node)
    return "environ" in text or "getenv(" in text


def _reads_environment(statement: Statement) -> bool:
    """``KEY = os.environ["KEY"]`` and nothing else: it is read where the server runs."""
    node = statement.node
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return False
    calls = [n for n in ast.walk(node.value) if isinstance(n, ast.Call)]
    wrapped = {"int", "float", "bool", "str"}
    known = all(
        reads_environment(call) or (isinstance(call.func, ast.Name) and call.func.id in wrapped)
        for call in calls
    )
    return known and reads_environment(node.value)


# ---- state ---------------------------------------------------------------------------------------


def _state(name: str, value: Any, changers: list[str], notebook: Notebook) -> Node | None:
    """The statement a state began with: tools change it, and a server begins anew."""
    statement = notebook.history.newest(name)
    if statement is None:
        return None
    chain = notebook.history.chain(name, statement)
    try:
        replay([s.node for s in chain], name, notebook.names)
    except UnsureError:
        chain = chain[:1]
        try:
            replay([s.node for s in chain], name, notebook.names)
        except UnsureError:
            return None
    if _objects_in(value):
        return None
    return Node(
        pieces=tuple(piece_of(s) for s in chain),
        remarks=(
            f"{name} is changed by {', '.join(changers)}: the server starts with what"
            f" {statement.where} gave it, not with what it holds now"
            f" (--replace {name}=... to start with something else).",
        ),
    )


def _registered(name: str, value: Any, notebook: Notebook) -> Node | None:
    """A container that decorators fill: how it began, and the definitions that they put into it.

    Returns:
        None where something is in it that no decorator has put there.
    """
    inside = _objects_in(value)
    statement = notebook.history.newest(name)
    if not inside or statement is None:
        return None
    registrars = notebook.history.changers(name, set(notebook.names))
    found = []
    for one in inside:
        made = notebook.history.newest(notebook.known(one) or "")
        decorators = getattr(made.node, "decorator_list", []) if made is not None else []
        if made is None or not any(root(d) in registrars for d in decorators):
            return None
        found.append(made)
    registering = sorted(dict.fromkeys(found), key=lambda s: s.place)
    return Node(pieces=tuple(piece_of(s) for s in [statement, *registering]))


def _objects_in(value: Any) -> list[Any]:
    """What is in a container and is no plain value: functions, classes, objects."""
    if not isinstance(value, list | dict | set | tuple):
        return []
    return [v for v in _all_in(value) if not literal(v) and not isinstance(v, PLAIN)]


def _all_in(value: Any) -> Iterator[Any]:
    """What is in a container, and in the containers in it."""
    for one in value.values() if isinstance(value, dict) else value:
        if isinstance(one, list | dict | set | tuple):
            yield from _all_in(one)
        else:
            yield one


def _as_it_is(name: str, value: Any, changers: list[str], notebook: Notebook) -> Node:
    """The value that is there, written down."""
    statement = notebook.history.newest(name)
    if changers and statement is not None:
        return Node(trouble=_unknown_begin(name, statement, changers))
    try:
        found = written(value, lambda v: notebook.known(v, name), module=notebook.module)
    except NotWritableError as error:
        return Node(trouble=_unwritten(name, value, str(error)))
    for place in (notebook.folder.resolve(), pathlib.Path.home()):
        if len(place.parts) > 1 and str(place) in found.text:
            return Node(trouble=_of_this_machine(name, place))
    return Node(
        imports=tuple(sorted(notebook.import_line(m) for m in found.imports)),
        modules=tuple(sorted(found.imports)),
        pieces=(
            Piece(
                binds=(name,),
                source=f"{name} = {found.text}",
                place=statement.place if statement is not None else 0,
                eager=frozenset(found.names),
            ),
        ),
        remarks=(_why_as_it_is(name, statement, changers),),
    )


def _why_as_it_is(name: str, statement: Statement | None, changers: list[str]) -> str:
    if statement is None:
        return f"No statement in a cell binds {name}: it is written as the value it has now."
    if changers:
        return (
            f"{name} is changed by {', '.join(changers)}, and how it began cannot be told: it is"
            " written as the value it has now."
        )
    node = statement.node
    value = getattr(node, "value", None)
    literally = False
    if isinstance(value, ast.expr) and isinstance(node, ast.Assign | ast.AnnAssign):
        with contextlib.suppress(ValueError):
            ast.literal_eval(value)
            literally = True
    if not literally:
        return (
            f"{name} was worked out in {statement.where}: it is written as the value it has"
            f" now (--replace {name}=... to work it out anew)."
        )
    return f"{name} is not what {statement.where} gave it: it is written as the value it has now."


def _unknown_begin(name: str, statement: Statement, changers: list[str]) -> Trouble:
    by = ", ".join(changers)
    return Trouble(
        reason=f"it is changed by {by}, and what {statement.where} gave it cannot be told any more",
        ways=(f"--freeze {name}={name.lower()}.json", f"--replace {name}=EXPRESSION"),
    )


def _of_this_machine(name: str, place: pathlib.Path) -> Trouble:
    return Trouble(
        reason=f"{name} holds {place}, a folder of this machine",
        ways=(
            "name files by a path relative to the notebook, and run the cell again",
            f"--env {name}={name.upper()}",
        ),
    )


def _unwritten(name: str, value: Any, why: str) -> Trouble:
    suffix = "json"
    return Trouble(
        reason=f"{name} is a {type(value).__name__}, and {why}",
        ways=(f"--freeze {name}={name.lower()}.{suffix}", f"--replace {name}=EXPRESSION"),
    )
