"""The double entry behind each fact.

Positive is a debit, negative a credit. Interest is booked when it is received (cash basis); charges
when they are charged. A fact that moves no money has no postings. Knows no balances: every fact
carries the amounts that its postings need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ledger.errors import InvariantBroken
from ledger.events import (
    AccountCredited,
    AccountDebited,
    AccountOpened,
    ArrearsCapitalised,
    ChargeApplied,
    InterestAccrued,
    LoanClosed,
    LoanDisbursed,
    LoanReopened,
    OverpaymentRefunded,
    RecoveryReceived,
    RecoveryReversed,
    RepaymentChargedBack,
    RepaymentReceived,
    RepaymentReversed,
    RepaymentsReallocated,
    WriteOffAdjusted,
    WriteOffCancelled,
)
from ledger.terms import Split

CLEARING = "assets:clearing"
PRINCIPAL = "assets:loans:principal"
RECEIVABLE = {
    "costs": "assets:receivable:costs",
    "fees": "assets:receivable:fees",
    "penalty": "assets:receivable:penalty",
}
INCOME = {
    "costs": "income:costs",
    "fees": "income:fees",
    "penalty": "income:penalty",
    "interest": "income:interest",
}
INTEREST_RECEIVABLE = "assets:receivable:interest"
INTEREST_ACCRUED = "income:interest_accrued"
OFF_BALANCE = "equity:off_balance:interest"
OFF_BALANCE_CONTRA = "equity:off_balance:contra"
SUSPENSE = "liabilities:suspense"
DEPOSITS = "liabilities:deposits"
OPENING = "equity:opening_balances"
WRITE_OFF = "expenses:write_off"
RECOVERY = "income:recovery"


class Posting(NamedTuple):
    """One line of a double entry: minor units of `currency`, debit positive."""

    account: str
    amount_minor: int
    currency: str


Lines = list[tuple[str, int]]


def postings_of(fact: Any, *, currency: str) -> tuple[Posting, ...]:
    """The postings of a fact of a loan or account in `currency`; empty when no money moves.

    Errors: InvariantBroken should they not add up to zero.
    """
    lines_of = _LINES.get(type(fact))
    if lines_of is None:
        return ()
    postings = tuple(
        Posting(account, amount, currency) for account, amount in lines_of(fact) if amount
    )
    check_balanced(postings, of=fact)
    return postings


def movement_lines(amount_minor: int) -> list[tuple[str, int]]:
    """Money that came in on settlement accounts (above zero) or went out, posted twice."""
    return [(CLEARING, amount_minor), (DEPOSITS, -amount_minor)]


def check_fact(fact: Any) -> None:
    """Errors: InvariantBroken unless the postings of `fact` add up to zero. Builds none.

    Movements of accounts are one amount against itself and need no check.
    """
    lines_of = _SPLIT_LINES.get(type(fact))
    if lines_of is None:
        return
    total = sum([amount for _, amount in lines_of(fact)])
    if total:
        raise InvariantBroken(f"The postings of {fact!r} do not add up to zero.")


def check_balanced(postings: Iterable[Posting], *, of: object) -> None:
    """Errors: InvariantBroken unless the postings add up to zero in each currency."""
    sums: dict[str, int] = {}
    for _, amount, currency in postings:
        sums[currency] = sums.get(currency, 0) + amount
    if any(sums.values()):
        raise InvariantBroken(f"The postings of {of!r} add up to {sums}, not to zero.")


def _opened(fact: AccountOpened) -> Lines:
    return [(OPENING, fact.opening_balance_minor), (DEPOSITS, -fact.opening_balance_minor)]


def _credited(fact: AccountCredited) -> Lines:
    return movement_lines(fact.amount_minor)


def _debited(fact: AccountDebited) -> Lines:
    return movement_lines(-fact.amount_minor)


def _disbursed(fact: LoanDisbursed) -> Lines:
    return [(PRINCIPAL, fact.amount_minor), (CLEARING, -fact.amount_minor)]


def _charged(fact: ChargeApplied) -> Lines:
    return [(RECEIVABLE[fact.kind], fact.amount_minor), (INCOME[fact.kind], -fact.amount_minor)]


def _accrued(fact: InterestAccrued) -> Lines:
    """Earned and not received: a receivable; what is suspended leaves it for the off-balance."""
    due = sum(one.penalty_minor + one.compound_minor for one in fact.penalties)
    penalty = due - fact.suspended_penalty_minor
    off = fact.suspended_interest_minor + fact.suspended_penalty_minor
    return [
        (INTEREST_RECEIVABLE, fact.interest_minor),
        (INTEREST_ACCRUED, -fact.interest_minor),
        (RECEIVABLE["penalty"], penalty),
        (INCOME["penalty"], -penalty),
        (OFF_BALANCE, off),
        (OFF_BALANCE_CONTRA, -off),
    ]


def _received(fact: RepaymentReceived) -> Lines:
    return [(CLEARING, fact.amount_minor), *_applied(fact.split, sign=-1)]


def _reversed(fact: RepaymentReversed) -> Lines:
    return [(CLEARING, -fact.amount_minor), *_applied(fact.split, sign=1)]


def _reallocated(fact: RepaymentsReallocated) -> Lines:
    lines: dict[str, int] = {}
    for change in fact.changes:
        for account, amount in [
            *_applied(change.before, sign=1),
            *_applied(change.split, sign=-1),
        ]:
            lines[account] = lines.get(account, 0) + amount
    return list(lines.items())


def _closed(fact: LoanClosed) -> Lines:
    """Written off: an expense. Refinanced: the new loan pays it, through clearing.

    Unpaid interest was never booked, so none is written off.
    """
    return _off_books(fact.remaining, fact.reason, sign=-1)


def _reopened(fact: LoanReopened) -> Lines:
    return _off_books(fact.remaining, fact.closed_as, sign=1)


def _adjusted(fact: WriteOffAdjusted) -> Lines:
    return _off_books(fact.change, "written_off", sign=-1)


def _write_off_cancelled(fact: WriteOffCancelled) -> Lines:
    lines = _off_books(fact.remaining, "written_off", sign=1)
    for recovered in fact.recovered:
        lines += [(RECOVERY, recovered.amount_minor), *_applied(recovered.split, sign=-1)]
    return lines


def _off_books(left: Split, reason: str, *, sign: int) -> Lines:
    """What a loan holds goes off the books (`sign` -1) or comes back (1)."""
    lines = [
        (RECEIVABLE["costs"], sign * left.costs_minor),
        (RECEIVABLE["fees"], sign * left.fees_minor),
        (RECEIVABLE["penalty"], sign * left.penalty_minor),
        (PRINCIPAL, sign * left.principal_minor),
    ]
    against = WRITE_OFF if reason == "written_off" else CLEARING
    return [(against, -sum(amount for _, amount in lines)), *lines]


def _refunded(fact: OverpaymentRefunded) -> Lines:
    return [(SUSPENSE, fact.amount_minor), (CLEARING, -fact.amount_minor)]


def _charged_back(fact: RepaymentChargedBack) -> Lines:
    return [(PRINCIPAL, fact.amount_minor), (CLEARING, -fact.amount_minor)]


def _capitalised(fact: ArrearsCapitalised) -> Lines:
    return [(PRINCIPAL, fact.amount_minor), *_applied(fact.split, sign=-1)]


def _recovered(fact: RecoveryReceived) -> Lines:
    return [(CLEARING, fact.amount_minor), (RECOVERY, -fact.amount_minor)]


def _recovery_reversed(fact: RecoveryReversed) -> Lines:
    return [(RECOVERY, fact.amount_minor), (CLEARING, -fact.amount_minor)]


def _applied(split: Split, *, sign: int) -> Lines:
    """Where a repayment goes; `sign` -1 applies it, 1 takes it back."""
    return [
        (RECEIVABLE["costs"], sign * split.costs_minor),
        (RECEIVABLE["fees"], sign * split.fees_minor),
        (RECEIVABLE["penalty"], sign * split.penalty_minor),
        (INCOME["interest"], sign * split.interest_minor),
        (PRINCIPAL, sign * split.principal_minor),
        (SUSPENSE, sign * split.unapplied_minor),
    ]


_SPLIT_LINES: dict[type, Callable[[Any], Lines]] = {
    RepaymentReceived: _received,
    RepaymentReversed: _reversed,
    RepaymentsReallocated: _reallocated,
    LoanClosed: _closed,
    LoanReopened: _reopened,
    WriteOffAdjusted: _adjusted,
    WriteOffCancelled: _write_off_cancelled,
    ArrearsCapitalised: _capitalised,
}
_LINES: dict[type, Callable[[Any], Lines]] = {
    AccountOpened: _opened,
    AccountCredited: _credited,
    AccountDebited: _debited,
    LoanDisbursed: _disbursed,
    ChargeApplied: _charged,
    InterestAccrued: _accrued,
    OverpaymentRefunded: _refunded,
    RepaymentChargedBack: _charged_back,
    RecoveryReceived: _recovered,
    RecoveryReversed: _recovery_reversed,
    **_SPLIT_LINES,
}

MONEY_FACTS: tuple[type, ...] = tuple(_LINES)
"""The kinds of facts that may have postings; all others move no money."""
