"""The one way in: `decide` turns a command into facts, `evolve` takes a fact into the state.

    state: State | None = None
    for fact in facts_of_the_stream:
        state = evolve(state, fact)
    facts = decide(state, command)          # changes nothing; raises LoanError when refused
                                            # a command that names loans sees them as a third
    check(state, facts)                     # the books must balance before anything is recorded
    for fact in facts:
        state = evolve(state, fact)         # may change `state` in place and return it

The state belongs to one stream: `Loan` to `loan:<id>`, `Account` to `account:<id>`, `Trading`
to `trading:<borrower>`, `Collection` to `collection:<borrower>`, `Days` to `calendar`, `Accruing`
to `accruals`. `decide` answers () for a command that changes nothing because it is so already (the
same business day closed again). Whether
a transaction id is known is the business of `service`, and so is what a closed day asks of loans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ledger.account import (
    Account,
    credit,
    credited,
    debit,
    debit_returned,
    debited,
    open_account,
    opened,
    return_debit,
)
from ledger.change_commands import ClosePeriod, ReopenPeriod
from ledger.closings import Accruing, accrual_begun
from ledger.collection import decide as collecting
from ledger.collection.common import NO_LOANS, Loans
from ledger.collection.state import Collection
from ledger.commands import (
    CloseBusinessDay,
    Command,
    CreditAccount,
    DebitAccount,
    OpenAccount,
    RecordPurchase,
    RecordSale,
    ReturnDebit,
    VoidInvoice,
)
from ledger.day import (
    Days,
    close_day,
    close_period,
    day_closed,
    period_closed,
    period_reopened,
    reopen_period,
)
from ledger.errors import InvariantBroken
from ledger.events import (
    AccountCredited,
    AccountDebited,
    AccountDebitReturned,
    AccountOpened,
    AccrualBegun,
    BusinessDayClosed,
    InvoiceVoided,
    PeriodClosed,
    PeriodReopened,
    PurchaseInvoiced,
    SaleInvoiced,
)
from ledger.loan import Loan
from ledger.loan_decisions import decide_loan
from ledger.loan_facts import evolve as evolve_loan
from ledger.postings import check_fact
from ledger.trading import (
    Trading,
    invoice_voided,
    purchase_invoiced,
    record_purchase,
    record_sale,
    sale_invoiced,
    void_invoice,
)

State = Loan | Account | Trading | Collection | Days | Accruing
"""What one stream's facts add up to."""

_Decide = Callable[..., tuple[Any, ...]]
_Evolve = Callable[[Any, Any], State]
_decide_loan: _Decide = decide_loan
_evolve_loan: _Evolve = evolve_loan
_DECIDE: dict[type, _Decide] = {
    CreditAccount: credit,
    DebitAccount: debit,
    ReturnDebit: return_debit,
    OpenAccount: open_account,
    CloseBusinessDay: close_day,
    ClosePeriod: close_period,
    ReopenPeriod: reopen_period,
    RecordSale: record_sale,
    RecordPurchase: record_purchase,
    VoidInvoice: void_invoice,
    **collecting.DECIDES,
}
_EVOLVE: dict[type, _Evolve] = {
    AccountCredited: credited,
    AccountDebited: debited,
    AccountDebitReturned: debit_returned,
    AccountOpened: opened,
    AccrualBegun: accrual_begun,
    BusinessDayClosed: day_closed,
    PeriodClosed: period_closed,
    PeriodReopened: period_reopened,
    SaleInvoiced: sale_invoiced,
    PurchaseInvoiced: purchase_invoiced,
    InvoiceVoided: invoice_voided,
    **collecting.EVOLVES,
}


def decide(state: State | None, command: Command, loans: Loans = NO_LOANS) -> tuple[Any, ...]:
    """The facts that `command` becomes, in the order to record them; `state` stays as it is.

    `loans` are those that the command names besides (`loans_named`). Errors: LoanError with its
    rule and way out when refused.
    """
    take = _DECIDE.get(type(command), _decide_loan)
    return take(state, command, loans) if loans else take(state, command)


def check(state: State | None, facts: Iterable[Any]) -> None:
    """Errors: InvariantBroken when the postings of `facts`, decided in `state`, do not balance."""
    for fact in facts:
        check_fact(fact)


def evolve(state: State | None, fact: Any) -> State:
    """The state after `fact`; `state` itself may be changed and returned.

    Errors: InvariantBroken for a fact that cannot follow in this stream.
    """
    take = _EVOLVE.get(type(fact), _evolve_loan)
    try:
        return take(state, fact)
    except (AttributeError, KeyError, IndexError) as error:
        raise InvariantBroken(f"{type(fact).__name__} contradicts its stream: {error!r}") from error


def state_of(facts: Iterable[Any]) -> State | None:
    """The state after all facts of one stream; None for an empty stream."""
    state: State | None = None
    for fact in facts:
        state = evolve(state, fact)
    return state
