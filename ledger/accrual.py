"""What the books hold of a loan's interest, and the fact that brings them there.

All is derived: contract interest earned up to the loan's last day with an entry, less what was
received, and penalty interest as a replay charges it. What is booked already is taken off, so a
fact that arrives late corrects what was booked too early or too late. When to close is not decided
here: see `closings`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import takewhile

from ledger.commands import AccrueInterest, LoanCommand
from ledger.consequences import Facts, common_fields, follow
from ledger.dates import date_of
from ledger.delinquency import INTEREST, PENALTY
from ledger.earnings import Earning, of_given
from ledger.errors import RuleRefused
from ledger.events import InterestAccrued, PenaltyDue
from ledger.loan import Loan
from ledger.loan_facts import with_facts
from ledger.money import Rounding
from ledger.overdue import Penalties
from ledger.plan import planned_earnings
from ledger.position import CLOSING, DRAWN, Booked, Entry, Position
from ledger.terms import Terms


def accrue(loan: Loan, command: AccrueInterest, day: int) -> Facts:
    """Bring interest to the end of `day`. The day closed last again gives no facts.

    Errors: RuleRefused "nothing_accrues", "already_accrued".
    """
    if not loan.book.accrues:
        raise RuleRefused(
            f"Interest of loan {loan.loan_id} is booked when received and bears no penalty.",
            rule="nothing_accrues",
            way_out='Open the loan with recognition "accrued" or a penalty.',
            loan_id=loan.loan_id,
        )
    last = loan.book.closed_day
    if last is not None and day < last:
        raise RuleRefused(
            f"Interest of loan {loan.loan_id} is brought to the end of {date_of(last)} already.",
            rule="already_accrued",
            way_out=f"Bring it to a day after {date_of(last)}; late facts correct it themselves.",
            loan_id=loan.loan_id,
        )
    if day == last:
        return ()
    entry = Entry(day, CLOSING, command.transaction_id)
    position, facts = follow(loan, command, added=(entry,))
    after = with_facts(loan, facts)
    after.book.add(entry)
    return (*facts, _difference(after, command, position, closing=True))


def with_interest(loan: Loan, command: LoanCommand, facts: Facts) -> Facts:
    """`facts`, and behind them what they change of the interest booked, if anything."""
    if not facts or not loan.book.accrues or isinstance(command, AccrueInterest):
        return facts
    after = with_facts(loan, facts)
    if after.book.entries == loan.book.entries and after.closed == loan.closed:
        return facts
    position = after.book.after(after.book.entries)
    since = facts[0].value_date  # Of a reversal it is the original's.
    change = replace(_difference(after, command, position, closing=False), value_date=since)
    moved = change.interest_minor, change.suspended_interest_minor, change.suspended_penalty_minor
    if any(moved) or change.penalties or change.suspended != after.booked.suspended:
        return (*facts, change)
    return facts


def books_of(loan: Loan, position: Position) -> Booked:
    """What the books should hold of a loan's interest, nothing once it ended.

    `position` is that of a replay of all its facts.
    """
    book, terms = loan.book, loan.book.terms
    until = max((entry.day + (entry.kind == CLOSING) for entry in book.entries), default=0)
    if loan.closed is not None or terms.recognition == "received":
        return Booked(until=until, penalties=position.penalties)
    unpaid = earned_minor(terms, position, book.entries, until) - position.paid[INTEREST]
    if not position.suspended:
        return Booked(until=until, interest_minor=unpaid, penalties=position.penalties)
    charged = sum(c.amount_minor for c in position.charges if c.component == PENALTY)
    return Booked(
        until=until,
        interest_minor=min(0, unpaid),
        suspended=True,
        suspended_interest_minor=max(0, unpaid),
        suspended_penalty_minor=max(0, charged - position.paid[PENALTY]),
        penalties=position.penalties,
    )


def earned_by(loan: Loan, day: int) -> int:
    """Contract interest of all days before `day` by all that is known now, minor units."""
    known = [entry for entry in loan.book.entries if entry.day <= day]
    return earned_minor(loan.book.terms, loan.book.after(known), known, day)


def penalties_by(loan: Loan, day: int) -> Penalties:
    """Penalty and compound interest of all days before `day`, due or not, minor units."""
    known = [entry for entry in loan.book.entries if entry.day < day]
    position = loan.book.after([*known, Entry(day - 1, CLOSING, "")])
    penalties = position.penalties.values()
    return sum(one for one, _ in penalties), sum(one for _, one in penalties)


def earned_minor(terms: Terms, position: Position, entries: Sequence[Entry], until: int) -> int:
    """Contract interest of all days before `until`, minor units, paid or not."""
    day, rounding = date_of(until), Rounding(terms.rounding)
    begun = takewhile(lambda one: one.span.start < day, _earnings(terms, position, entries))
    return sum(one.before(day, day_count=terms.day_count, rounding=rounding) for one in begun)


def _earnings(terms: Terms, position: Position, entries: Sequence[Entry]) -> Iterable[Earning]:
    """In the order of their periods."""
    if not position.given:
        return planned_earnings(terms, position.causes)
    first = next((entry.day for entry in entries if entry.kind == DRAWN), None)
    if first is None:
        return ()
    return of_given(position.rows, start=date_of(first), day_count=terms.day_count)


def _difference(
    loan: Loan, command: LoanCommand, position: Position, *, closing: bool
) -> InterestAccrued:
    """What brings the books of `loan` to what they should be."""
    booked, target = loan.booked, books_of(loan, position)
    days = sorted(booked.penalties.keys() | target.penalties.keys())
    penalties = []
    for day in days:
        old, new = booked.penalties.get(day, (0, 0)), target.penalties.get(day, (0, 0))
        if old != new:
            due = date_of(day)
            penalty, compound = new[0] - old[0], new[1] - old[1]
            penalties.append(
                PenaltyDue(due_date=due, penalty_minor=penalty, compound_minor=compound)
            )
    return InterestAccrued(
        until=date_of(target.until),
        closing=closing,
        interest_minor=target.interest_minor - booked.interest_minor,
        penalties=tuple(penalties),
        suspended=target.suspended,
        suspended_interest_minor=target.suspended_interest_minor - booked.suspended_interest_minor,
        suspended_penalty_minor=target.suspended_penalty_minor - booked.suspended_penalty_minor,
        **common_fields(command),
    )
