"""The file formats of a Trace, by suffix. A higher floor may add more."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final, TypeAlias

from mcp_notebook.errors import UsageError
from mcp_notebook.trace.store import Trace

Writer: TypeAlias = Callable[[Trace], Iterable[str]]
"""Takes a Trace, already redacted, and gives the file's text in pieces."""

Reader: TypeAlias = Callable[[bytes, str], Trace]
"""Takes the bytes of a file and its name for messages; raises `DamagedTrace` or `UsageError`."""

_MODULES: Final = {
    ".jsonl": f"{__name__}.jsonl",
    ".har": f"{__name__}.har",
    ".mmd": f"{__name__}.mermaid",
}


class DamagedTrace(UsageError):
    """A part of a saved trace cannot be read.

    Attributes:
        trace: what could be read.
    """

    def __init__(self, message: str, *, trace: Trace, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.trace = trace


@dataclass(frozen=True, slots=True)
class Format:
    """How a Trace is written to a file and read from it.

    Attributes:
        save: writes it, where the format can be written.
        load: reads it, where the format can be read.
    """

    save: Writer | None = None
    load: Reader | None = None


_registered: dict[str, Format] = {}


def register(suffix: str, *, save: Writer | None = None, load: Reader | None = None) -> None:
    """Add a format, or replace the one of that suffix.

    Args:
        suffix: with its dot, for example ``.html``.
        save: writes it.
        load: reads it.
    """
    if not suffix.startswith(".") or suffix != suffix.lower():
        raise ValueError(f"a suffix is a dot and lower-case letters, not {suffix!r}")
    _registered[suffix] = Format(save, load)


def suffixes(*, readable: bool = False) -> list[str]:
    """The known suffixes, or those that can be read."""
    known = list(dict.fromkeys((*_modules(), *_registered)))
    return [s for s in known if not readable or _format(s).load is not None]


def save(trace: Trace, path: str | os.PathLike[str]) -> None:
    """Write a Trace as it is (see `Trace.save` for the redacted one); all of it or nothing."""
    target = Path(path)
    writer = _find(target).save
    if writer is None:
        writable = [suffix for suffix in suffixes() if _format(suffix).save is not None]
        raise UsageError(
            f"{target.suffix} files can be read, not written", hint=f"Use {' '.join(writable)}."
        )
    target = target.resolve()  # a link to a file stays a link
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with draft.open("x", encoding="utf-8", newline="") as file:
            for piece in writer(trace):
                file.write(piece)
        draft.replace(target)
    except FileNotFoundError:
        raise UsageError(
            f"there is no folder {str(Path(path).parent)!r}", hint="Make it, or choose another."
        ) from None
    except OSError as exc:
        raise UsageError(
            f"{str(path)!r} cannot be written: {exc.strerror or exc}", hint="Choose another path."
        ) from None
    finally:
        draft.unlink(missing_ok=True)


def load(path: str | os.PathLike[str], *, strict: bool = True) -> Trace:
    """Read a Trace (see `Trace.load`)."""
    source = Path(path)
    reader = _find(source).load
    if reader is None:
        raise UsageError(
            f"{source.suffix} files can be written, not read",
            hint=f"Save as one of {' '.join(suffixes(readable=True))} to load it again.",
        )
    try:
        data = source.read_bytes()
    except OSError as exc:
        raise UsageError(
            f"{str(path)!r} cannot be read: {exc.strerror or exc}", hint="Check the path."
        ) from None
    try:
        return reader(data, source.name)
    except DamagedTrace as exc:
        if strict:
            raise
        return exc.trace


def _find(path: Path) -> Format:
    suffix = path.suffix.lower()
    if suffix not in suffixes():
        what = f"files that end in {suffix}" if suffix else "a file name without a suffix"
        raise UsageError(
            f"no trace format is known for {what}", hint=f"Use one of {' '.join(suffixes())}."
        )
    return _format(suffix)


def _format(suffix: str) -> Format:
    if suffix in _registered:
        return _registered[suffix]
    module = import_module(_modules()[suffix])
    return Format(module.save, getattr(module, "load", None))


def _modules() -> dict[str, str]:
    """The modules of the formats by suffix: those of this room, and what the front door names.

    The door was opened before this room, and says only names: nothing above is imported until
    a file of that suffix is written or read.
    """
    door = sys.modules[__name__.partition(".")[0]]
    named: dict[str, str] = getattr(door, "TRACE_FORMATS", {})
    return _MODULES | named
