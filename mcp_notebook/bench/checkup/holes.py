"""What a transport cannot do, as data: each hole with its reason."""

from __future__ import annotations

from typing import Final

_NO_SESSION: Final = (
    "it is stateless: no session joins the notice of a cancellation with the call it means"
)
_ONE_BODY: Final = "the answer is one JSON body: there is no room for anything before it"
_SNAPSHOT: Final = (
    "its child runs a snapshot of the tools: it is not told; the connection says that it is stale"
)

HOLES: Final = {
    ("stdio", "legacy", "notice"): _SNAPSHOT,
    ("stdio", "modern", "notice"): _SNAPSHOT,
    ("http-json", "legacy", "progress"): _ONE_BODY,
    ("http-json", "modern", "progress"): _ONE_BODY,
    ("http-json", "legacy", "cancel"): _NO_SESSION,
    ("http-json", "legacy", "timeout"): _NO_SESSION,
    ("http-json", "legacy", "question"): (
        "a legacy server asks by a request of its own: one JSON body has no room for it"
    ),
    ("http-json", "legacy", "notice"): (
        "it is stateless: there is no session and no stream on which somebody could be told"
    ),
}
"""By transport, era and check: why it is not there."""
