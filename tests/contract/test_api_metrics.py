"""What Prometheus is told: right counts, base units, and no borrower in any label."""

from __future__ import annotations

from datetime import date

from prometheus_client.parser import text_string_to_metric_families

from streams.gauges import SnapshotStanding, Standing
from streams.meter import Meter, NoMetrics
from streams.metrics import Metrics
from warning.backtest import Backtested
from warning.calibrated import calibration_of

LABELS = {
    "type", "outcome", "code", "transition", "severity", "regime", "grade", "method", "route",
    "status", "reason", "agent", "log", "database", "currency", "over_days", "version", "le",
    "score", "population", "view", "band", "figure",
}  # fmt: skip


def fill(meter: Meter) -> None:
    """Report one of everything."""
    meter.transactions(
        {("repayment_received", "accepted", ""): 7, ("unreadable", "refused", "not_json"): 2},
        facts=9,
        seconds=0.03,
    )
    meter.committed(seconds=0.004, transactions=9)
    meter.warnings({("raised", "red"): 2, ("resolved", ""): 1})
    meter.warned(seconds=0.03, warnings=2)
    meter.grades({("cn-2023", "special_mention"): 4})
    meter.day_closed(seconds=0.7)
    meter.score_drifted(label="sme v1", index=0.3, mean_pd=0.05, fitted=0.04)
    # Said 10 %, seen 20 of 100: clearly more than said, see tests/unit/score/test_calibrated.py.
    found = calibration_of([(100, 20, 0.1)])
    if found is not None:
        meter.score_tested(Backtested("sme v1", judged_day=19_810, months=12, calibration=found))
    meter.request(method="GET", route="/v1/loans/{loan_id}", status=200, seconds=0.002)
    meter.listeners(3)
    meter.listener_dropped("slow")


def full() -> Metrics:
    metrics = Metrics(version="1.2.3")
    fill(metrics)
    metrics.stand(
        Standing(
            business_date=date(2024, 3, 29),
            lag_positions={("watch", "ledger"): 5, ("project", "warnings"): 0},
            last_positions={"ledger": 100, "warnings": 8},
            view_positions={("grades", "ledger"): 95},
            store_bytes={"ledger": 4096},
            loans_by_grade={("cn-2023", "normal"): 12},
            warnings_by_severity={"red": 2},
            gross_minor={"CNY": 1_000_000},
            at_risk_minor={("CNY", 30): 45_000},
            ready=True,
        )
    )
    return metrics


def samples(metrics: Metrics) -> dict[str, float]:
    text = metrics.exposition()[0].decode()
    return {
        sample.name + str(sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_batch_is_counted_by_type_outcome_and_code() -> None:
    found = samples(full())
    labels = [("code", "not_json"), ("outcome", "refused"), ("type", "unreadable")]
    assert found[f"loanbell_transactions_total{labels}"] == 2
    assert found["loanbell_facts_recorded_total[]"] == 9
    assert found["loanbell_record_batch_transactions_sum[]"] == 9


def test_a_latency_counts_once_for_each_transaction_of_the_batch() -> None:
    metrics = Metrics(version="test")
    metrics.committed(seconds=0.004, transactions=90)
    metrics.committed(seconds=0.3, transactions=10)
    found = samples(metrics)
    assert found["loanbell_accept_to_commit_seconds_bucket[('le', '0.002')]"] == 0
    assert found["loanbell_accept_to_commit_seconds_bucket[('le', '0.005')]"] == 90
    assert found["loanbell_accept_to_commit_seconds_bucket[('le', '0.5')]"] == 100
    assert found["loanbell_accept_to_commit_seconds_count[]"] == 100
    assert abs(found["loanbell_accept_to_commit_seconds_sum[]"] - 3.36) < 1e-9


def test_a_value_on_a_bound_falls_into_its_bucket() -> None:
    metrics = Metrics(version="test")
    metrics.warned(seconds=0.05, warnings=1)
    assert samples(metrics)["loanbell_accept_to_warning_seconds_bucket[('le', '0.05')]"] == 1


def test_the_business_date_is_unix_time_and_money_is_minor_units() -> None:
    found = samples(full())
    assert found["loanbell_business_date_timestamp_seconds[]"] == 1_711_670_400
    assert found["loanbell_portfolio_gross_minor[('currency', 'CNY')]"] == 1_000_000
    labels = [("currency", "CNY"), ("over_days", "30")]
    assert found[f"loanbell_portfolio_at_risk_minor{labels}"] == 45_000


def test_each_view_says_how_far_its_rows_go() -> None:
    """95 of 100 facts: five behind."""
    found = samples(full())
    view = found["loanbell_view_position[('log', 'ledger'), ('view', 'grades')]"]
    assert found["loanbell_log_last_position[('log', 'ledger')]"] - view == 5


def test_a_snapshot_tells_where_it_stands_and_what_it_does_not_hold() -> None:
    kept = SnapshotStanding(position=90, size_bytes=700, write_seconds=0.5, unkept_seconds=3.0)
    metrics = full()
    metrics.stand(Standing(snapshots={("watch", 2): kept}))
    found, labels = samples(metrics), [("agent", "watch"), ("partition", "2")]
    assert found[f"loanbell_snapshot_position{labels}"] == 90
    assert found[f"loanbell_snapshot_size_bytes{labels}"] == 700
    assert found[f"loanbell_snapshot_write_seconds{labels}"] == 0.5
    assert found[f"loanbell_snapshot_unkept_seconds{labels}"] == 3.0


def test_a_grade_without_loans_is_gone_at_the_next_look() -> None:
    metrics = full()
    metrics.stand(Standing(loans_by_grade={("cn-2023", "loss"): 1}))
    found = samples(metrics)
    assert not [
        name for name in found if name.startswith("loanbell_graded_loans") and "normal" in name
    ]
    assert found["loanbell_ready[]"] == 0


def test_what_became_of_loans_is_told_by_band_and_forgotten_with_the_score() -> None:
    metrics = full()
    found = samples(metrics)
    assert found["loanbell_score_miscalibrated[('score', 'sme v1')]"] == 1
    for band in ("all", "1"):
        labels = [("band", band), ("figure", "seen"), ("score", "sme v1")]
        assert found[f"loanbell_score_default_ratio{labels}"] == 0.2
    metrics.score_tested(None)
    told = [name for name in samples(metrics) if "default_ratio" in name or "miscal" in name]
    assert told == []


def test_every_label_is_from_the_closed_list() -> None:
    text = full().exposition()[0].decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            assert set(sample.labels) <= LABELS, sample
            assert family.name.startswith(("loanbell_", "process_"))


def test_the_silent_meter_takes_the_same_reports() -> None:
    fill(NoMetrics())
