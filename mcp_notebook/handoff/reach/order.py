"""An order in which the source runs: what runs at once comes after what it uses."""

from __future__ import annotations

from collections.abc import Mapping

from .node import Node, Piece


def ordered(nodes: Mapping[str, Node]) -> list[Piece]:
    """All pieces, each after what it needs, otherwise as the notebook ran them."""
    return _Order(nodes).pieces


class _Order:
    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self._nodes = nodes
        self._begun: set[int] = set()
        self.pieces: list[Piece] = []
        self._open: list[Piece] = []
        self._passing: dict[str, list[Piece]] = {}
        self._owners: dict[int, list[str]] = {}
        for name, owner in nodes.items():
            for piece in owner.pieces:
                self._owners.setdefault(id(piece), []).append(name)
        whole = {id(p): p for node in nodes.values() for p in node.pieces}
        for piece in whole.values():
            for name in piece.binds:
                node = nodes.get(name)
                if node is not None and not any(piece is p for p in node.pieces):
                    self._passing.setdefault(name, []).append(piece)
        for piece in sorted(whole.values(), key=lambda p: p.place):
            self._put(piece)

    def _put(self, piece: Piece) -> None:
        if id(piece) in self._begun:
            return
        self._begun.add(id(piece))
        self._open.append(piece)
        for name in self._owners.get(id(piece), ()):
            # what binds the name only in passing comes before what gives it its value
            for before in (*self._passing.get(name, ()), *self._nodes[name].pieces):
                if before.place < piece.place:
                    self._put(before)
        for name in sorted(piece.eager | piece.soft, key=self._place):
            self._stand(name, set())
        self._open.remove(piece)
        self.pieces.append(piece)

    def _stand(self, name: str, seen: set[str]) -> None:
        """Put everything that must be there when a name is used at once: it may be called."""
        if name in seen or name not in self._nodes:
            return
        seen.add(name)
        node = self._nodes[name]
        for piece in node.pieces:
            if not self._later(piece, node):
                self._put(piece)
        for piece in node.pieces:
            for other in sorted(piece.eager | piece.lazy, key=self._place):
                self._stand(other, seen)

    def _later(self, piece: Piece, node: Node) -> bool:
        """Whether a piece follows one of the same name that is being put."""
        return any(
            piece.place > one.place and any(one is p for p in node.pieces) for one in self._open
        )

    def _place(self, name: str) -> tuple[int, str]:
        node = self._nodes.get(name)
        return (node.pieces[0].place if node is not None and node.pieces else 0, name)
