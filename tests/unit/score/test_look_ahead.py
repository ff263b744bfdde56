"""No look-ahead: what is recorded after a loan was judged cannot move what it was judged by."""

from __future__ import annotations

from datetime import date
from typing import Any, get_args

import numpy as np
import pytest

from ledger.dates import day_number
from ledger.events import (
    AccountCredited,
    AccountOpened,
    BusinessDayClosed,
    Figure,
    InstalmentsScheduled,
    LoanClosed,
    LoanDisbursed,
    LoanOpened,
    LoanReopened,
    LoanStatusChanged,
    Recovered,
    RepaymentReceived,
    SaleInvoiced,
    WriteOffCancelled,
)
from ledger.store import Recorded
from ledger.terms import Instalment, Split, Terms
from streams.quality import from_history, known_by
from warning.fit import fit
from warning.indicators import CATALOGUE
from warning.outcomes import Ask, past_of
from warning.samples import Samples, UnknownLoan, sample

NAMES = list(CATALOGUE)
US_A_DAY = 86_400_000_000


def end_of(day: str) -> int:
    return (day_number(date.fromisoformat(day)) + 1) * US_A_DAY - 1


class Book:
    """Facts recorded at the end of the day given; valued on it unless said otherwise."""

    def __init__(self) -> None:
        self.facts: list[Recorded] = []

    def add(self, kind: Any, day: str, *, valued: str = "", **fields: Any) -> None:
        number = len(self.facts) + 1
        fact = kind(
            transaction_id=f"t{number}",
            value_date=date.fromisoformat(valued or day),
            recorded_at_us=end_of(day),
            **fields,
        )
        self.facts.append(Recorded(number, "s", number, fact))

    def loan(self, loan_id: str, day: str, dues: tuple[str, ...], *, borrower: str = "B1") -> None:
        self.add(
            LoanOpened, day, loan_id=loan_id, borrower_id=borrower, account_id="A1", product="p",
            currency="CNY", principal_minor=100 * len(dues),
            terms=Terms(method="given", instalments=len(dues)), officer_id="o", branch="x",
            industry="", region="", guarantor_id=None,
        )  # fmt: skip
        self.add(LoanDisbursed, day, loan_id=loan_id, amount_minor=100 * len(dues))
        rows = tuple(
            Instalment(
                number=at, due_date=date.fromisoformat(due), principal_minor=100, interest_minor=10
            )
            for at, due in enumerate(dues, start=1)
        )
        self.add(
            InstalmentsScheduled, day, loan_id=loan_id, schedule_version=1, origin="given",
            instalments=rows,
        )  # fmt: skip

    def pays(self, loan_id: str, day: str, amount: int, *, valued: str = "") -> None:
        split = Split(principal_minor=amount)
        self.add(
            RepaymentReceived, day, valued=valued, loan_id=loan_id, amount_minor=amount, split=split
        )


def history() -> Book:
    book = Book()
    book.add(
        AccountOpened, "2023-06-01", account_id="A1", borrower_id="B1", currency="CNY",
        opening_balance_minor=500, overdraft_limit_minor=0,
    )  # fmt: skip
    book.loan("L0", "2023-06-01", ("2023-07-01",))
    book.pays("L0", "2023-07-04", 110)
    book.add(LoanClosed, "2023-07-04", loan_id="L0", reason="repaid", remaining=Split())
    book.loan("L1", "2023-08-01", ("2023-09-01", "2023-10-01", "2023-11-01"))
    book.add(
        SaleInvoiced, "2023-08-15", borrower_id="B1", counterparty="C1", currency="CNY",
        net_minor=900, tax_minor=100,
    )  # fmt: skip
    book.pays("L1", "2023-09-03", 110)
    return book


def future(book: Book) -> None:
    """What a cheat would like to know: later, and also later about earlier days."""
    book.pays("L1", "2023-10-02", 110, valued="2023-09-10")
    book.add(
        SaleInvoiced, "2023-10-02", valued="2023-09-10", borrower_id="B1", counterparty="C2",
        currency="CNY", net_minor=5_000, tax_minor=0,
    )  # fmt: skip
    book.add(
        AccountCredited, "2023-10-02", valued="2023-09-01", account_id="A1", amount_minor=9_999,
        balance_minor=0, flow="trade",
    )  # fmt: skip
    book.loan("L2", "2023-10-03", ("2023-11-03",))
    book.add(
        LoanStatusChanged, "2023-10-05", loan_id="L1", finding="default_observed", active=True,
        reason="",
    )  # fmt: skip
    book.add(LoanClosed, "2023-12-01", loan_id="L1", reason="written_off", remaining=Split())


def told(samples: Samples) -> dict[str, str]:
    return {name: repr(samples.values[name].tolist()) for name in NAMES}


def test_planted_future_facts_cannot_move_a_reading() -> None:
    asked = [Ask("L1", end_of("2023-09-30"))]
    before = sample(history().facts, asked, [True], NAMES)
    book = history()
    future(book)
    after = sample(book.facts, asked, [True], NAMES)
    assert told(after) == told(before)
    # The same facts do move a reading of a day on which they were known.
    later = [Ask("L1", end_of("2023-10-04"))]
    assert told(sample(book.facts, later, [True], NAMES)) != told(
        sample(history().facts, later, [True], NAMES)
    )


def test_the_order_of_asking_does_not_matter_and_answers_keep_their_places() -> None:
    book = history()
    future(book)
    days = ["2023-10-20", "2023-08-20", "2023-09-30"]
    asked = [Ask("L1", end_of(day)) for day in days]
    together = sample(book.facts, asked, [False, True, False], NAMES)
    for at, one in enumerate(asked):
        alone = sample(book.facts, [one], [False], NAMES)
        assert told(together.take(np.array([at]))) == told(alone)
    # 2023-08-20: the only earlier loan was met three days late; nothing is past due yet.
    assert together.values["earlier_late_last_days"][1] == 3
    assert together.values["dpd_days"].tolist()[1] == 0
    assert together.values["sales_90d_minor"][1] == 900
    assert together.bad.tolist() == [False, True, False]


def test_a_loan_of_which_nothing_was_recorded_by_then_is_refused() -> None:
    with pytest.raises(UnknownLoan, match="L1"):
        sample(history().facts, [Ask("L1", end_of("2023-07-31"))], [False], NAMES)


def test_outcomes_are_the_first_day_of_default_by_all_that_is_known_now() -> None:
    book = Book()
    book.loan("L1", "2024-01-01", ("2024-02-01", "2024-03-01"))
    book.loan("L2", "2024-01-01", ("2024-02-01",), borrower="B2")
    book.pays("L2", "2024-02-06", 110)
    book.add(LoanClosed, "2024-02-06", loan_id="L2", reason="repaid", remaining=Split())
    book.loan("L3", "2024-01-01", ("2024-12-01",), borrower="B3")
    book.add(
        LoanStatusChanged, "2024-04-10", loan_id="L3", finding="default_observed", active=True,
        reason="",
    )  # fmt: skip
    book.add(BusinessDayClosed, "2024-07-31")
    past = past_of(book.facts)
    found = past.outcomes()
    # Due on 1 February 2024; the 91st day past due is 2 May. Five days late is a missed due.
    assert found["L1"].default_date == date(2024, 5, 2)
    assert found["L1"].first_missed_due == date(2024, 2, 1)
    assert (found["L2"].default_date, found["L2"].first_missed_due) == (None, date(2024, 2, 1))
    assert (found["L3"].default_date, found["L3"].first_missed_due) == (date(2024, 4, 10), None)
    # Month ends from 31 January on, if 90 days of what followed are known: up to 2 May, so to 30
    # April. L1 is good in January (default more than 90 days off: 31 January + 90 = 30 April).
    asks, bad = past.asks(horizon_days=90, least_age_days=30)
    ends = {end_of(day): day for day in ("2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30")}
    answers = {(ask.loan_id, ends[ask.at_us][5:7]): b for ask, b in zip(asks, bad, strict=True)}
    assert answers == {
        ("L1", "01"): False, ("L1", "02"): True, ("L1", "03"): True, ("L1", "04"): True,
        ("L2", "01"): False,
        ("L3", "01"): True, ("L3", "02"): True, ("L3", "03"): True,
    }  # fmt: skip


def test_an_end_that_did_not_stand_is_no_outcome() -> None:
    book = Book()
    left = Split(principal_minor=100)
    whole = Split(principal_minor=100, interest_minor=10)
    paid = {"amount_minor": 110, "split": whole, "value_date": date(2024, 3, 11)}
    back = Recovered(transaction_id="r", **paid)
    for at in "12":  # Due on 1 February; written off on 1 March, not in default, cancelled in June.
        book.loan(f"L{at}", "2024-01-01", ("2024-02-01",), borrower=f"B{at}")
        book.add(LoanClosed, "2024-03-01", loan_id=f"L{at}", reason="written_off", remaining=left)
        book.add(
            WriteOffCancelled, "2024-06-03", loan_id=f"L{at}", remaining=left, reason="mistake",
            recovered=(back,) if at == "2" else (),
        )  # fmt: skip
    book.loan("L3", "2024-01-01", ("2024-02-01",), borrower="B3")
    book.pays("L3", "2024-02-01", 110)
    book.add(LoanClosed, "2024-02-01", loan_id="L3", reason="repaid", remaining=Split())
    book.add(
        LoanReopened, "2024-02-20", valued="2024-02-01", loan_id="L3", closed_as="repaid",
        remaining=Split(),
    )  # fmt: skip
    book.add(BusinessDayClosed, "2024-07-31")
    past = past_of(book.facts)
    found = past.outcomes()
    # L1 was never paid: the 91st day past due is 2 May, as if nobody had written it off. L2 was
    # paid by what was recovered on 11 March, day 39.
    assert [found[loan].default_date for loan in ("L1", "L2", "L3")] == [
        date(2024, 5, 2), None, None,
    ]  # fmt: skip
    assert [found[loan].first_missed_due for loan in ("L1", "L2", "L3")] == [
        date(2024, 2, 1), date(2024, 2, 1), None,
    ]  # fmt: skip
    # All three are on the book to the end: from 1 January to 31 July are 212 days.
    assert past.loan_months() == 3 * 212 / 30.4375


def many() -> Book:
    """Sixty borrowers of a loan each; every third pays no more from some month on."""
    book = Book()
    book.add(
        AccountOpened, "2023-01-01", account_id="A1", borrower_id="B1", currency="CNY",
        opening_balance_minor=500, overdraft_limit_minor=0,
    )  # fmt: skip
    dues = tuple(f"2023-{month:02}-05" for month in range(2, 13))
    for loan in range(60):
        book.loan(f"L{loan}", "2023-01-02", dues, borrower=f"B{loan}")
    for month, due in enumerate(dues):
        for loan in range(60):
            if loan % 3 or month < 1 + loan // 10:
                book.pays(f"L{loan}", f"{due[:8]}{5 + loan % 7:02}", 110)
        book.add(BusinessDayClosed, f"{due[:8]}28")
    book.facts.sort(key=lambda item: item.fact.recorded_at_us)
    return numbered(book)


def numbered(book: Book) -> Book:
    book.facts = [Recorded(at, "s", at, one.fact) for at, one in enumerate(book.facts, start=1)]
    return book


def learnt(facts: list[Recorded], until: date) -> str:
    """The score that is learnt from what was known by a day, outcomes included."""
    known = known_by(facts, until)
    judged = from_history(known, past_of(known), horizon_days=120)
    about = {"name": "t", "version": 1, "target": judged.target, "horizon_days": 120}
    return fit(judged.samples, about=about, kind="points").model.text


def test_planted_future_facts_cannot_move_what_is_learnt_up_to_a_day() -> None:
    until = date(2023, 10, 31)
    plain = many()
    cut = [item for item in plain.facts if item.fact.recorded_at_us <= end_of("2023-10-31")]
    assert len(cut) < len(plain.facts)
    planted = many()
    for loan in range(60):  # Those who paid are found in default, those who did not had paid.
        if loan % 3:
            planted.add(
                LoanStatusChanged, "2023-12-30", valued="2023-05-01", loan_id=f"L{loan}",
                finding="default_observed", active=True, reason="",
            )  # fmt: skip
        else:
            planted.pays(f"L{loan}", "2023-12-30", 1_210, valued="2023-02-05")
    text = learnt(plain.facts, until)
    assert learnt(cut, until) == text
    assert learnt(planted.facts, until) == text
    # Learnt later, with what was planted, it is another score.
    assert learnt(planted.facts, date(2023, 12, 31)) != learnt(plain.facts, date(2023, 12, 31))


def test_no_protected_attribute_is_in_the_catalogue() -> None:
    words = {"sex", "gender", "age", "marital", "married", "marriage", "education", "birth", "race"}
    figures = get_args(Figure)
    names = [*figures, *(name for name in NAMES if name != "loan_age_days")]
    named = {word for name in names for word in name.split("_")}
    assert not words & named
    assert CATALOGUE["loan_age_days"].meaning == "Days since the loan was opened."
