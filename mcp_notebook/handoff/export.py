"""``%mcp export``: what leaves the notebook is gathered, written, and proven."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace as changed
from pathlib import Path, PurePosixPath
from typing import Any, Final

from mcp_notebook.errors import McpError, UsageError
from mcp_notebook.runtime.server import NotebookServer
from mcp_notebook.runtime.workbench import Workbench

from .catalogue import Catalogue
from .contract import Kept, contract_file
from .folder import Folder, script_path, write_new
from .proof.environment import Environment, declared, environment
from .proof.proof import Plan, Proof, offered, plan_calls, prove
from .proof.recorded import Call
from .proof.stand import Subject
from .proof.testfile import as_test
from .reach import Cells, gather
from .report import Export, Report
from .script import script
from .selection import Selection, Variable

EXTRAS: Final = ("websocket", "redis")

Told = Callable[[int, int | None, str], None]
"""Told how much is done, of how much where that is known, and what comes next."""


def export(
    workbench: Workbench,
    server: str | NotebookServer | None = None,
    *,
    path: str | None = None,
    names: dict[str, Any] | None = None,
    cells: Cells | None = None,
    package: bool = False,
    docker: bool = False,
    extras: Collection[str] = (),
    freeze: Mapping[str, str] | None = None,
    replace: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    replay: Sequence[str] = (),
    unsteady: Sequence[str] = (),
    force: bool = False,
    on_step: Told = lambda _done, _all, _what: None,
) -> Export:
    """Write a server of the notebook as a file that needs no notebook, and prove it.

    Args:
        workbench: whose server, and whose Trace holds the calls that are replayed.
        server: which; the notebook's by default.
        path: a ``.py`` file or a folder; without it a folder named after the server.
        names: the variables of the notebook; without it those of the module that defined the
            tools.
        cells: the cells that ran; without it the source of that module.
        package: whether a project is written around it.
        docker: whether what a container needs is written around it.
        extras: ``websocket`` and ``redis``, whose code is then part of the file.
        freeze: live values that go into files, by name.
        replace: expressions that stand for live values, by name.
        env: environment variables that stand for values, by name.
        check: whether it is proven.
        replay: tools whose calls are replayed though they may change something.
        unsteady: tools whose answers are not the same twice.
        force: whether files that were changed are overwritten; a copy is kept.
        on_step: told of progress, from any thread.

    Raises:
        UsageError: it cannot be written there, or something is named that does not exist.
    """
    _check_extras(extras)
    served = workbench.servers.find(server)
    if not served.counts() or not any(served.counts().values()):
        raise UsageError(f"{served.name} has nothing to export.", hint="%%mcp tool defines a tool.")
    here = Path(workbench.folder)
    folder = Folder(script_path(path, server=served.name, folder=here))
    expected = offered(workbench, served)
    plan = plan_calls(workbench, served, expected=expected, replay=replay, unsteady=unsteady)
    on_step(0, None, "follow the names")
    names, cells = _notebook(workbench, served, names, cells)
    selection = gather(
        served, names, cells=cells, freeze=freeze, replace=replace, env=env, folder=here
    )
    if selection.obstacles:
        return Export(path=None, report=Report(server=served.name, selection=selection))
    files = _files(selection, folder, frozenset(extras), package=package, docker=docker)
    test = PurePosixPath(f"test_{folder.script.stem}.py")
    calls = _written_calls(plan, None)
    files[test] = _test(calls, expected, folder, selection)
    folder.check(files, force=force)
    copies = _write(folder, files, expected)
    report = Report(
        server=served.name,
        selection=selection,
        written=tuple(str(name) for name in files),
        copies=tuple(copies),
        notes=tuple(f"kept a copy of what was there: {name}" for name in copies),
    )
    if not check:
        return Export(path=folder.script, report=report)
    proof = _prove(workbench, served, folder, plan, expected, selection, names, extras, on_step)
    calls = _written_calls(plan, proof)
    again = {test: _test(calls, expected, folder, selection)}
    _write(Folder(folder.script), again, expected)
    return Export(path=folder.script, report=changed(report, proof=proof))


def _check_extras(extras: Collection[str]) -> None:
    for word in extras:
        if word not in EXTRAS:
            raise UsageError(f"there is no extra {word!r}.", hint=f"There are: {', '.join(EXTRAS)}")


def _notebook(
    workbench: Workbench,
    server: NotebookServer,
    names: dict[str, Any] | None,
    cells: Cells | None,
) -> tuple[dict[str, Any], Cells]:
    """The variables and the cells: as given, of the notebook, or of the module of the tools."""
    if names is None or cells is None:
        if workbench.history is not None:
            found, sources, unfinished = workbench.history()
        else:
            found, source = _module(server)
            sources, unfinished = ["", source], ()
        names = found if names is None else names
        cells = Cells.of(sources, unfinished=unfinished) if cells is None else cells
    return names, cells


def _module(server: NotebookServer) -> tuple[dict[str, Any], str]:
    """The variables and the source of the module that defined the tools."""
    for part in server.parts():
        function = inspect.unwrap(part.function)
        module = sys.modules.get(getattr(function, "__module__", ""))
        if module is not None:
            try:
                return vars(module), inspect.getsource(module)
            except (OSError, TypeError):
                continue
    raise UsageError(
        f"where the tools of {server.name} were written cannot be found.",
        hint="Export from the notebook or the script that defines them.",
    )


def _files(
    selection: Selection, folder: Folder, extras: frozenset[str], *, package: bool, docker: bool
) -> dict[PurePosixPath, bytes]:
    """Every file of the export but the test and the contract."""
    files = {PurePosixPath(folder.script.name): script(selection, extras=extras).encode()}
    files |= {one.path: one.content for one in selection.files}
    return files


def _test(
    calls: Sequence[tuple[Call, Sequence[str]]],
    expected: Catalogue,
    folder: Folder,
    selection: Selection,
) -> bytes:
    needed = [one.name for one in selection.variables]
    return as_test(calls, expected, script=folder.script.name, variables=needed).encode()


def _written_calls(plan: Plan, proof: Proof | None) -> list[tuple[Call, Sequence[str]]]:
    """The calls that go into the test: without secrets, and answered alike where it was tried."""
    calls = [(call, (call.era,)) for call in plan.calls] if proof is None else proof.steady()
    return [(call, eras) for call, eras in calls if not call.tells]


def _write(folder: Folder, files: Mapping[PurePosixPath, bytes], expected: Catalogue) -> list[str]:
    """Write the files, the contract last."""
    copies = folder.write(files)
    kept = Kept(catalogue=expected, written=folder.digests(files))
    write_new(contract_file(folder.script), kept.to_text().encode(), force=True)
    return copies


def _prove(
    workbench: Workbench,
    server: NotebookServer,
    folder: Folder,
    plan: Plan,
    expected: Catalogue,
    selection: Selection,
    names: Mapping[str, Any],
    extras: Collection[str],
    on_step: Told,
) -> Proof:
    values, missing = _values(selection.variables, names)
    if missing:
        return Proof(
            plan=plan, why_not=f"{', '.join(missing)} is not set; set it: %env {missing[0]}=..."
        )
    try:
        made = _environment(workbench, folder, on_step)
    except McpError as error:
        return Proof(plan=plan, why_not=error.message)
    return prove(
        Subject(command=(str(made.python), str(folder.script.resolve())), env=values),
        workbench=workbench,
        server=server,
        plan=plan,
        expected=expected,
        environment=made,
        transports=("stdio", "http", *(["websocket"] if "websocket" in extras else [])),
        on_step=on_step,
    )


def _environment(workbench: Workbench, folder: Folder, on_step: Told) -> Environment:
    wanted = declared(folder.script.read_text(encoding="utf-8"))
    on_step(0, None, f"environment: {len(wanted)} requirements")

    def line(text: str) -> None:
        on_step(0, None, f"environment: {text.strip()[:60]}")

    return workbench.loop.run(environment(wanted, on_line=line))


def _values(
    variables: Sequence[Variable], names: Mapping[str, Any]
) -> tuple[dict[str, str], list[str]]:
    """The values of the variables in this kernel, and the names of those that have none."""
    found: dict[str, str] = {}
    missing: list[str] = []
    for one in variables:
        live = names.get(one.stands_for)
        if isinstance(live, str | int | float) and not isinstance(live, bool):
            found[one.name] = str(live)
        elif one.name in os.environ:
            found[one.name] = os.environ[one.name]
        else:
            missing.append(one.name)
    return found, missing
