"""The configuration of a host: the text to put into its file, written there if asked."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .entry import Entry, entry_of
from .file import Written, write
from .host import Host, hosts
from .launch import Launch


@dataclass(frozen=True, kw_only=True)
class HostConfig:
    """A server as a host's file says it; shows itself with what to do next.

    Attributes:
        host: the host's name.
        path: the host's file.
        name: what the entry is called.
        text: a whole file with this entry alone.
        entry: the entry.
        inputs: what the host asks its user for (VS Code).
        steps: what to do, in order.
        remarks: what the reader should know.
        written: what was done to the file, if it was written.
        folder: the folder of the project.
        stable: show paths from that folder, and no other path of this machine.
    """

    host: str
    path: Path
    name: str
    text: str
    entry: dict[str, Any]
    inputs: tuple[dict[str, Any], ...]
    steps: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    written: Written | None = None
    folder: str = ""
    stable: bool = False

    def undo(self) -> str:
        """Take back what was written.

        Raises:
            UsageError: the file has been changed since.
        """
        return self.written.undo() if self.written else "nothing was written"

    def __repr__(self) -> str:
        lines = [f"{hosts()[self.host].title}: {self.path}", self.text]
        lines += self._told() + list(self.steps)
        shown = "\n".join([*lines, *(f"note: {text}" for text in self.remarks)])
        return self._steady(shown) if self.stable else shown

    def _steady(self, text: str) -> str:
        """A text without what is different on another machine."""
        text = re.sub(r',\s*"--folder",\s*"[^"\n]*"', "", text)  # where its sockets are
        text = text.replace(sys.executable, "python")
        for folder in dict.fromkeys((self.folder, os.path.realpath(self.folder))):
            text = text.replace(f"{folder}{os.sep}", "").replace(folder, ".")
        return text.replace(str(Path.home()), "~")

    def _told(self) -> list[str]:
        done = self.written
        if done is None:
            return [
                "Merge it into the file, or run the same line with --write: it keeps everything "
                "else and a backup."
            ]
        kept = [f"the entry keeps what was there: {', '.join(done.kept)}"] if done.kept else []
        if not done.changed:
            return [f"The file says so already: {done.path}", *kept]
        undo = "_.undo(), or "
        words = ["cp", done.backup, done.path] if done.backup else ["rm", done.real]
        undo += shlex.join(str(word) for word in words)
        lines = [f"written: {done.path}", *kept]
        if done.replaced:
            lost = f" Its {', '.join(done.lost)} went with it." if done.lost else ""
            lines.append(f"It replaced another entry {self.name!r}, which {done.replaced}.{lost}")
            lines.append("To have both, undo it and give this one a name: --as NAME")
        return [*lines, f"undo: {undo}"]


def configure(
    host: Host,
    launch: Launch,
    *,
    folder: str,
    file: str | None = None,
    user: bool = False,
    writes: bool = False,
    stable: bool = False,
) -> HostConfig:
    """The configuration of a host for one server.

    Args:
        host: the host.
        launch: how it reaches the server.
        folder: the folder of the project.
        file: another file than the host's own.
        user: the user's file, where there is a choice.
        writes: merge it into the file.
        stable: let it show itself the same on every machine.

    Raises:
        UsageError: the host cannot reach the server, or the file was left alone, and why.
    """
    path = Path(folder, file).expanduser().absolute() if file else host.file(folder, user=user)
    entry = entry_of(host, launch, str(path))
    written = write(path, entry) if writes else None
    return HostConfig(
        host=host.name,
        path=path,
        name=entry.name,
        text=text_of(entry),
        entry=entry.value,
        inputs=entry.inputs,
        steps=entry.steps,
        remarks=launch.remarks,
        written=written,
        folder=str(Path(folder).absolute()),
        stable=stable,
    )


def text_of(entry: Entry) -> str:
    """A file with this entry alone."""
    return json.dumps(entry.document(), indent=2, ensure_ascii=False)
