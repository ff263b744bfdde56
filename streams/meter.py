"""What the agents and the API report, in words of the loan book.

`streams.metrics` counts it for Prometheus. Counts nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from warning.backtest import Backtested


class Meter(Protocol):
    """What the agents and the API report. Every call is cheap: once a batch, never once a fact."""

    def transactions(
        self, tally: Mapping[tuple[str, str, str], int], *, facts: int, seconds: float
    ) -> None:
        """A record batch was committed: (type, outcome, code) -> how many, and how long it took."""

    def committed(self, *, seconds: float, transactions: int) -> None:
        """`transactions` were answered `seconds` after they were accepted."""

    def warnings(self, tally: Mapping[tuple[str, str], int]) -> None:
        """Facts of the warnings log were committed: (transition, severity) -> how many."""

    def warned(self, *, seconds: float, warnings: int) -> None:
        """`warnings` were committed `seconds` after their causes were accepted."""

    def grades(self, tally: Mapping[tuple[str, str], int]) -> None:
        """Grades changed: (regime, new grade) -> how many."""

    def day_closed(self, *, seconds: float) -> None:
        """A business day was closed, rules and lifecycle included."""

    def score_drifted(self, *, label: str, index: float, mean_pd: float, fitted: float) -> None:
        """How the score `label` meets today's loans: stability index, mean probability."""

    def score_tested(self, found: Backtested | None) -> None:
        """What became of the loans that the score judged last, of those whose horizon is over."""

    def webhook(self, receiver: str, outcome: str, *, events: int, seconds: float) -> None:
        """A receiver was sent `events` in one request: "delivered" or "failed"."""

    def request(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """An HTTP request was answered. `route` is the template, never the path."""

    def listeners(self, count: int) -> None:
        """So many readers of the warnings stream are connected."""

    def listener_dropped(self, reason: str) -> None:
        """A reader of the warnings stream was let go: "slow" or "full"."""


class NoMetrics(Meter):
    """Counts nothing: for benches and tools that have no `/metrics`."""
