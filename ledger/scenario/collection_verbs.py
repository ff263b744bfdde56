"""What may happen in a diary about collecting a borrower's debts. Decides nothing.

A borrower stands first, as a loan does elsewhere. `utc 13:30` is the time of day, in UTC; without
it the day's beginning. `by` is the user.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from ledger import collection_commands as c
from ledger.commands import Command
from ledger.dates import moment_us
from ledger.events import Addressee, Channel, PromisePart
from ledger.scenario.words import Unclear, Words, literal, on_or_off, one_of

Common = dict[str, Any]
_MINUTE_US = 60_000_000


def _said(words: Words, common: Common, *, case: bool = True) -> Common:
    """Borrower, case, user, time of day and what was seen of the case."""
    said = {**common, "borrower_id": words.word("The borrower")}
    if case:
        said["case_id"] = words.word("The case")
        said["expected_revision"] = words.take("seen", int)
    said["by"] = words.take("by", default="U1")
    said["recorded_at_us"] += words.take("utc", _minutes, 0) * _MINUTE_US
    return said


def _minutes(text: str) -> int:
    hours, colon, minutes = text.partition(":")
    if not colon:
        raise Unclear(f"{text!r} is no time of day such as 13:30")
    return int(hours) * 60 + int(minutes)


def _loans(words: Words) -> tuple[str, ...]:
    return tuple((words.take("loans", default="L1")).split())


def _case(words: Words, common: Common) -> Command:
    said = _said(words, common)
    return c.OpenCase(
        **said,
        loan_ids=_loans(words),
        cause=words.take("cause", literal(c.OpenCase, "cause"), "unknown"),
        trigger=words.take("trigger", literal(c.OpenCase, "trigger"), "person"),
        reference=words.take("reference", default=""),
        stage=words.take("stage", literal(c.OpenCase, "stage"), "early"),
        owner_id=words.take("owner", default="U1"),
        team=words.take("team", default="T1"),
        branch=words.take("branch", default="main"),
    )


def _cause(words: Words, common: Common) -> Command:
    said = _said(words, common)
    cause = literal(c.ChangeCause, "cause")(words.word("The cause"))
    return c.ChangeCause(**said, cause=cause, reason=words.take("reason", default=""))


def _stage(words: Words, common: Common) -> Command:
    said = _said(words, common)
    stage = literal(c.ChangeStage, "stage")(words.word("The stage"))
    return c.ChangeStage(**said, stage=stage, reason=words.take("reason", default=""))


def _hand_over(words: Words, common: Common) -> Command:
    said = _said(words, common)
    return c.HandOverCase(
        **said,
        owner_id=words.word("The new owner"),
        team=words.take("team", default="T1"),
        branch=words.take("branch", default="main"),
        reason=words.take("reason", default=""),
    )


def _note(words: Words, common: Common) -> Command:
    said = _said(words, common)
    return c.NoteCase(
        **said, note_id=words.word("The note's id"), text=words.take("text", default="sealed")
    )


def _attach(words: Words, common: Common) -> Command:
    said = _said(words, common)
    return c.AttachDocument(
        **said,
        document_id=words.word("The document's id"),
        sha256=words.word("Its SHA-256"),
        kind=words.take("kind", default="letter"),
        reference=words.take("reference", default="archive"),
    )


def _strategy(words: Words, common: Common) -> Command:
    said = _said(words, common)
    return c.AssignStrategy(
        **said,
        strategy=words.word("The strategy"),
        version=words.word("Its version"),
        segment=words.take("segment", default="all"),
        treatment=words.take("treatment", default="usual"),
        arm=words.take("arm", default="champion"),
        reason=words.take("reason", default=""),
    )


def _close_case(words: Words, common: Common) -> Command:
    said = _said(words, common)
    reason = literal(c.CloseCase, "reason")(words.word("The reason"))
    return c.CloseCase(**said, reason=reason, remark=words.take("remark", default=""))


def _place(words: Words, common: Common) -> Command:
    said = _said(words, common, case=False)
    zone = words.word("The time zone")
    return c.PlaceDebtor(**said, zone=zone, rule_set=words.take("rules"))


def _contact(words: Words, common: Common) -> Command:
    said = _said(words, common)
    return c.RequestContact(
        **said,
        contact_id=words.word("The contact's id"),
        channel=one_of(Channel)(words.word("The channel")),
        loan_ids=_loans(words),
        addressee=words.take("to", one_of(Addressee), "debtor"),
        agency=words.take("agency"),
        queue=words.take("queue", on_or_off, False),
    )


def _contacted(words: Words, common: Common) -> Command:
    said = _said(words, common)
    contact_id = words.word("The contact's id")
    channel = one_of(Channel)(words.word("The channel"))
    outcome = literal(c.ReportContact, "outcome")(words.word("The outcome"))
    made = words.take("made", datetime.fromisoformat)
    if made is None:
        raise Unclear("when it was made is missing: made 2024-07-02T13:30 (UTC)")
    words.currency = words.take("currency", default="CNY")
    return c.ReportContact(
        **said,
        contact_id=contact_id,
        channel=channel,
        outcome=outcome,
        made_at_us=moment_us(made.replace(tzinfo=UTC)),
        loan_ids=_loans(words),
        addressee=words.take("to", one_of(Addressee), "debtor"),
        agency=words.take("agency"),
        seconds=words.take("seconds", int, 0),
        cost_minor=words.take("cost", words.minor, 0),
        currency=words.currency,
    )


def _outcome(words: Words, common: Common) -> Command:
    said = _said(words, common)
    contact_id = words.word("The contact's id")
    outcome = literal(c.RecordContactOutcome, "outcome")(words.word("The outcome"))
    words.currency = words.take("currency", default="CNY")
    return c.RecordContactOutcome(
        **said,
        contact_id=contact_id,
        outcome=outcome,
        seconds=words.take("seconds", int, 0),
        cost_minor=words.take("cost", words.minor, 0),
        currency=words.currency,
    )


def _consent(words: Words, common: Common) -> Command:
    said = _said(words, common, case=False)
    channel = one_of(Channel)(words.word("The channel"))
    allowed = on_or_off(words.word("on or off"))
    return c.ChangeConsent(
        **said,
        channel=channel,
        allowed=allowed,
        preferred=words.take("preferred", on_or_off, False),
        at_night=words.take("at-night", on_or_off, False),
        reason=words.take("reason", default=""),
    )


def _hold(words: Words, common: Common) -> Command:
    said = _said(words, common, case=False)
    reason = literal(c.HoldContact, "reason")(words.word("The reason"))
    return c.HoldContact(
        **said,
        reason=reason,
        until=words.take("until", date.fromisoformat),
        remark=words.take("remark", default=""),
    )


def _lift(words: Words, common: Common) -> Command:
    said = _said(words, common, case=False)
    reason = literal(c.LiftContactHold, "reason")(words.word("The reason"))
    return c.LiftContactHold(**said, reason=reason, remark=words.take("remark", default=""))


def _promise(words: Words, common: Common) -> Command:
    said = _said(words, common)
    promise_id, loan_id = words.word("The promise's id"), words.entity()
    words.currency = words.take("currency", default=words.currency)
    return c.MakePromise(
        **said,
        promise_id=promise_id,
        loan_id=loan_id,
        parts=words.take("parts", lambda text: _parts(text, words), ()),
        currency=words.currency,
        tolerance_days=words.take("days", int, 0),
        tolerance_bps=words.take("bps", int, 0),
    )


def _parts(text: str, words: Words) -> tuple[PromisePart, ...]:
    """`2024-03-01 100.00 2024-04-01 50.00`."""
    each = text.split()
    if len(each) % 2:
        raise Unclear(f"{text!r} is not DATE AMOUNT …")
    return tuple(
        PromisePart(due_date=date.fromisoformat(due), amount_minor=words.minor(amount))
        for due, amount in zip(each[::2], each[1::2], strict=True)
    )


def _cancel_promise(words: Words, common: Common) -> Command:
    said = _said(words, common)
    return c.CancelPromise(
        **said,
        promise_id=words.word("The promise's id"),
        reason=words.take("reason", default=""),
    )


def _legal(words: Words, common: Common) -> Command:
    said = _said(words, common)
    step_id = words.word("The step's id")
    step = literal(c.TakeLegalStep, "step")(words.word("The step"))
    loan_id, amount = words.entity(), words.amount()
    return c.TakeLegalStep(
        **said,
        step_id=step_id,
        loan_id=loan_id,
        step=step,
        reference=words.take("reference", default=""),
        deadline=words.take("deadline", date.fromisoformat),
        amount_minor=amount,
        other_minor=words.take("other", words.minor, 0),
        currency=words.currency,
        interest_first=words.take("interest-first", on_or_off, False),
    )


def _signal(words: Words, common: Common) -> Command:
    said = _said(words, common)
    signal_id = words.word("The signal's id")
    return c.NoteEvasionSignal(
        **said,
        signal_id=signal_id,
        signal=literal(c.NoteEvasionSignal, "signal")(words.word("The signal")),
        reference=words.take("reference", default=""),
        remark=words.take("remark", default=""),
    )


def _refer(words: Words, common: Common) -> Command:
    said = _said(words, common)
    return c.ProposeReferral(
        **said,
        referral_id=words.word("The referral's id"),
        authority=words.take("to", default="police"),
        signal_ids=tuple(words.take("signals", default="").split()),
        reason=words.take("reason", default=""),
    )


def _approve(words: Words, common: Common) -> Command:
    said = _said(words, common)
    return c.ApproveReferral(**said, referral_id=words.word("The referral's id"))


def _decline(words: Words, common: Common) -> Command:
    said = _said(words, common)
    return c.DeclineReferral(
        **said,
        referral_id=words.word("The referral's id"),
        reason=words.take("reason", default=""),
    )


def _exempt(words: Words, common: Common) -> Command:
    said = _said(words, common)
    return c.ExemptOfficer(
        **said,
        officer_id=words.word("The officer"),
        approved_by=words.take("approved", default=""),
        reason=words.take("reason", default=""),
        reference=words.take("reference", default=""),
    )


COLLECTION_VERBS: dict[str, Callable[[Words, Common], Command]] = {
    "case": _case,
    "cause": _cause,
    "stage": _stage,
    "hand-over": _hand_over,
    "note": _note,
    "attach": _attach,
    "strategy": _strategy,
    "close-case": _close_case,
    "place": _place,
    "contact": _contact,
    "contacted": _contacted,
    "outcome": _outcome,
    "consent": _consent,
    "hold": _hold,
    "lift": _lift,
    "promise": _promise,
    "cancel-promise": _cancel_promise,
    "legal": _legal,
    "signal": _signal,
    "refer": _refer,
    "approve-referral": _approve,
    "decline-referral": _decline,
    "exempt": _exempt,
}
"""What may happen, by the word a diary uses for it."""
