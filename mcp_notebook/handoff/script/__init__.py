"""From a selection to files: ``server.py``, a project, containers."""

from .containers import docker, nginx_conf
from .project import package, server_path
from .text import requirements, script

__all__ = ["docker", "nginx_conf", "package", "requirements", "script", "server_path"]
