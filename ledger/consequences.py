"""What else changes when a fact comes or goes: the generated schedule, and repayments' splits.

Both follow from a replay with the fact in its place. Decides whether anything is recorded, never
whether the fact may come.
"""

from __future__ import annotations

from typing import Any

from ledger.commands import LoanCommand
from ledger.dates import date_of
from ledger.events import InstalmentsScheduled, Reallocation, RepaymentsReallocated
from ledger.loan import Loan
from ledger.position import Entry, Position, Wish

Facts = tuple[Any, ...]


def common_fields(command: LoanCommand) -> dict[str, Any]:
    """The fields that every fact takes over from its command."""
    return {
        "loan_id": command.loan_id,
        "transaction_id": command.transaction_id,
        "value_date": command.value_date,
        "recorded_at_us": command.recorded_at_us,
    }


def follow(
    loan: Loan,
    command: LoanCommand,
    *,
    added: tuple[Entry, ...] = (),
    removed: Entry | None = None,
    wish: Wish | None = None,
) -> tuple[Position, Facts]:
    """The position with `added` and without `removed`, and the facts that this brings about.

    `wish` belongs to the one entry added. Facts count from the day of the entry removed, else from
    the command's. Errors: RuleRefused where no schedule can follow.
    """
    book = loan.book
    entries = [entry for entry in book.entries if entry is not removed]
    wishes = {added[0].tie: wish} if wish is not None else None
    position = book.after([*entries, *added], wishes)
    common = common_fields(command)
    if removed is not None:
        common["value_date"] = date_of(removed.day)
    facts: list[Any] = []
    if not position.given and position.rows != book.position.rows:
        facts.append(
            InstalmentsScheduled(
                schedule_version=loan.schedule_version + 1,
                origin="generated",
                instalments=position.rows,
                **common,
            )
        )
    changes = tuple(
        Reallocation(transaction_id=tie, before=before, split=position.splits[tie])
        for tie, before in book.position.splits.items()
        if tie in position.splits and position.splits[tie] != before
    )
    if changes:
        facts.append(RepaymentsReallocated(changes=changes, **common))
    return position, tuple(facts)


def follow_due(loan: Loan, command: LoanCommand, added: Entry) -> Facts:
    """As `follow` for something that falls due, which changes nothing where it comes last and no
    money waits for it."""
    book = loan.book
    idle = book.comes_last(added) and not book.position.unapplied_minor
    if not book.position.splits or idle:
        return ()
    return follow(loan, command, added=(added,))[1]
