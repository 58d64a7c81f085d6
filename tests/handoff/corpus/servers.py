"""The server's side: runs exported files as processes of their own and asks them the same."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from mcp_notebook.errors import McpError
from mcp_notebook.runtime.workbench import Workbench
from tests.handoff.corpus import asking

HERE = Path(__file__).parent


class Servers:
    """Starts exported files, each in a child that has no more than the file declares.

    Args:
        home: an empty folder.
    """

    def __init__(self, home: Path) -> None:
        home.mkdir()
        self._home = home
        self._socket = home / "nursery"
        self._elsewhere = home / "elsewhere"
        self._elsewhere.mkdir()
        self._modules = _modules_by_distribution()
        self._nursery = subprocess.Popen(
            [sys.executable, "-I", str(HERE / "nursery.py"), str(self._socket)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        assert self._nursery.stdout is not None
        assert self._nursery.stdout.readline() == b"ready\n"
        self.bench = Workbench(folder=str(home))

    def stop(self) -> None:
        """End all of it."""
        self.bench.close()
        self._nursery.terminate()
        self._nursery.wait()
        assert self._nursery.stdout is not None
        self._nursery.stdout.close()

    def ask(
        self,
        script: Path,
        calls: list[dict[str, Any]],
        *,
        environment: dict[str, str],
        requires: list[str],
    ) -> dict[str, Any]:
        """What a file lists and answers over stdio, and what it lists in the legacy era.

        Returns:
            ``catalogue`` and ``answers``, or ``broken``: why it could not be asked.
        """
        order = self._home / "order.json"
        order.write_text(
            json.dumps(
                {
                    "script": str(script),
                    "cwd": str(self._elsewhere),
                    "environment": {"PATH": os.environ["PATH"], "HOME": str(self._home)}
                    | environment,
                    "modules": sorted(self._allowed(["mcp", *requires])),
                }
            )
        )
        launch = [sys.executable, "-I", "-S", str(HERE / "launch.py")]
        command = [*launch, str(self._socket), str(order)]
        found: dict[str, Any] = {}
        try:
            with self.bench.connect(command, name="modern") as connection:
                found["catalogue"] = asking.catalogue(connection)
                found["answers"] = asking.answers(connection, calls)
                found["complaints"] = asking.complaints(connection)
            with self.bench.connect(command, name="legacy", era="legacy") as connection:
                found["legacy"] = asking.catalogue(connection)
        except McpError as error:
            said = [asking.stderr(name, self.bench.trace) for name in ("modern", "legacy")]
            found["broken"] = "\n".join([str(error), *said])
        finally:
            self.bench.trace.clear()
        return found

    def _allowed(self, distributions: list[str]) -> set[str]:
        """The modules that a clean environment with these distributions has."""
        seen: set[str] = set()
        waiting = [Requirement(one) for one in distributions]
        while waiting:
            wanted = waiting.pop()
            name = normal(wanted.name)
            key = f"{name}[{','.join(sorted(wanted.extras))}]"
            if key in seen:
                continue
            seen |= {key, name}
            try:
                needs = metadata.requires(wanted.name) or []
            except metadata.PackageNotFoundError:
                continue  # for another platform
            for line in needs:
                need = Requirement(line)
                extras = wanted.extras or {""}
                if need.marker is None or any(need.marker.evaluate({"extra": e}) for e in extras):
                    waiting.append(need)
        return {module for name in seen for module in self._modules.get(name, ())}


def normal(name: str) -> str:
    """A distribution's name in its normal form."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _modules_by_distribution() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for module, distributions in metadata.packages_distributions().items():
        for one in distributions:
            found.setdefault(normal(one), set()).add(module)
    return found
