"""Tests of `mcp_notebook.runtime`."""
