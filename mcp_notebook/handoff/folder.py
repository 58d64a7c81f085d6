"""The folder that an export fills: what it may overwrite there, and files that are whole."""

from __future__ import annotations

import concurrent.futures
import keyword
import os
import re
import sys
import threading
from collections.abc import Callable, Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Final, TypeVar

from mcp_notebook.errors import UsageError

from .contract import contract_file, digest, read_contract

T = TypeVar("T")

WRITE_S: Final = 30.0
"""Seconds that Ctrl-C waits for files to be written."""

SCRIPT: Final = "server.py"

_FILE_KIND: Final = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,4}")
"""What looks like the end of a file's name, and not of a version's or a domain's."""


def check_path(path: str | None, folder: Path) -> None:
    """See that a file of Python can be there, and be imported.

    Raises:
        UsageError: it is a file of another kind, or its name is no module's, or another module's.
    """
    if path is None:
        return
    found = folder / Path(path).expanduser()
    if found.suffix != ".py":
        if _FILE_KIND.fullmatch(found.suffix) and not path.endswith("/") and not found.is_dir():
            raise UsageError(
                f"{path} would be a folder.",
                hint=f"-o {found.stem}.py is a file; -o {path}/ is that folder.",
            )
        return
    stem = found.stem
    if keyword.iskeyword(stem) or not re.fullmatch(r"[\w-]+", stem):
        why = "is no name of a module"
    elif stem in sys.stdlib_module_names or stem in ("mcp", "mcp_types"):
        why = "would hide the module of that name"
    else:
        return
    better = re.sub(r"\W+", "_", f"{stem}_server")
    raise UsageError(f"{found.name} {why}.", hint=f"For example -o {better}.py")


def script_path(path: str | None, *, server: str, folder: Path) -> Path:
    """Where the file of a server goes.

    Args:
        path: what the user said: a ``.py`` file, or a folder; without it a folder named after
            the server, because more than one file is written.
        server: the server's name.
        folder: what a relative path starts from.
    """
    if path is None:
        return folder / (re.sub(r"[^\w.-]+", "-", server).strip("-.") or "server") / SCRIPT
    found = folder / Path(path).expanduser()
    return found if found.suffix == ".py" else found / SCRIPT


class Folder:
    """A folder with what an earlier export wrote, and perhaps what it did not write.

    Args:
        script: the exported file; the contract beside it says what else was written.
    """

    def __init__(self, script: Path) -> None:
        self.script = script
        self.root = script.parent
        self.kept = read_contract(contract_file(script)) if script.parent.is_dir() else None

    def check(self, files: Mapping[PurePosixPath, bytes], *, force: bool) -> None:
        """See that nothing is lost that this library did not write.

        Raises:
            UsageError: it would be.
        """
        foreign, changed = [], []
        for name, content in files.items():
            standing = self._standing(name, content)
            if standing == "changed":
                changed.append(str(name))
            elif standing == "foreign":
                foreign.append(str(name))
        if force or not (foreign or changed):
            return
        hint = "--force overwrites, and keeps a copy; -o PATH writes elsewhere."
        if changed:
            raise UsageError(
                f"{', '.join(changed)} in {self._shown()} changed since the last export.", hint=hint
            )
        raise UsageError(
            f"{', '.join(foreign)} in {self._shown()} was not written by %mcp export.", hint=hint
        )

    def write(
        self, files: Mapping[PurePosixPath, bytes], *, keep: Collection[PurePosixPath] = ()
    ) -> list[str]:
        """Write files, each all of it or not at all.

        Args:
            files: what is written.
            keep: of what stands in the place of these a copy is kept though it is ours.

        Returns:
            The names of the copies of what was overwritten and not ours, or was to be kept.

        Raises:
            UsageError: the folder cannot be written to.
        """
        drafts: list[tuple[Path, Path]] = []
        copies: list[str] = []
        try:
            for name, content in files.items():
                place = self.root / name
                place.parent.mkdir(parents=True, exist_ok=True)
                draft = place.with_name(f".{place.name}.{os.getpid()}.part")
                drafts.append((draft, place))
                _write_new(draft, content)
            for name, content in files.items():
                standing = self._standing(name, content)
                ours = standing == "ours" and name in keep and self._is_other(name, content)
                if ours or standing in ("changed", "foreign"):
                    copies.append(self.copy(self.root / name))
            for draft, place in drafts:
                draft.replace(place)
        except OSError as error:
            raise UsageError(
                f"{self._shown()} cannot be written: {error.strerror or error}.",
                hint="-o PATH writes elsewhere.",
            ) from None
        finally:
            for draft, _ in drafts:
                draft.unlink(missing_ok=True)
        return copies

    def digests(self, files: Mapping[PurePosixPath, bytes]) -> dict[str, str]:
        """What the contract says was written: these files, and older ones that are still there."""
        older = dict(self.kept.written) if self.kept else {}
        found = {name: told for name, told in older.items() if (self.root / name).is_file()}
        return {**found, **{str(name): digest(content) for name, content in files.items()}}

    def _standing(self, name: PurePosixPath, content: bytes) -> str:
        """What stands in the place of a file: ``none``, ``ours``, ``changed`` or ``foreign``."""
        try:
            there = (self.root / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return "none"
        except OSError:
            return "foreign"
        written = self.kept.written.get(str(name)) if self.kept else None
        if there == content or digest(there) == written:
            return "ours"
        return "changed" if written else "foreign"

    def _is_other(self, name: PurePosixPath, content: bytes) -> bool:
        return (self.root / name).read_bytes() != content

    def copy(self, place: Path) -> str:
        """Keep a copy of a file under a name that is free, and tell it."""
        return _copy(place).relative_to(self.root).as_posix()

    def _shown(self) -> str:
        return shown_path(self.root)


def uninterrupted(work: Callable[[], T]) -> T:
    """Do what Ctrl-C must not cut in half: files, and the contract that names them.

    It strikes afterwards.
    """
    done: concurrent.futures.Future[T] = concurrent.futures.Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            done.set_exception(error)

    thread = threading.Thread(target=run, name="export-write")
    try:
        thread.start()
        return done.result()
    except KeyboardInterrupt:
        concurrent.futures.wait([done], timeout=WRITE_S if thread.ident else 1)
        raise


def write_new(path: Path, content: bytes, *, force: bool, keep: bool = False) -> str:
    """Write one file, whole; one that is there stays, unless it is forced.

    Args:
        path: the file.
        content: what goes into it.
        force: whether one that is there is overwritten.
        keep: whether a copy of that one is kept.

    Returns:
        The name of the copy; empty where there is none.

    Raises:
        UsageError: it is there, or cannot be written.
    """
    if path.exists() and not force:
        raise UsageError(
            f"{path} is there already.",
            hint=f"--force overwrites it{', and keeps a copy' if keep else ''}.",
        )
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    copy = ""
    try:
        _write_new(draft, content)
        if keep and path.exists() and path.read_bytes() != content:
            copy = _copy(path).name
        draft.replace(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}.") from None
    finally:
        draft.unlink(missing_ok=True)
    return copy


def _copy(place: Path) -> Path:
    """A copy of a file under a name that is free."""
    number = 0
    while True:
        copy = place.with_name(f"{place.name}.bak{number or ''}")
        try:
            _write_new(copy, place.read_bytes())
        except FileExistsError:
            number += 1
        else:
            return copy


def shown_path(path: Path) -> str:
    """A path for people: from the working folder where it is in there."""
    try:
        found = path.relative_to(Path.cwd())
    except ValueError:
        return str(path)
    return str(found) if found.parts else "this folder"


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet; who may read it is a matter of the user's umask."""
    with path.open("xb") as file:
        file.write(content)
