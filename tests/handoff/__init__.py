"""From the notebook to a real server."""
