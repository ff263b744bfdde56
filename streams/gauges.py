"""How node, partitions, receivers and snapshots stand: what the gauges are set to at a scrape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


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
class SnapshotStanding:
    """The last snapshot of an agent, and what it does not hold.

    `position` in the ledger log, 0 without one; `write_seconds`: 0 for one that was only found.
    `unkept_seconds`: processor time of what was derived since, about what a start would take.
    """

    position: int
    size_bytes: int
    write_seconds: float
    unkept_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the node and the book stand when Prometheus asks.

    `snapshots`: (agent, partition) -> how its last one stands; an embedded node is partition 0.
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
    snapshots: Mapping[tuple[str, int], SnapshotStanding] = field(default_factory=dict)
