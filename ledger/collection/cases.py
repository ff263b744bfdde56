"""Decide what a command about a case becomes: opened, changed, handed over, noted in, closed.

Who may do so is not asked here: that is for whoever knows the users.
"""

from __future__ import annotations

import re
from typing import Any

from ledger.collection.common import (
    NO_LOANS,
    Facts,
    Loans,
    case_of,
    dated,
    fresh,
    loans_of,
    reasoned,
    said,
)
from ledger.collection.state import State, Strategy
from ledger.collection_commands import (
    AssignStrategy,
    AttachDocument,
    ChangeCause,
    ChangeStage,
    CloseCase,
    HandOverCase,
    NoteCase,
    OpenCase,
)
from ledger.errors import AlreadyOpen, RuleRefused
from ledger.events import (
    CaseCauseChanged,
    CaseClosed,
    CaseHandedOver,
    CaseNoted,
    CaseOpened,
    CaseStageChanged,
    DocumentAttached,
    StrategyAssigned,
)

_SHA256 = re.compile(r"[0-9a-f]{64}")


def open_case(state: State, command: OpenCase, loans: Loans = NO_LOANS) -> Facts:
    """A case begins. Errors: AlreadyOpen, UnknownEntity, BorrowerMismatch; RuleRefused
    "loan_named_twice", "loan_in_other_case"."""
    dated(command)
    if state is not None and command.case_id in state.cases:
        raise AlreadyOpen(
            f"There is a case {command.case_id} of borrower {command.borrower_id} already.",
            way_out="Use another case id.",
        )
    loans_of(loans, command)
    if len(set(command.loan_ids)) < len(command.loan_ids) or not command.loan_ids:
        raise RuleRefused(
            "A case is about at least one loan, and names each once.",
            rule="loan_named_twice",
            way_out="Name each loan once.",
        )
    for case in state.open_cases() if state is not None else ():
        shared = sorted(set(case.loan_ids) & set(command.loan_ids))
        if shared:
            raise RuleRefused(
                f"Loan {shared[0]} is in case {case.case_id} already, which {case.owner_id} has.",
                rule="loan_in_other_case",
                way_out=f"Go on in case {case.case_id}, or close it first.",
                case_id=case.case_id,
            )
    return (
        CaseOpened(
            loan_ids=command.loan_ids,
            cause=command.cause,
            trigger=command.trigger,
            reference=command.reference,
            stage=command.stage,
            owner_id=command.owner_id,
            team=command.team,
            branch=command.branch,
            **said(command),
        ),
    )


def change_cause(state: State, command: ChangeCause, loans: Loans = NO_LOANS) -> Facts:
    """Another cause; the same one gives no fact. Errors: as `case_of`; RuleRefused "no_reason"."""
    _, case = case_of(state, command)
    reasoned(command.reason)
    if command.cause == case.cause:
        return ()
    previous: Any = case.cause
    return (
        CaseCauseChanged(
            cause=command.cause, previous=previous, reason=command.reason, **said(command)
        ),
    )


def change_stage(state: State, command: ChangeStage, loans: Loans = NO_LOANS) -> Facts:
    """Another stage; the same one gives no fact. Errors: as `case_of`."""
    _, case = case_of(state, command)
    if command.stage == case.stage:
        return ()
    previous: Any = case.stage
    return (
        CaseStageChanged(
            stage=command.stage, previous=previous, reason=command.reason, **said(command)
        ),
    )


def hand_over(state: State, command: HandOverCase, loans: Loans = NO_LOANS) -> Facts:
    """Another owner; the same one gives no fact. Errors: as `case_of`; RuleRefused "no_reason"."""
    _, case = case_of(state, command)
    reasoned(command.reason)
    held = (case.owner_id, case.team, case.branch)
    if (command.owner_id, command.team, command.branch) == held:
        return ()
    return (
        CaseHandedOver(
            owner_id=command.owner_id,
            team=command.team,
            branch=command.branch,
            from_owner_id=case.owner_id,
            from_team=case.team,
            from_branch=case.branch,
            reason=command.reason,
            **said(command),
        ),
    )


def note(state: State, command: NoteCase, loans: Loans = NO_LOANS) -> Facts:
    """A note, as it was sealed. Errors: as `case_of`; RuleRefused "id_taken"."""
    collection, _ = case_of(state, command)
    fresh(("note", command.note_id) in collection.ids, "note", command.note_id)
    return (CaseNoted(note_id=command.note_id, text=command.text, **said(command)),)


def attach(state: State, command: AttachDocument, loans: Loans = NO_LOANS) -> Facts:
    """A document. Errors: as `case_of`; RuleRefused "id_taken", "not_a_digest"."""
    collection, _ = case_of(state, command)
    fresh(("document", command.document_id) in collection.ids, "document", command.document_id)
    if _SHA256.fullmatch(command.sha256) is None:
        raise RuleRefused(
            f"{command.sha256[:80]!r} is not the SHA-256 of a document.",
            rule="not_a_digest",
            way_out="Send 64 hexadecimal digits, a to f in small letters.",
        )
    return (
        DocumentAttached(
            document_id=command.document_id,
            kind=command.kind,
            reference=command.reference,
            sha256=command.sha256,
            **said(command),
        ),
    )


def assign_strategy(state: State, command: AssignStrategy, loans: Loans = NO_LOANS) -> Facts:
    """Another row of a strategy; the same one gives no fact. Errors: as `case_of`; RuleRefused
    "arm_frozen" where a borrower would change arms within a version."""
    _, case = case_of(state, command)
    held = case.strategy
    row = Strategy(
        command.strategy, command.version, command.segment, command.treatment, command.arm
    )
    if row == held:
        return ()
    if held is not None and row[:2] == held[:2] and row.arm != held.arm:
        raise RuleRefused(
            f"Case {case.case_id} is in arm {held.arm} of this version of {held.strategy}.",
            rule="arm_frozen",
            way_out="An arm is frozen when it is assigned; send the one it has.",
            case_id=case.case_id,
        )
    return (
        StrategyAssigned(
            **row._asdict(),
            previous_version=held.version if held is not None else None,
            reason=command.reason,
            **said(command),
        ),
    )


def close_case(state: State, command: CloseCase, loans: Loans = NO_LOANS) -> Facts:
    """The case ends. Errors: as `case_of`."""
    case_of(state, command)
    return (CaseClosed(reason=command.reason, remark=command.remark, **said(command)),)
