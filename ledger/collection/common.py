"""What decisions about a collection have in common: the case spoken to, fresh ids, two people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ledger.checks import value_day
from ledger.collection.state import Case, Collection, State
from ledger.collection_commands import CaseCommand, CollectionCommand
from ledger.dates import FIRST_DATE, day_number
from ledger.errors import BorrowerMismatch, RuleRefused, UnknownEntity
from ledger.loan import Loan

Loans = Mapping[str, Loan | None]
"""The loans that a command names, as the book knows them; None for one it does not."""
NO_LOANS: Loans = {}
Facts = tuple[Any, ...]


def said(command: CollectionCommand) -> dict[str, Any]:
    """The fields that every fact of a collection takes over from its command."""
    fields = {
        "borrower_id": command.borrower_id,
        "by": command.by,
        "transaction_id": command.transaction_id,
        "value_date": command.value_date,
        "recorded_at_us": command.recorded_at_us,
    }
    if isinstance(command, CaseCommand):
        fields["case_id"] = command.case_id
    return fields


def dated(command: CollectionCommand) -> int:
    """The day number of the value date. Errors: DateOutOfRange."""
    return value_day(command, not_before=day_number(FIRST_DATE), what="the calendar")


def case_of(state: State, command: CaseCommand) -> tuple[Collection, Case]:
    """The collection and the open case that `command` speaks to.

    Errors: UnknownEntity; RuleRefused "case_closed", and "case_moved_on" where the sender has not
    seen the last fact of the case.
    """
    dated(command)
    case = state.cases.get(command.case_id) if state is not None else None
    if state is None or case is None:
        raise UnknownEntity(
            f"Borrower {command.borrower_id} has no case {command.case_id}.",
            way_out="Open the case first.",
        )
    seen = command.expected_revision
    if seen is not None and seen != case.revision:
        raise RuleRefused(
            f"Case {case.case_id} was changed by {case.last_by} meanwhile: it has "
            f"{case.revision} facts, you saw {seen}.",
            rule="case_moved_on",
            way_out="Look at the case again, then send it with its new revision.",
            case_id=case.case_id,
        )
    if case.closed is not None:
        raise RuleRefused(
            f"Case {case.case_id} was closed: {case.closed}.",
            rule="case_closed",
            way_out="Open a new case.",
            case_id=case.case_id,
        )
    return state, case


def loans_of(loans: Loans, command: CollectionCommand) -> dict[str, Loan]:
    """The loans named, all there and the borrower's. Errors: UnknownEntity, BorrowerMismatch."""
    found = {}
    for loan_id in command.loans_named:
        loan = loans.get(loan_id)
        if loan is None:
            raise UnknownEntity(f"There is no loan {loan_id}.", way_out="Open the loan first.")
        if loan.borrower_id != command.borrower_id:
            raise BorrowerMismatch(
                f"Loan {loan_id} is not one of borrower {command.borrower_id}.",
                way_out="Check the ids of borrower and loan.",
            )
        found[loan_id] = loan
    return found


def within(case: Case, loan_ids: Iterable[str]) -> None:
    """Errors: RuleRefused "loan_not_in_case"."""
    for loan_id in loan_ids:
        if loan_id not in case.loan_ids:
            raise RuleRefused(
                f"Case {case.case_id} is not about loan {loan_id}.",
                rule="loan_not_in_case",
                way_out=f"It is about {', '.join(case.loan_ids)}; open a case about the other.",
                case_id=case.case_id,
            )


def fresh(taken: bool, what: str, name: str) -> None:
    """Errors: RuleRefused "id_taken" where the borrower has something of this id already."""
    if taken:
        raise RuleRefused(
            f"There is a {what} {name} of this borrower already.",
            rule="id_taken",
            way_out="Send it under another id.",
        )


def reasoned(reason: str) -> None:
    """Errors: RuleRefused "no_reason"."""
    if not reason.strip():
        raise RuleRefused(
            "The reason is empty.",
            rule="no_reason",
            way_out="Say why in a sentence: it is kept and shown.",
        )
