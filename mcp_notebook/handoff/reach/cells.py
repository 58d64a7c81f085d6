"""The cells that ran, in the order they ran, and the statements in them."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Container, Iterable
from dataclasses import dataclass
from functools import cached_property

from .names import Reads, binds, changes, deletes, reads

_PYTHON_CELL = re.compile(
    r"%%\s*(?:mcp\s+(?:tool|resource|prompt)\b|time\b|capture\b|prun\b|python_in_kernel\b)"
)
"""Cell magics whose body runs in the notebook's own namespace."""

_PYTHON_LINES = {"time"}
"""Line magics whose text runs in the notebook's own namespace."""

_AUTOMAGIC = re.compile(r"(?:cd|ls|ll|pwd|cat|mkdir|cp|mv|rm|time|timeit|pip|conda|who|whos)\b")
"""Lines that IPython takes for magics without a percent sign."""

_SETTING = re.compile(r"%(?:set_)?env\s+(\w+)(?:\s*=|\s)\s*(.+)")

_NO_PYTHON = re.compile(r"^(\s*)(?:[%!?]|\w[\w., ]*=\s*[%!]|%*\w[\w.*]*\?{1,2}\s*$)")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run of a cell.

    Attributes:
        number: as the notebook shows it, ``In [number]``.
        source: as it was typed.
        whole: whether it ran to its end; one that failed, or runs still, did not.
    """

    number: int
    source: str
    whole: bool = True


@dataclass(frozen=True, eq=False, kw_only=True)
class Statement:
    """One statement at the top of a cell.

    Attributes:
        node: its syntax.
        text: its lines with the comments before it, dedented.
        cell: the number of its cell.
        place: its place among all that ran.
        whole: whether its cell ran to its end.
        deferred: whether annotations are text here (``from __future__ import annotations``).
        unit: the syntax of its cell.
    """

    node: ast.stmt
    unit: ast.Module
    text: str
    cell: int
    place: int
    whole: bool
    deferred: bool

    @property
    def where(self) -> str:
        """Its cell, as a report says it."""
        return f"cell {self.cell}"

    @cached_property
    def alone(self) -> ast.stmt:
        """Its syntax with positions that count in ``text``."""
        return parse(self.text).body[0]

    @cached_property
    def reads(self) -> Reads:
        """The global names it uses."""
        return reads(self.node, deferred=self.deferred)

    @cached_property
    def binds(self) -> frozenset[str]:
        """The names it may bind."""
        return binds(self.node)

    @cached_property
    def deletes(self) -> frozenset[str]:
        """The names it may unbind."""
        return deletes(self.node)

    @cached_property
    def changes(self) -> frozenset[str]:
        """The names whose values it changes in place when it runs."""
        if isinstance(self.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return frozenset()
        return changes(self.node)


class Cells(tuple[Cell, ...]):
    """All runs of cells in order. A cell that ran twice is there twice."""

    __slots__ = ()

    @classmethod
    def of(cls, sources: Iterable[str], *, unfinished: Container[int] = ()) -> Cells:
        """Cells from a history as IPython keeps it.

        Args:
            sources: what was typed; the first is number 0, which is no cell.
            unfinished: the numbers of the cells that failed or run still.
        """
        return cls(
            Cell(number=number, source=source, whole=number not in unfinished)
            for number, source in enumerate(sources)
            if source.strip()
        )

    def statements(self) -> tuple[list[Statement], list[str]]:
        """What ran, in order, and a remark on each line that is no Python."""
        reader = _Reader()
        for cell in self:
            reader.read(cell)
        return reader.statements, list(dict.fromkeys(reader.remarks))


def parse(source: str) -> ast.Module:
    """The syntax of a text; warnings about it were given when it first ran."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


class _Reader:
    def __init__(self) -> None:
        self.statements: list[Statement] = []
        self.remarks: list[str] = []
        self._deferred = False

    def read(self, cell: Cell) -> None:
        source = cell.source
        first, _, body = source.lstrip().partition("\n")
        if first.startswith("%%"):
            if not _PYTHON_CELL.match(first):
                self.remarks.append(f"cell {cell.number} is no Python ({first.split()[0]}).")
                return
            source = body
        self._take(cell, source)

    def _take(self, cell: Cell, source: str) -> None:
        plain, left_out = python_of(textwrap.dedent(source))
        for line in left_out:
            word = line.split()[0] if line.split() else line
            if word.lstrip("%!") not in _OWN_LINES:
                self.remarks.append(f"cell {cell.number}: the line {_short(line)} stays behind.")
        tree = None
        while tree is None:
            try:
                tree = parse(plain)
            except SyntaxError as error:
                lines = plain.splitlines()
                number = (error.lineno or 0) - 1
                if not (0 <= number < len(lines) and _AUTOMAGIC.match(lines[number])):
                    return  # it never ran
                lines[number] = "pass"
                plain = "\n".join(lines)
        self._cut(cell, plain, tree, tree.body)

    def _cut(
        self,
        cell: Cell,
        source: str,
        unit: ast.Module,
        body: list[ast.stmt],
        *,
        indent: bool = False,
    ) -> None:
        lines = source.splitlines()
        before = (body[0].lineno - 1) if indent and body else 0
        for place, node in enumerate(body):
            start = first_line(node)
            end = node.end_lineno or node.lineno
            following = body[place + 1] if place + 1 < len(body) else None
            if following is None or first_line(following) > end:
                end = _with_comments(lines, end, node.col_offset)
            if _guards_main(node):
                assert isinstance(node, ast.If)
                self._cut(cell, source, unit, node.body, indent=True)
                before = end
                continue
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                self._deferred |= any(alias.name == "annotations" for alias in node.names)
            shares = start <= before or (following is not None and first_line(following) <= end)
            if shares:  # `a = 1; b = 2`
                text = ast.get_source_segment(source, node) or ""
            else:
                text = "\n".join([*lines[before : end - 1], _last(lines[end - 1], node, end)])
            self.statements.append(
                Statement(
                    node=node,
                    unit=unit,
                    text=_tidy(text),
                    cell=cell.number,
                    place=len(self.statements),
                    whole=cell.whole,
                    deferred=self._deferred,
                )
            )
            before = end


_OWN_LINES = {"mcp", "load_ext", "reload_ext", "pip", "conda", "uv", "matplotlib", "autoreload"}
"""Lines that nobody expects in a server; nothing is said of them."""


def python_of(source: str) -> tuple[str, list[str]]:
    """A cell's Python, line for line, and the lines that are none.

    Args:
        source: a cell as it was typed, without a cell magic.
    """
    try:
        parse(source)
    except SyntaxError:
        pass
    else:
        return source, []
    lines = source.splitlines()
    left_out = []
    inside = _inside_strings(source)
    place = 0
    while place < len(lines):
        line = lines[place]
        found = None if place in inside else _NO_PYTHON.match(line)
        if found is None:
            place += 1
            continue
        left_out.append(line.strip())
        words = line.strip().lstrip("%").split(None, 1)
        assigned = re.match(r"\s*(\w[\w., ]*?)\s*=\s*[%!]", line)
        setting = _SETTING.match(line.strip())
        if setting:
            lines[place] = f"{found[1]}os.environ[{setting[1]!r}] = {setting[2].strip()!r}"
            left_out.pop()
        elif line.strip().startswith("%") and words and words[0] in _PYTHON_LINES and words[1:]:
            lines[place] = found[1] + words[1]
            left_out.pop()
        elif assigned:
            lines[place] = f"{found[1]}{assigned[1]} = __magic__"
        else:
            lines[place] = f"{found[1]}{'__magic__' if found[1] else 'pass'}"
        while line.endswith("\\") and place + 1 < len(lines):
            place += 1
            line, lines[place] = lines[place], ""
        place += 1
    return "\n".join(lines), left_out


def _inside_strings(source: str) -> set[int]:
    """Lines that begin inside a string of several lines, as far as it can be told."""
    inside: set[int] = set()
    opened = ""
    for number, line in enumerate(source.splitlines()):
        if opened:
            inside.add(number)
        for quote in re.findall(
            r"(?<!\\)(?:\"\"\"|''')", line.split("#")[0] if not opened else line
        ):
            opened = "" if quote == opened else opened or quote
    return inside


def _guards_main(node: ast.stmt) -> bool:
    """Whether it is ``if __name__ == "__main__":``, which is true in a notebook."""
    return (
        isinstance(node, ast.If)
        and not node.orelse
        and isinstance(node.test, ast.Compare)
        and ast.unparse(node.test).replace('"', "'") == "__name__ == '__main__'"
    )


def first_line(node: ast.stmt) -> int:
    """The line of a statement, or of its first decorator."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(d.lineno for d in decorators)])


def _with_comments(lines: list[str], end: int, column: int) -> int:
    """The end of a statement with the comments below that are indented as its body is."""
    number = end
    while number < len(lines):
        line = lines[number]
        text = line.lstrip()
        if text.startswith("#") and len(line) - len(text) > column:
            end = number + 1
        elif text:
            break
        number += 1
    return end


def _last(line: str, node: ast.stmt, end: int) -> str:
    """The last line of a statement without a semicolon that hides its value."""
    if node.end_lineno != end or node.end_col_offset is None:
        return line
    cut = len(line.encode()[: node.end_col_offset].decode("utf-8", "ignore"))
    rest = line[cut:].lstrip()
    if not rest.startswith(";"):
        return line
    comment = rest[1:].strip()
    return line[:cut] + (f"  {comment}" if comment else "")


def _tidy(text: str) -> str:
    lines = textwrap.dedent(text).rstrip().splitlines()
    while lines and not lines[0].strip():
        lines.pop(0)
    return "\n".join(lines)


def _short(line: str, size: int = 40) -> str:
    return line if len(line) <= size else line[: size - 3] + "..."
