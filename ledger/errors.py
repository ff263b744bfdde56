"""The errors of the loan book: expected refusals, and the one that must stop a partition.

Expected errors (`LoanError`) are answers: a publisher sent something that the book cannot take, and
learns which rule refused it and what would be accepted. `InvariantBroken` is not an answer: the
books would be wrong, so the partition stops before it writes.
"""

from __future__ import annotations


class LoanError(Exception):
    """An expected refusal. `code` is stable and safe to show, count and match on.

    `way_out` says what would be accepted; it never holds personal data.
    """

    code = "refused"

    def __init__(self, message: str, *, way_out: str = "", **ids: str | int) -> None:
        super().__init__(message)
        self.message = message
        self.way_out = way_out
        self.ids = ids

    def __str__(self) -> str:
        return f"{self.message} {self.way_out}".strip()


class MalformedMessage(LoanError):
    """The bytes are not a message of the published schema."""

    code = "malformed"


class UnknownEntity(LoanError):
    """The message speaks of a loan or account that the book does not have."""

    code = "unknown_entity"


class AlreadyOpen(LoanError):
    """A loan or account with this id is open already."""

    code = "already_open"


class RuleRefused(LoanError):
    """A rule of the book forbids the command in the present state; `rule` names it."""

    code = "rule_refused"

    def __init__(self, message: str, *, rule: str, way_out: str = "", **ids: str | int) -> None:
        super().__init__(message, way_out=way_out, **ids)
        self.rule = rule


class BorrowerMismatch(LoanError):
    """The message names another borrower than the loan's or account's."""

    code = "borrower_mismatch"


class CurrencyMismatch(LoanError):
    """The amount is in another currency than the loan or account."""

    code = "currency_mismatch"


class InvalidAmount(LoanError):
    """An amount that is negative, zero where money must move, or finer than the minor unit."""

    code = "invalid_amount"


class DateOutOfRange(LoanError):
    """A value date before the loan began, in the future, or outside the calendar."""

    code = "date_out_of_range"


class TransactionConflict(LoanError):
    """The transaction id is known with other content."""

    code = "transaction_conflict"


class BookFull(LoanError):
    """The book holds as much in this currency as can be counted."""

    code = "book_full"


class StoredFactUnreadable(LoanError):
    """Stored bytes are not the fact they claim to be: unknown name, version, field or value."""

    code = "stored_fact_unreadable"


class StaleVersion(LoanError):
    """Another writer recorded in this stream first: load again and decide again."""

    code = "stale_version"


class StoreUnavailable(LoanError):
    """The database cannot be used: locked by another process, full disk, corrupted file."""

    code = "store_unavailable"


class StoreBlocked(StoreUnavailable):
    """The database takes nothing for now: the disk is full, or another program locks the file.

    Nothing was recorded and nothing is lost: the same batch can be tried again.
    """

    code = "store_blocked"


class StoreLost(StoreUnavailable):
    """The database went away, perhaps in the middle of a commit.

    Whether the last commit was kept is unknown until the log is read again; tracking tells.
    """

    code = "store_lost"


class InvariantBroken(Exception):
    """The books would not balance, or stored history contradicts itself. Stop the partition."""
