"""What messages have in common, whatever they tell. Names no message."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from streams.fields import MAX_INSTALMENTS, AmountOrZero, Id, Moment, Shape, TransactionId


class MessageBase(Shape):
    """What every message carries."""

    transaction_id: TransactionId
    value_date: Annotated[date, Field(description="The day from which it counts.")]
    borrower_id: Id | None = None
    sent_at: Moment | None = None


class LoanMessage(MessageBase):
    """A message about one loan."""

    loan_id: Id


class AccountMessage(MessageBase):
    """A message about one settlement account."""

    account_id: Id


class InstalmentShape(Shape):
    """One row of a schedule: what falls due on `due_date`."""

    number: Annotated[int, Field(ge=1, le=MAX_INSTALMENTS)]
    due_date: date
    principal: AmountOrZero
    interest: AmountOrZero
