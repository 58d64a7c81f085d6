"""What runs: an endpoint, a connection, a listening, each by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .markup import Bundle, bundle, code, failed, faint, line, strong
from .text import clean, count_text, steady

if TYPE_CHECKING:
    from mcp_notebook.runtime.connection import Connection
    from mcp_notebook.runtime.endpoint import Endpoint
    from mcp_notebook.runtime.listening import Listening


def endpoint(found: Endpoint, *, stable: bool = False) -> Bundle:
    """An endpoint: what it serves, over what, and where a client finds it."""
    name, server = clean(found.name, 60), clean(found.server.name, 60)
    standing = clean(found.standing, 60)
    address = where(found, stable=stable)
    over, status = clean(found.transport, 40), clean(found.status, 60)
    head = f"{server} over {over} ({standing}), {status}"
    rest = [f"warning: {clean(text, 300)}" for text in found.warnings]
    rest += [f"left out: {clean(tool, 80)}: {clean(why, 200)}" for tool, why in
             found.left_out.items()]  # fmt: skip
    if stable:
        rest = [steady(text) for text in rest]
    # where no URL leads there, the address is words: a child process for each client
    joint = " at" if found.url or address.startswith(("/", "\\")) else ","
    plain = f"{name}: {head}" + (f"{joint} {address}" if address else "")
    parts = [line(strong(name), f": {head}")]
    if address:
        parts.append(line(code(address)))
    return bundle("\n".join([plain, *rest]), *parts, *(line(faint(text)) for text in rest))


def connection(found: Connection, *, stable: bool = False) -> Bundle:
    """A connection: where it leads, what is spoken, whether it can be used."""
    name = clean(found.name, 60)
    if not found.is_open:
        status = clean(found.status, 300)
        status = steady(status) if stable else status
        return bundle(f"{name}: {status}", line(strong(name), ": ", failed(status)))
    target = clean(found.target, 200)
    target = steady(target) if stable else target
    spoken = f"{clean(found.transport, 40)}, {clean(found.protocol_version, 20)} ({found.era})"
    rest = []
    if found.server_info is not None:
        info = f"{found.server_info.name} {found.server_info.version}".strip()
        if found.endpoint is None or info != found.endpoint.server.name:
            rest.append(f"the server calls itself {clean(info, 80)}")
    if found.pid is not None and not stable:
        rest.append(f"process {found.pid}")
    if found.stale:
        rest.append("its tools are older than the notebook's: %mcp connect opens a new child")
    rest += [f"warning: {clean(text, 300)}" for text in found.warnings]
    plain = f"{name}: {spoken}, to {target}"
    return bundle(
        "\n".join([plain, *rest]),
        line(strong(name), f": {spoken}, to ", code(target)),
        *(line(faint(text)) for text in rest),
    )


def listening(found: Listening, *, stable: bool = False) -> Bundle:
    """A listening: to what, and the notices so far."""
    what = ", ".join(clean(uri, 200) for uri in found.uris) or "changed lists"
    notices = [clean(text, 300) for text in found.notices]
    head = f"listening on {clean(found.connection, 60)} to {what}: "
    head += count_text(len(notices), "notice")
    return bundle("\n".join([head, *(f"  {text}" for text in notices)]))


def where(found: Endpoint, *, stable: bool = False) -> str:
    """Where a client finds an endpoint; nothing where only this kernel can."""
    if stable and found.transport == "bridge":  # its command names folders of this machine
        return f"python -m mcp_notebook.bridge {clean(found.name, 60)}"
    address = clean(found.url or found.address, 300)
    return steady(address) if stable else address
