"""Contact rules as values: who may be reached, on which channel, at what hour, how often.

A rule set is data (`rulefile` reads it from TOML) and says of each part where it is from, and
whether that was verified. What it forbids is decided by `judge`. Days are those of the debtor's own
calendar.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import get_args

from ledger.events import Channel

CHANNELS: tuple[str, ...] = get_args(Channel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """No contact on `channels` from one minute of the day to another, perhaps over midnight.

    `unless_agreed`: a debtor may agree to be reached at night, channel by channel.
    """

    name: str
    from_minute: int
    to_minute: int
    channels: frozenset[str]
    unless_agreed: bool

    def covers(self, minute: int) -> bool:
        """Whether a minute of the day is quiet."""
        if self.from_minute < self.to_minute:
            return self.from_minute <= minute < self.to_minute
        return minute >= self.from_minute or minute < self.to_minute


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """No contact on `channels` on weekdays that `weekmask` rests on and on holidays.

    `weekmask` is Monday to Sunday, "1" for a day with contacts; `worked` days have contacts anyhow.
    """

    name: str
    weekmask: str
    holidays: frozenset[date]
    worked: frozenset[date]
    channels: frozenset[str]

    def covers(self, day: date) -> bool:
        """Whether a day is one of rest."""
        if day in self.worked:
            return False
        return day in self.holidays or self.weekmask[day.weekday()] == "0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """At most `most` contacts on `channels` in `days` days on end, today the last of them.

    All contacts count, whoever made them: lender and agencies. `per_debt`: those about one of the
    same loans; else all of the borrower's.
    """

    name: str
    channels: frozenset[str]
    most: int
    days: int
    per_debt: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """No contact on `channels` in `days` days from a conversation on one, its own day the first.

    `per_debt` as in `Cap`.
    """

    name: str
    channels: frozenset[str]
    days: int
    per_debt: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where a part of a rule set is from, and whether somebody read it there."""

    part: str
    verified: bool
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRules:
    """One rule set. `digest` is the SHA-256 of the file that it was read from.

    `zone` is where debtors live of whom nothing else is known; None: they must be placed first.
    A permission lasts `permit_minutes` at most.
    """

    name: str
    title: str
    digest: str
    zone: str | None
    permit_minutes: int
    addressees: frozenset[str]
    consent_needed: frozenset[str]
    preference_binds: bool
    preference_spares: frozenset[str]
    promise_pauses: bool
    quiet: tuple[Quiet, ...]
    rests: tuple[Rest, ...]
    caps: tuple[Cap, ...]
    waits: tuple[Wait, ...]
    marks: tuple[Mark, ...]


RuleSets = Mapping[str, ContactRules]
"""Rule sets by name; the first one is the book's own."""
