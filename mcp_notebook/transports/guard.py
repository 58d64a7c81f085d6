"""Who may talk to a listening port: Host, Origin and token, the same on every network transport.

Source: revision 2026-07-28, Transports, Streamable HTTP, Security: servers MUST validate the
Origin header, SHOULD bind to loopback and SHOULD authenticate. The Host check stops DNS
rebinding: a page of a foreign site whose name was pointed at 127.0.0.1.

Origins of loopback pass without being allowed by name, and without a token where the endpoint
has none: Jupyter itself and every local web tool is such an origin. Whoever serves foreign pages
from a port of this machine should give the endpoint a token.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .base import LOOPBACK_HOSTS, ServeOptions

_ONCE = frozenset({"host", "origin", "authorization"})
"""RFC 9110 section 5.3: a field that is no list must not be sent twice."""

_LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a request is turned away.

    Attributes:
        status: the HTTP status: 400 a header sent twice, 401 token, 403 Origin, 421 Host.
        text: one line for the log and the body.
    """

    status: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What a listener accepts.

    Attributes:
        hosts: names accepted in the Host header, without port; ``None`` accepts any. That is
            for listening on every address, where the names are not known and a token is asked
            for.
        origins: further origins accepted, as ``scheme://host[:port]``.
        token: the bearer token asked for, or ``None``.
    """

    hosts: frozenset[str] | None
    origins: frozenset[str] = frozenset()
    token: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, options: ServeOptions) -> Policy:
        """The policy that the options of an endpoint ask for."""
        named = {options.host.lower(), *(h.lower() for h in options.allowed_hosts)}
        anywhere = options.host in ("0.0.0.0", "::")
        return cls(
            hosts=None if anywhere else frozenset(_LOOPBACK_NAMES | named),
            origins=frozenset(options.allowed_origins),
            token=options.token,
        )

    def refusal(self, pairs: Iterable[tuple[str, str]]) -> Refusal | None:
        """Judge a request by its headers.

        Args:
            pairs: names and values, as they were sent.

        Returns:
            ``None`` where it may pass.
        """
        headers: dict[str, str] = {}
        for name, value in pairs:
            name = name.lower()
            if name in headers and name in _ONCE:
                # which of two counts is read differently by every layer
                return Refusal(status=400, text=f"more than one {name} header")
            headers[name] = value
        host = headers.get("host", "")
        if self.hosts is not None and _host_name(host) not in self.hosts:
            return Refusal(status=421, text=f"Host {host!r} is not served here")
        origin = headers.get("origin")
        if origin is not None and not self._origin_passes(origin):
            return Refusal(status=403, text=f"Origin {origin!r} is not allowed")
        if self.token is not None:
            given = headers.get("authorization", "")
            scheme, _, value = given.partition(" ")
            if scheme.lower() != "bearer" or not hmac.compare_digest(
                value.strip().encode(), self.token.encode()
            ):
                return Refusal(status=401, text="a bearer token is needed")
        return None

    def _origin_passes(self, origin: str) -> bool:
        if origin in self.origins:
            return True
        try:
            parts = urlsplit(origin)
            host = parts.hostname or ""
        except ValueError:
            return False
        return parts.scheme in ("http", "https") and host in LOOPBACK_HOSTS


def _host_name(host: str) -> str:
    """The name in a Host header, lower case, without its port."""
    host = host.strip().lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
