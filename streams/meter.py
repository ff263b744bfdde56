"""What the agents and the API report, in words of the loan book, and how a node stands.

`streams.metrics` counts it for Prometheus. Counts nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from warning.backtest import Backtested


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionStanding:
    """How one partition of a worker stands: messages before it, facts not yet published."""

    waiting_messages: int
    unpublished_facts: int
    up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverStanding:
    """How far a receiver is behind, and in how many partitions it is parked."""

    behind_facts: int
    parked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the node and the book stand when Prometheus asks.

    `lag_positions`: (agent, log) -> facts of that log the agent has yet to read.
    `view_positions`: (view, log) -> the last fact of that log in the view's rows.
    `at_risk_minor`: (currency, more days past due than) -> outstanding principal, in minor units.
    """

    business_date: date | None = None
    lag_positions: Mapping[tuple[str, str], int] = field(default_factory=dict)
    last_positions: Mapping[str, int] = field(default_factory=dict)
    view_positions: Mapping[tuple[str, str], int] = field(default_factory=dict)
    store_bytes: Mapping[str, int] = field(default_factory=dict)
    loans_by_grade: Mapping[tuple[str, str], int] = field(default_factory=dict)
    warnings_by_severity: Mapping[str, int] = field(default_factory=dict)
    gross_minor: Mapping[str, int] = field(default_factory=dict)
    at_risk_minor: Mapping[tuple[str, int], int] = field(default_factory=dict)
    ready: bool = False
    partitions: Mapping[int, PartitionStanding] = field(default_factory=dict)
    receivers: Mapping[str, ReceiverStanding] = field(default_factory=dict)


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
