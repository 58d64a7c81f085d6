"""The elements that a live view fills in a page; what stands in them is seen where none is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .markup import Html, safe
from .text import html


def view_element(feed: str, view: str, options: Mapping[str, Any], fallback: str = "") -> Html:
    """The place of a live view.

    Args:
        feed: the name of the feed that fills it.
        view: a name of its own in this feed, so that what the reader chose is found again.
        options: how the view begins (``Options`` in ``widgets/src/protocol.ts``).
        fallback: what is seen where no kernel and no saved state fill it.
    """
    text = json.dumps(dict(options), ensure_ascii=True, separators=(",", ":"))
    return _element("view", fallback, feed=feed, view=view, options=text)


def widget_element(feed: str, model: str, fallback: str = "") -> Html:
    """The place of an ordinary widget of the kernel.

    Args:
        feed: the name of the feed that finds it.
        model: the id of the widget's model.
        fallback: what is seen where the model is not there.
    """
    return _element("widget", fallback, feed=feed, model=model)


def _element(kind: str, fallback: str, **attributes: str) -> Html:
    given = "".join(f' {name}="{html(value)}"' for name, value in attributes.items())
    return Html(f"<mcp-flow-{kind}{given}>{safe(fallback)}</mcp-flow-{kind}>")


def folded(summary: str, body: str) -> Html:
    """A line that opens."""
    return Html(
        f'<details style="margin:0.2em 0"><summary style="cursor:pointer">{safe(summary)}'
        f"</summary>{safe(body)}</details>"
    )
