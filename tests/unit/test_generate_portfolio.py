"""The generated portfolio: reproducible, in order, taken by the ledger, and true to itself."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import orjson
import pytest

from ledger.dates import day_number
from ledger.loan import Loan
from ledger.loan_facts import evolve
from ledger.service import Ledger, Outcome
from ledger.store import Store
from streams.generate import LoanTruth, PortfolioImpossible, portfolio
from streams.generate.noise import BAD
from streams.ingest import read

LOANS, MONTHS, SEED = 150, 16, 11


@dataclass
class Booked:
    """A portfolio after the ledger has taken it in."""

    planted: Counter[str] = field(default_factory=Counter)
    truth: list[LoanTruth] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    loans: dict[str, Loan] = field(default_factory=dict)


@pytest.fixture(scope="module")
def booked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booked]:
    found = portfolio(loans=LOANS, months=MONTHS, seed=SEED)
    result = Booked(lines=list(found.messages()))
    result.planted, result.truth = found.planted, found.truth()
    path: Path = tmp_path_factory.mktemp("generated") / "ledger.db"
    store = Store.open(path)
    ledger = Ledger(store.ledger)
    for first in range(0, len(result.lines), 2_000):
        batch = [
            read(line, source="generated", offset=number, accepted_us=0)
            for number, line in enumerate(result.lines[first : first + 2_000], start=first + 1)
        ]
        done = ledger.record(batch)
        result.outcomes += done.outcomes
        for recorded in done.recorded:
            kind, _, loan_id = recorded.stream.partition(":")
            if kind == "loan":
                result.loans[loan_id] = evolve(result.loans.get(loan_id), recorded.fact)
    yield result
    store.close()


def test_the_same_seed_gives_the_same_bytes_on_every_machine() -> None:
    digest = hashlib.sha256(b"\n".join(portfolio(loans=20, months=6, seed=7).messages()))
    assert digest.hexdigest() == PINNED
    other = hashlib.sha256(b"\n".join(portfolio(loans=20, months=6, seed=8).messages()))
    assert other.hexdigest() != PINNED


PINNED = "5ee6c351a536c8eec7d670f3605887d5af1b9865c6912d808caac7f738036baa"
"""Changes whenever the portfolio is meant to change; must never differ between machines."""


def test_messages_come_in_order_of_sent_at(booked: Booked) -> None:
    moments = [line.rpartition(b'"sent_at":"')[2] for line in booked.lines]
    assert moments == sorted(moments)
    assert all(moment.endswith(b'Z"}') for moment in moments)


def test_the_ledger_takes_everything_but_what_was_planted(booked: Booked) -> None:
    status = Counter(outcome.status for outcome in booked.outcomes)
    bad = sum(booked.planted[kind] for kind in BAD)
    assert status["refused"] == bad + booked.planted["conflict"]
    assert status["duplicate"] == booked.planted["repeat"]
    assert status["accepted"] == len(booked.lines) - status["refused"] - status["duplicate"]
    assert min(booked.planted[kind] for kind in [*BAD, "conflict", "repeat"]) >= 1


def test_every_business_day_is_closed_once_and_no_other(booked: Booked) -> None:
    closed = [
        date.fromisoformat(orjson.loads(line)["value_date"])
        for line in booked.lines
        if line.startswith(b'{"type":"business_day_closed"')
    ]
    calendar = portfolio(loans=1, months=1).calendar
    first, last = closed[0], closed[-1]
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    assert closed == [day for day in days if calendar.is_business_day(day)]
    assert date(2024, 2, 12) not in closed  # Spring Festival, a Monday
    assert date(2024, 2, 18) in closed  # a worked Sunday


def test_truth_agrees_with_the_ledgers_own_day_counts(booked: Booked) -> None:
    broken = [truth for truth in booked.truth if truth.default_date is not None]
    assert broken
    for truth in booked.truth:
        loan = booked.loans[truth.loan_id]
        if truth.default_date is None:
            assert loan.dpd(day_number(truth.observed_until)) <= 90
        else:
            day = day_number(truth.default_date)
            assert (loan.dpd(day), loan.dpd(day - 1)) == (91, 90)
            assert truth.default_date - timedelta(days=91) == truth.default_due


def test_only_grave_trouble_ends_in_default(booked: Booked) -> None:
    harmless = {"none", "technical_late", "illness", "passing_dip", "strategic_late"}
    kinds = {truth.trouble for truth in booked.truth if truth.default_date}
    assert len(kinds) >= 3
    assert not kinds & harmless


def test_the_decline_comes_before_the_first_missed_due(booked: Booked) -> None:
    fallen = [t for t in booked.truth if t.default_date and t.decline_start and t.first_missed_due]
    assert all(t.first_missed_due < t.default_date for t in fallen)  # type: ignore[operator]
    slow = [t for t in fallen if t.trouble == "slow_squeeze"]
    assert slow
    assert all(t.decline_start < t.first_missed_due for t in slow)  # type: ignore[operator]


def test_no_message_tells_the_truth_ahead(booked: Booked) -> None:
    words = {truth.trouble.encode() for truth in booked.truth} - {b"none"}
    assert not [line for line in booked.lines if any(word in line for word in words)]


def test_backdated_and_bounced_payments_are_among_the_messages(booked: Booked) -> None:
    backdated = bounced = 0
    for line in booked.lines:
        if line.startswith(b'{"type":"repayment_received"'):
            text = line.decode(errors="replace")
            value = text.partition('"value_date":"')[2][:10]
            backdated += value < text.partition('"sent_at":"')[2][:10]
        bounced += line.startswith(b'{"type":"repayment_reversed"')
    assert backdated > 5
    assert bounced > 0


@pytest.mark.parametrize(("loans", "months", "seed"), [(0, 6, 1), (10, 0, 1), (10, 6, -1)])
def test_an_impossible_portfolio_is_refused_with_the_way_out(
    loans: int, months: int, seed: int
) -> None:
    with pytest.raises(PortfolioImpossible, match="1 to 1,000,000 loans"):
        portfolio(loans=loans, months=months, seed=seed)


def test_the_estimated_count_is_near(booked: Booked) -> None:
    expected = portfolio(loans=LOANS, months=MONTHS, seed=SEED).count
    assert 0.7 * len(booked.lines) < expected < 1.4 * len(booked.lines)
