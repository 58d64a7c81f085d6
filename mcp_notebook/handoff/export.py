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
from .folder import Folder, check_path, script_path, shown_path, uninterrupted, write_new
from .layout import Layout, lay_out
from .parsing import undisturbed
from .proof.environment import Environment, declared, declared_by_project, environment
from .proof.plan import Plan, plan_calls
from .proof.proof import Proof, offered, prove
from .proof.stand import Subject
from .reach import Cells, gather
from .renewal import renewal
from .report import Export, Report
from .selection import Selection, Variable
from .state import state_of, state_text

EXTRAS: Final = ("websocket", "redis")

SHORTEST_SECRET: Final = 8
"""Shorter values stand in texts by chance."""

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
    if served.source:
        module = served.source.partition(":")[0].rpartition(".")[2]
        raise UsageError(
            f"{served.source} is a server of its own file already.",
            hint=f"%mcp import {module}.py makes cells of it.",
        )
    here = Path(workbench.folder)
    check_path(path, here)
    folder = Folder(script_path(path, server=served.name, folder=here))
    expected = offered(workbench, served)
    names, cells = _notebook(workbench, served, names, cells)
    selection = undisturbed(
        lambda: gather(
            served, names, cells=cells, freeze=freeze, replace=replace, env=env, folder=here
        )
    )
    for one in selection.variables:
        if one.secret:
            workbench.trace.secrets.add(one.value)
    plan = plan_calls(workbench, served, expected=expected, replay=replay, unsteady=unsteady)
    if selection.obstacles:
        return Export(path=None, report=Report(server=served.name, selection=selection))
    layout = undisturbed(
        lambda: lay_out(selection, folder, frozenset(extras), package=package, docker=docker)
    )
    tested = [(call, (call.era,)) for call in plan.calls if not call.tells]
    files = {**layout.files, layout.test: layout.test_text(tested, expected, selection)}
    _check_secrets(workbench, selection, files, expected)
    folder.check(files, force=force)
    renewed = renewal(
        folder,
        files,
        expected,
        server="" if served is workbench.servers.find(None) else served.name,
        path=path,
        options=[*(["--package"] if package else []), *(["--docker"] if docker else [])],
        extras=extras,
    )
    keep = (layout.script, layout.test) if renewed.breaks else ()
    copies = _write(folder, files, expected, keep=keep)
    state = state_of(selection)
    report = Report(
        server=served.name,
        selection=selection,
        written=tuple(str(name) for name in files),
        copies=tuple(copies),
        breaks=renewed.breaks,
        notes=(
            *renewed.lines(),
            *([f"kept a copy of what was there: {', '.join(copies)}"] if copies else []),
            *(
                [f"{state_text(state)} in the memory of each process: start one only"]
                if state
                else []
            ),
        ),
    )
    path_written = folder.root / layout.script
    if check:
        try:
            proof = _prove(workbench, served, folder, layout, plan, expected, selection, on_step)
        except KeyboardInterrupt:
            told = f"{shown_path(path_written)} is written, and not proven"
            raise KeyboardInterrupt(told) from None
        report = changed(report, proof=proof)
        if proof.roads:
            steady = [(call, eras) for call, eras in proof.steady() if not call.tells]
            again = {layout.test: layout.test_text(steady, expected, selection)}
            _write(Folder(folder.script), again, expected)
    return Export(path=path_written, report=report)


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


def _write(
    folder: Folder,
    files: Mapping[PurePosixPath, bytes],
    expected: Catalogue,
    *,
    keep: Collection[PurePosixPath] = (),
) -> list[str]:
    """Write the files, the contract last; of these, and then of the contract, a copy is kept."""
    kept = Kept(catalogue=expected, written=folder.digests(files))

    def write() -> list[str]:
        copies = folder.write(files, keep=keep)
        if keep and contract_file(folder.script).is_file():
            copies.append(folder.copy(contract_file(folder.script)))
        write_new(contract_file(folder.script), kept.to_text().encode(), force=True)
        return copies

    return uninterrupted(write)


def _check_secrets(
    workbench: Workbench,
    selection: Selection,
    files: Mapping[PurePosixPath, bytes],
    expected: Catalogue,
) -> None:
    """See that no secret that is known here stands in what is written, wherever it came from.

    Raises:
        UsageError: one does.
    """
    known = {one.value: one.name for one in selection.variables if one.secret}
    known |= {value: "" for value in workbench.trace.secrets.values() if value not in known}
    texts = {str(name): content for name, content in files.items()}
    texts["the contract"] = Kept(catalogue=expected).to_text().encode()
    for value, name in known.items():
        if len(value) < SHORTEST_SECRET:
            continue
        for place, content in texts.items():
            before, found, _ = content.partition(value.encode("utf-8", "surrogatepass"))
            if found:
                line = before.count(b"\n") + 1
                raise UsageError(
                    f"{f'the value of {name}' if name else 'a secret'} stands in {place}, "
                    f"line {line}: nothing was written.",
                    hint="Take it out of the description, the answer or the file it comes from.",
                )


def _prove(
    workbench: Workbench,
    server: NotebookServer,
    folder: Folder,
    layout: Layout,
    plan: Plan,
    expected: Catalogue,
    selection: Selection,
    on_step: Told,
) -> Proof:
    values, missing = _values(selection.variables)
    if missing:
        return Proof(
            plan=plan, why_not=f"{', '.join(missing)} is not set; set it: %env {missing[0]}=..."
        )
    try:
        made = _environment(workbench, layout, on_step)
    except McpError as error:
        return Proof(plan=plan, why_not=f"{error.message} %mcp export --no-check does without.")
    root = folder.root.resolve()
    file = root / layout.script
    return prove(
        Subject(
            command=(str(made.python), *(["-m", layout.module] if layout.module else [str(file)])),
            env=values,
            path=str(file.parent.parent) if layout.module else "",
            root=root,
            files=tuple(layout.files),
        ),
        workbench=workbench,
        server=server,
        plan=plan,
        expected=expected,
        environment=made,
        transports=layout.transports,
        on_step=on_step,
    )


def _environment(workbench: Workbench, layout: Layout, on_step: Told) -> Environment:
    project = layout.files.get(PurePosixPath("pyproject.toml"))
    if project is not None:
        wanted = declared_by_project(project.decode())
    else:
        wanted = declared(layout.files[layout.script].decode())
    on_step(0, None, f"environment: {len(wanted)} requirements")

    def line(text: str) -> None:
        on_step(0, None, f"environment: {text.strip()[:60]}")

    return workbench.loop.run(environment(wanted, on_line=line))


def _values(variables: Sequence[Variable]) -> tuple[dict[str, str], list[str]]:
    """The values of the variables in this kernel, and the names of those that have none."""
    found = {one.name: one.value or os.environ.get(one.name, "") for one in variables}
    return found, [name for name, value in found.items() if not value]
