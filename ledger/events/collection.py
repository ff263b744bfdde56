"""What people do about a borrower's debts: cases, who holds them, and what is noted in them.

All of it is one stream a borrower, `collection:<borrower>`, because caps, holds and consent count
over all of their debts. `contact`, `promise` and `legal` are facts of the same stream. `by` is the
user who acted, or the name of the service that did. Moves no money.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from ledger.codec import event_type

Cause = Literal["cash_gap", "operating_loss", "dispute", "technical", "malicious", "unknown"]
"""Why the borrower does not pay."""
Stage = Literal["pre_due", "early", "mid", "late", "legal", "recovery"]
"""How far a case has come; a closed one is closed by a fact of its own."""
Trigger = Literal["warning", "missed_payment", "person"]
"""What opened a case."""
CloseReason = Literal[
    "paid", "cured", "restructured", "written_off", "sold", "opened_in_error", "other"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfBorrower:
    """What every fact of a borrower's collection carries."""

    borrower_id: str
    by: str
    transaction_id: str
    value_date: date
    recorded_at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OfCase(OfBorrower):
    """And a fact about one case."""

    case_id: str


@event_type("case.opened", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOpened(OfCase):
    """A case about some of the borrower's loans begins. `reference` names what triggered it."""

    loan_ids: tuple[str, ...]
    cause: Cause
    trigger: Trigger
    reference: str
    stage: Stage
    owner_id: str
    team: str
    branch: str


@event_type("case.cause_changed", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class CaseCauseChanged(OfCase):
    """The borrower's reason for not paying is another than was thought."""

    cause: Cause
    previous: Cause
    reason: str


@event_type("case.stage_changed", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class CaseStageChanged(OfCase):
    """The case moved on, or back."""

    stage: Stage
    previous: Stage
    reason: str


@event_type("case.handed_over", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class CaseHandedOver(OfCase):
    """Another officer or team answers for the case."""

    owner_id: str
    team: str
    branch: str
    from_owner_id: str
    from_team: str
    from_branch: str
    reason: str


@event_type("case.noted", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class CaseNoted(OfCase):
    """Somebody wrote a note. `text` is sealed outside: here it is a string and nothing more."""

    note_id: str
    text: str


@event_type("case.document_attached", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentAttached(OfCase):
    """A document kept elsewhere belongs to the case; `sha256` (hexadecimal) proves which it was."""

    document_id: str
    kind: str
    reference: str
    sha256: str


@event_type("case.strategy_assigned", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyAssigned(OfCase):
    """The case is treated by a strategy's row from now on.

    `version` is the digest of the strategy in force, `previous_version` that of the one before;
    `arm` is the borrower's arm in a trial, frozen here.
    """

    strategy: str
    version: str
    previous_version: str | None
    segment: str
    treatment: str
    arm: str
    reason: str


@event_type("case.officer_exempted", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class OfficerExempted(OfCase):
    """An officer did their duty in the case: the loss is not held against them (尽职免责).

    `by` asked for it and `approved_by` agreed; neither is the officer. `reference` names the file.
    """

    officer_id: str
    approved_by: str
    reason: str
    reference: str


@event_type("case.closed", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class CaseClosed(OfCase):
    """Nothing more is done in this case."""

    reason: CloseReason
    remark: str
