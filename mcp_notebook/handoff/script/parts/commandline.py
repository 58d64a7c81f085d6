"""How a written server is told how to serve: the command line and the environment."""

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence

TRANSPORTS = ("stdio", "http", "sse", "websocket")


def rooted(path: str) -> str:
    """A path that begins with a slash and ends with none."""
    return f"/{path.strip('/')}"


def options(argv: Sequence[str] | None = None, **defaults: str) -> argparse.Namespace:
    """How the server is reached: what the command line says, else the environment."""

    def given(name: str, fallback: str) -> str:
        return os.environ.get(name) or defaults.get(name, fallback)

    def listed(name: str) -> list[str]:
        return [item.strip() for item in given(name, "").split(",") if item.strip()]

    parser = argparse.ArgumentParser(
        epilog="Each option can be set by the environment variable that its text names."
    )
    add = parser.add_argument
    add("--transport", choices=TRANSPORTS, help="how clients reach it (MCP_TRANSPORT)")
    add("--host", help="the address to listen on (MCP_HOST)")
    add("--port", type=int, help="the port to listen on (MCP_PORT)")
    add("--path", type=rooted, help="the path of the endpoint (MCP_PATH)")
    add(
        "--allowed-host",
        action="append",
        metavar="NAME",
        help="a name clients use in their URL, beside localhost; * is any (MCP_ALLOWED_HOSTS)",
    )
    add(
        "--allowed-origin",
        action="append",
        metavar="URL",
        help="the origin of a web page that may call, as https://host (MCP_ALLOWED_ORIGINS)",
    )
    add(
        "--stateless",
        action=argparse.BooleanOptionalAction,
        help="no sessions for older clients: any process answers any request (MCP_STATELESS=1)",
    )
    parser.set_defaults(
        transport=given("MCP_TRANSPORT", "stdio"),
        host=given("MCP_HOST", "127.0.0.1"),
        port=given("MCP_PORT", "8000"),
        path=given("MCP_PATH", "/mcp"),
        allowed_host=listed("MCP_ALLOWED_HOSTS"),
        allowed_origin=listed("MCP_ALLOWED_ORIGINS"),
        stateless=given("MCP_STATELESS", "0").lower() in ("1", "true", "yes"),
    )
    with contextlib.redirect_stdout(sys.__stdout__):  # help goes where it is looked for
        settings = parser.parse_args(argv)
    if settings.transport not in TRANSPORTS:
        known = ", ".join(TRANSPORTS)
        parser.error(f"MCP_TRANSPORT={settings.transport}: choose {known}")
    return settings
