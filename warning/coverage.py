"""Which cases a row of a decision table can meet: exact sets, as boxes of bit masks.

Each column of the table is a dimension. Its values fall into few cells among which no row tells:
words that a row names and "any other", numbers between, at and beyond the limits that conditions
compare with, and "unknown". A row is then a union of boxes, one mask of cells a dimension, and what
is left of it behind other rows is found by taking boxes off, exactly. What is more than a number
against a limit (sums, changes, percentiles) is a dimension of its own, which holds, fails or is
unknown: so a row may be called reachable that is not, never the other way round.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Iterable, Mapping, Sequence
from itertools import product

from warning.expressions import Condition

Box = dict[str, int]
"""Mask of cells by dimension; a dimension that is not named is free."""

MOST_BOXES = 4_000
"""More pieces than this are not followed; the question then has no answer (None)."""

_Op = type[ast.cmpop]
_MIRROR: dict[_Op, _Op] = {
    ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE, ast.Eq: ast.Eq,
    ast.NotEq: ast.NotEq,
}  # fmt: skip
_HOLDS = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip


class TooMany(Exception):
    """The table is too entangled to be followed."""


class Space:
    """The dimensions of one table, and its rows as boxes in them."""

    def __init__(
        self, words: Mapping[str, Sequence[str]], conditions: Iterable[Condition | None]
    ) -> None:
        """`words`: the words of each column, "" among them for any other."""
        self._cells: dict[str, list[str]] = {name: list(known) for name, known in words.items()}
        self._words = set(words)
        self._limits: dict[str, list[float]] = {}
        for condition in conditions:
            if condition is not None:
                for name, _, limit in _atoms(_tree(condition)):
                    self._limits.setdefault(name, []).append(limit)
        for name, limits in self._limits.items():
            self._limits[name] = sorted(set(limits))
            self._cells[name] = _spans(self._limits[name])

    def row(self, words: Mapping[str, Sequence[str]], condition: Condition | None) -> list[Box]:
        """Where a row holds. Errors: TooMany."""
        box: Box = {}
        for column, allowed in words.items():
            box[column] = sum(1 << self._cells[column].index(word) for word in set(allowed))
        if condition is None:
            return [box]
        holds, _ = self._boxes(_tree(condition))
        return [whole for part in holds if (whole := self._meet(box, part)) is not None]

    def left(self, boxes: Sequence[Box], taken: Iterable[Sequence[Box]]) -> list[Box]:
        """What of `boxes` none of the rows `taken` holds. Errors: TooMany."""
        pieces = list(boxes)
        for row in taken:
            for off in row:
                pieces = [rest for piece in pieces for rest in self._minus(piece, off)]
                if len(pieces) > MOST_BOXES:
                    raise TooMany
        return pieces

    def meets(self, one: Sequence[Box], other: Sequence[Box]) -> bool:
        """Whether some case is in both."""
        return any(self._meet(a, b) is not None for a in one for b in other)

    def example(self, box: Box) -> str:
        """Some case of a box, in words."""
        told = []
        for name, mask in box.items():
            cells = self._cells[name]
            if mask != self._all(name):
                at = next(at for at in range(len(cells)) if mask >> at & 1)
                told.append(f"{name} {cells[at] or 'any other'}")
        return ", ".join(told) or "any case"

    def _all(self, name: str) -> int:
        return (1 << len(self._cells[name])) - 1

    def _meet(self, one: Box, other: Box) -> Box | None:
        met = dict(one)
        for name, mask in other.items():
            met[name] = met.get(name, mask) & mask
            if not met[name]:
                return None
        return met

    def _minus(self, box: Box, off: Box) -> list[Box]:
        if self._meet(box, off) is None:
            return [box]
        pieces, inside = [], dict(box)
        for name, mask in off.items():
            here = inside.get(name, self._all(name))
            if here & ~mask:
                pieces.append({**inside, name: here & ~mask})
            inside[name] = here & mask
        return pieces

    def _boxes(self, node: ast.expr) -> tuple[list[Box], list[Box]]:
        """(where it holds, where it fails); unknown is in neither."""
        if isinstance(node, ast.BoolOp):
            holds, fails = zip(*map(self._boxes, node.values), strict=True)
            if isinstance(node.op, ast.And):
                return self._all_of(holds), [box for part in fails for box in part]
            return [box for part in holds for box in part], self._all_of(fails)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            holds_, fails_ = self._boxes(node.operand)
            return fails_, holds_
        if isinstance(node, ast.Compare):
            return self._compared(node)
        return self._opaque(ast.unparse(node))

    def _all_of(self, parts: Sequence[Sequence[Box]]) -> list[Box]:
        met: list[Box] = [{}]
        for part in parts:
            pairs = (self._meet(a, b) for a, b in product(met, part))
            met = [box for box in pairs if box is not None]
            if len(met) > MOST_BOXES:
                raise TooMany
        return met

    def _compared(self, node: ast.Compare) -> tuple[list[Box], list[Box]]:
        sides = [node.left, *node.comparators]
        parts = [
            self._pair(left, op, right)
            for left, op, right in zip(sides, node.ops, sides[1:], strict=False)
        ]
        return self._all_of([[box] for box, _ in parts]), [box for _, box in parts]

    def _pair(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> tuple[Box, Box]:
        atom = _atom(left, op, right)
        if atom is None:
            text = ast.unparse(ast.Compare(left, [op], [right]))
            (holds,), (fails,) = self._opaque(text)
            return holds, fails
        name, kind, limit = atom
        limits = self._limits[name]
        holds_mask = fails_mask = 0
        for cell in range(2 * len(limits) + 1):  # the last cell, unknown, is in neither
            if _HOLDS[kind](_inside(limits, cell), limit):
                holds_mask |= 1 << cell
            else:
                fails_mask |= 1 << cell
        return {name: holds_mask}, {name: fails_mask}

    def _opaque(self, text: str) -> tuple[list[Box], list[Box]]:
        self._cells.setdefault(text, ["holds", "fails", "unknown"])
        return [{text: 1}], [{text: 2}]


def _tree(condition: Condition) -> ast.expr:
    return ast.parse(f"({condition.text}\n)", mode="eval").body


def _atoms(tree: ast.expr) -> Iterable[tuple[str, _Op, float]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            for left, op, right in zip(sides, node.ops, sides[1:], strict=False):
                atom = _atom(left, op, right)
                if atom is not None:
                    yield atom


def _atom(left: ast.expr, op: ast.cmpop, right: ast.expr) -> tuple[str, _Op, float] | None:
    """A name against a number, the name first; None for anything else."""
    if isinstance(left, ast.Name) and (limit := _number(right)) is not None:
        return left.id, type(op), limit
    if isinstance(right, ast.Name) and (limit := _number(left)) is not None:
        return right.id, _MIRROR[type(op)], limit
    return None


def _number(node: ast.expr) -> float | None:
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        sign, node = -1, node.operand
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return sign * float(node.value)
    return None


def _inside(limits: Sequence[float], cell: int) -> float:
    """A number of a cell: below the first limit, at it, between it and the next, …"""
    at, on_limit = divmod(cell, 2)
    if on_limit:
        return limits[at]
    if at == 0:
        return limits[0] - 1
    if at == len(limits):
        return limits[-1] + 1
    return (limits[at - 1] + limits[at]) / 2


def _spans(limits: Sequence[float]) -> list[str]:
    """The cells of a number, in words."""
    said = [f"{limit:g}" for limit in limits]
    cells = [f"< {said[0]}"]
    for at, word in enumerate(said):
        cells.append(f"= {word}")
        cells.append(f"between {word} and {said[at + 1]}" if at + 1 < len(said) else f"> {word}")
    return [*cells, "unknown"]
