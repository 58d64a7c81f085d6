"""What a host and a notebook still owe each other, and what a legacy session consists of."""

from __future__ import annotations

from typing import Any

from .lines import encoded, key

CONNECTION_CLOSED = -32000
"""The code of the SDKs for a connection that ended."""

_LISTS = ("tools", "prompts", "resources")
_OPENING = "initialize"
_OPENED = "notifications/initialized"
_LISTEN = "subscriptions/listen"
_HEARD = "notifications/subscriptions/acknowledged"
_SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"


def error(identifier: Any, text: str, code: int = CONNECTION_CLOSED) -> bytes:
    """An error as a line."""
    known = identifier if isinstance(identifier, str | int | float) else None
    return encoded(id=known, error={"code": code, "message": text})


def is_request(message: dict[str, Any]) -> bool:
    """Whether a message wants an answer."""
    return "method" in message and "id" in message


def is_message(message: dict[str, Any]) -> bool:
    """Whether it is a request, a notification or an answer."""
    return "method" in message or "result" in message or "error" in message


def _subscription(message: dict[str, Any]) -> str:
    """The id of the request that a notice belongs to, as text; empty where it names none."""
    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    return str(meta.get(_SUBSCRIPTION, "")) if isinstance(meta, dict) else ""


class Ledger:
    """Keeps account of both directions.

    Attributes:
        owed: the host's requests without an answer, by key: the id.
        session: id and line of what opens the legacy session again, by what it does.
        revision: what was negotiated in it.
        listening: id and line of what asks for notices in the modern era, by key.
    """

    def __init__(self) -> None:
        self.owed: dict[str, Any] = {}
        self.session: dict[str, tuple[Any, bytes]] = {}
        self.revision: Any = None
        self.listening: dict[str, tuple[Any, bytes]] = {}
        self._again: set[str] = set()
        self._asked: dict[str, Any] = {}
        self._stale: set[str] = set()
        self._changes: dict[str, tuple[str, Any, bytes]] = {}
        self._replayed: dict[str, str] = {}

    def from_host(self, message: dict[str, Any], line: bytes) -> bool:
        """Note a message of the host; whether it is still of use to the notebook."""
        method, params = message.get("method"), message.get("params")
        params = params if isinstance(params, dict) else {}
        if method is None:
            answered = key(message.get("id"))
            self._asked.pop(answered, None)
            if answered in self._stale:  # to a question of the kernel that is gone
                self._stale.discard(answered)
                return False
        elif "id" in message:
            known = key(message["id"])
            self.owed[known] = message["id"]
            if method == _OPENING:
                self.session.clear()
            if method == _LISTEN:
                self.listening[known] = (message["id"], line)
            if method in (_OPENING, "logging/setLevel"):
                self._changes[known] = (method, message["id"], line)
            elif method in ("resources/subscribe", "resources/unsubscribe"):
                what = f"{method} {key(params.get('uri'))}"
                self._changes[known] = (what, message["id"], line)
        elif method == "notifications/cancelled":
            self.owed.pop(key(params.get("requestId")), None)
            self.listening.pop(key(params.get("requestId")), None)
        elif method == _OPENED and _OPENING in self.session:
            self.session[_OPENED] = (None, line)
        return True

    def from_notebook(self, message: dict[str, Any]) -> str | None:
        """Note a message of the notebook.

        Returns:
            What it answers, where it is the answer to a replayed request and not for the host.
        """
        if "method" in message:
            if "id" in message:
                asked = key(message["id"])
                self._asked[asked] = message["id"]
                self._stale.discard(asked)
            elif message["method"] == "notifications/cancelled":
                params = message.get("params")
                if isinstance(params, dict):
                    self._asked.pop(key(params.get("requestId")), None)
            elif message["method"] == _HEARD and (heard := _subscription(message)) in self._again:
                self._again.discard(heard)
                return _LISTEN if heard else None
            return None
        answered = key(message.get("id"))
        if answered in self._replayed:
            return self._replayed.pop(answered)
        self.owed.pop(answered, None)
        self.listening.pop(answered, None)
        what, identifier, line = self._changes.pop(answered, ("", None, b""))
        if what and "error" not in message:
            self._change(what, identifier, line, message.get("result"))
        return None

    def _change(self, what: str, identifier: Any, line: bytes, result: Any) -> None:
        """A request that changes the session has succeeded."""
        verb, _, uri = what.partition(" ")
        if verb == "resources/unsubscribe":
            self.session.pop(f"resources/subscribe {uri}", None)
            return
        self.session[what] = (identifier, line)
        if verb == _OPENING and isinstance(result, dict):
            self.revision = result.get("protocolVersion")

    def lose(self, text: str) -> bytes:
        """The notebook is gone: the lines that are due to the host.

        Who listens goes on to listen: that has done nothing and can be asked again.
        """
        known = {name: owed for name, owed in self.owed.items() if name not in self.listening}
        due = [error(identifier, text) for identifier in known.values()]
        for asked in self._asked.values():
            params = {"requestId": asked, "reason": text}
            due.append(encoded(method="notifications/cancelled", params=params))
        self._stale |= set(self._asked)
        for each in (self._asked, self._changes, self._replayed, self._again):
            each.clear()
        self.owed = {name: owed for name, owed in self.owed.items() if name in self.listening}
        return b"".join(due)

    def stand_in(self, message: dict[str, Any], line: bytes, revision: str) -> None:
        """A session was opened for the host without a notebook; it is opened there later."""
        self.session = {_OPENING: (message["id"], line)}
        self.revision = revision

    # ---- the notices of the modern era, asked for again --------------------------------------

    def listen_again(self) -> bytes:
        """The lines that ask for notices again."""
        self._again = {str(identifier) for identifier, _ in self.listening.values()}
        return b"".join(line for _, line in self.listening.values())

    def heard_again(self, message: dict[str, Any]) -> bytes:
        """The notebook listens to the host's wish again: the notices that are due by now."""
        params = message["params"]
        wanted = params.get("notifications")
        wanted = wanted if isinstance(wanted, dict) else {}
        told = {"_meta": {_SUBSCRIPTION: params["_meta"][_SUBSCRIPTION]}}
        return b"".join(
            encoded(method=f"notifications/{name}/list_changed", params=told)
            for name in _LISTS
            if wanted.get(f"{name}ListChanged")
        )

    # ---- the legacy session, opened again ---------------------------------------------------

    def replay(self) -> bytes:
        """The line that opens the session again; nothing where there is none."""
        identifier, line = self.session.get(_OPENING, (None, b""))
        if line:
            self._replayed[key(identifier)] = _OPENING
        return line

    def opened(self, message: dict[str, Any]) -> tuple[bytes, bytes] | None:
        """The answer to the replayed ``initialize`` has come.

        Returns:
            Lines for the notebook, and lines for the host; ``None`` where the session cannot go
            on, because another revision was agreed on.
        """
        result = message.get("result")
        if not isinstance(result, dict) or result.get("protocolVersion") != self.revision:
            return None
        rest = [self.session[_OPENED][1]] if _OPENED in self.session else []
        for what, (identifier, line) in self.session.items():
            if what not in (_OPENING, _OPENED):
                self._replayed[key(identifier)] = what
                rest.append(line)
        can = result.get("capabilities")
        can = can if isinstance(can, dict) else {}
        told = [
            encoded(method=f"notifications/{name}/list_changed")
            for name in _LISTS
            if isinstance(can.get(name), dict) and can[name].get("listChanged")
        ]
        return b"".join(rest), b"".join(told)
