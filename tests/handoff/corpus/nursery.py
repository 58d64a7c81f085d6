"""A program that has imported the SDK once and forks a child for each server it is told to run.

A child is what ``python server.py`` is: its own process, standard streams, folder, environment,
``__main__``. It only saves the import of the SDK, a second and more for each. What its file did
not declare cannot be imported in it; nor can anything of Jupyter or of this project.

    python -I -m nursery SOCKET
"""

from __future__ import annotations

import importlib
import importlib.abc
import json
import os
import runpy
import signal
import socket
import sys
import traceback

NEVER = frozenset({"mcp_notebook", "IPython", "ipykernel", "ipywidgets", "anywidget", "tests"})


class Declared(importlib.abc.MetaPathFinder):
    """Finds nothing that is neither Python's own, declared, nor beside the file.

    Args:
        modules: the top-level modules of what was declared.
        folder: where the file stands.
    """

    def __init__(self, modules: frozenset[str], folder: str) -> None:
        self._modules = modules
        self._folder = folder

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        top = fullname.partition(".")[0]
        if top in NEVER:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        if top in self._modules or top in sys.stdlib_module_names or path is not None:
            return
        # beside the file, or on a path of its own
        places = [self._folder, *(p for p in sys.path if p.startswith(self._folder + os.sep))]
        found = (os.path.join(p, f"{top}{end}") for p in places for end in ("", ".py"))
        if not any(map(os.path.exists, found)):
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


def run(order: dict[str, object], streams: list[int]) -> int:
    """Become the server that was asked for; returns its exit status."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    script = str(order["script"])
    folder = os.path.dirname(script)
    os.chdir(str(order["cwd"]))
    environment = order["environment"]
    assert isinstance(environment, dict)
    os.environ.clear()
    os.environ.update(environment)
    modules = order["modules"]
    assert isinstance(modules, list)
    sys.meta_path.insert(0, Declared(frozenset(modules), folder))
    sys.path.insert(0, folder)
    sys.argv = [script]
    sys.dont_write_bytecode = True
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def serve(address: str) -> None:
    """Fork for whoever asks, until this process is ended."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the keepers
    print("ready", flush=True)
    while True:
        asking, _ = listener.accept()
        data, streams, _, _ = socket.recv_fds(asking, 1 << 20, 3)
        if os.fork() == 0:
            listener.close()
            keep(asking, json.loads(data), streams)
        for stream in streams:
            os.close(stream)
        asking.close()


def keep(asking: socket.socket, order: dict[str, object], streams: list[int]) -> None:
    """Fork the server, wait for its end, tell who asked."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        asking.close()
        status = 70
        try:
            status = run(order, streams)
        finally:
            os._exit(status)
    for stream in streams:
        os.close(stream)
    asking.sendall(str(child).encode() + b"\n")
    _, status = os.waitpid(child, 0)
    asking.sendall(str(os.waitstatus_to_exitcode(status)).encode() + b"\n")
    os._exit(0)


if __name__ == "__main__":
    for name in ("mcp.server.mcpserver", "mcp.server.stdio", "anyio._backends._asyncio", "uvicorn"):
        importlib.import_module(name)
    serve(sys.argv[1])
