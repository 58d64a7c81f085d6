"""Which of the notebooks that listen is meant, and joining it."""

from __future__ import annotations

import json
import os
import socket

from .notes import Away, Note, answers, dial, notes

WELCOME = b'{"mcp_notebook.bridge": 1}\n'
"""What a notebook says to a greeting with the right token."""

HOW = "In the notebook run %load_ext mcp_notebook and %mcp serve -t bridge"


LINK = "MCP_NOTEBOOK_BRIDGE_LINK"
"""The variable by which a notebook knows the bridges again that it started itself."""


def greeting(token: str) -> bytes:
    """The first line on a link."""
    content = {"mcp_notebook.bridge": 1, "token": token, "link": os.environ.get(LINK, "")}
    return json.dumps(content).encode() + b"\n"


class Choice:
    """Which notebook is meant; once joined, no other one is taken for it."""

    def __init__(
        self, name: str = "", kernel: str = "", folder: str = "", kind: str = "bridge"
    ) -> None:
        self.name, self.kernel, self.folder, self.kind = name, kernel, folder, kind
        self.joined: Note | None = None

    def fits(self, found: list[Note]) -> list[Note]:
        """The notes that are meant."""
        old = self.joined
        if self.kernel:
            found = [note for note in found if note.is_kernel(self.kernel)]
            # a folder means the kernel that has no other name, before the notebooks in it
            place = os.path.realpath(self.kernel)
            found = [note for note in found if note.known_as()[1] == place] or found
        elif old is not None:
            found = [
                note
                for note in found
                if note.kernel == old.kernel
                or (note.notebook, note.folder) == (old.notebook, old.folder)
            ]
        if self.name:
            exact = [note for note in found if note.endpoint == self.name]
            return exact or [note for note in found if note.is_called(self.name)]
        return [note for note in found if old is None or note.endpoint == old.endpoint]

    def join(self) -> socket.socket:
        """A link to the notebook, greeted and welcomed.

        Raises:
            Away: there is none, there are several, or it was refused.
        """
        found, refused = notes(self.folder, self.kind)
        fits = [note for note in self.fits(found) if answers(note)]
        if len(fits) > 1:
            listed = "; ".join(note.shown() for note in fits)
            if len({note.known_as() for note in fits}) == 1:
                raise Away(
                    f"several notebooks listen that cannot be told apart: {listed}. In one of "
                    "them run %mcp config HOST --live --as NAME --write with a new name, or "
                    "end its kernel."
                )
            raise Away(f"several notebooks listen. Say which, NAME --kernel K: {listed}.")
        if not fits:
            others = "; ".join(note.shown() for note in found if answers(note))
            word = " ".join(filter(None, (self.name, self.kernel and f"--kernel {self.kernel}")))
            raise Away(
                f"the notebook is away: none listens{' as ' + word if word else ''}. {HOW}, "
                "then try again."
                + (f" These listen: {others}." if others else "")
                + "".join(f" Refused: {why}." for why in refused)
            )
        note = fits[0]
        try:
            link = dial(note)
            try:
                link.sendall(greeting(note.token))
                heard = b""
                while len(heard) < len(WELCOME) and (part := link.recv(len(WELCOME) - len(heard))):
                    heard += part
                if heard != WELCOME:
                    raise ConnectionError("it closed the link")
            except BaseException:
                link.close()
                raise
        except OSError as error:
            raise Away(
                f"{note.shown()} does not answer ({error}): it may be busy. "
                "Interrupt or restart its kernel."
            ) from None
        self.joined = note
        link.setblocking(False)
        return link
