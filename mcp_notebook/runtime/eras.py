"""What ``--era`` means: a family of revisions, or one that can be asked for."""

from __future__ import annotations

from mcp_types.version import (
    HANDSHAKE_PROTOCOL_VERSIONS,
    LATEST_HANDSHAKE_VERSION,
    LATEST_MODERN_VERSION,
    MODERN_PROTOCOL_VERSIONS,
)

from mcp_notebook.errors import UsageError


def mode_of(era: str) -> str:
    """The SDK's ``mode`` for an ``--era``.

    Raises:
        UsageError: there is no such era.
    """
    if era in ("auto", "legacy"):
        return era
    if era == "modern":
        return LATEST_MODERN_VERSION
    if era == LATEST_HANDSHAKE_VERSION:
        return "legacy"
    if era in HANDSHAKE_PROTOCOL_VERSIONS:
        raise UsageError(
            f"revision {era} cannot be asked for: a legacy client offers "
            f"{LATEST_HANDSHAKE_VERSION}, and the server chooses.",
            hint="Use --era legacy.",
        )
    if era in MODERN_PROTOCOL_VERSIONS:
        return era
    known = ", ".join([LATEST_HANDSHAKE_VERSION, *MODERN_PROTOCOL_VERSIONS])
    raise UsageError(
        f"there is no era {era!r}.", hint=f"auto, legacy, modern, or a revision: {known}"
    )
