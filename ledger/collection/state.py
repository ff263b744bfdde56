"""What the facts of a borrower's collection add up to. Changed by `evolve` only.

Keeps ids and what rules ask for; texts of notes and remarks stay in the facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from ledger.dates import day_number
from ledger.events import (
    CaseCauseChanged,
    CaseClosed,
    CaseHandedOver,
    CaseNoted,
    CaseOpened,
    CaseStageChanged,
    ContactAllowed,
    ContactConsentChanged,
    ContactHeld,
    ContactHoldLifted,
    ContactOutcomeRecorded,
    ContactQueued,
    ContactRefused,
    ContactReported,
    DebtorPlaced,
    DocumentAttached,
    EvasionSignalNoted,
    LegalStepTaken,
    OfficerExempted,
    PromiseCancelled,
    PromiseMade,
    PromisePart,
    ReferralApproved,
    ReferralDeclined,
    ReferralProposed,
    StrategyAssigned,
)


class Strategy(NamedTuple):
    """The row of a strategy by which a case is treated."""

    strategy: str
    version: str
    segment: str
    treatment: str
    arm: str


@dataclass(slots=True)
class Referral:
    """A referral, who asked for it, and what became of it: None while nobody decided."""

    proposed_by: str
    approved: bool | None = None


@dataclass(slots=True)
class Case:
    """One case. `revision` counts its facts; `last_by` wrote the last one."""

    case_id: str
    loan_ids: tuple[str, ...]
    cause: str
    stage: str
    owner_id: str
    team: str
    branch: str
    opened: date
    revision: int = 0
    last_by: str = ""
    closed: str | None = None
    strategy: Strategy | None = None
    signals: set[str] = field(default_factory=set)
    referrals: dict[str, Referral] = field(default_factory=dict)


class Contact(NamedTuple):
    """A contact that was allowed, or made without asking."""

    case_id: str
    contact_id: str
    loan_ids: tuple[str, ...]
    channel: str
    zone: str
    at_us: int


@dataclass(slots=True)
class Asked:
    """The last answer to a request: allowed, queued or refused, and when it may be, if known.

    "reported" of one that nobody asked for; `rule` is then the one it broke, if any.
    """

    answer: str
    rule: str
    next_us: int | None
    outcome: str | None = None


class Consent(NamedTuple):
    """What a borrower said about a channel."""

    allowed: bool
    preferred: bool
    at_night: bool


@dataclass(slots=True)
class Promise:
    """A promise as it was made; `cancelled` is the day from which it stands no more."""

    promise_id: str
    case_id: str
    loan_id: str
    currency: str
    parts: tuple[PromisePart, ...]
    tolerance_days: int
    tolerance_bps: int
    made_day: int
    cancelled: int | None = None


@dataclass(slots=True)
class Collection:
    """What is known of collecting a borrower's debts.

    `ids` holds every id that names something here, by its kind. `conversations` are contacts whose
    outcome says that the borrower spoke. `last_us` is the latest moment a contact was judged for:
    the clock of contacts never goes back. `breaches` counts by officer contacts that were refused,
    and those made without asking that a rule forbade. `consents`, `holdings` and `promised_us` keep
    the moment each word was recorded, so that a contact of the past is judged by what was known.
    """

    borrower_id: str
    zone: str | None = None
    rule_set: str | None = None
    last_us: int = 0
    cases: dict[str, Case] = field(default_factory=dict)
    ids: set[tuple[str, str]] = field(default_factory=set)
    contacts: dict[str, Contact] = field(default_factory=dict)
    asked: dict[str, Asked] = field(default_factory=dict)
    conversations: dict[str, Contact] = field(default_factory=dict)
    consent: dict[str, Consent] = field(default_factory=dict)
    holds: dict[str, date | None] = field(default_factory=dict)
    promises: dict[str, Promise] = field(default_factory=dict)
    steps: dict[str, LegalStepTaken] = field(default_factory=dict)
    breaches: dict[str, int] = field(default_factory=dict)
    consents: list[tuple[int, str, Consent]] = field(default_factory=list)
    holdings: list[tuple[int, str, bool, date | None]] = field(default_factory=list)
    promised_us: dict[str, int] = field(default_factory=dict)

    def open_cases(self) -> Iterator[Case]:
        """The cases that are not closed, oldest first."""
        return (case for case in self.cases.values() if case.closed is None)


SPOKEN = frozenset(["right_party", "refused", "promised", "disputed", "paid"])
"""Outcomes with which the borrower was spoken to."""
State = Collection | None


def _case_opened(state: Collection, fact: CaseOpened) -> None:
    state.cases[fact.case_id] = Case(
        case_id=fact.case_id,
        loan_ids=fact.loan_ids,
        cause=fact.cause,
        stage=fact.stage,
        owner_id=fact.owner_id,
        team=fact.team,
        branch=fact.branch,
        opened=fact.value_date,
    )


def _cause_changed(state: Collection, fact: CaseCauseChanged) -> None:
    state.cases[fact.case_id].cause = fact.cause


def _stage_changed(state: Collection, fact: CaseStageChanged) -> None:
    state.cases[fact.case_id].stage = fact.stage


def _handed_over(state: Collection, fact: CaseHandedOver) -> None:
    case = state.cases[fact.case_id]
    case.owner_id, case.team, case.branch = fact.owner_id, fact.team, fact.branch


def _noted(state: Collection, fact: CaseNoted) -> None:
    state.ids.add(("note", fact.note_id))


def _attached(state: Collection, fact: DocumentAttached) -> None:
    state.ids.add(("document", fact.document_id))


def _assigned(state: Collection, fact: StrategyAssigned) -> None:
    row = Strategy(fact.strategy, fact.version, fact.segment, fact.treatment, fact.arm)
    state.cases[fact.case_id].strategy = row


def _case_closed(state: Collection, fact: CaseClosed) -> None:
    state.cases[fact.case_id].closed = fact.reason


def _placed(state: Collection, fact: DebtorPlaced) -> None:
    state.zone, state.rule_set = fact.zone, fact.rule_set


def _allowed(state: Collection, fact: ContactAllowed) -> None:
    state.last_us = max(state.last_us, fact.at_us)
    state.asked[fact.contact_id] = Asked("allowed", "", fact.at_us)
    state.contacts[fact.contact_id] = Contact(
        fact.case_id, fact.contact_id, fact.loan_ids, fact.channel, fact.zone, fact.at_us
    )


def _queued(state: Collection, fact: ContactQueued) -> None:
    state.last_us = max(state.last_us, fact.at_us)
    state.asked[fact.contact_id] = Asked("queued", fact.rule, fact.until_us)


def _refused(state: Collection, fact: ContactRefused) -> None:
    state.last_us = max(state.last_us, fact.at_us)
    state.asked[fact.contact_id] = Asked("refused", fact.rule, fact.next_allowed_us)
    _breach(state, fact.by)


def _breach(state: Collection, officer: str) -> None:
    state.breaches[officer] = state.breaches.get(officer, 0) + 1


def _reported(state: Collection, fact: ContactReported) -> None:
    state.asked[fact.contact_id] = Asked("reported", fact.rule or "", None)
    state.contacts[fact.contact_id] = Contact(
        fact.case_id, fact.contact_id, fact.loan_ids, fact.channel, fact.zone, fact.at_us
    )
    if fact.rule is not None:
        _breach(state, fact.by)


def _outcome(state: Collection, fact: ContactOutcomeRecorded) -> None:
    state.asked[fact.contact_id].outcome = fact.outcome
    if fact.outcome in SPOKEN:
        state.conversations[fact.contact_id] = state.contacts[fact.contact_id]


def _consent(state: Collection, fact: ContactConsentChanged) -> None:
    said = state.consent[fact.channel] = Consent(fact.allowed, fact.preferred, fact.at_night)
    state.consents.append((fact.recorded_at_us, fact.channel, said))


def _held(state: Collection, fact: ContactHeld) -> None:
    state.holds[fact.reason] = fact.until
    state.holdings.append((fact.recorded_at_us, fact.reason, True, fact.until))


def _lifted(state: Collection, fact: ContactHoldLifted) -> None:
    del state.holds[fact.reason]
    state.holdings.append((fact.recorded_at_us, fact.reason, False, None))


def _promised(state: Collection, fact: PromiseMade) -> None:
    state.promises[fact.promise_id] = promise_of(fact)
    state.promised_us[fact.promise_id] = fact.recorded_at_us


def promise_of(fact: PromiseMade) -> Promise:
    """The promise that a fact tells of."""
    return Promise(
        promise_id=fact.promise_id,
        case_id=fact.case_id,
        loan_id=fact.loan_id,
        currency=fact.currency,
        parts=fact.parts,
        tolerance_days=fact.tolerance_days,
        tolerance_bps=fact.tolerance_bps,
        made_day=day_number(fact.value_date),
    )


def _cancelled(state: Collection, fact: PromiseCancelled) -> None:
    state.promises[fact.promise_id].cancelled = day_number(fact.value_date)


def _step(state: Collection, fact: LegalStepTaken) -> None:
    state.steps[fact.step_id] = fact


def _signal(state: Collection, fact: EvasionSignalNoted) -> None:
    state.ids.add(("signal", fact.signal_id))
    state.cases[fact.case_id].signals.add(fact.signal_id)


def _proposed(state: Collection, fact: ReferralProposed) -> None:
    state.ids.add(("referral", fact.referral_id))
    state.cases[fact.case_id].referrals[fact.referral_id] = Referral(fact.by)


def _approved(state: Collection, fact: ReferralApproved) -> None:
    state.cases[fact.case_id].referrals[fact.referral_id].approved = True


def _declined(state: Collection, fact: ReferralDeclined) -> None:
    state.cases[fact.case_id].referrals[fact.referral_id].approved = False


_TAKE: dict[type, Callable[[Collection, Any], None]] = {
    CaseOpened: _case_opened,
    CaseCauseChanged: _cause_changed,
    CaseStageChanged: _stage_changed,
    CaseHandedOver: _handed_over,
    CaseNoted: _noted,
    DocumentAttached: _attached,
    StrategyAssigned: _assigned,
    CaseClosed: _case_closed,
    DebtorPlaced: _placed,
    ContactAllowed: _allowed,
    ContactQueued: _queued,
    ContactRefused: _refused,
    ContactReported: _reported,
    ContactOutcomeRecorded: _outcome,
    ContactConsentChanged: _consent,
    ContactHeld: _held,
    ContactHoldLifted: _lifted,
    PromiseMade: _promised,
    PromiseCancelled: _cancelled,
    LegalStepTaken: _step,
    EvasionSignalNoted: _signal,
    ReferralProposed: _proposed,
    ReferralApproved: _approved,
    ReferralDeclined: _declined,
    OfficerExempted: lambda state, fact: None,
}
COLLECTION_FACTS: tuple[type, ...] = tuple(_TAKE)
"""The kinds of facts of a borrower's collection."""


def evolve_collection(state: State, fact: Any) -> Collection:
    """The collection after `fact`; `state` itself is changed and returned."""
    collection = state if state is not None else Collection(fact.borrower_id)
    _TAKE[type(fact)](collection, fact)
    case = collection.cases.get(getattr(fact, "case_id", ""))
    if case is not None:
        case.revision += 1
        case.last_by = fact.by
    return collection
