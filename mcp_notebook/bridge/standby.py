"""What a bridge answers by itself while no notebook has been there yet (``--standby``).

A host opens its sessions when it starts, and one that gets an error then does not try again. So
the session is opened for it: nothing is listed, what is called gets an error that says what to
do, and once the notebook is there the host is told that the lists have changed.
"""

from __future__ import annotations

from typing import Any

REVISIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""Revisions whose sessions are opened by ``initialize``; every notebook speaks them."""

_LISTS = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}


def revision_of(message: dict[str, Any]) -> str:
    """The revision that an ``initialize`` asks for; empty where it is none that can be opened."""
    params = message.get("params")
    asked = params.get("protocolVersion") if isinstance(params, dict) else None
    return asked if message.get("method") == "initialize" and asked in REVISIONS else ""


def result_of(message: dict[str, Any], why: str) -> dict[str, Any] | None:
    """The result of a request that can be answered without a notebook; else ``None``.

    Args:
        message: the request.
        why: why the notebook is away, and what to do.
    """
    if revision := revision_of(message):
        changing = {"listChanged": True}
        return {
            "protocolVersion": revision,
            "capabilities": {
                "tools": changing,
                "prompts": changing,
                "resources": {**changing, "subscribe": True},
                "logging": {},
            },
            "serverInfo": {"name": "mcp_notebook.bridge", "version": "1"},
            "instructions": f"There are no tools yet: {why}",
        }
    method = message.get("method")
    if method in _LISTS:
        return {_LISTS[method]: []}
    return {} if method == "ping" else None
