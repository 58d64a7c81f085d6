"""A Trace as one HTML file that replays in any browser, with no kernel and no network.

The file holds the live view, the Trace as JSON lines, and a still picture that is seen until the
view is drawn, or instead of it where scripts do not run. Its policy lets nothing be fetched, and
no script run but the one of the view.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from mcp_notebook.errors import UsageError
from mcp_notebook.trace.formats import jsonl
from mcp_notebook.trace.store import Trace

from .picture import picture_html
from .text import count_text, html

STATIC: Final = Path(__file__).parent / "static"

_PACKED: Final = re.compile(r'^const packed = "([A-Za-z0-9+/=]+)";$', re.M)

_OPEN: Final = '<script type="application/x-ndjson" data-mcp-flow='
_CLOSE: Final = "</script>"

_STYLE: Final = """
html{color-scheme:light dark;height:100%}
body{margin:0;height:100%;display:flex;flex-direction:column;font:14px/1.5 system-ui,sans-serif}
header{padding:10px 16px;display:flex;flex-wrap:wrap;gap:2px 16px;align-items:baseline}
h1{font-size:16px;margin:0}
header p{margin:0;opacity:.75}
main{flex:1;min-height:0}
.still{margin:0;padding:0 16px 16px}
.still img{max-width:100%;height:auto}
main:has(.mcp-flow) .still{display:none}
@media print{main .mcp-flow{display:none!important}main:has(.mcp-flow) .still{display:block}}
"""


def save(trace: Trace) -> Iterator[str]:
    """The page of a Trace, piece by piece.

    Args:
        trace: the Trace, redacted.
    """
    options: dict[str, Any] = {"preset": "dev", "docked": True}
    style = (STATIC / "flow.css").read_text(encoding="utf-8") + _STYLE
    script = _script((STATIC / "flow.js").read_text(encoding="utf-8"))
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    yield (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html(_title(trace))}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f"<header><h1>MCP message flow</h1><p>{html(_told(trace))}</p></header>\n<main>\n"
        f'<div class="still">{picture_html(trace)}</div>\n'
        f"{_OPEN}'{html(json.dumps(options))}'>\n"
    )
    for line in jsonl.save(trace):
        # a lone surrogate cannot be written; escaped it is the same JSON
        yield line.replace("<", "\\u003c").encode("utf-8", "backslashreplace").decode()
    yield f'{_CLOSE}\n</main>\n<script type="module">{script}</script>\n</body>\n</html>\n'


def load(data: bytes, name: str) -> Trace:
    """The Trace in the bytes of a page.

    Raises:
        DamagedTrace: lines that cannot be read; ``.trace`` has all others.
        UsageError: there is no trace in it.
    """
    at = data.find(_OPEN.encode())
    begin = data.find(b">", at) + 1
    if at < 0 or begin == 0:
        raise UsageError(
            f"{name} is a page without a trace",
            hint="One with a trace is written by trace.save('name.html').",
        )
    end = data.find(_CLOSE.encode(), begin)
    return jsonl.load((data[begin:] if end < 0 else data[begin:end]).lstrip(), name)


def _title(trace: Trace) -> str:
    return f"MCP message flow, {count_text(len(trace.messages()), 'message')}"


def _told(trace: Trace) -> str:
    begun = datetime.fromtimestamp(trace.zero_unix_s, UTC)
    told = (
        f"{count_text(len(trace.messages()), 'message')}, recorded from {begun:%Y-%m-%d %H:%M} UTC"
    )
    return told + (f", {count_text(trace.dropped, 'older event')} dropped" if trace.dropped else "")


def _script(bundle: str) -> str:
    """The script of the view, as it can stand in a page.

    A packed bundle would unpack itself into a script of another address, which the policy of
    the page forbids; here it is unpacked before.
    """
    packed = _PACKED.search(bundle)
    if packed is not None:
        bundle = zlib.decompress(base64.b64decode(packed[1]), -zlib.MAX_WBITS).decode()
    # inside a string both mean the same, and the element ends where it should
    return bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
