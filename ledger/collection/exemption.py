"""Decide what a finding that an officer did their duty becomes: due-diligence exemption (尽职免责).

It needs two people, neither of them the officer, and it may come when the case is long closed: that
is when somebody asks who is to blame. Source: the notice on SME renewals asks for it; unverified.
"""

from __future__ import annotations

from ledger.collection.common import NO_LOANS, Facts, Loans, dated, reasoned, said
from ledger.collection.state import State
from ledger.collection_commands import ExemptOfficer
from ledger.errors import RuleRefused, UnknownEntity
from ledger.events import OfficerExempted


def exempt_officer(state: State, command: ExemptOfficer, loans: Loans = NO_LOANS) -> Facts:
    """An exemption on record. Errors: UnknownEntity; RuleRefused "no_reason", "same_person"."""
    dated(command)
    if state is None or command.case_id not in state.cases:
        raise UnknownEntity(
            f"Borrower {command.borrower_id} has no case {command.case_id}.",
            way_out="Name a case of theirs, open or closed.",
        )
    reasoned(command.reason)
    people = [_person(n) for n in (command.officer_id, command.by, command.approved_by)]
    if len(set(people)) < len(people) or not all(people):
        raise RuleRefused(
            f"An exemption of {command.officer_id} needs two other people.",
            rule="same_person",
            way_out="Let one person ask for it and another approve, neither of them the officer.",
            case_id=command.case_id,
        )
    return (
        OfficerExempted(
            officer_id=command.officer_id,
            approved_by=command.approved_by,
            reason=command.reason,
            reference=command.reference,
            **said(command),
        ),
    )


def _person(name: str) -> str:
    return " ".join(name.split()).casefold()
