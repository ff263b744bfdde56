"""The default pack on a generated portfolio, from messages to warnings: early, few and explained.

The portfolio's seed is not one the pack was tuned on.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import islice

import pytest

from ledger.events import WarningRaised
from ledger.ids import account_stream, loan_stream
from ledger.service import Ledger
from ledger.store import MemoryStore, Recorded
from streams import ingest
from streams.generate import LoanTruth, portfolio
from warning.evaluate import Outcome, measure
from warning.rules import DEFAULT_PACK, load_pack
from warning.watch import Watch

LOANS, MONTHS, SEED = 400, 15, 41


@pytest.fixture(scope="module")
def rung() -> tuple[list[object], list[LoanTruth]]:
    book = portfolio(loans=LOANS, months=MONTHS, seed=SEED)
    store = MemoryStore()
    ledger = Ledger(store.ledger)

    def facts_of(loan_id: str, position: int) -> list[Recorded]:
        found = store.ledger.stream(loan_stream(loan_id))
        account_id = found[0].fact.account_id
        found = found + (store.ledger.stream(account_stream(account_id)) if account_id else [])
        return sorted((r for r in found if r.position <= position), key=lambda r: r.position)

    watch = Watch(pack=load_pack(DEFAULT_PACK), calendar=book.calendar, facts_of=facts_of)
    facts: list[object] = []
    numbered = enumerate(book.messages(), start=1)
    while batch := list(islice(numbered, 5_000)):
        incoming = [
            ingest.read(body, source="test", offset=offset, accepted_us=0) for offset, body in batch
        ]
        facts += [new.fact for new in watch.observe(ledger.record(incoming).recorded)]
    return facts, book.truth()


@pytest.mark.slow
def test_the_bell_rings_early_and_seldom_for_nothing(
    rung: tuple[list[object], list[LoanTruth]],
) -> None:
    facts, truth = rung
    outcomes = {
        loan.loan_id: Outcome(
            default_date=loan.default_date,
            first_missed_due=loan.first_missed_due,
            observed_until=loan.observed_until,
        )
        for loan in truth
    }
    # Loans come onto the book over time; about two thirds of the months are lived.
    quality = measure(facts, outcomes, loan_months=LOANS * MONTHS * 2 / 3)
    assert quality.defaults >= 15
    assert (quality.share_60_days or 0) >= 0.8
    assert (quality.share_before_first_missed or 0) >= 0.6
    assert (quality.false_per_100_loans_month or 99) <= 3


@pytest.mark.slow
def test_every_warning_says_numbers_and_names_facts(
    rung: tuple[list[object], list[LoanTruth]],
) -> None:
    raised = [fact for fact in rung[0] if isinstance(fact, WarningRaised)]
    assert len({fact.rule for fact in raised}) >= 8
    for fact in raised:
        assert any(sign.isdigit() for sign in fact.reason)
        assert "{" not in fact.reason
        assert 1 <= len(fact.cause_event_ids) <= 8
        assert fact.readings


@pytest.mark.slow
def test_the_volume_is_one_that_people_can_answer(
    rung: tuple[list[object], list[LoanTruth]],
) -> None:
    raised = [fact for fact in rung[0] if isinstance(fact, WarningRaised) and not fact.inhibited_by]
    days = {fact.value_date for fact in raised}
    busiest = max(sum(fact.value_date == day for fact in raised) for day in days)
    assert busiest <= LOANS / 20
    span = max(days) - min(days)
    assert span > timedelta(days=200)
    assert len(raised) / (LOANS * span.days / 30) < 0.08
