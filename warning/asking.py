"""The commands of whoever treats cases: their common fields, their ids, and how they are said."""

from __future__ import annotations

from datetime import date
from math import isnan
from typing import Any, NamedTuple

from ledger.collection.wallclock import local_day
from ledger.collection_commands import OpenCase, RequestContact
from ledger.dates import day_number
from ledger.ids import stable_id
from warning.casebook import CaseFile, Queued
from warning.treatment import Situation

NAME = "treat"
"""Who acts, in the facts that follow."""
PREFIX = f"{NAME}:"
"""How its transaction ids begin."""


class Moment(NamedTuple):
    """When commands are asked for: their dates, and the place that gives them their ids."""

    value_date: date
    recorded_at_us: int
    position: int

    @property
    def day(self) -> int:
        """The day number of the value date."""
        return day_number(self.value_date)


def said(moment: Moment, borrower_id: str, *what: str | int) -> dict[str, Any]:
    """The fields that every command of a moment has."""
    return {
        "borrower_id": borrower_id,
        "by": NAME,
        "transaction_id": PREFIX + stable_id(*what),
        "value_date": moment.value_date,
        "recorded_at_us": moment.recorded_at_us,
    }


def file_of(command: OpenCase) -> CaseFile:
    """A case that is about to be opened."""
    return CaseFile(
        *(command.case_id, command.borrower_id, command.loan_ids, command.cause, command.stage),
        *(command.branch, day_number(command.value_date)),
    )


def asked_again(queued: Queued, at_us: int) -> RequestContact:
    """The same contact, asked for again at a moment not before the one for which it waited."""
    fact, until_us = queued
    return RequestContact(
        borrower_id=fact.borrower_id,
        by=fact.by,
        case_id=fact.case_id,
        contact_id=fact.contact_id,
        loan_ids=fact.loan_ids,
        channel=fact.channel,
        addressee=fact.addressee,
        agency=fact.agency,
        queue=True,
        transaction_id=PREFIX + stable_id("again", fact.contact_id, until_us),
        value_date=local_day(at_us, fact.zone),
        recorded_at_us=at_us,
    )


def seen_as(situation: Situation) -> str:
    """What the strategy saw, in one line."""
    words, numbers = situation.words, situation.numbers
    told = [f"{name} {words[name]}" for name in ("tier", "cause", "grade") if words.get(name)]
    dpd = numbers.get("dpd_days", float("nan"))
    told.append("days past due unknown" if isnan(dpd) else f"{dpd:.0f} days past due")
    return ", ".join(told)
