"""How large is a year of the portfolio's history, and how fast is it written and read?

Loans of 24 monthly dues; three in a hundred dues are missed, and half of what was missed is paid in
the month after. Facts go through the same book and view as a rebuild, a close every working day,
and the rows into a views file.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from numpy.random import Generator, default_rng

from ledger.dates import start_of_day_us
from ledger.events import (
    BusinessDayClosed,
    InstalmentsScheduled,
    LoanDisbursed,
    LoanOpened,
    RepaymentReceived,
)
from ledger.store import LEDGER_LOG, Recorded
from ledger.terms import Instalment, Split, Terms
from projections.history import History
from projections.rebuild import Fold, SideTables
from projections.register import Register
from projections.snapshot import Past
from projections.tables import Database

_QUESTION = "a year of portfolio history"
_FIRST = date(2024, 1, 1)
_DUES, _AMOUNT = 24, 100_000
_BRANCHES, _OFFICERS = 40, 400
_MISSED, _PAID_LATER = 0.03, 0.5
_SPLIT = Split(principal_minor=_AMOUNT)
_TERMS = Terms(method="given", instalments=_DUES)


def run(*, seed: int, quick: bool) -> list[dict[str, Any]]:
    """Bytes, seconds to write, seconds to read one day and every day."""
    loans, days = (500, 90) if quick else (100_000, 365)
    with tempfile.TemporaryDirectory(prefix="loanbell-history-") as folder:
        database = Database.open(Path(folder) / "views.db")
        try:
            return _measured(database, default_rng(seed), loans, days)
        finally:
            database.close()


def _measured(database: Database, random: Generator, loans: int, days: int) -> list[dict[str, Any]]:
    history = History()
    fold = Fold([Register(), history])
    side = SideTables(database, fold.views, suffix="", generation=1)
    closes, spent = 0, 0.0
    for today, facts in told(random, loans, days):
        close = fact_on(BusinessDayClosed, today, transaction_id=f"close-{today}")
        fold.take(LEDGER_LOG, [*facts, Recorded(1, "calendar", 1, close)])
        began = time.process_time()
        side.write(fold.book)
        spent += time.process_time() - began
        closes += 1
    with database.reading() as connection:
        query = "SELECT sum(length(loan_rows) + length(numbers)), count(*) FROM history"
        packed, rows = connection.exec_driver_sql(query).one()
        query = "SELECT sum(pgsize) FROM dbstat WHERE name LIKE 'history%'"
        on_disk = connection.exec_driver_sql(query).scalar() or 0
        began = time.process_time()
        past = Past(database, connection)
        contracts = time.process_time() - began
        began = time.process_time()
        past.at(10**6)
        one = time.process_time() - began
        began = time.process_time()
        walked = sum(1 for _ in past.over(0, 10**6))
        every = time.process_time() - began
    what = f"{loans:,} loans, {closes} closes, {rows:,} rows"
    return [
        _row("on disk", on_disk / 1e6, "MB", what),
        _row("packed columns alone", packed / closes / loans, "bytes a loan and close", what),
        _row("writing a close", 1e3 * spent / closes, "ms", "rows of the register included"),
        _row("reading what does not change", 1e3 * contracts, "ms", "once a question"),
        _row("reading one close", 1e3 * one, "ms", "the last: a month of steps behind its frame"),
        _row("walking every close", 1e3 * every, "ms", f"{walked} closes, in order"),
    ]


def _row(measure: str, value: float, unit: str, note: str) -> dict[str, Any]:
    return {"question": _QUESTION, "measure": measure, "value": value, "unit": unit, "note": note}


def fact_on(kind: type, on: date, **fields: Any) -> Any:
    """A fact valued and recorded on a day."""
    return kind(value_date=on, recorded_at_us=start_of_day_us(on), **fields)


def told(random: Generator, loans: int, days: int) -> Iterator[tuple[date, list[Recorded]]]:
    """What each working day brings: loans at first, then what is paid of their dues."""
    waiting: dict[date, list[int]] = {}
    yield _FIRST, [each for loan in range(loans) for each in _opening(loan)]
    for number in range(1, days):
        today = _FIRST + timedelta(days=number)
        paying = waiting.pop(today, [])
        for loan in range(number % 30, loans, 30) if number >= 30 else ():
            if random.random() >= _MISSED:
                paying.append(loan)
            elif random.random() < _PAID_LATER:
                later = today + timedelta(days=int(random.integers(2, 40)))
                waiting.setdefault(later, []).append(loan)
        if today.weekday() >= 5:
            following = today + timedelta(days=1)
            waiting[following] = waiting.get(following, []) + paying
        else:
            yield today, [_paid(loan, today) for loan in paying]


def _opening(loan: int) -> list[Recorded]:
    loan_id = f"L{loan:06}"
    common = {"loan_id": loan_id}
    opened = fact_on(
        LoanOpened, _FIRST, **common, borrower_id=f"B{loan // 2:06}", account_id=None,
        product="term", currency="CNY", principal_minor=_DUES * _AMOUNT, terms=_TERMS,
        officer_id=f"O{loan % _OFFICERS}", branch=f"branch-{loan % _BRANCHES}", industry="retail",
        region="east", guarantor_id=None, transaction_id=f"{loan_id}-open",
    )  # fmt: skip
    scheduled = fact_on(
        InstalmentsScheduled, _FIRST, **common, schedule_version=1, origin="given",
        instalments=_schedule(loan % 30), transaction_id=f"{loan_id}-plan",
    )  # fmt: skip
    paid_out = fact_on(
        LoanDisbursed, _FIRST, **common, amount_minor=_DUES * _AMOUNT,
        transaction_id=f"{loan_id}-out",
    )  # fmt: skip
    return [Recorded(1, loan_id, 1, each) for each in (opened, scheduled, paid_out)]


_schedules: dict[int, tuple[Instalment, ...]] = {}


def _schedule(offset: int) -> tuple[Instalment, ...]:
    """Dues every 30 days, `offset` days into the second month; one tuple for all such loans."""
    if offset not in _schedules:
        _schedules[offset] = tuple(
            Instalment(
                number=number,
                due_date=_FIRST + timedelta(days=30 * number + offset),
                principal_minor=_AMOUNT,
                interest_minor=0,
            )
            for number in range(1, _DUES + 1)
        )
    return _schedules[offset]


def _paid(loan: int, today: date) -> Recorded:
    loan_id = f"L{loan:06}"
    fact = fact_on(
        RepaymentReceived, today, loan_id=loan_id, amount_minor=_AMOUNT, split=_SPLIT,
        transaction_id=f"{loan_id}-{today}",
    )  # fmt: skip
    return Recorded(1, loan_id, 1, fact)
