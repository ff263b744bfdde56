"""Settlement accounts: decide what a movement becomes, and keep the balance.

The balance is the sum of all movements known, in the order of booking. A balance that the core
system states must agree, because otherwise a movement is missing here. Overdrafts are facts, not
errors: what the bank allowed is not judged.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right

from ledger.checks import positive, same_currency, value_day
from ledger.commands import CreditAccount, DebitAccount, OpenAccount, ReturnDebit
from ledger.dates import FIRST_DATE, day_number
from ledger.errors import AlreadyOpen, InvalidAmount, RuleRefused, UnknownEntity
from ledger.events import (
    AccountCredited,
    AccountDebited,
    AccountDebitReturned,
    AccountOpened,
)
from ledger.money import MAX_MINOR, MAX_TOTAL_MINOR, exponent, format_minor
from ledger.totals import check_total

REMEMBERED_DAYS = 64
"""So many days with movements are remembered at least, to check the balance of a late movement."""


class Account:
    """A settlement account as all facts known give it.

    `days` and `nets` are the last days with movements and each one's sum in minor units;
    `total_minor` is all that ever moved, in either direction.
    """

    __slots__ = (
        "account_id",
        "balance_minor",
        "borrower_id",
        "currency",
        "days",
        "nets",
        "opened_day",
        "overdraft_limit_minor",
        "total_minor",
    )

    def __init__(self, fact: AccountOpened) -> None:
        self.account_id = fact.account_id
        self.borrower_id = fact.borrower_id
        self.currency = fact.currency
        self.overdraft_limit_minor = fact.overdraft_limit_minor
        self.balance_minor = fact.opening_balance_minor
        self.opened_day = day_number(fact.value_date)
        self.days = array("q", [self.opened_day])
        self.nets = array("q", [0])
        self.total_minor = abs(fact.opening_balance_minor) + fact.overdraft_limit_minor

    def move(self, day: int, amount_minor: int) -> None:
        """Take in a movement of `amount_minor`, negative for a debit."""
        self.balance_minor += amount_minor
        self.total_minor += abs(amount_minor)
        days, nets = self.days, self.nets
        last = days[-1]
        if day == last:
            nets[-1] += amount_minor
        elif day > last:
            days.append(day)
            nets.append(amount_minor)
            if len(days) > 2 * REMEMBERED_DAYS:
                del days[:REMEMBERED_DAYS], nets[:REMEMBERED_DAYS]
        elif day >= days[0]:
            index = bisect_left(days, day)
            if days[index] == day:
                nets[index] += amount_minor
            else:
                days.insert(index, day)
                nets.insert(index, amount_minor)

    def balance_on(self, day: int) -> int | None:
        """The balance at the end of `day` by value date; None when that is too long ago."""
        if day < self.days[0]:
            return None
        return self.balance_minor - sum(self.nets[bisect_right(self.days, day) :])


def open_account(state: Account | None, command: OpenAccount) -> tuple[AccountOpened]:
    """Make an account known. Errors: AlreadyOpen, CurrencyMismatch, InvalidAmount, dates."""
    if state is not None:
        raise AlreadyOpen(
            f"Account {command.account_id} is open already.",
            way_out="Send its movements, or open another account id.",
            account_id=command.account_id,
        )
    exponent(command.currency)
    value_day(command, not_before=day_number(FIRST_DATE), what="the calendar")
    if not 0 <= command.overdraft_limit_minor <= MAX_MINOR:
        raise InvalidAmount(
            "An overdraft limit is not negative.", way_out="Send 0 for an account without one."
        )
    if abs(command.opening_balance_minor) > MAX_MINOR:
        raise InvalidAmount(
            f"A balance of {command.opening_balance_minor} minor units cannot be booked.",
            way_out=f"Open with at most {MAX_MINOR} minor units.",
        )
    return (
        AccountOpened(
            account_id=command.account_id,
            borrower_id=command.borrower_id,
            currency=command.currency,
            opening_balance_minor=command.opening_balance_minor,
            overdraft_limit_minor=command.overdraft_limit_minor,
            transaction_id=command.transaction_id,
            value_date=command.value_date,
            recorded_at_us=command.recorded_at_us,
        ),
    )


def credit(state: Account | None, command: CreditAccount) -> tuple[AccountCredited]:
    """Money came in. Errors: UnknownEntity, currency, amount, dates, "balance_contradicts"."""
    balance = _balance_after(state, command, positive(command.amount_minor))
    return (
        AccountCredited(
            account_id=command.account_id,
            amount_minor=command.amount_minor,
            balance_minor=balance,
            flow=command.flow,
            transaction_id=command.transaction_id,
            value_date=command.value_date,
            recorded_at_us=command.recorded_at_us,
        ),
    )


def debit(state: Account | None, command: DebitAccount) -> tuple[AccountDebited]:
    """Money went out. Errors: as `credit`."""
    balance = _balance_after(state, command, -positive(command.amount_minor))
    return (
        AccountDebited(
            account_id=command.account_id,
            amount_minor=command.amount_minor,
            balance_minor=balance,
            flow=command.flow,
            transaction_id=command.transaction_id,
            value_date=command.value_date,
            recorded_at_us=command.recorded_at_us,
        ),
    )


def return_debit(state: Account | None, command: ReturnDebit) -> tuple[AccountDebitReturned]:
    """A direct debit found no funds; no money moves. Errors: as `credit`, without a balance."""
    positive(command.amount_minor)
    account = _known(state, command.account_id)
    same_currency(command.currency, account.currency)
    value_day(command, not_before=account.opened_day, what="the account")
    _check_total(account, command.amount_minor)
    return (
        AccountDebitReturned(
            account_id=command.account_id,
            amount_minor=command.amount_minor,
            flow=command.flow,
            transaction_id=command.transaction_id,
            value_date=command.value_date,
            recorded_at_us=command.recorded_at_us,
        ),
    )


def opened(state: Account | None, fact: AccountOpened) -> Account:
    """Take in an opened account."""
    return Account(fact)


def credited(state: Account, fact: AccountCredited) -> Account:
    """Take in a credit."""
    state.move(day_number(fact.value_date), fact.amount_minor)
    return state


def debited(state: Account, fact: AccountDebited) -> Account:
    """Take in a debit."""
    state.move(day_number(fact.value_date), -fact.amount_minor)
    return state


def debit_returned(state: Account, fact: AccountDebitReturned) -> Account:
    """Take in a returned debit: the balance stays."""
    state.total_minor += fact.amount_minor
    return state


def _known(state: Account | None, account_id: str) -> Account:
    if state is None:
        raise UnknownEntity(
            f"Account {account_id} is not open.",
            way_out="Send account_opened first.",
            account_id=account_id,
        )
    return state


def _check_total(account: Account, amount_minor: int) -> None:
    total = account.total_minor + amount_minor
    if total > MAX_TOTAL_MINOR:
        account_id = account.account_id
        check_total(f"account {account_id}", total, account.currency, account_id=account_id)


def _balance_after(
    state: Account | None, command: CreditAccount | DebitAccount, amount_minor: int
) -> int:
    """The balance after a movement; a stated balance must agree with it.

    A movement valued before the last one may state the balance of its own day instead: some core
    systems keep balances by value date.
    """
    account = _known(state, command.account_id)
    if command.currency != account.currency:
        same_currency(command.currency, account.currency)
    day = value_day(command, not_before=account.opened_day, what="the account")
    _check_total(account, abs(amount_minor))
    balance = account.balance_minor + amount_minor
    stated = command.balance_minor
    if stated is not None and stated != balance:
        then = account.balance_on(day)
        if then is None or day >= account.days[-1] or stated != then + amount_minor:
            raise RuleRefused(
                f"The stated balance {format_minor(stated, account.currency)} contradicts the "
                f"book's {format_minor(balance, account.currency)}.",
                rule="balance_contradicts",
                way_out="Send the missing movements first, then this one again.",
                account_id=command.account_id,
            )
    return balance
