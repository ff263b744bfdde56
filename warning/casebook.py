"""Open cases as whoever treats them needs to know them: from the facts of collections, in order.

Keeps what strategies and contacts follow from, and forgets a case when it is closed. Arms are kept
for ever: a borrower stays in the arm of a trial that they were first assigned.
"""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ledger.collection.state import Promise, promise_of
from ledger.dates import day_number
from ledger.events import (
    CaseCauseChanged,
    CaseClosed,
    CaseOpened,
    CaseStageChanged,
    ContactAllowed,
    ContactHeld,
    ContactHoldLifted,
    ContactQueued,
    ContactRefused,
    ContactReported,
    PromiseCancelled,
    PromiseMade,
    StrategyAssigned,
)

NEVER_US = 2**63 - 1
"""No contact waits."""


class Queued(NamedTuple):
    """A contact that waits until a moment, as it was asked for."""

    fact: ContactQueued
    until_us: int


@dataclass(slots=True)
class CaseFile:
    """One open case. `assigned` is the last assignment; contacts are days, rising."""

    case_id: str
    borrower_id: str
    loan_ids: tuple[str, ...]
    cause: str
    stage: str
    branch: str
    opened_day: int
    assigned: StrategyAssigned | None = None
    contact_days: list[int] = field(default_factory=list)
    contacts_since: int = 0
    refused_day: int | None = None
    promises: dict[str, Promise] = field(default_factory=dict)

    @property
    def treated_by(self) -> tuple[str, str, str, str] | None:
        """Strategy, version, segment and treatment in force."""
        found = self.assigned
        if found is None:
            return None
        return found.strategy, found.version, found.segment, found.treatment


class CaseBook:
    """All open cases of a book or partition."""

    def __init__(self) -> None:
        self.open: dict[str, CaseFile] = {}
        self.by_loan: dict[str, str] = {}
        self.queued: dict[str, Queued] = {}
        self.earliest_us = NEVER_US
        self.arms: dict[tuple[str, str], str] = {}
        self._holds: defaultdict[str, dict[str, int | None]] = defaultdict(dict)

    def take(self, fact: Any) -> bool:
        """Take in a fact; False when it is none of a collection that matters here."""
        change = _CHANGES.get(type(fact))
        if change is None or not self._knows(fact):
            return False
        change(self, fact)
        return True

    def _knows(self, fact: Any) -> bool:
        """Whether the fact is about an open case, or opens one, or about no single case."""
        case_id = getattr(fact, "case_id", None)
        return case_id is None or (case_id in self.open) is not (type(fact) is CaseOpened)

    def held(self, borrower_id: str, day: int) -> bool:
        """Whether a hold stands at the end of `day`."""
        held = self._holds.get(borrower_id, {})
        return any(until is None or until >= day for until in held.values())

    def take_due(self, now_us: int) -> list[Queued]:
        """Contacts whose time has come, the earliest first; they wait here no more."""
        ready = [each for each in self.queued.values() if each.until_us <= now_us]
        for each in ready:
            self._leave(each.fact.contact_id)
        return sorted(ready, key=lambda each: (each.until_us, each.fact.contact_id))

    def _leave(self, contact_id: str) -> None:
        if self.queued.pop(contact_id, None) is not None:
            waiting = (each.until_us for each in self.queued.values())
            self.earliest_us = min(waiting, default=NEVER_US)

    def _opened(self, fact: CaseOpened) -> None:
        self.open[fact.case_id] = CaseFile(
            *(fact.case_id, fact.borrower_id, fact.loan_ids, fact.cause, fact.stage, fact.branch),
            day_number(fact.value_date),
        )
        for loan_id in fact.loan_ids:
            self.by_loan[loan_id] = fact.case_id

    def _cause(self, fact: CaseCauseChanged) -> None:
        self.open[fact.case_id].cause = fact.cause

    def _stage(self, fact: CaseStageChanged) -> None:
        self.open[fact.case_id].stage = fact.stage

    def _assigned(self, fact: StrategyAssigned) -> None:
        case = self.open[fact.case_id]
        case.assigned, case.contacts_since = fact, 0
        trial, _, arm = fact.arm.partition(".")
        if arm:
            self.arms.setdefault((fact.borrower_id, trial), arm)

    def _closed(self, fact: CaseClosed) -> None:
        case = self.open.pop(fact.case_id)
        for loan_id in case.loan_ids:
            self.by_loan.pop(loan_id, None)
        for contact_id in [i for i, q in self.queued.items() if q.fact.case_id == fact.case_id]:
            self._leave(contact_id)

    def _allowed(self, fact: ContactAllowed | ContactReported) -> None:
        self._leave(fact.contact_id)
        case = self.open[fact.case_id]
        insort(case.contact_days, day_number(fact.value_date))
        case.contacts_since += 1

    def _waits(self, fact: ContactQueued) -> None:
        self.queued[fact.contact_id] = Queued(fact, fact.until_us)
        self.earliest_us = min(self.earliest_us, fact.until_us)

    def _refused(self, fact: ContactRefused) -> None:
        self._leave(fact.contact_id)
        case = self.open[fact.case_id]
        case.refused_day = day_number(fact.value_date)
        case.contacts_since += 1

    def _held(self, fact: ContactHeld) -> None:
        until = None if fact.until is None else day_number(fact.until)
        self._holds[fact.borrower_id][fact.reason] = until

    def _lifted(self, fact: ContactHoldLifted) -> None:
        self._holds[fact.borrower_id].pop(fact.reason, None)

    def _promised(self, fact: PromiseMade) -> None:
        self.open[fact.case_id].promises[fact.promise_id] = promise_of(fact)

    def _cancelled(self, fact: PromiseCancelled) -> None:
        self.open[fact.case_id].promises.pop(fact.promise_id, None)


_CHANGES: dict[type, Callable[[CaseBook, Any], None]] = {
    CaseOpened: CaseBook._opened,
    CaseCauseChanged: CaseBook._cause,
    CaseStageChanged: CaseBook._stage,
    StrategyAssigned: CaseBook._assigned,
    CaseClosed: CaseBook._closed,
    ContactAllowed: CaseBook._allowed,
    ContactReported: CaseBook._allowed,
    ContactQueued: CaseBook._waits,
    ContactRefused: CaseBook._refused,
    ContactHeld: CaseBook._held,
    ContactHoldLifted: CaseBook._lifted,
    PromiseMade: CaseBook._promised,
    PromiseCancelled: CaseBook._cancelled,
}
