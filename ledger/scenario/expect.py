"""What may be expected in a diary, and what the book says to it. Changes nothing.

`on` asks for an earlier day by all that is known now; without it the day is the line's.
`dpd-from-1` counts the due date itself as day 1. Components that a split does not name are 0.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature

from ledger.account import Account
from ledger.delinquency import COMPONENTS
from ledger.loan import Loan
from ledger.money import format_minor, parse_minor
from ledger.scenario.asked import Answer, LoanOn
from ledger.scenario.asked_arrears import ARREARS_CLAUSES
from ledger.scenario.asked_interest import INTEREST_CLAUSES
from ledger.scenario.words import Unclear, on_or_off, ppm
from ledger.waterfall import parts_of


def loan_answer(loan: Loan, day: int, clause: str) -> Answer:
    """What is expected of a loan and what holds. Errors: Unclear for a clause nobody knows."""
    word, _, rest = clause.partition(" ")
    check = LOAN_CLAUSES.get(word)
    if check is None:
        raise Unclear(
            f"{word!r} cannot be expected of a loan; one of {', '.join(LOAN_CLAUSES)} can"
        )
    words = (LoanOn(loan, day), *rest.split())
    try:
        signature(check).bind(*words)
    except TypeError:
        raise Unclear(f"{clause!r} has too few or too many words") from None
    try:
        return check(*words)
    except ValueError:
        raise Unclear(f"{clause!r} has a word that is no number") from None


def account_answer(account: Account, day: int, clause: str) -> Answer:
    """What is expected of an account and what holds. Errors: Unclear for an unknown clause."""
    match clause.split():
        case ["balance", text]:
            balance = account.balance_on(day)
            actual = "too long ago" if balance is None else format_minor(balance, account.currency)
            expected = format_minor(parse_minor(text, account.currency), account.currency)
            return expected, actual
    raise Unclear(f"{clause!r} cannot be expected of an account; balance AMOUNT can")


def _dpd(on: LoanOn, days: str) -> Answer:
    return int(days), on.loan.dpd(on.day)


def _dpd_from_1(on: LoanOn, days: str) -> Answer:
    return int(days), on.loan.dpd(on.day, due_date_counts=1)


def _arrears(on: LoanOn, amount: str) -> Answer:
    return on.minor(amount), on.show(on.loan.arrears_minor(on.day))


def _outstanding(on: LoanOn, amount: str) -> Answer:
    return on.minor(amount), on.show(on.loan.outstanding_minor(on.day))


def _suspense(on: LoanOn, amount: str) -> Answer:
    return on.minor(amount), on.show(on.position.unapplied_minor)


def _paid(on: LoanOn, component: str, amount: str) -> Answer:
    return on.minor(amount), on.show(on.position.paid[_component(component)])


def _split(on: LoanOn, repayment: str, *parts: str) -> Answer:
    split = on.position.splits.get(repayment)
    if split is None:
        return f"a split of {repayment}", "no such repayment"
    if len(parts) % 2:
        raise Unclear(f"{parts[-1]!r} has no amount behind it")
    expected = dict.fromkeys([*COMPONENTS, "unapplied"], on.show(0))
    for name, amount in zip(parts[::2], parts[1::2], strict=True):
        if name not in expected:
            raise Unclear(f"{name!r} is not a part of a split")
        expected[name] = on.minor(amount)
    actual = dict(zip(expected, map(on.show, parts_of(split)), strict=True))
    return expected, actual


def _rows(on: LoanOn, count: str) -> Answer:
    return int(count), len(on.position.rows)


def _instalment(on: LoanOn, number: str, due: str, principal: str, interest: str) -> Answer:
    rows = on.position.rows
    expected = (due, on.minor(principal), on.minor(interest))
    if not 0 < int(number) <= len(rows):
        return expected, f"{len(rows)} rows"
    row = rows[int(number) - 1]
    actual = (str(row.due_date), on.show(row.principal_minor), on.show(row.interest_minor))
    return expected, actual


def _status(on: LoanOn, status: str) -> Answer:
    return status, on.loan.closed or "open"


def _officer(on: LoanOn, officer: str) -> Answer:
    return officer, on.loan.officer_id


def _branch(on: LoanOn, branch: str) -> Answer:
    return branch, on.loan.branch


def _guarantor(on: LoanOn, guarantor: str) -> Answer:
    return guarantor, on.loan.guarantor_id or "none"


def _limit(on: LoanOn, amount: str) -> Answer:
    return on.minor(amount), on.show(on.loan.limit_minor)


def _rate(on: LoanOn, percent: str) -> Answer:
    return ppm(percent), on.loan.rate_ppm


def _finding(on: LoanOn, finding: str, state: str) -> Answer:
    return on_or_off(state), on.loan.findings.get(finding, False)


def _component(name: str) -> int:
    if name not in COMPONENTS:
        raise Unclear(f"{name!r} is not one of {', '.join(COMPONENTS)}")
    return COMPONENTS.index(name)


LOAN_CLAUSES: dict[str, Callable[..., Answer]] = {
    "dpd": _dpd,
    "dpd-from-1": _dpd_from_1,
    "arrears": _arrears,
    "outstanding": _outstanding,
    "suspense": _suspense,
    "paid": _paid,
    "split": _split,
    "rows": _rows,
    "instalment": _instalment,
    "status": _status,
    "officer": _officer,
    "branch": _branch,
    "guarantor": _guarantor,
    "limit": _limit,
    "rate": _rate,
    "finding": _finding,
    **ARREARS_CLAUSES,
    **INTEREST_CLAUSES,
}
"""What may be expected of a loan, by the first word of the clause."""
