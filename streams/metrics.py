"""What LoanBell tells Prometheus: the one door to prometheus_client.

Agents report through `Meter`, in words of the loan book; `Metrics` counts for Prometheus and
`NoMetrics` for nobody. Units are base units (seconds, bytes, Unix time), money is whole minor units
of its currency. No loan, borrower, account or officer is ever a label: every label's values come
from a closed list, so that the number of series does not grow with the book.
Source of the names: prometheus.io/docs/practices/naming.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Info
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from ledger.dates import start_of_day_us
from streams.gauges import SnapshotStanding, Standing
from streams.meter import Meter
from warning.backtest import Backtested

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
SIZES = (1.0, 10.0, 100.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0, 20_000.0)


class _Distribution(Collector):
    """A histogram that takes many equal observations in one call.

    prometheus_client's own has no weight, and one call a transaction costs more than recording it.
    """

    def __init__(self, name: str, help_text: str, bounds: Sequence[float]) -> None:
        self._name, self._help, self._bounds = name, help_text, tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0
        self._lock = threading.Lock()

    def observe(self, value: float, count: int = 1) -> None:
        """Count `value` `count` times."""
        with self._lock:
            self._counts[bisect_left(self._bounds, value)] += count
            self._sum += value * count

    def collect(self) -> Iterator[Metric]:
        """The cumulative buckets, as Prometheus wants them."""
        with self._lock:
            counts, total = list(self._counts), self._sum
        buckets: list[tuple[str, float]] = []
        running = 0
        for bound, count in zip((*map(str, self._bounds), "+Inf"), counts, strict=True):
            running += count
            buckets.append((bound, running))
        family = HistogramMetricFamily(self._name, self._help)
        family.add_metric([], buckets, total)
        yield family


class _Beside(Collector):
    """What a library tells in a registry of its own; the newest one counts."""

    def __init__(self) -> None:
        self.registry: CollectorRegistry | None = None

    def collect(self) -> Iterator[Metric]:
        """The library's metrics."""
        if self.registry is not None:
            yield from self.registry.collect()


class Metrics(Meter):
    """The counters, histograms and gauges of one node, in a registry of its own."""

    def __init__(self, *, version: str) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._beside = _Beside()
        self.registry.register(self._beside)
        Info("loanbell_build", "Version of LoanBell.", registry=self.registry).info(
            {"version": version}
        )
        self._make_recording()
        self._make_conclusions()
        self._make_score()
        self._make_http()
        self._make_standing()
        self._make_partitions()
        self._make_receivers()
        self._make_snapshots()

    def _counter(self, name: str, help_text: str, labels: Sequence[str] = ()) -> Counter:
        return Counter(f"loanbell_{name}", help_text, labels, registry=self.registry)

    def _gauge(self, name: str, help_text: str, labels: Sequence[str] = ()) -> Gauge:
        return Gauge(f"loanbell_{name}", help_text, labels, registry=self.registry)

    def _histogram(self, name: str, help_text: str, bounds: Sequence[float]) -> _Distribution:
        made = _Distribution(f"loanbell_{name}", help_text, bounds)
        self.registry.register(made)
        return made

    def _make_recording(self) -> None:
        self._transactions = self._counter(
            "transactions",
            "Transactions answered: accepted, duplicate or refused, with the code of a refusal.",
            ("type", "outcome", "code"),
        )
        self._facts = self._counter("facts_recorded", "Facts committed to the ledger log.")
        self._batch_seconds = self._histogram(
            "record_batch_seconds", "Time to decide and commit one record batch.", SECONDS
        )
        self._batch_size = self._histogram(
            "record_batch_transactions", "Transactions in one record batch.", SIZES
        )
        self._commit_seconds = self._histogram(
            "accept_to_commit_seconds", "From accepting a transaction to its commit.", SECONDS
        )

    def _make_conclusions(self) -> None:
        self._warnings = self._counter(
            "warnings", "Facts of the warnings log, by transition.", ("transition", "severity")
        )
        self._warning_seconds = self._histogram(
            "accept_to_warning_seconds",
            "From accepting a transaction to the commit of the warning it caused.",
            SECONDS,
        )
        self._grades = self._counter(
            "grade_changes", "Changes of risk grade, by the new grade.", ("regime", "grade")
        )
        self._day_close_seconds = self._histogram(
            "day_close_seconds", "Time to close one business day, rules included.", SECONDS
        )

    def _make_score(self) -> None:
        self._drift = self._gauge(
            "score_stability_index",
            "Stability index of the score's points against the population it was fitted on.",
            ("score",),
        )
        self._said = self._gauge(
            "score_mean_probability_ratio",
            "Mean probability of default that the score says: of loans now, of those fitted on.",
            ("score", "population"),
        )
        self._defaults = self._gauge(
            "score_default_ratio",
            "Defaults of the loans judged last of those whose horizon is over: as the score said, "
            "as seen, and between which bounds. Band 1 is the riskiest.",
            ("score", "band", "figure"),
        )
        self._miscalibrated = self._gauge(
            "score_miscalibrated",
            "1 when clearly more or fewer of them defaulted than the score had said, else 0.",
            ("score",),
        )

    def _make_http(self) -> None:
        self._requests = self._counter(
            "http_requests", "HTTP requests answered.", ("method", "route", "status")
        )
        self._request_seconds = prometheus_client.Histogram(
            "loanbell_http_request_seconds",
            "Time to answer an HTTP request; the warnings stream is left out.",
            ("method", "route"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._listeners = self._gauge("sse_clients", "Readers of the warnings stream.")
        self._dropped = self._counter(
            "sse_clients_dropped", "Readers of the warnings stream let go.", ("reason",)
        )

    def _make_standing(self) -> None:
        self._ready = self._gauge("ready", "1 when the node takes transactions, else 0.")
        self._business_date = self._gauge(
            "business_date_timestamp_seconds",
            "Midnight UTC of the last closed business day, as Unix time.",
        )
        self._lag = self._gauge(
            "lag_positions", "Facts of a log that an agent has yet to read.", ("agent", "log")
        )
        self._last = self._gauge("log_last_position", "Last position of a log.", ("log",))
        self._view = self._gauge(
            "view_position",
            "Last position of a log in a view's rows; log_last_position less this is its lag.",
            ("view", "log"),
        )
        self._store_bytes = self._gauge("store_size_bytes", "Size of a database.", ("database",))
        self._graded = self._gauge(
            "graded_loans", "Open loans by current risk grade.", ("regime", "grade")
        )
        self._open_warnings = self._gauge("open_warnings", "Warnings not yet ended.", ("severity",))
        self._gross = self._gauge(
            "portfolio_gross_minor", "Outstanding principal, in minor units.", ("currency",)
        )
        self._at_risk = self._gauge(
            "portfolio_at_risk_minor",
            "Outstanding principal of loans more than so many days past due, in minor units.",
            ("currency", "over_days"),
        )

    def _make_partitions(self) -> None:
        label = ("partition",)
        self._up = self._gauge("partition_up", "1 when a partition of this worker serves.", label)
        self._waiting = self._gauge(
            "partition_waiting_messages", "Messages of the topic not recorded yet.", label
        )
        self._unpublished = self._gauge(
            "partition_unpublished_facts", "Facts of the ledger not published yet.", label
        )

    def _make_snapshots(self) -> None:
        labels = ("agent", "partition")
        self._kept_at = self._gauge(
            "snapshot_position", "Ledger position of an agent's last snapshot; 0: none.", labels
        )
        self._kept_bytes = self._gauge("snapshot_size_bytes", "Size of the last one.", labels)
        self._kept_in = self._gauge(
            "snapshot_write_seconds", "Time it took to pack and write the last one.", labels
        )
        self._unkept = self._gauge(
            "snapshot_unkept_seconds",
            "Processor time of what was derived since the last one: a start takes it again.",
            labels,
        )

    def _make_receivers(self) -> None:
        labels = ("receiver", "outcome")
        self._asked = self._counter("webhook_requests", "Requests to receivers.", labels)
        self._sent = self._counter("webhook_events", "Events sent to receivers.", labels)
        self._sending = self._histogram(
            "webhook_request_seconds", "Time of one request to a receiver.", SECONDS
        )
        self._behind = self._gauge(
            "webhook_behind_facts", "Facts that a receiver has yet to be told of.", ("receiver",)
        )
        self._parked = self._gauge(
            "webhook_parked", "Partitions in which a receiver is parked.", ("receiver",)
        )

    def transactions(
        self, tally: Mapping[tuple[str, str, str], int], *, facts: int, seconds: float
    ) -> None:
        for labels, count in tally.items():
            self._transactions.labels(*labels).inc(count)
        self._facts.inc(facts)
        self._batch_seconds.observe(seconds)
        self._batch_size.observe(sum(tally.values()))

    def committed(self, *, seconds: float, transactions: int) -> None:
        self._commit_seconds.observe(seconds, transactions)

    def warnings(self, tally: Mapping[tuple[str, str], int]) -> None:
        for labels, count in tally.items():
            self._warnings.labels(*labels).inc(count)

    def warned(self, *, seconds: float, warnings: int) -> None:
        self._warning_seconds.observe(seconds, warnings)

    def grades(self, tally: Mapping[tuple[str, str], int]) -> None:
        for labels, count in tally.items():
            self._grades.labels(*labels).inc(count)

    def day_closed(self, *, seconds: float) -> None:
        self._day_close_seconds.observe(seconds)

    def score_drifted(self, *, label: str, index: float, mean_pd: float, fitted: float) -> None:
        self._drift.clear()
        self._said.clear()
        self._drift.labels(label).set(index)
        self._said.labels(label, "now").set(mean_pd)
        self._said.labels(label, "fitted").set(fitted)

    def score_tested(self, found: Backtested | None) -> None:
        self._defaults.clear()
        self._miscalibrated.clear()
        if found is None:
            return
        self._miscalibrated.labels(found.score).set(int(not found.calibration.holds))
        whole, bands = found.calibration
        for name, band in (("all", whole), *((str(at), b) for at, b in enumerate(bands, start=1))):
            figures = {"said": band.said, "seen": band.seen, "low": band.low, "high": band.high}
            for figure, value in figures.items():
                self._defaults.labels(found.score, name, figure).set(value)

    def webhook(self, receiver: str, outcome: str, *, events: int, seconds: float) -> None:
        self._asked.labels(receiver, outcome).inc()
        self._sent.labels(receiver, outcome).inc(events)
        self._sending.observe(seconds)

    def request(self, *, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).inc()
        self._request_seconds.labels(method, route).observe(seconds)

    def listeners(self, count: int) -> None:
        self._listeners.set(count)

    def listener_dropped(self, reason: str) -> None:
        self._dropped.labels(reason).inc()

    def stand(self, standing: Standing) -> None:
        """Set every gauge from `standing`; a label that is gone from it is forgotten."""
        self._ready.set(int(standing.ready))
        if standing.business_date is not None:
            self._business_date.set(start_of_day_us(standing.business_date) / 1_000_000)
        for gauge, values in (
            (self._lag, standing.lag_positions),
            (self._last, standing.last_positions),
            (self._view, standing.view_positions),
            (self._store_bytes, standing.store_bytes),
            (self._graded, standing.loans_by_grade),
            (self._open_warnings, standing.warnings_by_severity),
            (self._gross, standing.gross_minor),
            (self._at_risk, standing.at_risk_minor),
            (self._up, {at: int(each.up) for at, each in standing.partitions.items()}),
            (
                self._waiting,
                {at: each.waiting_messages for at, each in standing.partitions.items()},
            ),
            (
                self._unpublished,
                {at: each.unpublished_facts for at, each in standing.partitions.items()},
            ),
            (self._behind, {name: each.behind_facts for name, each in standing.receivers.items()}),
            (self._parked, {name: each.parked for name, each in standing.receivers.items()}),
        ):
            _set_all(gauge, values)
        self._stand_snapshots(standing.snapshots)

    def _stand_snapshots(self, snapshots: Mapping[tuple[str, int], SnapshotStanding]) -> None:
        _set_all(self._kept_at, {at: each.position for at, each in snapshots.items()})
        _set_all(self._kept_bytes, {at: each.size_bytes for at, each in snapshots.items()})
        _set_all(self._kept_in, {at: each.write_seconds for at, each in snapshots.items()})
        _set_all(self._unkept, {at: each.unkept_seconds for at, each in snapshots.items()})

    def beside(self) -> CollectorRegistry:
        """A new registry for a library's own metrics, told with ours; it replaces earlier ones."""
        self._beside.registry = CollectorRegistry()
        return self._beside.registry

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """All metrics as text and its content type, in the format that `accept` asks for."""
        encoder, content_type = choose_encoder(accept)
        return encoder(self.registry), content_type


def _set_all(gauge: Gauge, values: Mapping[Any, float]) -> None:
    gauge.clear()
    for key, value in values.items():
        labels = key if isinstance(key, tuple) else (key,)
        gauge.labels(*map(str, labels)).set(value)
