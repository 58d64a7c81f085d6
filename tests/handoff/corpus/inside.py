"""What runs in the notebook's kernel: a fresh start for each entry, its answers, its export."""

from __future__ import annotations

import builtins
import contextlib
import gc
import json
import os
import random
import shlex
import sys
import traceback
from pathlib import Path
from typing import Any

from IPython import get_ipython

from mcp_notebook.errors import McpError
from tests.handoff.corpus import asking

_START: dict[str, Any] = {}


def begin(folder: str, environment: dict[str, str]) -> None:
    """Make this kernel as good as new, in a folder of its own."""
    shell = get_ipython()
    if not _START:
        _START.update(
            path=list(sys.path),
            modules=set(sys.modules),
            builtins=dict(vars(builtins)),
            environment=dict(os.environ),
            json=dict(vars(json)),
        )
    from mcp_notebook.magics import extension

    extension.unload(shell)
    os.chdir(folder)
    sys.path[:] = _START["path"]
    os.environ.clear()
    os.environ.update(_START["environment"] | environment)
    for name in set(sys.modules) - _START["modules"]:
        if _from_entry(sys.modules[name], Path(folder).parent):
            del sys.modules[name]
        else:
            _START["modules"].add(name)
    sys.path_importer_cache.clear()
    vars(builtins).update(_START["builtins"])
    json.__dict__.update(_START["json"])
    random.seed()
    _forget_settings()
    shell.reset(new_session=True, aggressive=False)
    gc.freeze()  # each reset collects: not all of the libraries each time
    shell.compile.reset_compiler_flags()
    extension.load(shell)


def leave() -> None:
    """Go out of the entry's folder."""
    os.chdir(Path.home())


def tell(function: Any, *arguments: Any) -> None:
    """Call a function and publish what it gives, as JSON, beside whatever is printed."""
    from IPython.display import publish_display_data

    publish_display_data({"application/x-corpus+json": json.dumps(function(*arguments))})


def _forget_settings() -> None:
    """Take back what entries set in libraries."""
    import decimal

    decimal.setcontext(decimal.DefaultContext.copy())
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if numpy is not None:
        numpy.set_printoptions(precision=8)
    if pandas is not None:
        pandas.reset_option("display.max_rows")
    if "matplotlib" in sys.modules:
        import matplotlib as mpl
        from matplotlib import pyplot as plt

        plt.close("all")
        mpl.rcdefaults()


def _from_entry(module: Any, entries: Path) -> bool:
    file = getattr(module, "__file__", None)
    places = [file] if file else list(getattr(module, "__path__", []) or [])
    return any(Path(str(p)).is_relative_to(entries) for p in places)


def _workbench() -> Any:
    from mcp_notebook.runtime.current import current

    return current()


def answer(server: str, calls: list[dict[str, Any]]) -> dict[str, Any]:
    """The catalogue and the answers of the notebook's own server, as they are on the wire."""
    bench = _workbench()
    with (
        contextlib.closing(bench.serve(server, "memory", name="corpus")) as endpoint,
        bench.connect(endpoint, name="corpus-notebook") as connection,
    ):
        return {
            "catalogue": asking.catalogue(connection),
            "answers": asking.answers(connection, calls),
        }


def export(server: str, out: str, options: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Type the export of a server into a folder; what became of it."""
    words = ["export", server, "-o", out, "--no-check"]
    for option, pairs in options.items():
        if pairs:
            words += [f"--{option}", *(f"{name}={value}" for name, value in pairs.items())]
    try:
        made = get_ipython().run_line_magic("mcp", shlex.join(words))
    except McpError as error:
        refusal = {"part": "", "through": [], "reason": error.message, "ways": [error.hint]}
        return {"path": "", "obstacles": [refusal], "remarks": []}
    except Exception:
        return {"broken": traceback.format_exc()[-3000:]}
    selection = made.report.selection
    return {
        "path": str(made.path or ""),
        "shown": repr(made),
        "obstacles": [
            {"part": o.part, "through": o.through, "reason": o.reason, "ways": o.ways}
            for o in selection.obstacles
        ],
        "remarks": selection.remarks,
        "variables": {v.name: v.stands_for for v in selection.variables},
        "values": {v.name: v.value for v in selection.variables},
        "requires": sorted(r.distribution for r in selection.requirements),
        "files": [str(f.path) for f in selection.files],
    }
