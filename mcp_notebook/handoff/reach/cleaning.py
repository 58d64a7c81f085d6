"""Takes the secrets out of a text: each becomes a look into the environment."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import dataclass, replace
from typing import Any

from mcp_notebook.runtime.credentials import sounds_secret

from .cells import parse
from .environment import Environment
from .node import Piece, Trouble
from .secrecy import MIN_KNOWN, is_secret, shapes

_PASSED_ON = {"SecretStr", "SecretBytes", "b64decode", "urlsafe_b64decode", "fromhex", "bytes",
              "str", "Fernet", "unhexlify", "quote", "encode", "strip", "decode"}  # fmt: skip
"""Calls whose argument is as secret as what they give."""

_AS_SECRET = (ast.List, ast.Tuple, ast.Set, ast.IfExp, ast.BoolOp, ast.BinOp, ast.Attribute,
              ast.Await, ast.Starred)  # fmt: skip
"""What is as secret as what it is made of."""

_CHECKED = re.compile(r"(?i)auth|login|password|credential")


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """A piece without its secrets.

    Attributes:
        piece: what is left.
        stood: where the secrets stood, as a report says it, with the variable of each.
        trouble: a secret that no variable can take the place of.
    """

    piece: Piece
    stood: tuple[tuple[str, str], ...] = ()
    trouble: Trouble | None = None


def cleaned(piece: Piece, known: dict[str, str], environment: Environment) -> Cleaned:
    """A piece with a variable of the environment for each secret in it.

    Args:
        piece: the piece.
        known: secrets that the notebook holds, with the name of each.
        environment: gets the variables.
    """
    found = _Finder(piece, known, environment)
    tree = parse(piece.source)
    for statement in tree.body:
        found.look(statement, "")
    if found.trouble is not None:
        return Cleaned(piece=piece, trouble=found.trouble)
    source = _replaced(piece.source, found.replacements)
    source = _comments(source, known)
    if any(len(value) >= MIN_KNOWN and value in source for value in known):
        name = next(n for value, n in known.items() if len(value) >= MIN_KNOWN and value in source)
        return Cleaned(
            piece=piece,
            trouble=Trouble(
                reason=f"the value of {name} stands in its source where no variable can replace it",
                ways=(f"use {name} there instead of its value, and run the cell again",),
            ),
        )
    if source == piece.source:
        return Cleaned(piece=piece)
    return Cleaned(piece=replace(piece, source=source), stood=tuple(found.stood))


def shows_secret(source: str) -> bool:
    """Whether the source of a module holds what looks like a secret."""
    try:
        parse(source)
    except (SyntaxError, ValueError):
        return False
    found = cleaned(Piece(binds=(), source=source), {}, Environment())
    return found.trouble is not None or found.piece.source != source


class _Finder:
    def __init__(self, piece: Piece, known: dict[str, str], environment: Environment) -> None:
        self._lines = piece.source.splitlines(keepends=True)
        self._where = piece.binds[0] if piece.binds else piece.cell
        self._known = known
        self._environment = environment
        self.replacements: list[tuple[int, int, str]] = []
        self.stood: list[tuple[str, str]] = []
        self.trouble: Trouble | None = None

    def look(self, node: ast.AST, hint: str) -> None:
        """Look at a node that stands under a name."""
        match node:
            case ast.Constant():
                self._constant(node, hint)
            case ast.JoinedStr():
                self._formatted(node, hint)
            case ast.Assign():
                self._assigned(node.targets, node.value)
            case ast.AnnAssign(value=ast.expr() as value) | ast.NamedExpr(value=value):
                self.look(value, _name_of(node.target))
            case ast.keyword():
                self.look(node.value, node.arg or hint)
            case ast.Dict():
                self._dict(node, hint)
            case ast.Tuple(elts=[ast.Constant(value=str() as key), ast.expr() as value]):
                # ("user", "password") and ("Authorization", "Bearer ...")
                self.look(node.elts[0], "" if _CHECKED.search(hint) else hint)
                self.look(value, key if is_secret(key, "aB3aB3aB3aB3") else hint)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Lambda():
                self._definition(node)
            case ast.Compare():
                self._compared(node)
            case ast.Call():
                self._called(node, hint)
            case ast.Expr(value=ast.Constant(value=str() as text)):
                self._prose(text)
            case _:
                self._children(node, hint if isinstance(node, _AS_SECRET) else "")

    def _children(self, node: ast.AST, hint: str) -> None:
        for child in ast.iter_child_nodes(node):
            self.look(child, hint)

    def _assigned(self, targets: list[ast.expr], value: ast.expr) -> None:
        for target in targets:
            if (
                isinstance(target, ast.Tuple)
                and isinstance(value, ast.Tuple)
                and len(target.elts) == len(value.elts)
            ):
                for one, other in zip(target.elts, value.elts, strict=True):
                    self.look(other, _name_of(one))
                return
        self.look(value, next((n for t in targets if (n := _name_of(t))), ""))

    def _dict(self, node: ast.Dict, hint: str) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            name = hint
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                name = key.value if is_secret(key.value, "aB3aB3aB3aB3") else hint
            self.look(value, name)

    def _definition(self, node: Any) -> None:
        arguments = getattr(node, "args", None)
        if isinstance(arguments, ast.arguments):
            plain = [*arguments.posonlyargs, *arguments.args]
            given = [*zip(reversed(plain), reversed(arguments.defaults), strict=False)]
            given += [
                (a, d)
                for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
                if d is not None
            ]
            for argument, default in given:
                self.look(default, argument.arg)
            for inner in ast.walk(arguments):
                if isinstance(inner, ast.arg) and inner.annotation:
                    self.look(inner.annotation, "")
        for decorator in getattr(node, "decorator_list", []):
            self.look(decorator, "")
        for child in getattr(node, "keywords", []):
            self.look(child, "")
        body = node.body if isinstance(node.body, list) else [node.body]
        for statement in body:
            self.look(statement, "")

    def _compared(self, node: ast.Compare) -> None:
        sides = [node.left, *node.comparators]
        names = [_name_of(side) for side in sides]
        hint = next((n for n in names if n), "")
        for side in sides:
            self.look(side, hint)

    def _called(self, node: ast.Call, hint: str) -> None:
        called = _name_of(node.func)
        self.look(node.func, hint if called in _PASSED_ON else "")
        whole = ast.unparse(node.func)
        if whole.endswith(("environ.get", "getenv", "environ.setdefault")) and node.args:
            self._fallback(node, hint)
            return
        inner = hint if called in _PASSED_ON else called if _CHECKED.search(called) else ""
        for argument in node.args:
            self.look(argument, inner)
        for keyword in node.keywords:
            self.look(keyword, "")

    def _fallback(self, node: ast.Call, hint: str) -> None:
        """``os.environ.get("KEY", "the key itself")``: what stands there is left out."""
        key = node.args[0]
        name = str(key.value) if isinstance(key, ast.Constant) else hint
        for argument in node.args[1:]:
            text = argument.value if isinstance(argument, ast.Constant) else None
            known = isinstance(text, str) and text in self._known
            secret = isinstance(text, str) and (is_secret(name, text) or is_secret(hint, text))
            if (known or secret) and not ast.unparse(node.func).endswith("setdefault"):
                self._environment.name(name, str(text), hint)
                self.stood.append((self._stands(hint) or self._where, name))
                self._put(node, self._environment.read(name))
            else:
                self.look(argument, name)

    def _prose(self, text: str) -> None:
        if any(True for _ in shapes(text)) or self._holds_known(text):
            self.trouble = Trouble(
                reason="a docstring or a text in it holds what looks like a secret",
                ways=("take it out of the text and run the cell again",),
            )

    # ---- texts ---------------------------------------------------------------------------

    def _holds_known(self, text: str) -> str:
        for value, name in self._known.items():
            if value == text or (len(value) >= MIN_KNOWN + 2 and value in text):
                return name
        return ""

    def _constant(self, node: ast.Constant, hint: str) -> None:
        value = node.value
        if isinstance(value, bytes):
            text = value.decode("latin-1")
        elif isinstance(value, str):
            text = value
        elif isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1000:
            if is_secret(hint, str(value)) and re.search(r"(?i)pass|pin$|secret", hint):
                self._replace(
                    node, self._environment.reading(value, hint, self._stands(hint)), hint
                )
            return
        else:
            return
        name = self._known.get(text)
        inside = not name and self._holds_known(text)
        if name or (is_secret(hint, text) and (hint or isinstance(value, bytes)) and not inside):
            hint = name or hint
            self._replace(node, self._environment.reading(value, hint, self._stands(hint)), hint)
        elif inside or is_secret("", text):
            self._mixed(node, text, hint)

    def _mixed(self, node: ast.Constant, text: str, hint: str) -> None:
        """A text with a secret in the middle: the rest stays."""
        pieces = self._split(text, hint)
        if isinstance(node.value, str) and pieces != [text]:
            parts = [p if isinstance(p, ast.expr) else ast.Constant(p) for p in pieces]
            self._put(node, ast.unparse(ast.JoinedStr(values=parts)))
        else:
            name, hint = hint or self._unnamed(), hint or "secret"
            reading = self._environment.reading(node.value, name, self._stands(hint))
            self._replace(node, reading, hint)

    def _unnamed(self) -> str:
        """The name of a variable for a secret that stands in a call without a name."""
        return f"{self._where}_secret" if self._where.isidentifier() else "secret"

    def _stands(self, hint: str) -> str:
        return hint if hint == self._where or not hint else f"{hint} in {self._where}"

    def _formatted(self, node: ast.JoinedStr, hint: str) -> None:
        """A formatted text: only the secret in it is replaced."""
        values: list[ast.expr] = []
        changed = False
        for part in node.values:
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                pieces = self._split(part.value, hint)
                changed |= pieces != [part.value]
                values += [p if isinstance(p, ast.expr) else ast.Constant(p) for p in pieces]
            else:
                values.append(part)
                inner = part.value if isinstance(part, ast.FormattedValue) else part
                for child in ast.walk(inner):
                    if isinstance(child, ast.Constant) and isinstance(child.value, str):
                        changed |= self._within(child)
        if changed:
            self._put(node, ast.unparse(ast.JoinedStr(values=values)))

    def _within(self, node: ast.Constant) -> bool:
        """A text inside of the braces of a formatted text."""
        text = str(node.value)
        if not (self._holds_known(text) or is_secret("", text)):
            return False
        self.trouble = Trouble(
            reason="a secret stands inside the braces of a formatted text",
            ways=("give it a name of its own and run the cell again",),
        )
        return False

    def _split(self, text: str, hint: str) -> list[Any]:
        spans = list(shapes(text))
        for value in self._known:
            if len(value) >= MIN_KNOWN and value in text:
                start = text.index(value)
                spans.append((start, start + len(value)))
        parts: list[Any] = []
        end = 0
        for start, stop in sorted(spans):
            if start < end:
                continue
            scheme = re.match(r"(?i)(?:bearer|basic|token)\s+", text[start:stop])
            start += scheme.end() if scheme else 0
            if start >= stop:
                continue
            name = self._known.get(text[start:stop]) or _hint_before(text[:start]) or hint
            stands = self._stands(name or "secret")
            name = name or self._unnamed()
            if text[:start].endswith("://"):
                name = f"{name}_LOGIN"
                stands = self._stands(name)
            variable = self._environment.variable(name, text[start:stop], stands)
            self.stood.append((stands or self._where, variable))
            parts += [text[end:start]] if start > end else []
            read = ast.parse(self._environment.read(variable), mode="eval").body
            parts.append(ast.FormattedValue(value=read, conversion=-1))
            end = stop
        if not parts:
            return [text]
        return [*parts, text[end:]] if end < len(text) else parts

    def _replace(self, node: ast.expr, text: str, hint: str) -> None:
        variable = re.search(r'environ\["(\w+)"\]', text)
        self.stood.append((self._stands(hint) or self._where, variable[1] if variable else ""))
        self._put(node, text)

    def _put(self, node: ast.expr, text: str) -> None:
        start = self._offset(node.lineno, node.col_offset)
        end = self._offset(node.end_lineno or node.lineno, node.end_col_offset or 0)
        self.replacements.append((start, end, text))

    def _offset(self, line: int, column: int) -> int:
        before = sum(len(text) for text in self._lines[: line - 1])
        inner = self._lines[line - 1].encode()[:column].decode("utf-8", "ignore")
        return before + len(inner)


def _hint_before(text: str) -> str:
    """What a secret in the middle of a text may be called: ``api_key`` for ``?api_key=``."""
    found = re.search(r"([A-Za-z][\w-]{2,})\W{0,3}(?:bearer|basic)?\s*$", text, re.IGNORECASE)
    return found[1] if found and sounds_secret(found[1]) else ""


def _name_of(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str() as key)):
            return key
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str() as key), *_]):
            return key
    return ""


def _replaced(source: str, replacements: list[tuple[int, int, str]]) -> str:
    for start, end, text in sorted(replacements, reverse=True):
        source = source[:start] + text + source[end:]
    return source


def _comments(source: str, known: dict[str, str]) -> str:
    """The text with the secrets in its comments masked."""
    lines = source.splitlines(keepends=True)
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, IndentationError):
        return source
    for token in tokens:
        if token.type != tokenize.COMMENT:
            continue
        comment = token.string
        for start, end in sorted(shapes(comment), reverse=True):
            comment = comment[:start] + "***" + comment[end:]
        for value in sorted(known, key=len, reverse=True):
            if len(value) >= MIN_KNOWN:
                comment = comment.replace(value, "***")
        commented = re.sub(
            r"(?i)((?:password|passwd|secret|api[-_]?key|token)\w*\s*[:=]\s*)(?:\"[^\"]+\"|'[^']+')",
            r"\1***",
            comment,
        )
        if commented != token.string:
            row, column = token.start
            line = lines[row - 1]
            lines[row - 1] = line[:column] + commented + line[column + len(token.string) :]
    return "".join(lines)
