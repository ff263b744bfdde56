"""The commands of whoever treats cases: their common fields, their ids, and how they are said.

Its reasons are sentences made of parts by `told`, and `parts_of` gives the parts back, so that they
can be shown in any language.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
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
Part = tuple[str, str]
"""One part of a reason: its name in `SENTENCES`, and the number or word it speaks of."""
SENTENCES: Mapping[str, str] = {
    "tier": "tier {}",
    "cause": "cause {}",
    "grade": "grade {}",
    "dpd": "{} days past due",
    "dpd_unknown": "days past due unknown",
    "calm": "nothing overdue and no open warning for {} days",
}
_READ = {
    name: re.compile(re.escape(text).replace(r"\{\}", r"(\w+)")) for name, text in SENTENCES.items()
}


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
    parts = [(name, words[name]) for name in ("tier", "cause", "grade") if words.get(name)]
    dpd = numbers.get("dpd_days", float("nan"))
    parts.append(("dpd_unknown", "") if isnan(dpd) else ("dpd", f"{dpd:.0f}"))
    return told(parts)


def told(parts: Sequence[Part]) -> str:
    """The reason that facts carry."""
    return ", ".join(SENTENCES[name].format(about) for name, about in parts)


def parts_of(reason: str) -> list[Part]:
    """The parts of a reason that `told` wrote; none where it did not write it."""
    found = [
        next(
            ((name, "".join(hit.groups())) for name, read in _READ.items()
             if (hit := read.fullmatch(said))),
            None,
        )
        for said in reason.split(", ")
    ]  # fmt: skip
    parts = [part for part in found if part is not None]
    return parts if len(parts) == len(found) else []
