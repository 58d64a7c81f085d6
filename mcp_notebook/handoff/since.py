"""What changed in a server's contract since it was exported."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import Any, Final

from mcp_notebook.errors import UsageError
from mcp_notebook.runtime.workbench import Workbench

from .catalogue import Catalogue, read_catalogue
from .contract import SUFFIX, Diff, Kept, compare, contract_file, digest, read_contract
from .folder import script_path, shown_path
from .proof.proof import offered
from .proof.stand import OPEN_S, Subject, stand

DEEPEST: Final = 3
"""So many folders up a contract is looked for: ``src``, the package, the project."""


def since_export(
    workbench: Workbench, server: Any = None, *, path: str | None = None, start: bool = False
) -> Diff:
    """What changed for the clients of a server since it was exported.

    Args:
        workbench: whose server.
        server: which; the notebook's by default.
        path: the exported file, its folder, or a contract; where an export goes by default.
        start: whether the file is run and asked, instead of reading what is kept beside it.

    Raises:
        UsageError: there is no export to compare with.
    """
    served = workbench.servers.find(server)
    if path is not None and path.endswith(SUFFIX):
        contract = Path(workbench.folder) / Path(path).expanduser()
        script = contract.with_name(contract.name.removesuffix(SUFFIX) + ".py")
    else:
        script = script_path(path, server=served.name, folder=Path(workbench.folder))
        contract = contract_file(script)
    kept = read_contract(contract)
    if kept is None and (found := _above(script)) is not None:
        contract, kept = found
    if kept is None and not script.is_file():
        raise UsageError(
            f"there is no export at {shown_path(script)}.",
            hint="%mcp export makes one; %mcp diff SERVER FILE names another.",
        )
    if kept is None and not start:
        raise UsageError(
            f"no contract is kept beside {shown_path(script)}.",
            hint="--start runs the file and asks it.",
        )
    remarks: list[str] = []
    if kept is None or start:
        old = _asked(script)
        remarks.append(f"{script.name} was started and asked")
    else:
        old = kept.catalogue
        remarks += _changed(script, kept, contract.parent)
    new = offered(workbench, served)
    return Diff(
        old=shown_path(script),
        new=f"{served.name} in this notebook",
        changes=compare(old, new),
        remarks=tuple(remarks),
    )


def _above(script: Path) -> tuple[Path, Kept] | None:
    """The contract of a file in a project: it is kept where the project begins."""
    for root in script.parent.parents[:DEEPEST]:
        for contract in sorted(root.glob(f"*{SUFFIX}")):
            kept = read_contract(contract)
            if kept is not None and script.relative_to(root).as_posix() in kept.written:
                return contract, kept
    return None


def _changed(script: Path, kept: Kept, root: Path) -> list[str]:
    """Remarks on files of the export that are not as they were written."""
    own = script.relative_to(root).as_posix()
    scripts = [name for name in kept.written if PurePosixPath(name).name == script.name]
    if PurePosixPath(own) != PurePosixPath(script.name):
        scripts = [own]
    found = []
    for name in scripts:
        try:
            content = (root / name).read_bytes()
        except OSError:
            found.append(f"{name} is not there any more")
            continue
        if digest(content) != kept.written[name]:
            found.append(f"{name} was changed since its export; --start asks the file itself")
    return found


def _asked(script: Path) -> Catalogue:
    """What a file offers, told by itself: it is run, with the kernel's Python.

    Of the kernel's environment it gets what its text names: the keys that it asks for.
    """
    try:
        text = script.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        why = error.strerror or error
        raise UsageError(f"{shown_path(script)} cannot be read: {why}.") from None
    named = re.findall(r"""["']([A-Z_][A-Z0-9_]*)["']""", text)
    given = {name: os.environ[name] for name in named if name in os.environ}
    with (
        stand(Subject(command=())) as here,
        here.bench.connect(str(script), timeout=OPEN_S, env=given) as connection,
    ):
        return read_catalogue(connection)
