"""All trees for a million loans: each value's bin rules out leaves, and one leaf of a tree is left.

A loan goes right at a node when its value is above the threshold, which rules out the leaves on the
left. For every indicator and bin between thresholds there is one row of masks, a byte a tree, in
which the leaves that remain are ones; the masks of all indicators, taken together, leave the leaf
reached as the lowest one (QuickScorer, Lucchese et al. 2015). So a loan costs one row of bytes an
indicator and one look-up a tree, instead of a walk down every tree. Says what the walk says, but
for the order in which values are added.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from warning.windows import FloatArray, IntArray

AT_ONCE = 1_024
"""Loans at once: few enough that the masks stay in the processor's cache."""
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
        for first in range(0, count, AT_ONCE):
            piece = slice(first, min(first + AT_ONCE, count))
            total[piece] = self._piece(values, piece)
        return total

    def _piece(self, values: Mapping[str, FloatArray], piece: slice) -> FloatArray:
        left = np.full((piece.stop - piece.start, len(self._first)), _MASKS - 1, np.uint8)
        for asked in self._asked:
            column = values[asked.name][piece]
            bins = asked.edges.searchsorted(column)
            bins[np.isnan(column)] = len(asked.edges) + 1
            left &= asked.masks.take(bins, axis=0)
        leaves = np.add(left, self._first)
        found: FloatArray = self._values.take(leaves).sum(axis=1)
        return found


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
