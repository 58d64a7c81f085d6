"""Tests of `mcp_notebook.transports`."""
