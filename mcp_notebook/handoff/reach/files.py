"""The user's files that the taken source opens by relative path."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mcp_notebook.handoff.selection import Shipped

from .cells import parse
from .cleaning import shows_secret as source_shows_secret
from .node import Trouble
from .secrecy import shapes

MAX_FILE = 50_000_000
"""Bytes of all files together that travel without being asked for."""

_OPENING = frozenset(
    {
        "open", "Path", "PurePath", "read_csv", "read_json", "read_excel", "read_parquet",
        "read_table", "read_text", "read_bytes", "rglob", "load", "loadtxt", "genfromtxt", "imread",
        "from_file", "connect", "listdir", "scandir", "iterdir", "glob", "Image", "joinpath",
        "ZipFile", "FileSystemLoader", "read", "read_sql", "read_html", "read_xml", "exists",
        "getsize", "isfile", "join", "ImageFont", "truetype", "parse",
    }
)  # fmt: skip
"""Calls whose first text may be the path of a file."""

_PRIVATE = (".env", ".pem", ".key", ".p12", ".pfx", ".netrc", "id_rsa", "id_ed25519", ".pypirc")
_PRIVATE_WORDS = ("credential", "password", "token.json", "client_secret", "secrets.")


@dataclass
class Files:
    """What travels of the files beside the notebook.

    Args:
        folder: where the notebook is.
    """

    folder: Path
    found: dict[PurePosixPath, Shipped] = field(default_factory=dict)
    remarks: dict[str, None] = field(default_factory=dict)

    def take(self, source: str) -> Trouble | None:
        """Note the files that a text opens."""
        for path, wanted in opened(source):
            trouble = self._path(path, wanted)
            if trouble is not None:
                return trouble
        return None

    def _path(self, text: str, wanted: bool) -> Trouble | None:
        if not text or len(text) > 500 or "\n" in text or "\0" in text or "://" in text:
            return None
        path = Path(text)
        if path.is_absolute() or ".." in path.parts or text.startswith("~"):
            inside = self._inside(path)
            if inside is None:
                if wanted and path.expanduser().exists() and len(path.parts) > 1:
                    self.remarks[
                        f"{text} is opened by a path that only this machine has: it does not"
                        " travel with the server."
                    ] = None
                return None
            if wanted:
                self.remarks[
                    f"{text} is an absolute path of this machine: open it by a path relative to"
                    " the notebook, so that it travels."
                ] = None
            return None
        if "*" in text:
            return self._all(sorted(self.folder.glob(text)) if wanted else [])
        file = self.folder / path
        if file.is_file() and (wanted or path.suffix or len(path.parts) > 1):
            return self._file(file)
        if file.is_dir() and wanted and text not in (".", "./", ""):
            return self._all(sorted(file.rglob("*")))
        return None

    def _inside(self, path: Path) -> Path | None:
        try:
            return path.resolve().relative_to(self.folder.resolve())
        except (ValueError, OSError):
            return None

    def _all(self, files: list[Path]) -> Trouble | None:
        for file in files:
            hidden = any(p.startswith((".", "__pycache__")) for p in file.parts[-3:])
            if file.is_file() and not hidden:
                trouble = self._file(file)
                if trouble is not None:
                    return trouble
        return None

    def _file(self, file: Path) -> Trouble | None:
        path = PurePosixPath(*file.relative_to(self.folder).parts)
        if path in self.found:
            return None
        secret = private(file)
        if secret is not None:
            return secret
        size = file.stat().st_size
        if size + sum(len(f.content) for f in self.found.values()) > MAX_FILE:
            return Trouble(
                reason=f"{path} is large ({size:,} bytes)",
                ways=("let the tool fetch it from where all servers reach it",),
            )
        content = file.read_bytes()
        if file.suffix == ".py":
            secret = self._script(path, content.decode("utf-8", "replace"))
            if secret is not None:
                return secret
        if size < 200_000 and shows_secret(content):
            return Trouble(
                reason=f"{path} holds what looks like a secret",
                ways=("take the secret from an environment variable: os.environ[...]",),
            )
        self.found[path] = Shipped(path=path, content=content, reason=f"opened as {path}")
        if content.startswith(b"SQLite format 3\0"):
            self.remarks[f"{path} is a database: it goes along with every row it has now."] = None
        if file.suffix == ".py":
            return self.take(content.decode("utf-8", "replace"))
        return None

    def _script(self, path: PurePosixPath, source: str) -> Trouble | None:
        if not source_shows_secret(source):
            return None
        return Trouble(
            reason=f"{path} holds what looks like a secret",
            ways=(f"read it from os.environ in {path}",),
        )


def private(file: Path) -> Trouble | None:
    """Why a file does not travel whatever is in it: its name says that it holds secrets."""
    name = file.name.lower()
    if not name.endswith(_PRIVATE) and not any(word in name for word in _PRIVATE_WORDS):
        return None
    return Trouble(
        reason=f"{file.name} looks like a file of secrets, which no server carries along",
        ways=("take the secret from an environment variable: os.environ[...]",),
    )


def shows_secret(content: bytes) -> bool:
    """Whether a file's text gives a secret away by its shape."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return any(True for _ in shapes(text))


def opened(source: str) -> Iterator[tuple[str, bool]]:
    """The texts of a source that may be paths; and whether they stand where one is opened.

    Fields of a formatted text become ``*``.
    """
    try:
        tree = parse(source)
    except SyntaxError:
        return
    places = _places(tree)
    for node in ast.walk(tree):
        place = places.get(id(node))
        if place is False:
            continue
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            whole = _divided(node)
            if whole:
                yield whole, True
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value, bool(place)
        elif isinstance(node, ast.JoinedStr) and place:
            text = _starred(node)
            if text.strip("*./"):
                yield text, True


def _places(tree: ast.Module) -> dict[int, bool]:
    """The nodes that stand where a file is opened; and those that are no path, as False."""
    found: dict[int, bool] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in {"glob", "rglob"} and not _of_folder(node.func):
                found |= {id(argument): False for argument in node.args}
            elif called in _OPENING:
                writes = _writes(node)
                for argument in [*node.args, *(k.value for k in node.keywords)]:
                    for inner in ast.walk(argument):
                        found.setdefault(id(inner), not writes)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            found[id(node.right)] = not _divided(node)
        elif isinstance(node, ast.Expr):
            found[id(node.value)] = isinstance(node.value, ast.Call)
        elif isinstance(node, ast.JoinedStr):
            found |= {id(part): False for part in node.values}
    return found


def _of_folder(func: ast.expr) -> bool:
    """Whether a pattern is looked for in the notebook's folder itself."""
    if isinstance(func, ast.Name):
        return True
    held = ast.unparse(func.value) if isinstance(func, ast.Attribute) else ""
    return held.replace("pathlib.", "") in {"glob", "Path()", "Path('.')", "Path.cwd()"}


def _starred(node: ast.JoinedStr) -> str:
    return "".join(str(p.value) if isinstance(p, ast.Constant) else "*" for p in node.values)


def _divided(node: ast.expr) -> str:
    """``Path("data") / "x.csv"`` as a path; empty where it is none."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        left, right = _divided(node.left), _divided(node.right)
        return f"{left}/{right}" if left and right else ""
    if isinstance(node, ast.Call) and node.args:
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        return _divided(node.args[0]) if called == "Path" else ""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return _starred(node)
    return ""


def _writes(call: ast.Call) -> bool:
    """Whether a call opens a file only to write it."""
    modes = [a for a in call.args[1:2] if isinstance(a, ast.Constant)]
    modes += [
        k.value for k in call.keywords if k.arg == "mode" and isinstance(k.value, ast.Constant)
    ]
    return any(isinstance(m.value, str) and m.value[:1] in {"w", "x"} for m in modes)
