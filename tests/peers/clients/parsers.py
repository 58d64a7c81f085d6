"""Reads a configuration as a host does and prints what it found: ``parsers.py HOST FILE``.

Runs in the host's own environment, with the host's own code.
"""

import asyncio
import json
import logging
import sys
from pathlib import Path
from types import SimpleNamespace


def jupyter_ai(file: Path) -> object:
    """What a chat finds in the nearest .jupyter above it."""
    from jupyter_ai_persona_manager.persona_manager import PersonaManager

    chat = SimpleNamespace(
        get_dotjupyter_dir=lambda: str(file.parent),
        builtin_mcp_servers=[],
        log=logging.getLogger("chat"),
    )
    return PersonaManager.get_mcp_settings(chat).model_dump()["mcp_servers"]


def fastmcp(file: Path) -> object:
    """What FastMCP makes of it, and the tools it then finds there."""
    from fastmcp import Client
    from fastmcp.mcp_config import MCPConfig

    config = MCPConfig.from_file(file)

    async def tools() -> list[str]:
        async with Client(config) as client:
            return sorted(tool.name for tool in await client.list_tools())

    kinds = {name: type(server).__name__ for name, server in config.mcpServers.items()}
    return {"kinds": kinds, "tools": asyncio.run(tools())}


if __name__ == "__main__":
    host, path = sys.argv[1:]
    print(json.dumps({"jupyter-ai": jupyter_ai, "fastmcp": fastmcp}[host](Path(path))))
