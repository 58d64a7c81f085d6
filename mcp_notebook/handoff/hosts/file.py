"""A host's configuration file: read whole, changed in one place, replaced at once."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp_notebook.errors import UsageError

from .entry import Entry, merged
from .jsontext import NotJson, Unclear, put, read
from .standing import beyond, led_to, same_server

_MARK = "\ufeff"


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was done to a file.

    Attributes:
        path: the file.
        real: what was written: the path may be a link to it.
        backup: the copy of what it was; ``None`` where there was no file, or nothing changed.
        changed: whether anything had to be written.
        replaced: what the entry of this name led to, where that was another server.
        lost: what was said of that server and is not said of this one.
        kept: what the entry says beside what was written: the user's own.
    """

    path: Path
    backup: Path | None
    changed: bool
    real: Path
    replaced: str = ""
    lost: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    _before: bytes | None = field(repr=False)
    _after: bytes = field(repr=False)

    def undo(self) -> str:
        """Put back what was there before.

        Raises:
            UsageError: the file has been changed since.
        """
        if not self.changed:
            return f"{self.path} was not changed."
        now = _content(self.real)
        if now != self._after:
            raise UsageError(
                f"{self.path} has been changed since.",
                hint=f"Take the entry out by hand; what it was is {self.backup}"
                if self.backup
                else "Take the entry out by hand.",
            )
        with _refusals(self.path):
            if self._before is None:
                self.real.unlink()
                return f"removed {self.real}"
            _replace(self.real, self._before, now)
        return f"{self.path} is as it was"


def place_in(data: Any, entry: Entry) -> tuple[list[str | int], Any]:
    """Where an entry stands or shall stand in a file's content, and what stands there.

    Raises:
        Unclear: the content has another shape than the host's.
    """
    container = entry.host.container
    if not isinstance(data, dict):
        raise Unclear("the file holds no object")
    held = data.get(container)
    if not entry.host.list:
        if held is not None and not isinstance(held, dict):
            raise Unclear(f"{container!r} is no object")
        return [container, entry.name], (held or {}).get(entry.name)
    if held is not None and not isinstance(held, list):
        raise Unclear(f"{container!r} is no list")
    return _in_list(held or [], container, "name", entry.name)


def _in_list(held: list[Any], container: str, key: str, name: str) -> tuple[list[str | int], Any]:
    for index, one in enumerate(held):
        if isinstance(one, dict) and one.get(key) == name:
            return [container, index], one
    return [container, len(held)], None


def changed(text: str, entry: Entry) -> str:
    """A file's text with an entry in it; everything else stays byte for byte.

    Raises:
        NotJson: it is none.
        Unclear: the change would lose something.
    """
    comments = entry.host.comments
    data = read(text, comments=comments).data()
    path, old = place_in(data, entry)
    value = merged(old, entry.value)
    wanted = _set(data, path, value)
    text = put(text, path, value, comments=comments)
    for declared in entry.inputs:
        held = wanted.get("inputs", [])
        if not isinstance(held, list):
            raise Unclear("'inputs' is no list")
        where, there = _in_list(held, "inputs", "id", declared["id"])
        if there is None:  # what the user has made of it stays
            wanted = _set(wanted, where, declared)
            text = put(text, where, declared, comments=comments)
    if read(text, comments=comments).data() != wanted:
        raise Unclear("the file would not say what was meant")
    return text


def _set(data: dict[str, Any], path: list[str | int], value: Any) -> dict[str, Any]:
    """A copy of some content with one value set."""
    container, last = path[0], path[1]
    held = data.get(str(container))
    if isinstance(last, int):
        items = list(held or [])
        items[last : last + 1] = [value]
        return {**data, str(container): items}
    return {**data, str(container): {**(held or {}), last: value}}


def write(path: Path, entry: Entry) -> Written:
    """Merge an entry into a host's file; what was there is kept beside it as ``.bak``.

    Raises:
        UsageError: the file is no JSON, or the change would lose something. Then nothing is
            written.
    """
    real = Path(os.path.realpath(path))  # the file itself and not a link to it is replaced
    before = _content(real)
    try:
        old = "{}" if before is None else before.decode("utf-8")
        mark = _MARK if old.startswith(_MARK) else ""
        old = old.removeprefix(_MARK)
        start = old if old.strip() else "{}"
        told = _told(start, entry)
        new = changed(start, entry)
        after = (mark + (new if new.endswith("\n") or before else f"{new}\n")).encode()
    except UnicodeError:
        raise UsageError(
            f"{path} is no UTF-8 text, so it was left alone.", hint="Add the entry by hand."
        ) from None
    except NotJson as error:
        raise UsageError(
            f"{path} is no valid JSON ({error}), so it was left alone.",
            hint="Mend it, then run this again.",
        ) from None
    except Unclear as error:
        raise UsageError(
            f"{path} was left alone: {error}.",
            hint="Add the entry by hand, or under another name: --as NAME",
        ) from None
    if before is not None and new == old:
        return Written(
            path=path,
            real=real,
            backup=None,
            changed=False,
            **told,
            _before=before,
            _after=before,
        )
    with _refusals(path):
        real.parent.mkdir(parents=True, exist_ok=True)
        backup = None if before is None else _backup(real, before)
        _replace(real, after, before)
    return Written(
        path=path,
        real=real,
        backup=backup,
        changed=True,
        **told,
        _before=before,
        _after=after,
    )


def _told(text: str, entry: Entry) -> dict[str, Any]:
    """What becomes of an entry of this name that stands there already."""
    old = place_in(read(text, comments=entry.host.comments).data(), entry)[1]
    if not isinstance(old, dict):
        return {}
    if not same_server(old, entry.value):
        return {"replaced": led_to(old), "lost": tuple(beyond(old, entry.value))}
    return {"kept": tuple(beyond(merged(old, entry.value), entry.value))}


@contextlib.contextmanager
def _refusals(path: Path) -> Iterator[None]:
    """What the system refuses is said of the user's file, and not of a draft beside it."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror or error}.",
            hint="Say another file: --file PATH",
        ) from None


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}.", hint="Say another file: --file PATH"
        ) from None


def _mode(path: Path) -> int:
    """The mode of a file; that of a new one is for its user alone, it may come to hold secrets."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0o600


def _backup(path: Path, content: bytes) -> Path:
    """Keep what a file was, under the first name that is free."""
    number = 0
    while True:
        copy = path.with_name(f"{path.name}.bak{number or ''}")
        try:
            descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _mode(path))
        except FileExistsError:
            number += 1
            continue
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        return copy


def _replace(path: Path, content: bytes, expected: bytes | None) -> None:
    """Put new content in the place of a file, at once or not at all.

    Raises:
        UsageError: the file is not what it was: somebody else writes it.
    """
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).chmod(_mode(path))
        if _content(path) != expected:
            raise UsageError(
                f"{path} was changed by somebody else at this moment, so it was left alone.",
                hint="Run this again.",
            )
        Path(draft).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(draft).unlink()
        raise
