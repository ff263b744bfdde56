"""Reading one loan: as it stands, as of a day, as known on a day, and its story.

The current answer comes from the views. An answer on either time axis, and the story, derive the
loan from its own facts, which the store that was passed in gives; a loan has hundreds of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date

from ledger.accrual import earned_by, penalties_by
from ledger.dates import date_of, day_number, start_of_day_us
from ledger.ids import account_stream, loan_stream, warning_stream
from ledger.loan import Loan
from ledger.loan_facts import evolve
from ledger.store import LEDGER_LOG, WARNINGS_LOG, Recorded
from projections.account_balances import ACCOUNT_BALANCES
from projections.balances import LOAN_BALANCES, Balances
from projections.book import LoanBook
from projections.facts import Facts
from projections.grades import GRADES
from projections.read_grades import DAY_US, GradeReads, known_by, valued_by
from projections.reading import Answer, answers
from projections.register import LOANS, Register
from projections.story import fact_lines, grade_lines, told, wait_lines, warning_lines
from projections.tables import Connection, select
from projections.warnings import ENDED, HISTORY, WARNINGS, Warnings


class LoanReads(GradeReads):
    """One loan."""

    def loan(
        self, loan_id: str, *, as_of: date | None = None, known_on: date | None = None
    ) -> Answer | None:
        """A loan: its register entry, `balance`, `account`, `grade` and `warnings`.

        Without dates: as of the views' last commit; `warnings` are those not ended. With `as_of`:
        at the end of that day; with `known_on`: by what was recorded up to the end of that day.
        None when the book has no such loan, or had none then. `balance` has outstanding_minor,
        paid_minor, arrears_minor, dpd_days, overdue_since_date (see `balances`), next_due_date and
        next_due_minor; with dates, while it runs, also interest_earned_minor, penalty_minor and
        compound_minor from its beginning, paid or not.
        Errors: StoreUnavailable when dates are asked for and no store was passed.
        """
        if as_of is None and known_on is None:
            return self._loan_now(loan_id)
        known = self._known_facts(loan_stream(loan_id), None, known_on)
        facts = valued_by(known, as_of)
        if not facts:
            return None
        register = _register_entry(facts)
        account = register["account_id"]
        with self._database.reading() as connection:
            changes = self._grade_changes(connection, loan_id, as_of, known_on)
            grade = self._in_force(
                connection, changes[-1:], self._day(connection, as_of or known_on)
            )
        return {
            **register,
            "as_of": as_of,
            "known_on": known_on,
            "balance": _balance(evolved(known), as_of or known_on or date.max),
            "account": account and self._account_then(account, as_of, known_on),
            "grade": grade,
            "warnings": self._warnings_then(loan_id, as_of, known_on),
        }

    def story(
        self,
        loan_id: str,
        *,
        as_of: date | None = None,
        known_on: date | None = None,
        language: str = "en",
    ) -> list[Answer] | None:
        """A loan's facts, warnings and grades, line by line, in the order they became known.

        Rows: date (the day it counts for), recorded_at_us, kind (fact, warning, grade), what, text,
        level (severity or grade), event_id. Cut off by either date as in `loan`. Facts are told in
        `language`; grades and warnings as they were recorded. None when the book has no such loan.
        Errors: StoreUnavailable when no store was passed.
        """
        facts = self._known_facts(loan_stream(loan_id), as_of, known_on)
        if not facts:
            return None
        opened = facts[0].fact
        if opened.account_id is not None:
            stream = account_stream(opened.account_id)
            facts = sorted(
                [*facts, *self._known_facts(stream, as_of, known_on)],
                key=lambda item: item.position,
            )
        with self._database.reading() as connection:
            history = self._warning_history(connection, loan_id, as_of, known_on)
            changes = self._grade_changes(connection, loan_id, as_of, known_on)
            rules = {
                row["warning_id"]: row["rule"]
                for row in self._where(connection, WARNINGS, {"loan_id": loan_id})
            }
        waits = self._facts.warnings.stream(warning_stream(loan_id))
        lines = told(
            fact_lines(facts, opened.currency, language=language),
            wait_lines(valued_by(known_by(waits, known_on), as_of)),
            warning_lines(history, rules),
            grade_lines(changes),
        )
        return [asdict(line) for line in lines]

    def _loan_now(self, loan_id: str) -> Answer | None:
        with self._database.reading() as connection:
            row = self._one(connection, LOANS, loan_id)
            if row is None:
                return None
            balance = self._one(connection, LOAN_BALANCES, loan_id) or {}
            account = row["account_id"]
            regime = self._regime(connection, None)
            catalog = self._database.catalog_rows(connection)
            closed_day = max((view.closed_day or 0 for view in catalog.values()), default=0)
            open_warnings = [
                warning
                for warning in self._where(
                    connection, WARNINGS, {"loan_id": loan_id}, order=("position",)
                )
                if warning["state"] not in ENDED
            ]
            since = balance.get("overdue_since_date")
            balance["dpd_days"] = 0 if since is None else closed_day - day_number(since)
            return {
                **row,
                "as_of": None,
                "known_on": None,
                "balance": {**balance, **self._next_due(loan_id, closed_day)},
                "account": account and self._one(connection, ACCOUNT_BALANCES, account),
                "grade": self._in_force(
                    connection,
                    self._where(connection, GRADES, {"regime": regime, "loan_id": loan_id}),
                    closed_day,
                ),
                "warnings": open_warnings,
            }

    def _next_due(self, loan_id: str, closed_day: int) -> Answer:
        """The next due after the last close, when a store was passed; none of a closed loan."""
        if self._logs is None:
            return {}
        facts = self._logs.ledger.stream(loan_stream(loan_id))
        loan = evolved(facts) if facts else None
        if loan is None or loan.closed_day is not None:
            return {}
        return _next_due(loan, closed_day)

    def _account_then(
        self, account_id: str, as_of: date | None, known_on: date | None
    ) -> Answer | None:
        facts = self._known_facts(account_stream(account_id), as_of, known_on)
        return _account(facts) if facts else None

    def _warning_history(
        self, connection: Connection, loan_id: str, as_of: date | None, known_on: date | None
    ) -> list[Answer]:
        table = self._database.table(HISTORY)
        statement = select(table).where(table.c.loan_id == loan_id)
        if as_of is not None:
            statement = statement.where(table.c.value_day <= day_number(as_of))
        if known_on is not None:
            end = start_of_day_us(known_on) + DAY_US
            statement = statement.where(table.c.recorded_at_us < end)
        return answers(HISTORY, connection.execute(statement.order_by(table.c.position)))

    def _warnings_then(
        self, loan_id: str, as_of: date | None, known_on: date | None
    ) -> list[Answer]:
        """The warnings that had not ended by then, as they stood."""
        facts = known_by(self._facts.warnings.stream(warning_stream(loan_id)), known_on)
        rows = _warnings(valued_by(facts, as_of))
        return [row for row in rows if row["state"] not in ENDED]


def evolved(facts: Sequence[Recorded]) -> Loan:
    """A loan from its facts, at least one of them."""
    loan: Loan | None = None
    for item in facts:
        loan = evolve(loan, item.fact)
    if loan is None:
        raise ValueError("A loan has at least one fact.")
    return loan


def _balance(loan: Loan, on: date) -> Answer:
    """What a loan owes at the end of a day, by the facts it was evolved from."""
    day = day_number(on)
    ended = loan.closed_day is not None and loan.closed_day <= day
    dpd = 0 if ended else loan.dpd(day)
    return {
        "loan_id": loan.loan_id,
        "currency": loan.currency,
        "outstanding_minor": 0 if ended else loan.outstanding_minor(day),
        "paid_minor": loan.book.paid_until(day),
        "arrears_minor": 0 if ended else loan.arrears_minor(day),
        "dpd_days": dpd,
        "overdue_since_date": date_of(day - dpd) if dpd else None,
        **({} if ended else _next_due(loan, day) | _interest(loan, day)),
    }


def _interest(loan: Loan, day: int) -> Answer:
    """Contract interest earned by the end of a day, and what was overdue has cost by then."""
    penalty, compound = penalties_by(loan, day + 1)
    return {
        "interest_earned_minor": earned_by(loan, day + 1),
        "penalty_minor": penalty,
        "compound_minor": compound,
    }


def _next_due(loan: Loan, day: int) -> Answer:
    """The first due after a day, less what is paid towards it in advance."""
    dues, paid = loan.book.position.dues, loan.book.paid_until(day)
    at = bisect_right(dues.days, day)
    at = max(at, bisect_right(dues.totals, paid))
    if at >= len(dues.days):
        return {"next_due_date": None, "next_due_minor": None}
    met = max(paid, dues.totals[at - 1] if at else 0)
    return {"next_due_date": date_of(dues.days[at]), "next_due_minor": dues.totals[at] - met}


def _register_entry(facts: Sequence[Recorded]) -> Answer:
    """A loan's register row from its facts alone."""
    register, book = Register(), LoanBook()
    register.fold(Facts(LEDGER_LOG, facts), book)
    ((_, rows),) = register.changes(book)
    return answers(LOANS, rows)[0]


def _account(facts: Sequence[Recorded]) -> Answer:
    """A settlement account's balance row from its facts alone."""
    balances, book = Balances(), LoanBook()
    run = Facts(LEDGER_LOG, facts)
    book.apply(run)
    balances.fold(run, book)
    ((_, rows),) = balances.changes(book)
    return answers(ACCOUNT_BALANCES, rows)[0]


def _warnings(facts: Sequence[Recorded]) -> list[Answer]:
    """The rows of a loan's warnings from its facts alone."""
    warnings, book = Warnings(), LoanBook()
    warnings.fold(Facts(WARNINGS_LOG, facts), book)
    current = [rows for spec, rows in warnings.changes(book) if spec is WARNINGS]
    return answers(WARNINGS, current[0]) if current else []
