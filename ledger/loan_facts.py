"""What each fact does to a loan: evolve, one small function a kind of fact.

The facts were decided and checked; here they only take effect. Decides nothing.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable
from typing import Any

from ledger.dates import day_number
from ledger.delinquency import COMPONENTS, PENALTY, PRINCIPAL, Charge
from ledger.errors import InvariantBroken
from ledger.events import (
    ArrearsCapitalised,
    ChargeApplied,
    CollateralValued,
    DelinquencyPaused,
    DelinquencyResumed,
    FigureReported,
    InstalmentsScheduled,
    InterestAccrued,
    LoanAssessed,
    LoanClosed,
    LoanDisbursed,
    LoanGradeOverridden,
    LoanGradeOverrideEnded,
    LoanGuarantorChanged,
    LoanLimitChanged,
    LoanOfficerChanged,
    LoanOpened,
    LoanRateChanged,
    LoanReopened,
    LoanRevised,
    LoanStatusChanged,
    OverpaymentRefunded,
    PositionReported,
    RecoveryReceived,
    RecoveryReversed,
    RepaymentChargedBack,
    RepaymentDesignated,
    RepaymentReceived,
    RepaymentReversed,
    RepaymentsReallocated,
    WriteOffAdjusted,
    WriteOffCancelled,
)
from ledger.loan import NOTHING, Loan, Report
from ledger.position import (
    CAPITALISED,
    CHARGE,
    CLOSING,
    DRAWN,
    FOUND,
    RATE,
    REFUND,
    REPAYMENT,
    REVISED,
    SCHEDULE,
    Booked,
    Entry,
    Wish,
)
from ledger.waterfall import added


def evolve(state: Loan | None, fact: Any) -> Loan:
    """Take in one fact of the loan, in the order of recording; changes and returns `state`.

    Errors: InvariantBroken for a fact of another kind, or one before the loan was opened.
    """
    if isinstance(fact, LoanOpened):
        return Loan(fact)
    take = EVOLVE.get(type(fact))
    if take is None or state is None:
        raise InvariantBroken(f"{type(fact).__name__} cannot follow here in a loan's stream.")
    take(state, fact)
    state.flows_minor, state.schedule_minor = state.count((fact,))
    return state


def with_facts(loan: Loan, facts: Iterable[Any]) -> Loan:
    """The loan as it will be; `loan` itself stays as it is."""
    after = loan.copied()
    for fact in facts:
        after = evolve(after, fact)
    return after


def _disbursed(loan: Loan, fact: LoanDisbursed) -> None:
    day = day_number(fact.value_date)
    loan.book.add(Entry(day, DRAWN, fact.transaction_id, fact.amount_minor))
    loan.book.position.drawn_minor += fact.amount_minor


def _scheduled(loan: Loan, fact: InstalmentsScheduled) -> None:
    book = loan.book
    loan.schedule_version = fact.schedule_version
    book.position.schedule(fact.instalments)
    if fact.origin == "generated":
        book.remember(fact.instalments)
        return
    loan.schedule_day = day_number(fact.value_date)
    tie = f"{fact.schedule_version:06d}"
    book.add(Entry(loan.schedule_day, SCHEDULE, tie, rows=fact.instalments))


def _received(loan: Loan, fact: RepaymentReceived) -> None:
    transaction_id = fact.transaction_id
    entry = Entry(day_number(fact.value_date), REPAYMENT, transaction_id, fact.amount_minor)
    book = loan.book
    book.add(entry)
    book.repayments[transaction_id] = entry
    book.position.apply(transaction_id, fact.split)


def _reversed(loan: Loan, fact: RepaymentReversed) -> None:
    book = loan.book
    book.remove(book.repayments[fact.reversed_transaction_id])
    book.reversed.add(fact.reversed_transaction_id)
    book.position.take_back(fact.reversed_transaction_id)


def _reallocated(loan: Loan, fact: RepaymentsReallocated) -> None:
    for change in fact.changes:
        loan.book.position.apply(change.transaction_id, change.split)


def _charged(loan: Loan, fact: ChargeApplied) -> None:
    charge = Charge(day_number(fact.due_date), COMPONENTS.index(fact.kind), fact.amount_minor)
    day = day_number(fact.value_date)
    loan.book.add(Entry(day, CHARGE, fact.transaction_id, fact.amount_minor, charge=charge))
    loan.book.position.charge(charge)


def _rate_changed(loan: Loan, fact: LoanRateChanged) -> None:
    day = day_number(fact.value_date)
    loan.book.add(Entry(day, RATE, fact.transaction_id, fact.rate_ppm))
    if loan.newest("rate", day, fact.transaction_id):
        loan.rate_ppm = fact.rate_ppm


def _limit_changed(loan: Loan, fact: LoanLimitChanged) -> None:
    if loan.newest("limit", day_number(fact.value_date), fact.transaction_id):
        loan.limit_minor = fact.limit_minor


def _officer_changed(loan: Loan, fact: LoanOfficerChanged) -> None:
    if loan.newest("officer", day_number(fact.value_date), fact.transaction_id):
        loan.officer_id, loan.branch = fact.officer_id, fact.branch


def _guarantor_changed(loan: Loan, fact: LoanGuarantorChanged) -> None:
    if loan.newest("guarantor", day_number(fact.value_date), fact.transaction_id):
        loan.guarantor_id = fact.guarantor_id


def _status_changed(loan: Loan, fact: LoanStatusChanged) -> None:
    if loan.newest(f"finding {fact.finding}", day_number(fact.value_date), fact.transaction_id):
        loan.findings[fact.finding] = fact.active
    if loan.book.accrues:
        loan.book.add(found(fact))


def _assessed(loan: Loan, fact: LoanAssessed) -> None:
    """Measures decide nothing here: regimes of risk grades read them."""


def _stated(loan: Loan, fact: CollateralValued | FigureReported) -> None:
    """Decides nothing here: indicators read it."""


def _overridden(loan: Loan, fact: LoanGradeOverridden) -> None:
    if loan.newest(f"override {fact.regime}", day_number(fact.value_date), fact.transaction_id):
        loan.overrides[fact.regime] = day_number(fact.until)


def _override_ended(loan: Loan, fact: LoanGradeOverrideEnded) -> None:
    if loan.newest(f"override {fact.regime}", day_number(fact.value_date), fact.transaction_id):
        loan.overrides.pop(fact.regime, None)


def found(fact: LoanStatusChanged) -> Entry:
    """A finding as an entry of a book that accrues interest."""
    tie = f"{fact.transaction_id}/{fact.finding}"
    day, active = day_number(fact.value_date), int(fact.active)
    return Entry(day, FOUND, tie, active, finding=fact.finding)


def _accrued(loan: Loan, fact: InterestAccrued) -> None:
    booked, book = loan.booked, loan.book
    penalties = dict(booked.penalties)
    for due in fact.penalties:
        day = day_number(due.due_date)
        before = penalties.get(day, (0, 0))
        penalties[day] = before[0] + due.penalty_minor, before[1] + due.compound_minor
        amount = due.penalty_minor + due.compound_minor
        book.position.charge(Charge(day, PENALTY, amount))
    loan.booked = Booked(
        day_number(fact.until),
        booked.interest_minor + fact.interest_minor,
        fact.suspended,
        booked.suspended_interest_minor + fact.suspended_interest_minor,
        booked.suspended_penalty_minor + fact.suspended_penalty_minor,
        {day: amounts for day, amounts in penalties.items() if any(amounts)},
    )
    if fact.closing:
        book.add(Entry(day_number(fact.value_date), CLOSING, fact.transaction_id))


def _reported(loan: Loan, fact: PositionReported) -> None:
    report = Report(
        day_number(fact.value_date),
        fact.transaction_id,
        fact.outstanding_minor,
        fact.payment_due_minor,
        fact.months_past_due,
    )
    insort(loan.reports, report, key=lambda known: known[:2])


def _closed(loan: Loan, fact: LoanClosed) -> None:
    loan.closed, loan.closed_day = fact.reason, day_number(fact.value_date)
    loan.remaining = fact.remaining


def _reopened(loan: Loan, fact: LoanReopened | WriteOffCancelled) -> None:
    loan.closed, loan.closed_day, loan.remaining = None, None, NOTHING


def _designated(loan: Loan, fact: RepaymentDesignated) -> None:
    parts = tuple((part.component, part.amount_minor) for part in fact.designated)
    loan.book.wish(fact.transaction_id, Wish(parts, fact.effect))


def _refunded(loan: Loan, fact: OverpaymentRefunded) -> None:
    day = day_number(fact.value_date)
    loan.book.add(Entry(day, REFUND, fact.transaction_id, fact.amount_minor))
    loan.book.position.unapplied_minor -= fact.amount_minor


def _charged_back(loan: Loan, fact: RepaymentChargedBack) -> None:
    day, amount = day_number(fact.value_date), fact.amount_minor
    charge = Charge(day, PRINCIPAL, amount)
    loan.book.add(Entry(day, CHARGE, fact.transaction_id, amount, charge=charge))
    loan.book.position.charge(charge)
    original = fact.charged_back_transaction_id
    loan.charged_back[original] = loan.charged_back.get(original, 0) + amount


def _revised(loan: Loan, fact: LoanRevised) -> None:
    day, revision = day_number(fact.value_date), fact.revision
    if revision is None:
        return
    loan.book.add(Entry(day, REVISED, fact.transaction_id, revision=revision))
    if revision.rate_ppm is not None and loan.newest("rate", day, fact.transaction_id):
        loan.rate_ppm = revision.rate_ppm


def _capitalised(loan: Loan, fact: ArrearsCapitalised) -> None:
    book, amount = loan.book, fact.amount_minor
    book.add(Entry(day_number(fact.value_date), CAPITALISED, fact.transaction_id, amount))
    book.position.drawn_minor += amount
    book.position.apply(fact.transaction_id, fact.split)


def _paused(loan: Loan, fact: DelinquencyPaused) -> None:
    loan.pauses.pause(day_number(fact.value_date), day_number(fact.until))


def _resumed(loan: Loan, fact: DelinquencyResumed) -> None:
    loan.pauses.resume(day_number(fact.value_date))


def _recovered(loan: Loan, fact: RecoveryReceived) -> None:
    entry = Entry(day_number(fact.value_date), REPAYMENT, fact.transaction_id, fact.amount_minor)
    loan.recoveries[fact.transaction_id] = entry


def _recovery_reversed(loan: Loan, fact: RecoveryReversed) -> None:
    del loan.recoveries[fact.reversed_transaction_id]
    loan.book.reversed.add(fact.reversed_transaction_id)


def _adjusted(loan: Loan, fact: WriteOffAdjusted) -> None:
    loan.remaining = added(loan.remaining, fact.change, sign=1)


def _write_off_cancelled(loan: Loan, fact: WriteOffCancelled) -> None:
    _reopened(loan, fact)
    book = loan.book
    for recovered in fact.recovered:
        entry = loan.recoveries.pop(recovered.transaction_id)
        book.add(entry)
        book.repayments[entry.tie] = entry
        book.position.apply(entry.tie, recovered.split)


EVOLVE: dict[type, Callable[[Loan, Any], None]] = {
    LoanDisbursed: _disbursed,
    InstalmentsScheduled: _scheduled,
    RepaymentReceived: _received,
    RepaymentReversed: _reversed,
    RepaymentsReallocated: _reallocated,
    ChargeApplied: _charged,
    LoanRateChanged: _rate_changed,
    LoanLimitChanged: _limit_changed,
    LoanOfficerChanged: _officer_changed,
    LoanGuarantorChanged: _guarantor_changed,
    LoanStatusChanged: _status_changed,
    LoanAssessed: _assessed,
    CollateralValued: _stated,
    FigureReported: _stated,
    LoanGradeOverridden: _overridden,
    LoanGradeOverrideEnded: _override_ended,
    InterestAccrued: _accrued,
    PositionReported: _reported,
    LoanClosed: _closed,
    LoanReopened: _reopened,
    RepaymentDesignated: _designated,
    OverpaymentRefunded: _refunded,
    RepaymentChargedBack: _charged_back,
    LoanRevised: _revised,
    ArrearsCapitalised: _capitalised,
    DelinquencyPaused: _paused,
    DelinquencyResumed: _resumed,
    RecoveryReceived: _recovered,
    RecoveryReversed: _recovery_reversed,
    WriteOffAdjusted: _adjusted,
    WriteOffCancelled: _write_off_cancelled,
}
"""What each fact behind the opening does to the state."""
