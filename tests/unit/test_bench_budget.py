"""What the processor time of each part allows, by hand."""

from __future__ import annotations

from bench.scaled import budget_of


def test_where_one_worker_takes_longest_its_interpreter_is_the_limit() -> None:
    """160 + 30 + 10 = 200 us; 2 cores allow 10,000/s, one interpreter 1,000,000 / 160 = 6,250."""
    costs = {"workers": 160.0, "PostgreSQL": 30.0, "Kafka": 10.0}
    assert budget_of(costs, workers=1, cores=2) == (
        6_250.0,
        "workers 160 + PostgreSQL 30 + Kafka 10 = 200 µs a message; 10,000/s on 2 cores leave 200; "
        "one interpreter a worker is the limit: it takes 160 µs",
    )


def test_where_two_workers_would_allow_more_the_cores_are_the_limit() -> None:
    """Two interpreters would allow 12,500/s, 2 cores 2,000,000 / 250 = 8,000."""
    costs = {"workers": 160.0, "PostgreSQL": 50.0, "Kafka": 40.0}
    assert budget_of(costs, workers=2, cores=2) == (
        8_000.0,
        "workers 160 + PostgreSQL 50 + Kafka 40 = 250 µs a message; 10,000/s on 2 cores leave 200; "
        "the cores are the limit, workers take 64 %",
    )
