"""Rows that tell of single facts of collections: the history of cases, and overrides."""

from __future__ import annotations

from dataclasses import fields

import orjson

from ledger.codec import topic_of
from ledger.dates import day_number
from ledger.events import LoanGradeOverridden, OfficerExempted, ReferralApproved, ReferralDeclined
from ledger.store import Recorded
from projections.book import LoanBook
from projections.tables import Row

_TOLD_APART = frozenset(
    ("borrower_id", "case_id", "by", "transaction_id", "value_date", "recorded_at_us")
)


def history_row(item: Recorded) -> Row:
    """The row of `case_history`: what is told apart has its columns, the rest is `details`."""
    fact = item.fact
    own = {f.name: getattr(fact, f.name) for f in fields(fact) if f.name not in _TOLD_APART}
    approver = fact.by if isinstance(fact, ReferralApproved | ReferralDeclined) else None
    approver = fact.approved_by if isinstance(fact, OfficerExempted) else approver
    return (
        *(item.position, getattr(fact, "case_id", ""), fact.borrower_id, item.event_id),
        *(topic_of(fact).rpartition(".")[0], fact.by, approver, orjson.dumps(own).decode()),
        *(day_number(fact.value_date), fact.recorded_at_us),
    )


def override_row(item: Recorded, book: LoanBook) -> Row:
    """The row of `overrides`: who decided, and who approved it."""
    fact = item.fact
    if isinstance(fact, ReferralApproved | ReferralDeclined):
        actor, approver, reference = fact.proposed_by, fact.by, fact.case_id
        borrower_id, details = fact.borrower_id, {"referral_id": fact.referral_id}
    elif isinstance(fact, OfficerExempted):
        actor, approver, reference = fact.by, fact.approved_by, fact.case_id
        borrower_id = fact.borrower_id
        details = {"officer_id": fact.officer_id, "reason": fact.reason}
    else:
        actor, approver, reference = fact.requested_by, fact.approved_by, fact.loan_id
        borrower_id = book.borrower_of(fact.loan_id)
        details = {"regime": fact.regime, "reason": fact.reason}
        if isinstance(fact, LoanGradeOverridden):
            details |= {"grade": fact.grade, "until": fact.until.isoformat()}
    return (
        *(item.position, topic_of(fact).split(".")[1], borrower_id, reference, actor, approver),
        *(orjson.dumps(details).decode(), day_number(fact.value_date), fact.recorded_at_us),
    )
