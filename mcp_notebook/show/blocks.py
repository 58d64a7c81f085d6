"""Content blocks: text, pictures, sound, resources and links to them.

Media come from a server: only data that is base64 and of a known kind is drawn, and a link is
text, never something to click.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Final

from .markup import Html, code, faint, joined, line, pre
from .text import clean, html, lines, size_text

IMAGES: Final = frozenset(
    {"image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml"}
)  # an SVG inside <img> runs no script and loads nothing
SOUNDS: Final = frozenset(
    {"audio/wav", "audio/x-wav", "audio/mpeg", "audio/ogg", "audio/webm", "audio/flac", "audio/mp4"}
)
MAX_MEDIA_BYTES: Final = 10_000_000


@dataclass(frozen=True)
class Shown:
    """One block in both spellings.

    Attributes:
        plain: as text.
        html: as HTML.
        rich: whether the HTML shows more than the text.
    """

    plain: str
    html: Html
    rich: bool = False


def block(content: Any) -> Shown:
    """A content block of a tool result or a prompt message."""
    kind = getattr(content, "type", "")
    if kind == "text":
        return text(content.text)
    if kind in ("image", "audio"):
        return media(content.data, content.mime_type, noun=kind)
    if kind == "resource_link":
        return _link(content)
    if kind == "resource":
        return resource(content.resource)
    return _note(f"[{clean(kind or type(content).__name__, 60)}]")


def text(value: str) -> Shown:
    """A text block."""
    return Shown(lines(value), pre(value))


def resource(contents: Any) -> Shown:
    """The contents of a resource, text or bytes, under its URI."""
    uri = clean(contents.uri, 200)
    if hasattr(contents, "text"):
        inner = text(contents.text)
    else:
        inner = media(contents.blob, contents.mime_type or "", noun="data")
    title = line(faint("resource "), code(uri))
    return Shown(f"resource {uri}\n{inner.plain}", joined([title, inner.html]), rich=True)


def media(data: str, mime_type: str, *, noun: str) -> Shown:
    """A picture or a sound, or a line that says why it is not drawn."""
    kind = clean(mime_type.partition(";")[0].strip().lower(), 60)
    try:
        size = len(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        return _note(f"[{noun}, {kind or 'no type'}: its data is not base64]")
    told = f"{noun}, {kind or 'no type'}, {size_text(size)}"
    if kind not in IMAGES | SOUNDS:
        return _note(f"[{told}]")
    if size > MAX_MEDIA_BYTES:
        return _note(f"[{told}: too large to draw]")
    source = f"data:{kind};base64,{data}"
    if kind in SOUNDS:
        return Shown(f"[{told}]", Html(f'<audio controls src="{html(source)}"></audio>'), rich=True)
    image = f'<img alt="{html(told)}" src="{html(source)}" style="max-width:100%">'
    return Shown(f"[{told}]", line(Html(image)), rich=True)


def _link(content: Any) -> Shown:
    name, uri = clean(content.name, 80), clean(content.uri, 200)
    about = clean(content.description, 200) if content.description else ""
    plain = f"link to {name}: {uri}" + (f" ({about})" if about else "")
    shown = [faint("link to "), name, " ", code(uri), faint(f" {about}" if about else "")]
    return Shown(plain, line(*shown), rich=True)


def _note(plain: str) -> Shown:
    return Shown(plain, line(plain))
