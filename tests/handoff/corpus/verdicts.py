"""What is said of an entry: that it does what its header says, or what does not."""

from __future__ import annotations

import ast
import difflib
import json
import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.handoff.corpus.asking import LISTS
from tests.handoff.corpus.entries import Entry
from tests.handoff.corpus.notebook import Played
from tests.handoff.corpus.nursery import NEVER
from tests.handoff.corpus.servers import Servers, normal


@dataclass(kw_only=True)
class Verdict:
    """What became of an entry.

    Attributes:
        entry: which.
        became: ``exported`` and proven equal, ``refused``, ``wrong``: exported and not equal, or
            ``broken``: the rig or the export fell over.
        faults: where it does not do what its header says, in words; none where it does.
    """

    entry: Entry
    became: str = "broken"
    faults: list[str] = field(default_factory=list)

    @property
    def right(self) -> bool:
        """Whether it does what its header says."""
        return not self.faults


def judge(entry: Entry, played: Played, servers: Servers) -> Verdict:
    """Hold what became of an entry against its header, and the file against the notebook."""
    verdict = Verdict(entry=entry)
    export = played.export
    if played.trouble or "broken" in export:
        verdict.faults.append(played.trouble or export["broken"])
        return verdict
    verdict.faults += _told(entry, export)
    verdict.faults += _unlooked(entry, played)
    if export["obstacles"]:
        verdict.became = "refused"
        if export["path"] or (played.folder / "server.py").exists():
            verdict.faults.append("refused, and written all the same")
        if entry.expect == "exported":
            verdict.faults.append(f"refused: {json.dumps(export['obstacles'], indent=1)}")
        else:
            verdict.faults += _refusal(entry, export["obstacles"])
        return verdict
    wrong = list(_file(entry, played)) + list(_server(entry, played, servers))
    verdict.became = "wrong" if wrong else "exported"
    verdict.faults += wrong
    if entry.expect == "refused":
        verdict.faults.append("exported, and had to be refused")
    return verdict


def _unlooked(entry: Entry, played: Played) -> Iterable[str]:
    """Where the notebook itself does not answer as it must: its export has changed it."""
    for call, answer in zip(entry.get("calls", []), played.answers, strict=True):
        result = answer["result"].get("structuredContent", {}).get("result")
        if "is" in call and result != call["is"]:
            yield f"{call['tool']} gives {result} in the notebook, not {call['is']}"


def _secrets(entry: Entry) -> list[str]:
    """What must be in no file and no report. What the user names is no secret."""
    named = entry.get("env", {}).values()
    kept = [value for name, value in entry.get("variables", {}).items() if name not in named]
    return [*entry.get("secrets", []), *kept]


def _told(entry: Entry, export: dict[str, Any]) -> Iterable[str]:
    """What the report shows: no secret, and the remarks that are due."""
    shown = {key: value for key, value in export.items() if key != "values"}
    for text in _secrets(entry):
        if text in json.dumps(shown, ensure_ascii=False):
            yield f"the report shows {text!r}"
    for text in entry.get("remarks", []):
        if not any(text.lower() in remark.lower() for remark in export["remarks"]):
            yield f"no remark says {text!r}: {export['remarks']}"


def _refusal(entry: Entry, obstacles: list[dict[str, Any]]) -> Iterable[str]:
    due = entry.get("refused", {})

    def fits(one: dict[str, Any]) -> bool:
        return (
            due.get("tool", "") in one["part"]
            and ("name" not in due or due["name"] in one["through"])
            and due.get("reason", "").lower() in one["reason"].lower()
            and (not due.get("way") or any(due["way"] in way for way in one["ways"]))
            and bool(one["ways"])
        )

    if not any(fits(one) for one in obstacles):
        yield f"refused, and not for {due}: {json.dumps(obstacles, indent=1)}"


def _file(entry: Entry, played: Played) -> Iterable[str]:
    """What is wrong with the written text, before it runs."""
    texts = {
        str(path.relative_to(played.folder)): path.read_bytes().decode("utf-8", "replace")
        for path in sorted(played.folder.rglob("*"))
        if path.is_file()
    }
    server = texts.get("server.py", "")
    for text in _secrets(entry):
        for name, content in texts.items():
            if text in content:
                yield f"{name} holds {text!r}"
    for text in entry.get("absent", []):
        if text in server:
            yield f"server.py holds {text!r}"
    for text in entry.get("present", []):
        if text not in server:
            yield f"server.py does not hold {text!r}"
    for name, content in texts.items():
        if str(played.folder.parent) in content or "/notebooks/" in content:
            yield f"{name} names a folder of this machine"
    yield from _declared(entry, played)
    yield from _source(server)


def _declared(entry: Entry, played: Played) -> Iterable[str]:
    """Where it does not ask for what it needs, or asks for more."""
    requires = entry.header.get("requires")
    if requires is not None and sorted(requires) != sorted(map(normal, played.export["requires"])):
        yield f"asks for {played.export['requires']}, not for {sorted(requires)}"
    expected = entry.header.get("variables")
    if expected is not None and expected != played.export["values"]:
        yield f"takes {played.export['values']} from its environment, not {expected}"


def _source(server: str) -> Iterable[str]:
    """Where the file is no Python without a warning, or imports what it must not need."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree = ast.parse(server)
            compile(server, "server.py", "exec")
    except (SyntaxError, Warning) as error:
        yield f"server.py does not compile: {error}"
        return
    for node in ast.walk(tree):
        modules = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        for module in modules:
            if module.partition(".")[0] in NEVER:
                yield f"server.py imports {module}"


def _server(entry: Entry, played: Played, servers: Servers) -> Iterable[str]:
    """Where the running file is not what the notebook is."""
    there = servers.ask(
        played.folder / "server.py",
        entry.get("calls", []),
        environment=entry.get("environment", {}) | played.export["values"],
        requires=played.export["requires"],
    )
    if "broken" in there:
        yield f"the file does not run: {there['broken']}"
        return
    here = played.catalogue
    for era in ("catalogue", "legacy"):
        for kind in LISTS:
            yield from _unlike(f"{kind} ({era})", here[kind], there[era][kind])
        if here["server"] != there[era]["server"]:
            yield f"it says of itself {there[era]['server']}, not {here['server']}"
    for call, mine, theirs in zip(
        entry.get("calls", []), played.answers, there["answers"], strict=True
    ):
        yield from _unlike(f"{call}", mine, theirs)
    yield from there["complaints"]


def _unlike(what: str, here: Any, there: Any) -> Iterable[str]:
    if here != there:
        mine, theirs = (
            json.dumps(one, indent=1, sort_keys=True, ensure_ascii=False).splitlines()
            for one in (here, there)
        )
        lines = list(difflib.unified_diff(mine, theirs, "notebook", "server", lineterm="", n=2))
        yield "\n".join([f"{what} differs:", *lines[:40]])


def table(verdicts: list[Verdict]) -> str:
    """The whole corpus: a line for each, and the counts."""
    width = max(len(v.entry.name) for v in verdicts)
    lines = [
        f"{v.entry.name:{width}}  {v.entry.expect:8}  {v.became:8}"
        + ("" if v.right else "  NOT AS DUE")
        for v in verdicts
    ]
    became = Counter(v.became for v in verdicts)
    lines.append(
        f"{became['exported']} exported and proven equal, {became['refused']} refused, "
        f"{became['wrong']} wrong, {became['broken']} broken"
    )
    return "\n".join(lines)
