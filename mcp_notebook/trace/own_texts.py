"""The texts that events hold themselves: messages, lines, addresses, reasons, labels."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from .events import Event, Fault, LinkClosed, LinkOpened, Message, StderrLine
from .places import STAR

_MIN_REMNANT: Final = 3
"""How much of the beginning of a secret at the end of a cut message is masked."""


class OwnText:
    """A text that an event holds itself.

    Attributes:
        data: the text.
        prose: whether it is a line for people.
        cut: whether its end was not kept.
        masked: what became of it, once something of it was masked.
    """

    def __init__(self, data: bytes, *, prose: bool, cut: bool = False) -> None:
        self.data = data
        self.prose = prose
        self.cut = cut
        self.masked: bytearray | None = None

    @classmethod
    def of(cls, text: str, *, prose: bool = False) -> OwnText:
        """The text of a string."""
        return cls(text.encode("utf-8", "surrogatepass"), prose=prose)

    def mask(self, start: int, end: int, fill: int, _sheet: object = None) -> None:
        """Replace a part of it."""
        if self.masked is None:
            self.masked = bytearray(self.data)
        self.masked[start:end] = bytes((fill,)) * (end - start)

    def mask_remnant(self, forms: list[bytes]) -> None:
        """Mask the beginning of a secret whose rest was cut off with the end of the text."""
        for form in forms:
            for size in range(min(len(form), len(self.data)), _MIN_REMNANT - 1, -1):
                if self.data.endswith(form[:size]):
                    self.mask(len(self.data) - size, len(self.data), STAR)
                    break

    @property
    def result(self) -> bytes:
        """What became of it."""
        return self.data if self.masked is None else bytes(self.masked)

    @property
    def result_text(self) -> str:
        """What became of it, as a string."""
        try:
            return self.result.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:  # a value ended inside a character
            return self.result.decode("utf-8", "replace")


def own_text(event: Event) -> OwnText | None:
    """The text of an event; a chunk's lies in its stream."""
    if isinstance(event, Message):
        return OwnText(event.raw, prose=False, cut=event.cut)
    if isinstance(event, StderrLine | Fault):
        return OwnText.of(event.text, prose=True)
    if isinstance(event, LinkOpened):
        return OwnText.of(event.address, prose=True)
    if isinstance(event, LinkClosed):
        return OwnText.of(event.reason, prose=True)
    return None


def with_text(event: Event, own: OwnText) -> Event:
    """An event with its text replaced."""
    if isinstance(event, Message):
        return replace(event, raw=own.result)
    if isinstance(event, StderrLine | Fault):
        return replace(event, text=own.result_text)
    if isinstance(event, LinkOpened):
        return replace(event, address=own.result_text)
    assert isinstance(event, LinkClosed)
    return replace(event, reason=own.result_text)
