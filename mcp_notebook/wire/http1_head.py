"""The head of an HTTP/1.1 message: cut into lines here, judged by ``h11``."""

from __future__ import annotations

import re
from typing import Final

import h11

from .http1_events import HttpError, HttpHead
from .spans import Span

# The same patterns as h11's: a decoder of our own that is laxer or stricter than the server
# behind it would show another conversation than the one that took place.
_TOKEN: Final = rb"[-!#$%&'*+.^_`|~0-9a-zA-Z]+"
_REQUEST_LINE: Final = re.compile(rb"(%b) ([\x21-\x7e]+) HTTP/([0-9]\.[0-9])" % _TOKEN)
_STATUS_LINE: Final = re.compile(rb"HTTP/([0-9]\.[0-9]) ([0-9]{3})(?: ((?:[ \t]|[^\x00\s])*))?")


def parse_head(raw: bytes, *, from_client: bool, span: Span) -> HttpHead:
    """Read a head whose last line is blank.

    Args:
        raw: the bytes of the head.
        from_client: whether it must be a request.
        span: where the bytes lie.

    Raises:
        HttpError: it is none.
    """

    def wrong(text: str) -> HttpError:
        return HttpError(text, from_client=from_client, offset=span.start)

    lines = _lines(raw)
    first = lines[0][1] if lines else b""
    match = (_REQUEST_LINE if from_client else _STATUS_LINE).fullmatch(first)
    if match is None:
        raise wrong(f"no {'request' if from_client else 'status'} line: {first[:80]!r}")
    try:
        fields, spans = _fields(lines[1:], span.start)
        if from_client:
            method, target, version = match.groups()
            request = h11.Request(
                method=method, target=target, headers=fields, http_version=version
            )
            return HttpHead(
                True, request.method, request.target, 0, b"", version, _lower(fields), span, spans
            )
        version, digits, reason = match.groups()
        status = int(digits)
        kind = h11.InformationalResponse if status < 200 else h11.Response
        kind(status_code=status, headers=fields, reason=reason or b"", http_version=version)
    except (h11.ProtocolError, ValueError) as exc:
        raise wrong(str(exc)) from None
    return HttpHead(False, b"", b"", status, reason or b"", version, _lower(fields), span, spans)


def parse_trailers(raw: bytes, span: Span, *, from_client: bool) -> tuple[tuple[bytes, bytes], ...]:
    """Read the trailer section of a chunked body, its blank line included.

    Raises:
        HttpError: a line is no header.
    """
    try:
        fields, _ = _fields(_lines(raw), span.start)
        h11.EndOfMessage(headers=fields)
    except (h11.ProtocolError, ValueError) as exc:
        raise HttpError(str(exc), from_client=from_client, offset=span.start) from None
    return _lower(fields)


def _lines(raw: bytes) -> list[tuple[int, bytes]]:
    """The lines before the blank one, without their ends, each with its place in ``raw``."""
    lines: list[tuple[int, bytes]] = []
    at = 0
    while True:
        end = raw.index(b"\n", at)
        line = raw[at:end]
        if line.endswith(b"\r"):
            line = line[:-1]
        if not line:
            return lines
        lines.append((at, line))
        at = end + 1


def _fields(
    lines: list[tuple[int, bytes]], base: int
) -> tuple[list[tuple[bytes, bytes]], tuple[Span, ...]]:
    fields: list[tuple[bytes, bytes]] = []
    spans: list[Span] = []
    for at, line in lines:
        if line[0] in b" \t":
            # RFC 9112 section 5.2, obs-fold: the line goes on with the one before
            if not fields:
                raise ValueError("a continuation line before the first header")
            name, value = fields[-1]
            fields[-1] = (name, value + b" " + line.lstrip(b" \t"))
            value_at, line_value = at, line
        else:
            name, colon, line_value = line.partition(b":")
            if not colon:
                raise ValueError(f"no header: {line[:80]!r}")
            fields.append((name, line_value))
            value_at = at + len(name) + 1
        stripped = line_value.lstrip(b" \t")
        start = base + value_at + len(line_value) - len(stripped)
        span = Span(start, start + len(stripped.rstrip(b" \t")))
        if len(spans) < len(fields):
            spans.append(span)
        elif span:
            spans[-1] = Span(spans[-1].start, span.end) if spans[-1] else span
    return [(name, value.strip(b" \t")) for name, value in fields], tuple(spans)


def _lower(fields: list[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.lower(), value) for name, value in fields)
