"""The %mcp commands, a file for each group of commands."""
