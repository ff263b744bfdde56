"""Forms about a case -> the messages they ask for, by the right that each needs.

A form is read here and nowhere else. What it leaves out or gets wrong is named by the ledger and by
the schema of the messages; here only what no message could carry is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from projections.queries import Answer
from streams.api.problems import Problem
from streams.desk.forms import Form
from streams.identity.rights import Action

Made = dict[str, Any]
MOST_PARTS = 12
_FIRST_YEAR = 1990
NO_DECISION = frozenset({"contacted", "outcome", "document"})
"""Forms that hold whatever others did meanwhile."""
OF_BORROWER = frozenset({"contact_held", "contact_hold_lifted", "contact_consent_changed"})
"""Messages about all of a borrower's debts, not about one case."""


def _count(form: Form, name: str) -> int:
    """A small whole number; none is zero. Errors: Problem."""
    text = form.text(name) or "0"
    if not text.isdecimal() or len(text) > 3:
        raise Problem("invalid_request", f"{name}: a whole number is wanted.")
    return int(text)


def _revision(form: Form) -> int | None:
    """How many facts the page had seen; None if it does not say. Errors: Problem."""
    text = form["revision"]
    if not text:
        return None
    if not text.isdecimal() or len(text) > 9:
        raise Problem("invalid_request", "revision: a whole number is wanted.")
    return int(text)


def _contact(form: Form, case: Answer, once: str) -> Made:
    return {
        "type": "contact_requested",
        "contact_id": f"K-{once}",
        "loan_ids": case["loan_ids"],
        "channel": form["channel"],
        "addressee": form["addressee"] or "debtor",
        "queue": form["queue"] == "yes",
    }


def _contacted(form: Form, case: Answer, once: str) -> Made:
    """A contact that was made already; its time is the wall clock's where the borrower lives."""
    text = form.text("made")
    try:
        made = datetime.fromisoformat(text)
    except ValueError:
        raise Problem("invalid_request", "made: a day and a time are wanted.") from None
    if made.tzinfo is not None:
        raise Problem("invalid_request", "made: a time without a zone is wanted.")
    if made.year < _FIRST_YEAR:
        raise Problem("invalid_request", f"made: a year from {_FIRST_YEAR} on is wanted.")
    return {
        "type": "contact_reported",
        "contact_id": f"K-{once}",
        "loan_ids": case["loan_ids"],
        "channel": form["channel"],
        "addressee": form["addressee"],
        "value_date": made.date().isoformat(),
        "made_at": made.replace(tzinfo=ZoneInfo(case["zone"])).astimezone(UTC).isoformat(),
        "outcome": form["outcome"],
        "seconds": 60 * _count(form, "minutes"),
        "cost": form.text("cost") or "0",
        "currency": case["currency"],
    }


def _outcome(form: Form, case: Answer, once: str) -> Made:
    return {
        "type": "contact_outcome_recorded",
        "contact_id": form["contact_id"],
        "outcome": form["outcome"],
        "seconds": 60 * _count(form, "minutes"),
        "cost": form.text("cost") or "0",
        "currency": case["currency"],
    }


def _promise(form: Form, case: Answer, once: str) -> Made:
    parts = [
        {"due_date": form.text(f"due_{n}"), "amount": form.text(f"amount_{n}").replace(",", "")}
        for n in range(1, MOST_PARTS + 1)
        if form.text(f"due_{n}") or form.text(f"amount_{n}")
    ]
    return {
        "type": "promise_made",
        "promise_id": f"P-{once}",
        "loan_id": form["loan_id"],
        "currency": case["currency"],
        "parts": parts,
        "tolerance_days": _count(form, "tolerance_days"),
    }


def _cancel(form: Form, case: Answer, once: str) -> Made:
    return {
        "type": "promise_cancelled",
        "promise_id": form["promise_id"],
        "reason": form.text("reason"),
    }


def _document(form: Form, case: Answer, once: str) -> Made:
    return {
        "type": "document_attached",
        "document_id": f"D-{once}",
        "kind": form.text("kind"),
        "reference": form.text("reference"),
        "sha256": form.text("sha256").lower(),
    }


def _cause(form: Form, case: Answer, once: str) -> Made:
    return {
        "type": "case_cause_changed",
        "cause": form["cause"],
        "reason": form.text("reason"),
    }


def _stage(form: Form, case: Answer, once: str) -> Made:
    return {
        "type": "case_stage_changed",
        "stage": form["stage"],
        "reason": form.text("reason"),
    }


def _close(form: Form, case: Answer, once: str) -> Made:
    return {
        "type": "case_closed",
        "reason": form["close_reason"],
        "remark": form.text("reason"),
    }


def _hold(form: Form, case: Answer, once: str) -> Made:
    return {
        "type": "contact_held",
        "reason": form["hold_reason"],
        "until": form.text("until") or None,
        "remark": form.text("reason"),
    }


def _lift(form: Form, case: Answer, once: str) -> Made:
    return {
        "type": "contact_hold_lifted",
        "reason": form["hold_reason"],
        "remark": form.text("reason"),
    }


def _consent(form: Form, case: Answer, once: str) -> Made:
    return {
        "type": "contact_consent_changed",
        "channel": form["channel"],
        "allowed": form["allowed"] == "yes",
        "preferred": form["preferred"] == "yes",
        "at_night": form["at_night"] == "yes",
        "reason": form.text("reason"),
    }


def _legal(form: Form, case: Answer, once: str) -> Made:
    return {
        "type": "legal_step_taken",
        "step_id": f"S-{once}",
        "loan_id": form["loan_id"],
        "step": form["step"],
        "reference": form.text("reference"),
        "deadline": form.text("until") or None,
        "amount": form.text("amount").replace(",", "") or "0",
        "currency": case["currency"],
    }


def _signal(form: Form, case: Answer, once: str) -> Made:
    return {
        "type": "evasion_signal_noted",
        "signal_id": f"E-{once}",
        "signal": form["signal"],
        "reference": form.text("reference"),
        "remark": form.text("reason"),
    }


def _refer(form: Form, case: Answer, once: str) -> Made:
    return {
        "type": "referral_proposed",
        "referral_id": f"R-{once}",
        "authority": form.text("authority"),
        "signal_ids": form["signal_ids"].split(),
        "reason": form.text("reason"),
    }


def _hand_over(form: Form, case: Answer, once: str) -> Made:
    return {
        "type": "case_handed_over",
        "owner_id": form.text("owner_id"),
        "team": form.text("team") or case["team"],
        "branch": case["branch"],
        "reason": form.text("reason"),
    }


def _approve(form: Form, case: Answer, once: str) -> Made:
    return {"type": "referral_approved", "referral_id": form["referral_id"]}


def _decline(form: Form, case: Answer, once: str) -> Made:
    return {
        "type": "referral_declined",
        "referral_id": form["referral_id"],
        "reason": form.text("reason"),
    }


Make = Callable[[Form, Answer, str], Made]
FORMS: Mapping[Action, Mapping[str, Make]] = {
    "act": {
        "contact": _contact,
        "contacted": _contacted,
        "outcome": _outcome,
        "promise": _promise,
        "cancel": _cancel,
        "document": _document,
        "cause": _cause,
        "stage": _stage,
        "close": _close,
        "hold": _hold,
        "lift": _lift,
        "consent": _consent,
        "legal": _legal,
        "signal": _signal,
    },
    "lead": {"handover": _hand_over},
    "propose": {"refer": _refer},
    "approve": {"approve": _approve, "decline": _decline},
}
"""What may be done about a case, by the right it needs. A note is not here: it is sealed first."""


def message_of(right: str, word: str, form: Form, case: Answer, once: str) -> Made:
    """The message that a form asks for. Errors: Problem for a form that there is not."""
    made = FORMS.get(right, {}).get(word)  # type: ignore[call-overload]
    if made is None:
        raise Problem("not_found")
    fields: Made = made(form, case, once)
    if fields["type"] not in OF_BORROWER:
        fields["case_id"] = case["case_id"]
        fields["expected_revision"] = None if word in NO_DECISION else _revision(form)
    return fields
