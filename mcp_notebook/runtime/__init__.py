"""Who is running: the background loop, servers, endpoints, connections, the workbench."""
