"""What happens on a borrower's settlement account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from ledger.codec import event_type

Flow = Literal["trade", "own_transfer", "loan_proceeds", "loan_repayment", "wages", "tax", "other"]
"""What a movement was for. Turnover leaves out own transfers and loan proceeds (DOMAIN: inflow)."""


@event_type("account.opened", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOpened:
    """A settlement account is known, with the balance it starts from."""

    account_id: str
    borrower_id: str
    currency: str
    opening_balance_minor: int
    overdraft_limit_minor: int
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("account.credited", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCredited:
    """Money came in. `balance_minor` is the balance after it by what was known then."""

    account_id: str
    amount_minor: int
    balance_minor: int
    flow: Flow
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("account.debited", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDebited:
    """Money went out. `balance_minor` is the balance after it by what was known then."""

    account_id: str
    amount_minor: int
    balance_minor: int
    flow: Flow
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("account.debit_returned", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDebitReturned:
    """A direct debit was refused for want of funds: an attempt that moved no money."""

    account_id: str
    amount_minor: int
    flow: Flow
    transaction_id: str
    value_date: date
    recorded_at_us: int
