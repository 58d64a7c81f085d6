"""The places in a text that give a secret away: headers, URLs, JSON members, token shapes.

Everything here errs on the side of masking: a harmless word masked costs a look at the
original, a secret shown cannot be taken back.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

STAR: Final = ord("*")
NINE: Final = ord("9")

MIN_DISCOVERED: Final = 6
"""A value found in one place is masked everywhere if it is at least this long."""

_WORDS_OF_THE_PROTOCOL: Final = frozenset(
    b"array basic bearer boolean client complete content default description false integer "
    b"jsonrpc method notebook number object params password properties request required result "
    b"secret server string title tools type value".split()
)
"""Masked where they stand, but not everywhere: they carry every message."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A stretch of a text that is secret.

    Attributes:
        start: its first byte.
        end: the byte after its last.
        values: what is secret in it, unescaped, to be looked for elsewhere.
        fill: the byte that masks it.
    """

    start: int
    end: int
    values: tuple[bytes, ...] = ()
    fill: int = STAR


_NAMES: Final = (b"auth", b"key", b"token", b"secret", b"pass", b"cookie")
"""One of these stands in every name that gives a secret away, but for those below.

The rules are regular expressions that look at each byte; ordinary traffic holds none of these
words, and to see that costs a thirtieth.
"""
_PROGRESS: Final = b'"progresstoken"'
_PARAMETER_NAMES: Final = (b"pwd", b"sig", b"code", b"%")
_SHAPE_BEGINNINGS: Final = (
    *b"sk- ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- xox akia asia aiza ya29. hf_ npm_".split(),
    *b"pypi- eyj bearer basic".split(),
    b"private key-----",
)
"""How a token that can be told by its shape begins. Looked for one by one: a regular expression
of them all takes thirty times as long on a text of megabytes."""


def find(data: bytes, *, head: bool = False, prose: bool = False) -> Iterator[Hit]:
    """The places in a text.

    Args:
        data: the text.
        head: whether it is the head of an HTTP message. What looks like a header elsewhere
            may be the middle of a JSON text; there its value ends at the next quote.
        prose: whether it is a line for people (stderr, a command line), where a password may
            stand behind a plain word.
    """
    lowered = data.lower()
    if not prose:
        # stands in every request that asks for progress, and gives nothing away
        lowered = lowered.replace(_PROGRESS, b"")
    named = _holds(lowered, _NAMES)
    if named:
        yield from _headers(data, _HEADER if head else _HEADER_ELSEWHERE)
    if b"://" in data or (b"=" in data and (named or _holds(lowered, _PARAMETER_NAMES))):
        yield from _urls(data)
    if named or b"state" in lowered or b"\\u00" in lowered:
        yield from _members(data)
    if _holds(lowered, _SHAPE_BEGINNINGS):
        yield from _shapes(data)
    if prose and named:
        yield from _prose(data)


def goes_on(data: bytes) -> bool:
    """Whether a place that began in some whole lines may go on in the next one.

    A folded header, a member whose value stands on its own line, a private key.
    """
    lowered = data.lower()
    return _holds(lowered, (*_NAMES, b"state", b"\\u00"))


def _holds(lowered: bytes, words: tuple[bytes, ...]) -> bool:
    for word in words:  # noqa: SIM110 - a generator doubles the price
        if word in lowered:
            return True
    return False


def discoverable(value: bytes) -> bool:
    """Whether a value is worth looking for in other places."""
    return (
        len(value) >= MIN_DISCOVERED
        and bool(value.strip(b"*"))
        and value.lower() not in _WORDS_OF_THE_PROTOCOL
    )


# ---- headers ---------------------------------------------------------------------------------

_KEY_NAME: Final = (
    rb"[\w-]{0,60}(?:api[-_]?key|token|secret|password|passwd|passphrase"
    rb"|(?:access|auth|secret|private|subscription|functions|master|session)[-_]?key)[\w-]{0,60}"
)
_CREDENTIALS: Final = rb"(?:proxy-)?authorization"
_HEADER_NAME: Final = (
    rb"^(?P<name>" + _CREDENTIALS + rb"|set-cookie2?|cookie2?|x-auth[\w-]*|" + _KEY_NAME + rb")"
    rb"[ \t]*:[ \t]*"
)
_HEADER: Final = re.compile(
    # RFC 9112 section 5.2: a value may be folded over lines that start with white space
    _HEADER_NAME + rb"(?P<value>[^\r\n]*(?:\r?\n[ \t]+[^\r\n]+)*)",
    re.IGNORECASE | re.MULTILINE,
)
_HEADER_ELSEWHERE: Final = re.compile(
    _HEADER_NAME + rb"(?P<value>[^\r\n\"]*)", re.IGNORECASE | re.MULTILINE
)
_SCHEME: Final = re.compile(
    rb"(?:aws4-hmac-sha256|apikey|basic|bearer|digest|dpop|gnap|hoba|key|mutual|negotiate|ntlm"
    rb"|oauth|privatetoken|scram-[\w-]+|token|vapid)[ \t]+(?=\S)",
    re.IGNORECASE,
)


def _headers(data: bytes, header: re.Pattern[bytes]) -> Iterator[Hit]:
    for match in header.finditer(data):
        value = match["value"].rstrip()
        start = match.start("value")
        if not value:
            continue
        name = match["name"].lower()
        end = start + len(value)
        if name.endswith(b"authorization"):
            yield _credentials(value, start, end)
        elif name.endswith((b"cookie", b"cookie2")):
            pairs = value.split(b";")
            pairs = pairs[:1] if name.startswith(b"set-") else pairs
            values = tuple(pair.partition(b"=")[2].strip().strip(b'"') for pair in pairs)
            yield Hit(start, end, values)
        else:
            yield Hit(start, end, (value,))


def _credentials(value: bytes, start: int, end: int) -> Hit:
    scheme = _SCHEME.match(value)
    if scheme is None:
        return Hit(start, end, (value,))
    secret = value[scheme.end() :]
    values = [secret, secret.strip(b"\"'")]
    if scheme[0].lower().startswith(b"basic"):
        values += _basic(secret)
    return Hit(start + scheme.end(), end, tuple(values))


def _basic(credentials: bytes) -> list[bytes]:
    """RFC 7617: the base64 of ``user:password``; both together and the password alone."""
    text = credentials.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
    try:
        pair = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return []
    user, colon, password = pair.partition(b":")
    return [pair, password] if colon and user.isascii() else []


# ---- URLs ------------------------------------------------------------------------------------

_PARAMETER: Final = re.compile(rb"(?:[?&#;\n]|\\u0026|\A)(?P<name>[^=&#?;\s\"'<>\\]{1,80})=")
_PARAMETER_END: Final = re.compile(rb"[&#\s\"<>\\]|\Z")
_SECRET_PARAMETER: Final = re.compile(rb"token|key|secret|passw|pwd|sig|auth|code", re.IGNORECASE)
_USER_INFO: Final = re.compile(rb"(?<=[a-zA-Z0-9+.-]://)(?P<value>[^/?#\s\"'<>\\]+)@")


def _urls(data: bytes) -> Iterator[Hit]:
    covered = 0
    for match in _PARAMETER.finditer(data) if b"=" in data else ():
        start = match.end()
        # what stands inside the value of another parameter is masked with it
        if start < covered or not _SECRET_PARAMETER.search(unquote_to_bytes(match["name"])):
            continue
        end = _PARAMETER_END.search(data, start)
        covered = end.start() if end else len(data)
        value = data[start:covered]
        if value:
            plain = unquote_to_bytes(value)
            yield Hit(start, covered, (value, plain, unquote_to_bytes(value.replace(b"+", b" "))))
    if b"://" in data:
        for match in _USER_INFO.finditer(data):
            password = match["value"].partition(b":")[2]
            yield Hit(*match.span("value"), (match["value"], password, unquote_to_bytes(password)))


# ---- JSON members ----------------------------------------------------------------------------

_SECRET_MEMBERS: Final = (
    rb"(?:proxy[-_]?)?authorization|(?:x[-_]?)?api[-_]?key|(?:access|refresh|id|auth|bearer"
    rb"|session|csrf)[-_]?token|token|client[-_]?secret|secret(?:[-_]?(?:access[-_]?)?key)?"
    rb"|password|passwd|passphrase|private[-_]?key|request[-_]?state|(?:set[-_]?)?cookie"
)
_MEMBER: Final = re.compile(
    # the quotes are escaped where JSON stands in a JSON string, and single in Python's repr
    rb"(?<!\\)(?P<quote>\\*[\"'])(?P<name>" + _SECRET_MEMBERS + rb")(?P=quote)\s*:\s*",
    re.IGNORECASE,
)
_SPELLED_OUT: Final = re.compile(rb'"(?P<name>(?:[^"\\]|\\u[0-9a-fA-F]{4}){4,80})"\s*:\s*')
_MEMBER_NAME: Final = re.compile(_SECRET_MEMBERS, re.IGNORECASE)
_STRING: Final = re.compile(rb'"(?P<value>(?:[^"\\\r\n]|\\.)*+)')
_NUMBER: Final = re.compile(rb"-?\d[\d.eE+-]*")
_IN_ARRAY: Final = re.compile(rb'[\[\]]|"(?P<value>(?:[^"\\\r\n]|\\.)*+)"?')
_QUOTE_OR_END: Final = re.compile(rb"\\*[\"'\r\n]|\Z")


def _members(data: bytes) -> Iterator[Hit]:
    covered = 0
    for match in _MEMBER.finditer(data):
        if match.end() >= covered:
            for hit in _member_value(data, match.end(), match["quote"]):
                yield hit
                covered = hit.end
    if b"\\u00" in data:
        for match in _SPELLED_OUT.finditer(data):
            if b"\\u00" in match["name"] and _MEMBER_NAME.fullmatch(_unescape(match["name"])):
                yield from _member_value(data, match.end(), b'"')


def _member_value(data: bytes, at: int, quote: bytes) -> Iterator[Hit]:
    if quote != b'"' and data.startswith(quote, at):
        yield _quoted(data, at + len(quote), quote)
    elif match := _STRING.match(data, at):
        yield Hit(*match.span("value"), (match["value"], _unescape(match["value"])))
    elif match := _NUMBER.match(data, at):
        # a number masked by stars would be no JSON
        yield Hit(*match.span(), fill=NINE)
    elif data.startswith(b"[", at):
        yield from _array(data, at)


def _quoted(data: bytes, start: int, quote: bytes) -> Hit:
    """A string inside a string: it ends at the same quote, or where the outer string does."""
    end = len(data)
    for match in _QUOTE_OR_END.finditer(data, start):
        mark = match[0]
        if not mark or mark[-1:] in b"\r\n":
            end = match.end() - len(mark[-1:])
        elif mark == quote or (mark[-1:] == b'"' and len(mark) < len(quote)):
            end = match.start()
        else:
            continue
        break
    value = data[start:end]
    return Hit(start, end, (value, _unescape(value), _unescape(_unescape(value))))


def _array(data: bytes, start: int) -> Iterator[Hit]:
    depth = 0
    for match in _IN_ARRAY.finditer(data, start):
        if match[0] == b"[":
            depth += 1
        elif match[0] == b"]":
            depth -= 1
            if not depth:
                return
        elif match["value"]:
            yield Hit(*match.span("value"), (match["value"], _unescape(match["value"])))


def _unescape(raw: bytes) -> bytes:
    try:
        return str(json.loads(b'"' + raw + b'"')).encode("utf-8", "surrogatepass")
    except ValueError:
        return raw


# ---- shapes ----------------------------------------------------------------------------------

_SHAPE: Final = re.compile(
    rb"(?<![A-Za-z0-9])(?:"
    rb"sk-[A-Za-z0-9_-]{8,}"
    rb"|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
    rb"|xox[a-z]-[\w-]{8,}"
    rb"|(?:AKIA|ASIA)[0-9A-Z]{12,}"
    rb"|AIza[\w-]{30,}|ya29\.[\w.-]{16,}"
    rb"|hf_[A-Za-z0-9]{20,}|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{30,}"
    rb"|eyJ[\w-]{4,}\.[\w-]{4,}(?:\.[\w-]*)*"
    rb")"
)
_BEARER: Final = re.compile(
    # not the parameters of a challenge (Bearer realm="..."), and not "bearer authentication"
    rb"\bbearer[ .]+(?![a-z_]+=[\"'])(?P<value>(?=[^\s\"',;]*[0-9])[\w.~+/%:-]{6,}=*)",
    re.IGNORECASE,
)
_BASIC: Final = re.compile(rb"\bbasic[ ]+(?P<value>[A-Za-z0-9+/_-]{6,}={0,2})", re.IGNORECASE)
_PRIVATE_KEY: Final = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----(?P<value>[^\"]*?)(?:-----END|\"|\Z)"
)


def _shapes(data: bytes) -> Iterator[Hit]:
    for match in _SHAPE.finditer(data):
        yield Hit(*match.span(), (match[0],))
    for match in _BEARER.finditer(data):
        yield Hit(*match.span("value"), (match["value"],))
    for match in _BASIC.finditer(data):
        values = _basic(match["value"])
        if values:
            yield Hit(*match.span("value"), (match["value"], *values))
    for match in _PRIVATE_KEY.finditer(data):
        yield Hit(*match.span("value"))


# ---- lines for people ------------------------------------------------------------------------

_PROSE_VALUE: Final = rb"[\"']?(?:" + _SCHEME.pattern + rb")?(?P<value>[^\s\"',;]+)"
_PAIR: Final = re.compile(
    rb"(?<![\w-])[\w-]{0,60}(?:api[-_]?key|token|secret|password|passwd|passphrase|authorization"
    rb"|cookie|(?:access|auth|private)[-_]?key)[\"']?\s*[:=]\s*" + _PROSE_VALUE,
    re.IGNORECASE,
)
_OPTION: Final = re.compile(
    rb"(?<!\S)--?[\w-]{0,60}(?:key|token|secret|password|passwd|pass|auth)[ =]+" + _PROSE_VALUE,
    re.IGNORECASE,
)
_DIGIT: Final = re.compile(rb"\d")


def _prose(data: bytes) -> Iterator[Hit]:
    for rule in (_PAIR, _OPTION):
        for match in rule.finditer(data):
            # "password: incorrect" must not mask that word wherever it stands
            values = (match["value"],) if _DIGIT.search(match["value"]) else ()
            yield Hit(*match.span("value"), values)
