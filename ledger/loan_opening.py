"""Opening a loan: what terms and schedules the book accepts. Checks only, no arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.checks import positive, value_day
from ledger.commands import OpenLoan
from ledger.dates import FIRST_DATE, checked_date, day_number
from ledger.delinquency import COMPONENTS
from ledger.errors import AlreadyOpen, RuleRefused
from ledger.events import LoanOpened
from ledger.loan import Loan
from ledger.money import MAX_MINOR, exponent
from ledger.terms import Instalment, Terms

MAX_INSTALMENTS = 1_200
MAX_PERIOD_MONTHS = 120
MAX_RATE_PPM = 10_000_000
"""1,000 % a year: beyond it a rate is a slip of the pen."""


def open_loan(state: Loan | None, command: OpenLoan) -> tuple[LoanOpened]:
    """Open a loan.

    Errors: AlreadyOpen, CurrencyMismatch, InvalidAmount, DateOutOfRange, RuleRefused for terms.
    """
    if state is not None:
        raise AlreadyOpen(
            f"Loan {command.loan_id} is open already.",
            way_out="Send its transactions, or open another loan id.",
            loan_id=command.loan_id,
        )
    exponent(command.currency)
    positive(command.principal_minor)
    day = value_day(command, not_before=day_number(FIRST_DATE), what="the calendar")
    check_terms(command.terms, opened_day=day)
    return (
        LoanOpened(
            loan_id=command.loan_id,
            borrower_id=command.borrower_id,
            account_id=command.account_id,
            product=command.product,
            currency=command.currency,
            principal_minor=command.principal_minor,
            terms=command.terms,
            officer_id=command.officer_id,
            branch=command.branch,
            industry=command.industry,
            region=command.region,
            guarantor_id=command.guarantor_id,
            transaction_id=command.transaction_id,
            value_date=command.value_date,
            recorded_at_us=command.recorded_at_us,
        ),
    )


def check_terms(terms: Terms, *, opened_day: int) -> None:
    """Errors: RuleRefused "terms_refused" or "allocation_incomplete", DateOutOfRange."""
    _within("instalments", terms.instalments, 0 if terms.method == "given" else 1, MAX_INSTALMENTS)
    _within("period_months", terms.period_months, 1, MAX_PERIOD_MONTHS)
    _within("rate_ppm", terms.rate_ppm, 0, MAX_RATE_PPM)
    _within("instalment_unit_minor", terms.instalment_unit_minor, 1, MAX_MINOR)
    first = terms.first_due_date
    if first is not None and day_number(checked_date(first)) <= opened_day:
        raise RuleRefused(
            f"The first instalment would be due on {first}, no later than the loan begins.",
            rule="terms_refused",
            way_out="Let it fall due after the value date of the opening.",
        )
    if sorted(terms.allocation) != sorted(COMPONENTS):
        raise RuleRefused(
            f"The allocation {', '.join(terms.allocation)} does not name each component once.",
            rule="allocation_incomplete",
            way_out=f"Order all of {', '.join(COMPONENTS)}.",
        )


def check_rows(rows: Sequence[Instalment], *, opened_day: int) -> None:
    """Errors: RuleRefused "schedule_malformed", DateOutOfRange: numbers count from 1, due dates
    rise and come after the opening, amounts are not negative."""
    if not 1 <= len(rows) <= MAX_INSTALMENTS:
        raise _malformed(f"A schedule of {len(rows)} rows", f"Send 1 to {MAX_INSTALMENTS} rows.")
    last = opened_day
    for number, row in enumerate(rows, start=1):
        if row.number != number:
            raise _malformed(f"Row {number} is numbered {row.number}", "Number rows 1, 2, 3, ….")
        day = day_number(checked_date(row.due_date))
        if day < last or (day == last and number > 1):
            raise _malformed(
                f"Row {number} is due on {row.due_date}, not after the row before it",
                "Send rows in order of their due dates, none before the loan began.",
            )
        last = day
        if not (0 <= row.principal_minor <= MAX_MINOR and 0 <= row.interest_minor <= MAX_MINOR):
            raise _malformed(f"Row {number} has a negative amount", "Send amounts of 0 or more.")


def _malformed(what: str, way_out: str) -> RuleRefused:
    return RuleRefused(f"{what}: refused.", rule="schedule_malformed", way_out=way_out)


def _within(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise RuleRefused(
            f"Terms with {name} = {value} cannot be booked.",
            rule="terms_refused",
            way_out=f"{name} may be {low} to {high}.",
        )
