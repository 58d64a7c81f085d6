"""WebSocket frames and messages (RFC 6455), each with its byte range.

The frame rules and the masking are those of ``websockets``; the cutting is done here because
its parser does not say where things lie.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from websockets.exceptions import ProtocolError
from websockets.frames import CLOSE_CODE_EXPLANATIONS, Close, Frame, Opcode
from websockets.utils import accept_key as _accept_key
from websockets.utils import apply_mask

from .spans import Span

__all__ = [
    "FrameDecoder",
    "MessageAssembler",
    "Opcode",
    "WsError",
    "WsFrame",
    "WsMessage",
    "accept_key",
    "close_reason",
    "mask",
    "parse_close",
]

DEFAULT_MAX_BYTES: Final = 64 << 20

_PROTOCOL_ERROR: Final = 1002
_INVALID_DATA: Final = 1007
_TOO_BIG: Final = 1009

_UNEXPLAINED: Final = {
    1004: "reserved",
    1005: "no status code was sent",
    1006: "the connection was lost without a close frame",
    1015: "the TLS handshake failed",
}


class WsError(ValueError):
    """Bytes that break RFC 6455, or a bound.

    Attributes:
        code: the close code that is due (section 7.4.1).
        offset: the first byte of the frame that is wrong.
        frames: what was complete before that byte, in the call that raised.
    """

    def __init__(self, text: str, *, code: int = _PROTOCOL_ERROR, offset: int = 0) -> None:
        super().__init__(text)
        self.code = code
        self.offset = offset
        self.frames: tuple[WsFrame, ...] = ()


@dataclass(frozen=True, slots=True)
class WsFrame:
    """One frame.

    Attributes:
        opcode: what it is.
        fin: whether it is the last of its message.
        rsv: the three reserved bits as a number; 4 (RSV1) means permessage-deflate.
        masked: whether it is masked; clients must, servers must not.
        mask: the key.
        payload: the payload, unmasked.
        length: its length.
        span: the whole frame.
        payload_span: where the (masked) payload lies.
    """

    opcode: Opcode
    fin: bool
    rsv: int
    masked: bool
    mask: bytes | None
    payload: bytes
    length: int
    span: Span
    payload_span: Span

    @property
    def is_control(self) -> bool:
        """Whether it is a close, ping or pong."""
        return self.opcode >= Opcode.CLOSE


@dataclass(frozen=True, slots=True)
class WsMessage:
    """A text or binary message, put together from its frames.

    Attributes:
        opcode: ``TEXT`` or ``BINARY``.
        data: the payload; still compressed if ``compressed``.
        payload_spans: where the payload of each frame lies, in order.
        span: from the first byte of the first frame to the last of the last one; control
            frames in between lie inside it.
        compressed: whether RSV1 says that an extension changed the payload.
    """

    opcode: Opcode
    data: bytes
    payload_spans: tuple[Span, ...]
    span: Span
    compressed: bool = False

    @property
    def text(self) -> str:
        """The payload of a text message."""
        return self.data.decode("utf-8")


class FrameDecoder:
    """Cuts one direction of a WebSocket connection into frames.

    Args:
        max_bytes: the longest payload that is taken.
        start: the offset of the first byte, after the HTTP upgrade.
    """

    def __init__(self, *, max_bytes: int = DEFAULT_MAX_BYTES, start: int = 0) -> None:
        self._max = max_bytes
        self._buffer = bytearray()
        self._offset = start
        self._failed = False

    @property
    def pending(self) -> Span:
        """The bytes of the frame that is not complete."""
        return Span(self._offset, self._offset + len(self._buffer))

    def feed(self, data: bytes | None) -> list[WsFrame]:
        """Take the next bytes, or ``None`` at the end of the stream.

        Raises:
            WsError: a frame breaks the rules or the bound, or the stream ended inside one.
                The decoder is then finished.
        """
        frames: list[WsFrame] = []
        try:
            if self._failed:
                raise self._error("this stream already failed")
            if data is not None:
                self._buffer += data
            while (frame := self._next()) is not None:
                frames.append(frame)
            if data is None and self._buffer:
                raise self._error("the connection ended inside a frame")
        except WsError as exc:
            self._failed = True
            exc.frames = tuple(frames)
            raise
        return frames

    def _next(self) -> WsFrame | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        first, second = buffer[0], buffer[1]
        frame = self._check(first, second)
        size = 2
        length = second & 0x7F
        if length == 126:
            size = 4
        elif length == 127:
            size = 10
        masked = bool(second & 0x80)
        if len(buffer) < size:
            return None
        if size == 4:
            (length,) = struct.unpack_from("!H", buffer, 2)
        elif size == 10:
            (length,) = struct.unpack_from("!Q", buffer, 2)
        if length >> 63:
            raise self._error("the most significant bit of a length must be 0")
        if length > self._max:
            raise self._error(
                f"a frame of {length} bytes is beyond the bound of {self._max}", code=_TOO_BIG
            )
        payload_at = size + (4 if masked else 0)
        end = payload_at + length
        if len(buffer) < end:
            return None
        key = bytes(buffer[size:payload_at]) if masked else None
        payload = bytes(buffer[payload_at:end])
        del buffer[:end]
        start = self._offset
        self._offset += end
        return WsFrame(
            opcode=frame.opcode,
            fin=frame.fin,
            rsv=first >> 4 & 0x07,
            masked=masked,
            mask=key,
            payload=mask(payload, key) if key else payload,
            length=length,
            span=Span(start, start + end),
            payload_span=Span(start + payload_at, start + end),
        )

    def _check(self, first: int, second: int) -> Frame:
        """What ``websockets`` thinks of the first two bytes."""
        try:
            frame = Frame(
                Opcode(first & 0x0F),
                b"",
                fin=bool(first & 0x80),
                rsv2=bool(first & 0x20),
                rsv3=bool(first & 0x10),
            )
            if frame.opcode >= Opcode.CLOSE:
                # 126 and 127 announce a longer length, which no control frame may have
                frame.data = bytes(second & 0x7F)
                frame.rsv1 = bool(first & 0x40)
            # RSV1 of a data frame is left alone: permessage-deflate sets it (RFC 7692)
            frame.check()
        except ValueError:
            raise self._error(f"no frame has the opcode {first & 0x0F}") from None
        except ProtocolError as exc:
            raise self._error(str(exc)) from None
        return frame

    def _error(self, text: str, *, code: int = _PROTOCOL_ERROR) -> WsError:
        return WsError(text, code=code, offset=self._offset)


class MessageAssembler:
    """Puts the messages of one direction together from its frames.

    Args:
        max_bytes: the longest message.
    """

    def __init__(self, *, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._max = max_bytes
        self._frames: list[WsFrame] = []
        self._size = 0

    def add(self, frame: WsFrame) -> WsMessage | None:
        """Take the next frame.

        Returns:
            The message that this frame completes. Control frames complete none and may come
            between the frames of a message.

        Raises:
            WsError: fragments out of order, a message beyond the bound, or a text message
                that is not UTF-8. What was gathered is dropped.
        """
        if frame.is_control:
            return None
        if (frame.opcode is Opcode.CONT) != bool(self._frames):
            text = "a continuation without a beginning"
            if self._frames:
                text = "a new message inside a fragmented one"
            raise self._error(frame, text)
        self._frames.append(frame)
        self._size += frame.length
        if self._size > self._max:
            raise self._error(frame, f"a message beyond the bound of {self._max} bytes", _TOO_BIG)
        if not frame.fin:
            return None
        frames = self._frames
        first = frames[0]
        data = first.payload if len(frames) == 1 else b"".join(f.payload for f in frames)
        compressed = bool(first.rsv & 4)
        if first.opcode is Opcode.TEXT and not compressed:
            try:
                data.decode("utf-8")
            except UnicodeDecodeError:
                raise self._error(frame, "a text message is not UTF-8", _INVALID_DATA) from None
        self._frames = []
        self._size = 0
        return WsMessage(
            opcode=first.opcode,
            data=data,
            payload_spans=tuple(f.payload_span for f in frames),
            span=Span(first.span.start, frame.span.end),
            compressed=compressed,
        )

    def _error(self, frame: WsFrame, text: str, code: int = _PROTOCOL_ERROR) -> WsError:
        self._frames = []
        self._size = 0
        return WsError(text, code=code, offset=frame.span.start)


def mask(payload: bytes, key: bytes) -> bytes:
    """Mask or unmask: the same operation (RFC 6455 section 5.3).

    Raises:
        ValueError: the key has not four bytes.
    """
    return bytes(apply_mask(payload, key))


def accept_key(key: str) -> str:
    """The ``Sec-WebSocket-Accept`` that answers a ``Sec-WebSocket-Key`` (section 4.2.2)."""
    return _accept_key(key)


def parse_close(payload: bytes) -> tuple[int | None, str]:
    """The code and the reason in the payload of a close frame; no code where there is none.

    Raises:
        WsError: one byte, a code that must not be sent, or a reason that is not UTF-8.
    """
    if not payload:
        return None, ""
    try:
        close = Close.parse(payload)
        close.check()
    except (ProtocolError, UnicodeDecodeError) as exc:
        code = _INVALID_DATA if isinstance(exc, UnicodeDecodeError) else _PROTOCOL_ERROR
        raise WsError(f"a close frame is malformed: {exc}", code=code) from None
    return int(close.code), close.reason


def close_reason(code: int) -> str:
    """What a close code means, in words (section 7.4.1 and the IANA registry)."""
    if code in _UNEXPLAINED:
        return _UNEXPLAINED[code]
    if 3000 <= code < 4000:
        return "registered by a library or framework"
    if 4000 <= code < 5000:
        return "private use"
    if code == 1000:
        return "normal closure"
    return CLOSE_CODE_EXPLANATIONS.get(code, "unknown code")
