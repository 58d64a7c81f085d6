"""What changed in a server's contract since it was exported."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from mcp_notebook.errors import UsageError
from mcp_notebook.runtime.workbench import Workbench

from .catalogue import Catalogue, read_catalogue
from .contract import SUFFIX, Diff, Kept, compare, contract_file, digest, read_contract
from .folder import script_path, shown_path
from .proof.proof import offered
from .proof.stand import OPEN_S, Subject, stand


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
    if kept is None and not script.is_file():
        raise UsageError(
            f"there is no export at {shown_path(script)}.",
            hint="%mcp export makes one; %mcp diff SERVER FILE names another.",
        )
    remarks: list[str] = []
    if kept is None or start:
        old = _asked(script)
        remarks.append(f"{script.name} was started and asked")
    else:
        old = kept.catalogue
        remarks += _changed(script, kept)
    new = offered(workbench, served)
    return Diff(
        old=shown_path(script),
        new=f"{served.name} in this notebook",
        changes=compare(old, new),
        remarks=tuple(remarks),
    )


def _changed(script: Path, kept: Kept) -> list[str]:
    """Remarks on files of the export that are not as they were written."""
    scripts = [name for name in kept.written if PurePosixPath(name).name == script.name]
    found = []
    for name in scripts:
        try:
            content = (script.parent / name).read_bytes()
        except OSError:
            found.append(f"{name} is not there any more")
            continue
        if digest(content) != kept.written[name]:
            found.append(f"{name} was changed since its export; --start asks the file itself")
    return found


def _asked(script: Path) -> Catalogue:
    """What a file offers, told by itself: it is run, with the kernel's Python."""
    with (
        stand(Subject(command=())) as here,
        here.bench.connect(str(script), timeout=OPEN_S) as connection,
    ):
        return read_catalogue(connection)
