import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.uri import parse_uri

from mcp_notebook.wire.spans import Span
from mcp_notebook.wire.websocket import (
    FrameDecoder,
    MessageAssembler,
    Opcode,
    WsError,
    WsFrame,
    WsMessage,
    accept_key,
    close_reason,
    mask,
    parse_close,
)

from .splits import cut, points

HELLO = bytes.fromhex("8105 48656c6c6f")
HELLO_MASKED = bytes.fromhex("8185 37fa213d 7f9f4d5158")
PING = bytes.fromhex("8900")


def assemble(stream: bytes) -> list[WsMessage]:
    assembler = MessageAssembler()
    messages = [assembler.add(frame) for frame in FrameDecoder().feed(stream)]
    return [message for message in messages if message is not None]


# The examples of RFC 6455 section 5.7.


def test_a_single_frame_unmasked_text_message() -> None:
    assert FrameDecoder().feed(HELLO) == [
        WsFrame(Opcode.TEXT, True, 0, False, None, b"Hello", 5, Span(0, 7), Span(2, 7))
    ]


def test_a_single_frame_masked_text_message() -> None:
    (frame,) = FrameDecoder(start=10).feed(HELLO_MASKED)
    assert (frame.masked, frame.mask) == (True, bytes.fromhex("37fa213d"))
    assert frame.payload == b"Hello"
    assert (frame.span, frame.payload_span) == (Span(10, 21), Span(16, 21))
    there = HELLO_MASKED[6:11]
    assert mask(there, frame.mask or b"") == b"Hello"
    assert mask(b"Hello", frame.mask or b"") == there


def test_a_fragmented_unmasked_text_message() -> None:
    (message,) = assemble(bytes.fromhex("0103 48656c") + PING + bytes.fromhex("8002 6c6f"))
    assert (message.text, message.opcode) == ("Hello", Opcode.TEXT)
    assert message.payload_spans == (Span(2, 5), Span(9, 11))
    assert message.span == Span(0, 11)


def test_ping_and_pong_are_control_frames() -> None:
    ping, pong = FrameDecoder().feed(HELLO.replace(b"\x81", b"\x89") + b"\x8a\x00")
    assert (ping.opcode, ping.payload, ping.is_control) == (Opcode.PING, b"Hello", True)
    assert (pong.opcode, pong.length, pong.is_control) == (Opcode.PONG, 0, True)


@pytest.mark.parametrize(
    ("header", "length"), [("827e0100", 256), ("827f0000000000010000", 65536), ("827e0005", 5)]
)
def test_the_three_forms_of_a_length(header: str, length: int) -> None:
    head = bytes.fromhex(header)
    (frame,) = FrameDecoder().feed(head + bytes(length))
    assert (frame.opcode, frame.length, frame.payload) == (Opcode.BINARY, length, bytes(length))
    assert frame.payload_span == Span(len(head), len(head) + length)


def test_a_compressed_message_is_marked_and_left_alone() -> None:
    (message,) = assemble(bytes.fromhex("c107 f248cdc9c90700"))
    assert message.compressed
    assert message.data == bytes.fromhex("f248cdc9c90700")


@pytest.mark.parametrize(
    ("stream", "code"),
    [
        ("8300", 1002),  # reserved opcodes
        ("8b00", 1002),
        ("a100", 1002),  # RSV2, RSV3
        ("9100", 1002),
        ("c900", 1002),  # RSV1 on a control frame
        ("0900", 1002),  # a fragmented ping
        ("897e", 1002),  # a ping that is too long
        ("827fffffffffffffffff", 1002),
        ("827f0000000000000065", 1009),
        ("82fe0065", 1009),
    ],
)
def test_broken_frames_are_an_error_with_the_close_code_that_is_due(stream: str, code: int) -> None:
    raw = HELLO + bytes.fromhex(stream)
    for size in (1, len(raw)):
        decoder = FrameDecoder(max_bytes=100)
        frames: list[WsFrame] = []
        pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
        with pytest.raises(WsError) as caught:
            frames.extend(frame for piece in pieces for frame in decoder.feed(piece))
        frames += caught.value.frames
        assert [frame.payload for frame in frames] == [b"Hello"]
        assert (caught.value.code, caught.value.offset) == (code, len(HELLO))
        with pytest.raises(WsError):
            decoder.feed(HELLO)


def test_a_frame_of_just_the_bound_is_taken() -> None:
    assert FrameDecoder(max_bytes=5).feed(HELLO)[0].payload == b"Hello"
    with pytest.raises(WsError):
        FrameDecoder(max_bytes=4).feed(HELLO)


def test_an_end_inside_a_frame_is_an_error() -> None:
    decoder = FrameDecoder()
    assert len(decoder.feed(HELLO + HELLO[:-1])) == 1
    assert decoder.pending == Span(7, 13)
    with pytest.raises(WsError, match="ended inside"):
        decoder.feed(None)
    assert FrameDecoder().feed(None) == []


@pytest.mark.parametrize(
    ("stream", "code", "why"),
    [
        ("8000", 1002, "without a beginning"),
        ("0100 8100", 1002, "inside a fragmented"),
        ("8101ff", 1007, "UTF-8"),
        ("0101c3 800128", 1007, "UTF-8"),
    ],
)
def test_broken_messages_are_an_error_with_the_close_code_that_is_due(
    stream: str, code: int, why: str
) -> None:
    with pytest.raises(WsError, match=why) as caught:
        assemble(bytes.fromhex(stream))
    assert caught.value.code == code


def test_a_character_may_be_split_between_fragments() -> None:
    assert assemble(bytes.fromhex("0101c3 8001a9"))[0].text == "é"


def test_a_message_beyond_the_bound_is_an_error_and_is_dropped() -> None:
    first, second = FrameDecoder().feed(bytes.fromhex("0203000000 0003000000"))
    assembler = MessageAssembler(max_bytes=5)
    assert assembler.add(first) is None
    with pytest.raises(WsError) as caught:
        assembler.add(second)
    assert caught.value.code == 1009
    message = assembler.add(FrameDecoder().feed(HELLO)[0])
    assert message is not None
    assert message.text == "Hello"


def test_a_close_frame_has_a_code_and_a_reason() -> None:
    assert parse_close(b"") == (None, "")
    assert parse_close(b"\x03\xe8") == (1000, "")
    assert parse_close(b"\x0f\xa0see you") == (4000, "see you")


@pytest.mark.parametrize(
    ("payload", "code"), [(b"\x03", 1002), (b"\x03\xed", 1002), (b"\x03\xe8\xff", 1007)]
)
def test_a_broken_close_frame_is_an_error(payload: bytes, code: int) -> None:
    with pytest.raises(WsError) as caught:
        parse_close(payload)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1000, "normal closure"),
        (1001, "going away"),
        (1002, "protocol error"),
        (1004, "reserved"),
        (1005, "no status code was sent"),
        (1006, "the connection was lost without a close frame"),
        (1008, "policy violation"),
        (1009, "message too big"),
        (1011, "internal error"),
        (1015, "the TLS handshake failed"),
        (1099, "unknown code"),
        (3000, "registered by a library or framework"),
        (4999, "private use"),
        (5000, "unknown code"),
    ],
)
def test_close_codes_are_told_in_words(code: int, words: str) -> None:
    assert close_reason(code) == words


def test_the_accept_key_is_that_of_the_standard() -> None:
    assert accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_a_mask_has_four_bytes() -> None:
    with pytest.raises(ValueError, match="4 bytes"):
        mask(b"abc", b"abc")


FRAMES = st.lists(
    st.one_of(
        st.tuples(st.just(Opcode.BINARY), st.binary(max_size=200), st.booleans()),
        st.tuples(st.just(Opcode.TEXT), st.text(max_size=80).map(str.encode), st.booleans()),
        st.tuples(st.sampled_from([Opcode.PING, Opcode.PONG]), st.binary(max_size=125),
                  st.booleans()),
    ),
    max_size=6,
)  # fmt: skip


@given(FRAMES, points)
def test_what_websockets_writes_is_read_in_every_split(
    sent: list[tuple[Opcode, bytes, bool]], at: list[int]
) -> None:
    stream = b"".join(Frame(op, data).serialize(mask=masked) for op, data, masked in sent)
    decoder = FrameDecoder()
    frames = [frame for piece in cut(stream, at) for frame in decoder.feed(piece)]
    assert [(f.opcode, f.payload, f.masked) for f in frames] == sent
    assert decoder.feed(None) == []
    end = 0
    for frame in frames:
        assert frame.span.start == end
        end = frame.span.end
        there = stream[frame.payload_span.start : frame.payload_span.end]
        assert (mask(there, frame.mask) if frame.mask else there) == frame.payload
    assert end == len(stream)


@given(st.text(min_size=1), st.text(), points)
def test_what_the_client_of_websockets_sends_is_read(first: str, rest: str, at: list[int]) -> None:
    client = ClientProtocol(parse_uri("ws://x/"))
    client.state = client.state.OPEN  # type: ignore[misc]
    client.send_text(first.encode(), fin=False)
    client.send_ping(b"p")
    client.send_continuation(rest.encode(), fin=True)
    client.send_close(1000, "bye")
    stream = b"".join(client.data_to_send())
    decoder, assembler = FrameDecoder(), MessageAssembler()
    frames = [frame for piece in cut(stream, at) for frame in decoder.feed(piece)]
    (message,) = [m for m in map(assembler.add, frames) if m is not None]
    assert message.text == first + rest
    assert parse_close(frames[-1].payload) == (1000, "bye")


@given(st.binary())
def test_random_bytes_raise_only_the_typed_error(stream: bytes) -> None:
    with contextlib.suppress(WsError):
        assemble(stream)
    with contextlib.suppress(WsError):
        parse_close(stream)
