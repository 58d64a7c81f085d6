"""The files of an export: a file alone, a project, an image; and which of them is what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from mcp_notebook.errors import UsageError

from . import script as writing
from .catalogue import Catalogue
from .contract import contract_file
from .folder import SCRIPT, Folder
from .proof.recorded import Call
from .proof.testfile import as_test
from .selection import Selection


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The files of an export, and which of them is what.

    Attributes:
        files: every file but the test and the contract.
        script: the server.
        test: where its test goes.
        module: how it is started where it is a package; empty where it is a file.
        transports: what the proof tries it over.
    """

    files: dict[PurePosixPath, bytes]
    script: PurePosixPath
    test: PurePosixPath
    module: str
    transports: tuple[str, ...]

    def test_text(
        self,
        calls: Sequence[tuple[Call, Sequence[str]]],
        expected: Catalogue,
        selection: Selection,
    ) -> bytes:
        """The test that goes beside the server, with these calls and the eras of each."""
        above = PurePosixPath(*[".."] * (len(self.test.parts) - 1))
        needed = [one.name for one in selection.variables]
        text = as_test(calls, expected, script=str(above / self.script), variables=needed)
        return text.encode()


def lay_out(
    selection: Selection, folder: Folder, extras: frozenset[str], *, package: bool, docker: bool
) -> Layout:
    """What is written, and where."""
    name = folder.script.name
    if (package or docker) and name != SCRIPT:
        raise UsageError(
            f"a project or an image has more than {name}.", hint="Give -o a folder: -o PATH"
        )
    files: dict[PurePosixPath, bytes] = {}
    if package:
        files |= writing.package(selection, extras=extras)
    if docker:
        files |= writing.docker(selection, extras=extras)
    if not package and not docker:
        files[PurePosixPath(name)] = writing.script(selection, extras=extras, name=name).encode()
        files |= {one.path: one.content for one in selection.files}
    own = PurePosixPath(name)
    main = writing.server_path(selection) if package else own
    test = PurePosixPath(f"test_{own.stem}.py")
    if package:
        test = PurePosixPath("tests") / test
    for written in (test, PurePosixPath(contract_file(folder.script).name)):
        if written in files:
            raise UsageError(
                f"the notebook uses a file named {written}, which the export writes itself.",
                hint="Rename that file, and where the notebook names it.",
            )
    return Layout(
        files=files,
        script=main,
        test=test,
        module=main.parent.name if package else "",
        transports=("stdio", "http", *(["websocket"] if "websocket" in extras else [])),
    )
