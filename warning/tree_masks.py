"""All trees for a million loans: each value's bin rules out leaves, and one leaf of a tree is left.

A loan goes right at a node when its value is above the threshold, which rules out the leaves on the
left. For every indicator and bin between thresholds there is one row of masks, a byte a tree, in
which the leaves that remain are ones; the masks of all indicators, taken together, leave the leaf
reached as the lowest one (QuickScorer, Lucchese et al. 2015). So a loan costs one row of bytes an
indicator and one look-up a tree, instead of a walk down every tree. Says what the walk says, but
for the order in which values are added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from warning.bins import bins_of
from warning.windows import FloatArray, IntArray

AT_ONCE = 1_024
"""Loans at once: few enough that the masks stay in the processor's cache."""
BINNED_AT_ONCE = 16 * AT_ONCE
"""Loans whose values are binned at once, before."""
MOST_LEAVES = 8
"""So many bits has a byte."""
_MASKS = 2**MOST_LEAVES
Masks = NDArray[np.uint8]


class Nodes(Protocol):
    """The columns of all trees' nodes, as `trees.Trees` has them."""

    @property
    def names(self) -> tuple[str, ...]:
        """The indicators that nodes ask for."""

    @property
    def roots(self) -> IntArray:
        """Where trees begin."""

    @property
    def feature(self) -> IntArray:
        """The place in `names`; -1 at a leaf."""

    @property
    def threshold(self) -> FloatArray:
        """Left up to it."""

    @property
    def missing_left(self) -> IntArray:
        """1 where unknown goes left."""

    @property
    def left(self) -> IntArray:
        """The node on the left."""

    @property
    def right(self) -> IntArray:
        """The node on the right."""

    @property
    def value(self) -> FloatArray:
        """What a leaf adds."""


class _Asked(NamedTuple):
    """An indicator that nodes ask for: its thresholds, and masks (bins and unknown, trees)."""

    name: str
    edges: FloatArray
    masks: Masks


class _Room(NamedTuple):
    """Arrays (loans, trees) that are used again: asked for anew they would be cleared each time."""

    left: Masks
    leaves: IntArray
    found: FloatArray

    @classmethod
    def of(cls, loans: int, trees: int) -> _Room:
        shape = (loans, trees)
        return cls(np.empty(shape, np.uint8), np.empty(shape, np.int64), np.empty(shape))


class LeafMasks:
    """The masks of a set of trees. Build it once; `LeafMasks.fits` says whether it can be."""

    def __init__(self, nodes: Nodes) -> None:
        count = len(nodes.roots)
        trees = np.searchsorted(nodes.roots, np.arange(len(nodes.feature)), side="right") - 1
        spans = _spans(nodes)
        self._asked = [
            _asked(nodes, at, trees, spans, count)
            for at in range(len(nodes.names))
            if (nodes.feature == at).any()
        ]
        leaves = nodes.feature < 0
        values = np.zeros((count, MOST_LEAVES))
        values[trees[leaves], spans[leaves, 0]] = nodes.value[leaves]
        masks = np.arange(_MASKS)
        lowest = np.log2(np.maximum(masks & -masks, 1)).astype(np.int64)
        self._values = values[:, lowest].ravel()  # By tree and mask: the leaf is the lowest bit.
        self._first = np.arange(count) * _MASKS

    @staticmethod
    def fits(nodes: Nodes) -> bool:
        """Whether no tree has more than MOST_LEAVES leaves."""
        leaves = np.add.reduceat(nodes.feature < 0, nodes.roots)
        return bool(leaves.max() <= MOST_LEAVES)

    def log_odds(self, values: Mapping[str, FloatArray], count: int) -> FloatArray:
        """The values of the leaves reached, added up, for `count` loans."""
        total = np.zeros(count)
        room = _Room.of(min(count, AT_ONCE), len(self._first))
        for start in range(0, count, BINNED_AT_ONCE):
            of_all = slice(start, start + BINNED_AT_ONCE)
            bins = [bins_of(values[asked.name][of_all], asked.edges) for asked in self._asked]
            for first in range(start, min(start + BINNED_AT_ONCE, count), AT_ONCE):
                end = min(first + AT_ONCE, count)
                piece = [column[first - start : end - start] for column in bins]
                total[first:end] = self._piece(piece, end - first, room)
        return total

    def _piece(self, bins: Sequence[NDArray[Any]], count: int, room: _Room) -> FloatArray:
        """The sums of loans by their bins; `room` is for what is worked out on the way."""
        left, leaves, found = room.left[:count], room.leaves[:count], room.found[:count]
        left.fill(_MASKS - 1)
        for asked, places in zip(self._asked, bins, strict=True):
            left &= asked.masks.take(places, axis=0)
        np.copyto(leaves, left)
        leaves += self._first
        self._values.take(leaves, out=found, mode="clip")  # In bounds: any other mode copies.
        total: FloatArray = found.sum(axis=1)
        return total


def _asked(nodes: Nodes, at: int, trees: IntArray, spans: IntArray, count: int) -> _Asked:
    asking = np.flatnonzero(nodes.feature == at)
    edges = np.unique(nodes.threshold[asking])
    masks = np.full((len(edges) + 2, count), _MASKS - 1, np.uint8)
    for node in asking.tolist():
        first, end = spans[nodes.left[node]].tolist()
        kept = np.uint8(_MASKS - 1 ^ (((1 << (end - first)) - 1) << first))
        above = int(edges.searchsorted(nodes.threshold[node])) + 1
        masks[above:-1, trees[node]] &= kept
        if not nodes.missing_left[node]:
            masks[-1, trees[node]] &= kept
    return _Asked(nodes.names[at], edges, masks)


def _spans(nodes: Nodes) -> IntArray:
    """(nodes, 2): the leaves below each node, counted from the left of its tree; end exclusive."""
    spans = np.zeros((len(nodes.feature), 2), np.int64)
    for root in nodes.roots.tolist():
        leaves, waiting = 0, [(root, False)]
        while waiting:
            node, below_done = waiting.pop()
            left, right = int(nodes.left[node]), int(nodes.right[node])
            if nodes.feature[node] < 0:
                spans[node] = leaves, leaves + 1
                leaves += 1
            elif below_done:
                spans[node] = spans[left, 0], spans[right, 1]
            else:
                waiting += [(node, True), (right, False), (left, False)]
    return spans
