"""Opening a loan: what terms and schedules the book accepts. Checks only, no arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.checks import positive, value_day
from ledger.commands import OpenLoan
from ledger.dates import FIRST_DATE, checked_date, date_of, day_number
from ledger.delinquency import COMPONENTS
from ledger.errors import AlreadyOpen, RuleRefused
from ledger.events import LoanOpened
from ledger.interest import PPM
from ledger.loan import Loan
from ledger.money import MAX_MINOR, exponent
from ledger.periods import check_in_calendar
from ledger.terms import Instalment, Penalty, Roll, Terms

MAX_INSTALMENTS = 1_200
MAX_PERIOD_MONTHS = 120
MAX_DAYS = 3_660
MAX_HOLIDAYS = 2_000
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
    given = terms.method == "given"
    _within("instalments", terms.instalments, 0 if given else 1, MAX_INSTALMENTS)
    _within("period_months", terms.period_months, 1, MAX_PERIOD_MONTHS)
    _within("period_days", terms.period_days, 0, MAX_DAYS)
    _within("rate_ppm", terms.rate_ppm, 0, MAX_RATE_PPM)
    _within("instalment_unit_minor", terms.instalment_unit_minor, 1, MAX_MINOR)
    _within("down_payment_ppm", terms.down_payment_ppm, 0, 0 if given else PPM - 1)
    _within("suspend_after_days", terms.suspend_after_days, 0, MAX_DAYS)
    first = terms.first_due_date
    if first is not None and day_number(checked_date(first)) <= opened_day:
        raise _terms_refused(
            f"The first instalment would be due on {first}, no later than the loan begins.",
            "Let it fall due after the value date of the opening.",
        )
    if terms.period_days and (terms.month_end or terms.level == "equal_periods"):
        raise _terms_refused(
            f"Periods of {terms.period_days} days have no month's end and no equal months.",
            "Leave out month_end and level, or count periods in months.",
        )
    check_in_calendar(terms, date_of(opened_day))
    _check_grace(terms)
    if terms.roll is not None:
        _check_roll(terms.roll)
    if terms.penalty is not None:
        _check_penalty(terms.penalty)
    if sorted(terms.allocation) != sorted(COMPONENTS):
        raise RuleRefused(
            f"The allocation {', '.join(terms.allocation)} does not name each component once.",
            rule="allocation_incomplete",
            way_out=f"Order all of {', '.join(COMPONENTS)}.",
        )


def _check_grace(terms: Terms) -> None:
    """Some instalment must come after the grace; a bullet or given schedule has none."""
    grace = terms.grace
    most = 0 if terms.method in ("bullet", "given") else terms.instalments - 1
    _within("grace.principal_instalments", grace.principal_instalments, 0, most)
    _within("grace.interest_instalments", grace.interest_instalments, 0, most)
    _within("grace.interest_free_instalments", grace.interest_free_instalments, 0, most)
    _within("grace.arrears_days", grace.arrears_days, 0, MAX_DAYS)


def _check_roll(roll: Roll) -> None:
    if not (len(roll.weekmask) == 7 and set(roll.weekmask) <= {"0", "1"} and "1" in roll.weekmask):
        raise _terms_refused(
            f"The weekmask {roll.weekmask[:20]!r} is not a week with a business day.",
            'Write seven digits, Monday to Sunday, 1 for a business day: "1111100".',
        )
    _within("the number of roll.holidays", len(roll.holidays), 0, MAX_HOLIDAYS)
    _within("the number of roll.worked", len(roll.worked), 0, MAX_HOLIDAYS)
    for day in (*roll.holidays, *roll.worked):
        checked_date(day)


def _check_penalty(penalty: Penalty) -> None:
    _within("penalty.markup_ppm", penalty.markup_ppm, 0, MAX_RATE_PPM)
    _within("penalty.spread_ppm", penalty.spread_ppm, 0, MAX_RATE_PPM)
    _within("penalty.misuse_markup_ppm", penalty.misuse_markup_ppm, 0, MAX_RATE_PPM)


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


def _terms_refused(what: str, way_out: str) -> RuleRefused:
    return RuleRefused(what, rule="terms_refused", way_out=way_out)


def _within(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise _terms_refused(
            f"Terms with {name} = {value} cannot be booked.", f"{name} may be {low} to {high}."
        )
