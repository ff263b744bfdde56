"""Changes of the contract: given schedules, extensions and restructurings, capitalised arrears,
and forbearance pauses. Moves no cash."""

from __future__ import annotations

from typing import Any

from ledger.change_commands import (
    CapitaliseArrears,
    PauseDelinquency,
    ResumeDelinquency,
    ReviseLoan,
)
from ledger.checks import positive, same_currency
from ledger.commands import LoanCommand, ScheduleInstalments
from ledger.consequences import Facts, common_fields, follow
from ledger.dates import checked_date, date_of, day_number
from ledger.delinquency import arrears_minor
from ledger.errors import RuleRefused
from ledger.events import (
    ArrearsCapitalised,
    DelinquencyPaused,
    DelinquencyResumed,
    InstalmentsScheduled,
    LoanRevised,
    LoanStatusChanged,
)
from ledger.loan import Loan
from ledger.loan_opening import MAX_INSTALMENTS, MAX_RATE_PPM, check_rows
from ledger.money import format_minor
from ledger.position import CAPITALISED, REVISED, SCHEDULE, Entry, Rows
from ledger.terms import Revision

MAX_PAUSE_DAYS = 3_660
"""Ten years: a longer pause is a slip of the pen."""


def schedule(loan: Loan, command: ScheduleInstalments, day: int) -> Facts:
    """Put the core system's own schedule in force."""
    same_currency(command.currency, loan.currency)
    return _given(loan, command, command.instalments, day)


def _given(loan: Loan, command: LoanCommand, rows: Rows, day: int) -> Facts:
    """A given schedule, in force from `day` up to the next one known, which is said again after it.

    So the highest version valued by a day is in force on it, whatever came first.
    """
    check_rows(rows, opened_day=loan.opened_day)
    _check_principal(loan, rows)
    version, tie = loan.schedule_version + 1, f"{loan.schedule_version + 1:06d}"
    later = {e.day: e for e in loan.book.entries if e.kind == SCHEDULE and e.day > day}
    added = [Entry(day, SCHEDULE, tie, rows=rows)]
    added += [
        Entry(known, SCHEDULE, f"{version + number:06d}", rows=later[known].rows)
        for number, known in enumerate(sorted(later), start=1)
    ]
    scheduled = tuple(
        InstalmentsScheduled(
            schedule_version=int(entry.tie),
            origin="given",
            instalments=entry.rows,
            **common_fields(command) | {"value_date": date_of(entry.day)},
        )
        for entry in added
    )
    return (*scheduled, *follow(loan, command, added=tuple(added))[1])


def _check_principal(loan: Loan, rows: Rows) -> None:
    position = loan.book.position
    most = position.drawn_minor + max(0, loan.limit_minor - position.principal_minor)
    principal = sum(row.principal_minor for row in rows)
    if principal > most:
        raise RuleRefused(
            f"The schedule repays {format_minor(principal, loan.currency)} of principal, but only "
            f"{format_minor(most, loan.currency)} is or may be paid out.",
            rule="schedule_exceeds_limit",
            way_out="Send rows whose principal adds up to the loan, paid rows included.",
            loan_id=loan.loan_id,
        )


def revise(loan: Loan, command: ReviseLoan, day: int) -> Facts:
    """Extend, reschedule or restructure; a restructured loan comes under observation.

    Errors: RuleRefused naming what of the change cannot be.
    """
    same_currency(command.currency, loan.currency)
    common = common_fields(command)
    revision = command.revision
    revised = LoanRevised(kind=command.kind, revision=revision, reason=command.reason, **common)
    facts: tuple[Any, ...] = (revised,)
    if command.kind == "restructured":
        facts += (
            LoanStatusChanged(finding="restructured", active=True, reason=command.reason, **common),
        )
    if (revision is None) == (not command.instalments):
        raise _refused(
            loan,
            "A change of the contract needs changed terms or a schedule, not both.",
            "revision_unclear",
            "Send terms for a schedule that is generated, instalments for one that is given.",
        )
    if revision is None:
        return (*facts, *_given(loan, command, command.instalments, day))
    _check_revision(loan, revision, day)
    entry = Entry(day, REVISED, command.transaction_id, revision=revision)
    return (*facts, *follow(loan, command, added=(entry,))[1])


def _check_revision(loan: Loan, revision: Revision, day: int) -> None:
    """Errors: RuleRefused. What follows from the dates is checked when the schedule is planned."""
    book, terms = loan.book, loan.book.terms
    if book.given_schedule() or revision.method == "given":
        raise _refused(
            loan,
            f"The schedule of loan {loan.loan_id} is given, not generated.",
            "schedule_is_given",
            "Send the changed schedule as instalments.",
        )
    rows = book.at(day).rows
    if not rows:
        raise _refused(
            loan,
            f"Nothing was paid out on loan {loan.loan_id} by then.",
            "nothing_to_revise",
            "Send the change after the first disbursement.",
        )
    due = sum(day_number(row.due_date) <= day for row in rows)
    if due < terms.grace.interest_instalments or terms.down_payment_ppm:
        raise _refused(
            loan,
            "Changed terms cannot take over deferred interest or a down payment.",
            "revision_in_grace",
            "Send the changed schedule as instalments, or the change after the grace.",
        )
    if not (
        1 <= revision.instalments <= MAX_INSTALMENTS
        and 0 <= revision.interest_only < revision.instalments
        and 0 <= (revision.rate_ppm or 0) <= MAX_RATE_PPM
    ):
        raise _refused(
            loan,
            f"Changed terms of {revision.instalments} instalments, {revision.interest_only} of "
            f"them interest only, at {revision.rate_ppm} parts per million cannot be booked.",
            "revision_refused",
            f"Send 1 to {MAX_INSTALMENTS} instalments, fewer of them interest only, and a rate up "
            f"to {MAX_RATE_PPM // 10_000} % a year.",
        )
    if revision.first_due_date is not None:
        checked_date(revision.first_due_date)


def capitalise(loan: Loan, command: CapitaliseArrears, day: int) -> Facts:
    """Turn arrears into principal. Errors: RuleRefused "exceeds_arrears"."""
    same_currency(command.currency, loan.currency)
    amount = positive(command.amount_minor)
    book = loan.book
    most = arrears_minor(book.at(day).dues, paid_minor=book.paid_until(day), day=day)
    if amount > most:
        raise _refused(
            loan,
            f"{format_minor(amount, loan.currency)} is more than is overdue on "
            f"{command.value_date}.",
            "exceeds_arrears",
            f"Capitalise at most {format_minor(most, loan.currency)} {loan.currency}.",
        )
    entry = Entry(day, CAPITALISED, command.transaction_id, amount)
    position, changes = follow(loan, command, added=(entry,))
    capitalised = ArrearsCapitalised(
        amount_minor=amount, split=position.splits[entry.tie], **common_fields(command)
    )
    return (capitalised, *changes)


def pause(loan: Loan, command: PauseDelinquency, day: int) -> Facts:
    """Stop counting delinquent days for a while. Errors: RuleRefused "pause_refused"."""
    end = day_number(checked_date(command.until))
    if not day < end <= day + MAX_PAUSE_DAYS:
        raise _refused(
            loan,
            f"A pause from {command.value_date} until {command.until} (excluded) pauses nothing, "
            "or for more than ten years.",
            "pause_refused",
            f"Let it end from {date_of(day + 1)} to {date_of(day + MAX_PAUSE_DAYS)}.",
        )
    paused = DelinquencyPaused(until=command.until, reason=command.reason, **common_fields(command))
    return (paused,)


def resume(loan: Loan, command: ResumeDelinquency, day: int) -> Facts:
    """Count again. Errors: RuleRefused "not_paused"."""
    if not loan.pauses.runs_on(day):
        spans = ", ".join(f"{date_of(a)} to {date_of(b - 1)}" for a, b in loan.pauses.spans())
        raise _refused(
            loan,
            f"Loan {loan.loan_id} is not paused on {command.value_date}.",
            "not_paused",
            f"Name a day within a pause: {spans or 'there is none'}.",
        )
    return (DelinquencyResumed(**common_fields(command)),)


def _refused(loan: Loan, what: str, rule: str, way_out: str) -> RuleRefused:
    return RuleRefused(what, rule=rule, way_out=way_out, loan_id=loan.loan_id)
