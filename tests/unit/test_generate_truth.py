"""The truth about a generated loan, by hand."""

from __future__ import annotations

from streams.generate.truth import unmet_days


def test_dues_paid_on_their_day_were_never_unmet() -> None:
    dues, payments = [(10, 100), (40, 100)], [(10, 100), (40, 100)]
    assert unmet_days(dues, payments, until=200) == [(10, 0), (40, 0)]


def test_money_meets_the_oldest_due_first() -> None:
    dues, payments = [(10, 100), (40, 100)], [(40, 100), (55, 60), (56, 40)]
    assert unmet_days(dues, payments, until=200) == [(10, 30), (40, 16)]


def test_a_payment_ahead_of_its_due_leaves_no_unmet_day() -> None:
    assert unmet_days([(10, 100)], [(3, 100)], until=200) == [(10, 0)]


def test_an_unmet_due_counts_to_the_end() -> None:
    assert unmet_days([(10, 100), (40, 100)], [(10, 150)], until=131) == [(10, 0), (40, 91)]
