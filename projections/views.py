"""All views, in the order in which they take in a fact."""

from __future__ import annotations

from projections.rebuild import Factory
from projections.refusals import Refusals
from projections.register import Register
from projections.warnings import Warnings

ALL: tuple[Factory, ...] = (Register, Refusals, Warnings)
"""One factory a view."""
