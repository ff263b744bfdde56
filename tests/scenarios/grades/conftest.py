"""A diary of a small book: commands to a real ledger, whose facts a real projector reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.commands import (
    ChangeStatus,
    CloseBusinessDay,
    CloseLoan,
    Command,
    DisburseLoan,
    OpenLoan,
    ReceiveRepayment,
    ReportPosition,
    ReverseRepayment,
    ScheduleInstalments,
)
from ledger.dates import date_of_us, start_of_day_us
from ledger.service import Incoming, Ledger
from ledger.store import LEDGER_LOG, Store
from ledger.terms import Instalment, Terms
from projections.projector import Projector
from projections.queries import Queries
from projections.views import all_views

NOON_US = 43_200_000_000


def day(text: str) -> date:
    return date.fromisoformat(text)


class Diary:
    """Writes what happened, day by day, and asks what the views say. Amounts in minor units."""

    def __init__(self, folder: Path, *regimes: str | Path) -> None:
        self.store = Store.open(folder / "ledger.db")
        self.ledger = Ledger(self.store.ledger)
        self.views = folder / "views.db"
        self.projector = Projector.open(self.views, self.store, views=all_views(*regimes))
        self.queries: Queries | None = None
        self._written = 0

    def write(self, command: type[Command], on: str, *, known: str | None = None, **f: Any) -> str:
        """Send a command valued `on`, known at noon of `known` (default: the same day)."""
        self._written += 1
        transaction_id = f.pop("transaction_id", f"t{self._written}")
        moment = start_of_day_us(day(known or on)) + NOON_US + self._written
        made = command(
            transaction_id=transaction_id, value_date=day(on), recorded_at_us=moment, **f
        )
        message = Incoming(made, None, b"", "diary", self._written, moment, transaction_id)
        batch = self.ledger.record([message])
        assert batch.outcomes[0].status == "accepted", batch.outcomes[0]
        self.projector.project(LEDGER_LOG, batch.recorded)
        return transaction_id

    def loan(
        self, loan_id: str, on: str, dues: dict[str, int], *, borrower: str = "B1", **more: Any
    ) -> None:
        """A loan paid out in full, with instalments of principal alone."""
        total = sum(dues.values())
        self.open(loan_id, on, total, borrower=borrower, **more)
        currency = more.get("currency", "CNY")
        self.write(DisburseLoan, on, loan_id=loan_id, amount_minor=total, currency=currency)
        self.schedule(loan_id, on, dues, currency=currency)

    def open(
        self,
        loan_id: str,
        on: str,
        principal_minor: int,
        *,
        borrower: str,
        currency: str = "CNY",
        product: str = "working-capital",
    ) -> None:
        self.write(
            OpenLoan,
            on,
            loan_id=loan_id,
            borrower_id=borrower,
            account_id=None,
            product=product,
            currency=currency,
            principal_minor=principal_minor,
            terms=Terms(method="given", instalments=1),
            officer_id="O1",
            branch="HQ",
            industry="retail",
            region="",
            guarantor_id=None,
        )

    def schedule(
        self, loan_id: str, on: str, dues: dict[str, int], currency: str = "CNY", **more: Any
    ) -> None:
        rows = tuple(
            Instalment(number=n, due_date=day(due), principal_minor=amount, interest_minor=0)
            for n, (due, amount) in enumerate(dues.items(), start=1)
        )
        self.write(
            ScheduleInstalments, on, loan_id=loan_id, currency=currency, instalments=rows, **more
        )

    def pay(
        self,
        loan_id: str,
        on: str,
        amount_minor: int,
        *,
        known: str | None = None,
        currency: str = "CNY",
    ) -> str:
        fields = {"loan_id": loan_id, "amount_minor": amount_minor, "currency": currency}
        return self.write(ReceiveRepayment, on, known=known, **fields)

    def bounce(self, loan_id: str, on: str, transaction_id: str) -> None:
        self.write(
            ReverseRepayment,
            on,
            loan_id=loan_id,
            reversed_transaction_id=transaction_id,
            reason="bounced",
        )

    def find(self, loan_id: str, on: str, finding: str, *, active: bool = True, **m: Any) -> None:
        fields = {"loan_id": loan_id, "finding": finding, "active": active, "reason": "reviewed"}
        self.write(ChangeStatus, on, **fields, **m)

    def report(self, loan_id: str, on: str, outstanding: int, months: int | None) -> None:
        self.write(
            ReportPosition,
            on,
            loan_id=loan_id,
            currency="CNY",
            outstanding_minor=outstanding,
            payment_due_minor=None,
            months_past_due=months,
        )

    def end(self, loan_id: str, on: str, reason: str = "written_off") -> None:
        self.write(CloseLoan, on, loan_id=loan_id, reason=reason)

    def close(self, on: str) -> None:
        """Close one business day; its message arrives at the start of the next."""
        after = (day(on) + timedelta(days=1)).isoformat()
        self.write(CloseBusinessDay, on, known=after, transaction_id=f"close-{on}")

    def close_through(self, first: str, last: str) -> None:
        """Close every day from `first` to `last`."""
        on = day(first)
        while on <= day(last):
            self.close(on.isoformat())
            on += timedelta(days=1)

    @property
    def asked(self) -> Queries:
        if self.queries is None:
            self.queries = Queries.open(self.views, self.store)
        return self.queries

    def grade(self, loan_id: str) -> str:
        return str(self.current(loan_id)["grade"])

    def current(self, loan_id: str) -> dict[str, Any]:
        (row,) = self.asked.grades(loan_id=loan_id).rows
        return row

    def changes(self, loan_id: str) -> list[tuple[str, str, str]]:
        """(date, grade, rule) of every change."""
        rows = self.asked.grade_history(loan_id)
        return [(row["since_date"].isoformat(), row["grade"], row["rule"]) for row in rows]

    def known_dates(self) -> list[str]:
        facts = self.store.ledger.read(limit=10**6)
        return [date_of_us(item.fact.recorded_at_us).isoformat() for item in facts]

    def end_of_story(self) -> None:
        """Whatever happened: every view equals its rebuild."""
        assert [str(difference) for difference in self.projector.check()] == []

    def shut(self) -> None:
        """The end of the story, and of the files."""
        self.end_of_story()
        if self.queries is not None:
            self.queries.close()
        self.projector.close()
        self.store.close()


@pytest.fixture
def diary(tmp_path: Path) -> Iterator[Diary]:
    """A diary graded by the default regime."""
    written = Diary(tmp_path)
    yield written
    written.shut()


@pytest.fixture
def diary_by(tmp_path: Path) -> Iterator[Callable[..., Diary]]:
    """`diary_by("cn-2023", "ifrs9")`: a diary graded by several regimes, or files."""
    made: list[Diary] = []

    def make(*regimes: str | Path) -> Diary:
        folder = tmp_path / f"book-{len(made)}"
        folder.mkdir()
        made.append(Diary(folder, *regimes))
        return made[-1]

    yield make
    for written in made:
        written.shut()
