"""Names and ids, all derived from the facts so that the same facts give the same ids."""

from __future__ import annotations

from uuid import UUID, uuid5

_NAMESPACE = UUID("6f0f3a52-6b6c-5b0e-9b42-5b7a3f0c1d11")

CALENDAR_STREAM = "calendar"
"""The stream of business-day closes."""
ACCRUALS_STREAM = "accruals"
"""The stream of loans whose interest is booked before it is received."""
REFUSALS_STREAM = "refusals"
"""The stream of messages that the book refused, with their original bytes."""

RULES_STREAM = "rules"
"""The stream of rule packs in force, in the warnings log."""


def loan_stream(loan_id: str) -> str:
    """Stream of a loan's own facts."""
    return f"loan:{loan_id}"


def account_stream(account_id: str) -> str:
    """Stream of a settlement account's facts."""
    return f"account:{account_id}"


def trading_stream(borrower_id: str) -> str:
    """Stream of the invoices of a borrower."""
    return f"trading:{borrower_id}"


def collection_stream(borrower_id: str) -> str:
    """Stream of what is done about a borrower's debts."""
    return f"collection:{borrower_id}"


def warning_stream(loan_id: str) -> str:
    """Stream of the warnings about a loan, in the warnings log."""
    return f"warnings:{loan_id}"


def event_id(stream: str, version: int) -> str:
    """The id of a recorded fact, for reasons and receivers: `loan:L1@3`."""
    return f"{stream}@{version}"


def stable_id(*parts: str | int) -> str:
    """A uuid5 of `parts`: the same parts, the same id, on every machine."""
    return str(uuid5(_NAMESPACE, "\x1f".join(map(str, parts))))
