"""Messages of `collection` -> the commands they ask for. As `translate`, which takes both tables.

A message and its command have the same fields; what differs is how amounts, dates and lists are
written, and that is all there is here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import date
from typing import Any

from ledger import collection_commands as c
from ledger.commands import Command
from ledger.events import PromisePart
from streams import collection as m
from streams.fields import day_of, minor_of, positive_of
from streams.message import MessageBase
from streams.moments import moment_us

Translate = Callable[[Any, int], Command]

_MADE: dict[type[MessageBase], type[c.CollectionCommand]] = {
    m.CaseOpenedMessage: c.OpenCase,
    m.CaseCauseChangedMessage: c.ChangeCause,
    m.CaseStageChangedMessage: c.ChangeStage,
    m.CaseHandedOverMessage: c.HandOverCase,
    m.CaseNotedMessage: c.NoteCase,
    m.DocumentAttachedMessage: c.AttachDocument,
    m.StrategyAssignedMessage: c.AssignStrategy,
    m.OfficerExemptedMessage: c.ExemptOfficer,
    m.CaseClosedMessage: c.CloseCase,
    m.DebtorPlacedMessage: c.PlaceDebtor,
    m.ContactRequestedMessage: c.RequestContact,
    m.ContactReportedMessage: c.ReportContact,
    m.ContactOutcomeRecordedMessage: c.RecordContactOutcome,
    m.ContactConsentChangedMessage: c.ChangeConsent,
    m.ContactHeldMessage: c.HoldContact,
    m.ContactHoldLiftedMessage: c.LiftContactHold,
    m.PromiseMadeMessage: c.MakePromise,
    m.PromiseCancelledMessage: c.CancelPromise,
    m.LegalStepTakenMessage: c.TakeLegalStep,
    m.EvasionSignalNotedMessage: c.NoteEvasionSignal,
    m.ReferralProposedMessage: c.ProposeReferral,
    m.ReferralApprovedMessage: c.ApproveReferral,
    m.ReferralDeclinedMessage: c.DeclineReferral,
}


def _translate(kind: type[c.CollectionCommand]) -> Translate:
    names = tuple(field.name for field in fields(kind) if field.name != "recorded_at_us")

    def command(message: Any, at_us: int) -> Command:
        return kind(recorded_at_us=at_us, **{name: _value(message, name) for name in names})

    return command


def _value(message: Any, name: str) -> Any:
    if name.endswith("_minor"):
        return minor_of(getattr(message, name.removesuffix("_minor")), message.currency)
    if name == "made_at_us":
        return moment_us(message.made_at, "made_at")
    value = getattr(message, name)
    if name == "parts":
        return tuple(
            PromisePart(
                due_date=day_of(part.due_date),
                amount_minor=positive_of(part.amount, message.currency),
            )
            for part in value
        )
    if isinstance(value, date):
        return day_of(value)
    return tuple(value) if isinstance(value, list) else value


COLLECTION_COMMANDS: dict[type[MessageBase], Translate] = {
    message: _translate(kind) for message, kind in _MADE.items()
}
"""Message model -> the function that builds its command, as `translate.COMMANDS`."""

COLLECTION_TYPES: dict[type[Command] | type[None], str] = {
    kind: message.model_fields["type"].annotation.__args__[0]  # type: ignore[union-attr]
    for message, kind in _MADE.items()
}
"""Command -> the `type` word of its message."""
