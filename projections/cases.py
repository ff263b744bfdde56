"""Collections: cases, who had them, contacts, promises, treatments, and the money that came in.

Reads the ledger log only. What people did changes rows at once; how loans stand, whether promises
were kept and what was recovered is derived at every close, from all that is known by then, so a
late or reversed payment corrects it. Decides nothing: contact rules are the ledger's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ledger.collection.state import promise_of
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
    LoanGradeOverridden,
    LoanGradeOverrideEnded,
    OfficerExempted,
    PromiseCancelled,
    PromiseMade,
    ReferralApproved,
    ReferralDeclined,
    ReferralProposed,
    StrategyAssigned,
)
from ledger.store import Recorded
from projections.base import Change, Close, Facts, View
from projections.book import LoanBook
from projections.case_money import PAYING, CaseMoney, stand, stood_at
from projections.case_rows import history_row, override_row
from projections.case_state import REACHED, Case, Contact, Owner, PromiseRow
from projections.case_tables import (
    ASSIGNMENTS,
    CASE_HISTORY,
    CASE_OWNERS,
    CASE_PAYMENTS,
    CASES,
    CONTACTS,
    OVERRIDES,
    PROMISES,
    TABLES,
)
from projections.tables import Row
from warning.verdicts import Verdict, judge

_Answer = ContactAllowed | ContactQueued | ContactRefused | ContactReported


class Cases(View):
    """The view `cases`."""

    name = "cases"
    schema_version = 2
    tables = TABLES

    def __init__(self) -> None:
        self._cases: dict[str, Case] = {}
        self._contacts: dict[str, Contact] = {}
        self._promises: dict[str, PromiseRow] = {}
        self._of_borrower: defaultdict[str, list[Case]] = defaultdict(list)
        self._of_loan: defaultdict[str, list[Case]] = defaultdict(list)
        self._promises_of: defaultdict[str, list[PromiseRow]] = defaultdict(list)
        self._holds: defaultdict[str, dict[str, int | None]] = defaultdict(dict)
        self._money = CaseMoney()
        self._open: dict[str, Case] = {}
        self._undecided: dict[str, PromiseRow] = {}
        self._touched: dict[str, Case] = {}
        """Cases whose payments the next close reads."""
        self._payments: dict[str, dict[int, Row]] = {}
        self._new: defaultdict[str, list[Row]] = defaultdict(list)
        self._dirty: defaultdict[str, dict[Any, None]] = defaultdict(dict)

    def fold(self, facts: Facts, book: LoanBook) -> None:
        for item in facts.among(*PAYING, *_CHANGES, *_TOLD, *_OF_LOANS):
            kind = type(item.fact)
            if kind in _PAYING:
                self._money.note(item.fact)
                for case in self._of_loan.get(item.fact.loan_id, ()):
                    self._touched[case.case_id] = case
                continue
            if kind in _OVERRIDING:
                self._new["overrides"].append(override_row(item, book))
            if kind not in _OF_LOANS:
                self._take(item, kind, book)

    def _take(self, item: Recorded, kind: type, book: LoanBook) -> None:
        self._new["history"].append(history_row(item))
        if kind is CaseOpened:
            self._opened(item, book)
        elif kind in _CHANGES:
            _CHANGES[kind](self, item)
        case_id = getattr(item.fact, "case_id", "")
        if case_id in self._cases:
            self._dirty["cases"][case_id] = None

    def closed(self, close: Close, book: LoanBook) -> None:
        moved = stand([*self._open.values()], close.day, book)
        self._end_holds(close.day)
        touched = self._touched | {case.case_id: case for case in moved}
        for case in touched.values():
            self._read_payments(case, book)
        doubted = {p.promise_id: p for case_id in touched for p in self._promises_of[case_id]}
        for promise in [*(self._undecided | doubted).values()]:
            self._judge(promise, close.day, book)
            if promise.state != "open":
                self._undecided.pop(promise.promise_id, None)
            else:
                self._undecided[promise.promise_id] = promise
        self._touched = {}
        self._dirty["cases"].update(dict.fromkeys(self._open))

    def changes(self, book: LoanBook) -> Iterator[Change]:
        today = (book.closed_day or 0) + 1
        dirty, new = self._dirty, self._new
        yield CASES, [self._cases[case_id].as_row(today) for case_id in dirty["cases"]]
        yield CONTACTS, [self._contacts[contact_id].as_row() for contact_id in dirty["contacts"]]
        yield PROMISES, [self._promises[promise_id].as_row() for promise_id in dirty["promises"]]
        yield CASE_OWNERS, [row for name in dirty["owners"] for row in self._owner_rows(name)]
        yield CASE_PAYMENTS, [self._payments[name][day] for name, day in dirty["payments"]]
        yield CASE_HISTORY, new["history"]
        yield ASSIGNMENTS, new["assignments"]
        yield OVERRIDES, new["overrides"]

    def committed(self) -> None:
        self._dirty.clear()
        self._new.clear()

    # -- a close ---------------------------------------------------------------------------------

    def _end_holds(self, day: int) -> None:
        for borrower_id, held in self._holds.items():
            over = [reason for reason, until in held.items() if until is not None and until <= day]
            for reason in over:
                del held[reason]
            if over:
                self._show_holds(borrower_id)

    def _read_payments(self, case: Case, book: LoanBook) -> None:
        """What came in on the case's loans while it was open, day by day, and who had it then."""
        inside = self._money.in_case(case, book)
        known = self._payments.setdefault(case.case_id, {})
        for day in sorted(inside.keys() | known.keys()):
            owner = case.owner_on(day)
            row = (case.case_id, day, case.currency, inside.get(day, 0), owner.owner_id, owner.team)
            if known.get(day) != row:
                known[day] = row
                self._dirty["payments"][case.case_id, day] = None
        case.recovered_minor = sum(inside.values())
        self._dirty["cases"][case.case_id] = None

    def _judge(self, promise: PromiseRow, day: int, book: LoanBook) -> None:
        verdict = judge(promise.promise, self._money.came_in(promise.loan_id, book), day)
        if verdict != promise.verdict:
            promise.verdict = verdict
            self._dirty["promises"][promise.promise_id] = None
            self._dirty["cases"][promise.case_id] = None
            _show_promise(self._cases[promise.case_id], self._promises_of[promise.case_id][-1])

    # -- facts -----------------------------------------------------------------------------------

    def _opened(self, item: Recorded, book: LoanBook) -> None:
        fact: CaseOpened = item.fact
        first = book.arrears.row_of(fact.loan_ids[0])
        day = day_number(fact.value_date)
        case = Case(
            case_id=fact.case_id,
            position=item.position,
            borrower_id=fact.borrower_id,
            loans=fact.loan_ids,
            currency=book.currencies.names[book.currency[first]],
            cause=fact.cause,
            trigger=fact.trigger,
            reference=fact.reference,
            owner_id=fact.owner_id,
            team=fact.team,
            branch=fact.branch,
            stage=fact.stage,
            opened_day=day,
            opened_at_us=fact.recorded_at_us,
        )
        stood_at(case, day, book)
        case.owners.append(Owner(item.position, fact.owner_id, fact.team, day, ""))
        self._cases[case.case_id] = self._open[case.case_id] = case
        self._of_borrower[fact.borrower_id].append(case)
        for loan_id in fact.loan_ids:
            self._of_loan[loan_id].append(case)
        self._dirty["owners"][case.case_id] = None
        self._show_holds(fact.borrower_id)
        self._touched[case.case_id] = case

    def _cause(self, item: Recorded) -> None:
        self._cases[item.fact.case_id].cause = item.fact.cause

    def _stage(self, item: Recorded) -> None:
        self._cases[item.fact.case_id].stage = item.fact.stage

    def _handed_over(self, item: Recorded) -> None:
        fact: CaseHandedOver = item.fact
        case, day = self._cases[fact.case_id], day_number(fact.value_date)
        case.hand_over(Owner(item.position, fact.owner_id, fact.team, day, fact.reason))
        case.branch = fact.branch
        self._dirty["owners"][case.case_id] = None
        self._touched[case.case_id] = case

    def _assigned(self, item: Recorded) -> None:
        fact: StrategyAssigned = item.fact
        case, day = self._cases[fact.case_id], day_number(fact.value_date)
        before = case.segment
        case.strategy, case.digest, case.segment = fact.strategy, fact.version, fact.segment
        case.treatment, case.arm, case.assigned_day = fact.treatment, fact.arm, day
        case.since_assigned = 0
        self._new["assignments"].append(
            (
                *(item.position, fact.case_id, fact.borrower_id, fact.strategy, fact.version),
                *(fact.segment, fact.treatment, fact.arm, fact.previous_version, before),
                *(fact.reason, day, fact.recorded_at_us),
            )
        )

    def _case_closed(self, item: Recorded) -> None:
        case, day = self._cases[item.fact.case_id], day_number(item.fact.value_date)
        case.open, case.closed_day, case.close_reason = 0, day, item.fact.reason
        case.owners[-1].until_day = max(day, case.owners[-1].from_day)
        self._open.pop(case.case_id, None)
        self._dirty["owners"][case.case_id] = None
        self._touched[case.case_id] = case

    def _asked(self, item: Recorded) -> None:
        fact: _Answer = item.fact
        case, day = self._cases[fact.case_id], day_number(fact.value_date)
        contact = self._contacts.get(fact.contact_id)
        if contact is None:
            contact = self._contacts[fact.contact_id] = Contact(
                contact_id=fact.contact_id,
                position=item.position,
                case_id=fact.case_id,
                borrower_id=fact.borrower_id,
                owner_id=case.owner_id,
                team=case.team,
                officer_id=fact.by,
                agency=fact.agency,
                channel=fact.channel,
                addressee=fact.addressee,
                segment=case.segment,
                arm=case.arm,
                asked_day=day,
                asked_at_us=fact.recorded_at_us,
            )
        if case.queued_contact_id == contact.contact_id:
            case.queued_contact_id = case.queued_until_us = None
        contact.rule = contact.next_allowed_us = None
        if isinstance(fact, ContactAllowed):
            contact.state, contact.allowed_at_us = "allowed", fact.at_us
            case.touch(day)
            case.last_channel = fact.channel
        elif isinstance(fact, ContactQueued):
            contact.state, contact.rule, contact.next_allowed_us = (
                "queued",
                fact.rule,
                fact.until_us,
            )
            case.queued_contact_id, case.queued_until_us = contact.contact_id, fact.until_us
        elif isinstance(fact, ContactReported):
            contact.state, contact.rule, contact.breach = "done", fact.rule, int(bool(fact.rule))
            case.touch(day)
            case.last_channel = fact.channel
        else:
            contact.state, contact.rule, contact.breach = "refused", fact.rule, 1
            contact.next_allowed_us = fact.next_allowed_us
        self._dirty["contacts"][contact.contact_id] = None

    def _outcome(self, item: Recorded) -> None:
        fact: ContactOutcomeRecorded = item.fact
        case, contact = self._cases[fact.case_id], self._contacts[fact.contact_id]
        contact.state, contact.outcome = "done", fact.outcome
        contact.outcome_day = day_number(fact.value_date)
        contact.seconds, contact.cost_minor = fact.seconds, fact.cost_minor
        contact.currency, contact.reached = fact.currency, int(fact.outcome in REACHED)
        case.last_outcome = fact.outcome
        case.reached += contact.reached
        case.cost_minor += fact.cost_minor if fact.currency == case.currency else 0
        self._dirty["contacts"][contact.contact_id] = None

    def _held(self, item: Recorded) -> None:
        fact = item.fact
        held = self._holds[fact.borrower_id]
        if isinstance(fact, ContactHoldLifted):
            held.pop(fact.reason, None)
        else:
            held[fact.reason] = None if fact.until is None else day_number(fact.until)
        self._show_holds(fact.borrower_id)

    def _show_holds(self, borrower_id: str) -> None:
        said = " ".join(sorted(self._holds.get(borrower_id, ())))
        for case in self._of_borrower[borrower_id]:
            if case.open and case.holds != said:
                case.holds = said
                self._dirty["cases"][case.case_id] = None

    def _promised(self, item: Recorded) -> None:
        fact: PromiseMade = item.fact
        case, promise = self._cases[fact.case_id], promise_of(fact)
        row = PromiseRow(
            promise_id=fact.promise_id,
            position=item.position,
            case_id=fact.case_id,
            borrower_id=fact.borrower_id,
            loan_id=fact.loan_id,
            currency=fact.currency,
            officer_id=fact.by,
            team=case.team,
            segment=case.segment,
            promise=promise,
            verdict=Verdict("open", None, 0, day_number(fact.parts[0].due_date)),
        )
        self._promises[fact.promise_id] = self._undecided[fact.promise_id] = row
        self._promises_of[fact.case_id].append(row)
        self._dirty["promises"][fact.promise_id] = None
        _show_promise(case, row)

    def _promise_cancelled(self, item: Recorded) -> None:
        fact: PromiseCancelled = item.fact
        row = self._promises[fact.promise_id]
        row.promise.cancelled = day_number(fact.value_date)
        if row.verdict.decided_day is None:
            row.verdict = Verdict("cancelled", row.promise.cancelled, row.paid_minor, None)
        self._undecided[fact.promise_id] = row
        self._dirty["promises"][fact.promise_id] = None
        _show_promise(self._cases[fact.case_id], self._promises_of[fact.case_id][-1])

    def _legal(self, item: Recorded) -> None:
        fact: LegalStepTaken = item.fact
        case, deadline = self._cases[fact.case_id], fact.deadline
        case.legal_step = fact.step
        case.legal_due_day = None if deadline is None else day_number(deadline)

    def _owner_rows(self, case_id: str) -> Iterator[Row]:
        for each in self._cases[case_id].owners:
            span = (each.from_day, each.until_day, each.reason)
            yield (case_id, each.position, each.owner_id, each.team, *span)


def _show_promise(case: Case, promise: PromiseRow) -> None:
    """The newest promise, as the case's row tells of it."""
    case.promise_id, case.promise_state = promise.promise_id, promise.state
    case.promise_due_day = promise.verdict.next_due_day if promise.state == "open" else None


_CHANGES: dict[type, Callable[[Cases, Recorded], None]] = {
    CaseOpened: lambda view, item: None,
    CaseCauseChanged: Cases._cause,
    CaseStageChanged: Cases._stage,
    CaseHandedOver: Cases._handed_over,
    StrategyAssigned: Cases._assigned,
    CaseClosed: Cases._case_closed,
    ContactAllowed: Cases._asked,
    ContactQueued: Cases._asked,
    ContactRefused: Cases._asked,
    ContactReported: Cases._asked,
    ContactOutcomeRecorded: Cases._outcome,
    ContactHeld: Cases._held,
    ContactHoldLifted: Cases._held,
    PromiseMade: Cases._promised,
    PromiseCancelled: Cases._promise_cancelled,
    LegalStepTaken: Cases._legal,
}
_TOLD: Sequence[type] = (
    *(CaseNoted, DocumentAttached, ContactConsentChanged, DebtorPlaced, EvasionSignalNoted),
    *(ReferralProposed, ReferralApproved, ReferralDeclined, OfficerExempted),
)
_OF_LOANS = frozenset({LoanGradeOverridden, LoanGradeOverrideEnded})
_REFERRED = frozenset({ReferralApproved, ReferralDeclined, OfficerExempted})
_PAYING = frozenset(PAYING)
_OVERRIDING = _OF_LOANS | _REFERRED
