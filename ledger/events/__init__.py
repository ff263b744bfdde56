"""The facts. Past tense, frozen, for ever; stored under names that outlive these classes.

Every fact carries `value_date` (when it counts) and `recorded_at_us` (when we learned it, UTC).
`loan`, `account`, `trading` and `day` are facts of the ledger log; `warning` those of the warnings
log. A shape never changes: a new version and an upcast do.
"""

from ledger.events.account import (
    AccountCredited,
    AccountDebited,
    AccountDebitReturned,
    AccountOpened,
    Flow,
)
from ledger.events.day import BusinessDayClosed, MessageRefused
from ledger.events.loan import (
    ChargeApplied,
    InstalmentsScheduled,
    LoanClosed,
    LoanDisbursed,
    LoanGuarantorChanged,
    LoanLimitChanged,
    LoanOfficerChanged,
    LoanOpened,
    LoanRateChanged,
    LoanStatusChanged,
    PositionReported,
    Reallocation,
    RepaymentReceived,
    RepaymentReversed,
    RepaymentsReallocated,
)
from ledger.events.trading import InvoiceVoided, PurchaseInvoiced, SaleInvoiced
from ledger.events.warning import (
    Reading,
    RulesAdopted,
    Severity,
    WarningAcknowledged,
    WarningActionStarted,
    WarningDeferred,
    WarningEscalated,
    WarningExpired,
    WarningFoundFalse,
    WarningRaised,
    WarningReferred,
    WarningReopened,
    WarningResolved,
    WarningSuppressed,
    WarningWithdrawn,
)

__all__ = [
    "AccountCredited",
    "AccountDebitReturned",
    "AccountDebited",
    "AccountOpened",
    "BusinessDayClosed",
    "ChargeApplied",
    "Flow",
    "InstalmentsScheduled",
    "InvoiceVoided",
    "LoanClosed",
    "LoanDisbursed",
    "LoanGuarantorChanged",
    "LoanLimitChanged",
    "LoanOfficerChanged",
    "LoanOpened",
    "LoanRateChanged",
    "LoanStatusChanged",
    "MessageRefused",
    "PositionReported",
    "PurchaseInvoiced",
    "Reading",
    "Reallocation",
    "RepaymentReceived",
    "RepaymentReversed",
    "RepaymentsReallocated",
    "RulesAdopted",
    "SaleInvoiced",
    "Severity",
    "WarningAcknowledged",
    "WarningActionStarted",
    "WarningDeferred",
    "WarningEscalated",
    "WarningExpired",
    "WarningFoundFalse",
    "WarningRaised",
    "WarningReferred",
    "WarningReopened",
    "WarningResolved",
    "WarningSuppressed",
    "WarningWithdrawn",
]
