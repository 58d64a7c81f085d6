"""Hosts: the programs that start or call MCP servers, and the files that tell them which."""
