"""Boosted trees as parts of a score: arrays of nodes, walked for all loans at once by numpy alone.

A node sends a loan left when its indicator is at most the threshold; unknown goes where the node
says. A loan's log-odds are the base and the values of the leaves it reaches. What an indicator
contributes is the sum of what the value changed below the nodes that asked for it: base, values of
the roots and contributions add up to the log-odds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from warning.tree_masks import LeafMasks
from warning.windows import FloatArray, IntArray

AT_ONCE = 1_024
"""Loans walked at once: few enough that the working arrays stay in the processor's cache."""
_COLUMNS = ("feature", "threshold", "missing_left", "left", "right", "value")


@dataclass(frozen=True)
class Trees:
    """All trees' nodes in one set of columns; `roots` are where trees begin.

    `feature` is the place in `names`, -1 at a leaf, where `left` and `right` are the leaf itself.
    """

    names: tuple[str, ...]
    base: float
    roots: IntArray
    depth: int
    feature: IntArray
    threshold: FloatArray
    missing_left: IntArray
    left: IntArray
    right: IntArray
    value: FloatArray

    def log_odds(self, values: Mapping[str, FloatArray]) -> FloatArray:
        """The base and the values of the leaves reached."""
        count = len(values[self.names[0]])
        if self._masks is not None:
            return self._masks.log_odds(values, count) + self.base
        total = np.empty(count)
        for first in range(0, count, AT_ONCE):
            piece = np.stack([values[name][first : first + AT_ONCE] for name in self.names])
            total[first : first + AT_ONCE] = self.walked(piece)
        return total + self.base

    def walked(self, piece: FloatArray) -> FloatArray:
        """The values of the leaves that the columns `piece` (indicators, loans) walk down to."""
        at = np.repeat(self.roots[:, None], piece.shape[1], axis=1)
        for _ in range(self.depth):
            at = self._below(piece, at)
        found: FloatArray = self.value[at].sum(axis=0)
        return found

    @cached_property
    def _masks(self) -> LeafMasks | None:
        """The way for trees of few leaves, worked out when first asked."""
        return LeafMasks(self) if LeafMasks.fits(self) else None

    def contributions(self, values: Mapping[str, FloatArray]) -> FloatArray:
        """What each indicator changed on the way to the leaves; 0 is what it is on average."""
        piece = np.stack([values[name] for name in self.names])
        found = np.zeros(piece.shape)
        at = np.repeat(self.roots[:, None], piece.shape[1], axis=1)
        loans = np.broadcast_to(np.arange(piece.shape[1]), at.shape)
        for _ in range(self.depth):
            below = self._below(piece, at)
            asked = self.feature[at] >= 0
            np.add.at(
                found,
                (self.feature[at][asked], loans[asked]),
                (self.value[below] - self.value[at])[asked],
            )
            at = below
        return found

    def _below(self, piece: FloatArray, at: IntArray) -> IntArray:
        """One step down from the nodes `at` (trees, loans)."""
        asked = piece[np.maximum(self.feature[at], 0), np.arange(piece.shape[1])]
        left = asked <= self.threshold[at]
        left |= np.isnan(asked) & (self.missing_left[at] > 0)
        return np.where(left, self.left[at], self.right[at])

    def document(self) -> dict[str, Any]:
        """One object a tree, its nodes as columns."""
        ends = [*self.roots[1:].tolist(), len(self.feature)]
        trees = []
        for start, end in zip(self.roots.tolist(), ends, strict=True):
            tree = {name: getattr(self, name)[start:end].tolist() for name in _COLUMNS}
            tree["left"] = [at - start for at in tree["left"]]
            tree["right"] = [at - start for at in tree["right"]]
            trees.append(tree)
        return {"indicators": self.names, "base": self.base, "depth": self.depth, "trees": trees}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Trees:
        """From `document`. Errors: KeyError, TypeError, ValueError for what does not fit."""
        names, trees = tuple(map(str, document["indicators"])), document["trees"]
        sizes = [len(tree["feature"]) for tree in trees]
        if not sizes or min(sizes) == 0:
            raise ValueError("there are trees, and each has nodes")
        roots = np.cumsum([0, *sizes[:-1]])
        columns: dict[str, Any] = {
            name: np.concatenate([np.asarray(tree[name], _KIND[name]) for tree in trees])
            for name in _COLUMNS
        }
        if len({len(column) for column in columns.values()}) != 1:
            raise ValueError("the columns of a tree have one length")
        shift = np.repeat(roots, sizes)
        ends = np.repeat(roots + sizes, sizes)
        for side in ("left", "right"):
            columns[side] = columns[side] + shift
            if ((columns[side] < shift) | (columns[side] >= ends)).any():
                raise ValueError("a node points out of its tree")
        feature, places = columns["feature"], np.arange(len(shift))
        below = np.minimum(columns["left"], columns["right"])
        if (below[feature >= 0] <= places[feature >= 0]).any():
            raise ValueError("a node that asks stands before those it sends to")
        if not np.isfinite(columns["value"]).all():
            raise ValueError("values are finite numbers")
        if not 0 <= int(document["depth"]) <= max(sizes):
            raise ValueError("the depth is that of the trees")
        if feature.min() < -1 or feature.max() >= len(names):
            raise ValueError("a node asks for an indicator that is not listed")
        return cls(
            names,
            float(document["base"]),
            roots.astype(np.int64),
            int(document["depth"]),
            **columns,
        )


_KIND: dict[str, Any] = {
    "feature": np.int64,
    "threshold": np.float64,
    "missing_left": np.int64,
    "left": np.int64,
    "right": np.int64,
    "value": np.float64,
}
