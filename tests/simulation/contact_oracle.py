"""A slow checker of contact rules, straight from the words of a rule file and the facts on record.

Shares nothing with `ledger.collection.judge`: it reads the TOML itself, counts days by subtracting
dates, and looks at every fact each time. It answers with all rules that forbid a contact.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from ledger.events import (
    ContactAllowed,
    ContactConsentChanged,
    ContactHeld,
    ContactHoldLifted,
    ContactOutcomeRecorded,
    ContactReported,
    DebtorPlaced,
    LoanStatusChanged,
    PromiseCancelled,
    PromiseMade,
    RepaymentReceived,
)

EVERY = ["sms", "app_push", "email", "call", "voice_bot", "letter", "visit"]
SPOKEN = {"right_party", "refused", "promised", "disputed", "paid"}


def shown(at_us: int, zone: str) -> datetime:
    """What the wall clock of `zone` shows."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)).astimezone(
        ZoneInfo(zone)
    )


@cache
def read(text: str) -> dict[str, Any]:
    """A rule file."""
    return tomllib.loads(text)


def known_at(facts: Sequence[Any], at_us: int) -> list[Any]:
    """What counts when a contact of the past is judged: words said by then, contacts made by then,
    and all that is known of loans and outcomes, wherever the rules cut them off by their day."""
    said = (ContactConsentChanged, ContactHeld, ContactHoldLifted, PromiseMade)
    made = (ContactAllowed, ContactReported)
    return [
        fact
        for fact in facts
        if not (isinstance(fact, said) and fact.recorded_at_us > at_us)
        and not (isinstance(fact, made) and fact.at_us > at_us)
    ]


class Oracle:
    """Judges by `facts`, all recorded before the contact."""

    def __init__(self, texts: dict[str, str], facts: Sequence[Any]) -> None:
        self.facts = facts
        placed = [fact for fact in facts if isinstance(fact, DebtorPlaced)]
        name = placed[-1].rule_set if placed and placed[-1].rule_set else next(iter(texts))
        self.rules = read(texts[name])
        self.zone: str = placed[-1].zone if placed else self.rules["zone"]
        self.allowed = [f for f in facts if isinstance(f, ContactAllowed | ContactReported)]

    def forbids(self, channel: str, addressee: str, loans: Sequence[str], at_us: int) -> set[str]:
        """The names of all rules that forbid a contact at `at_us`."""
        found = set(self.for_ever(channel, addressee, loans))
        return found | set(self.by_clock(channel, at_us)) | set(self.by_past(channel, loans, at_us))

    def for_ever(self, channel: str, addressee: str, loans: Sequence[str]) -> Iterator[str]:
        if addressee not in self.rules["addressees"]["may_be"]:
            yield "debtor_only"
        said = self.consents()
        if channel in said and not said[channel].allowed:
            yield "consent_withdrawn"
        if channel not in said and channel in self.rules["consent"]["needed_for"]:
            yield "consent_missing"
        liked = [name for name, fact in said.items() if fact.preferred]
        spared = self.rules["preference"].get("spares", [])
        if self.rules["preference"]["binds"] and liked and channel not in [*liked, *spared]:
            yield "channel_preference"
        for loan_id in loans:
            found = [f for f in self.facts if isinstance(f, LoanStatusChanged)]
            if [f.active for f in found if f.loan_id == loan_id][-1:] == [True]:
                yield "bankruptcy_hold"

    def consents(self) -> dict[str, ContactConsentChanged]:
        return {f.channel: f for f in self.facts if isinstance(f, ContactConsentChanged)}

    def by_clock(self, channel: str, at_us: int) -> Iterator[str]:
        now = shown(at_us, self.zone)
        today, clock = now.date(), now.strftime("%H:%M")
        said = self.consents().get(channel)
        for quiet in self.rules.get("quiet_hours", []):
            agreed = quiet["unless_agreed"] and said is not None and said.at_night
            if channel in quiet.get("channels", EVERY) and not agreed:
                start, end = quiet["from"], quiet["to"]
                over_midnight = start > end
                if over_midnight and (clock >= start or clock < end):
                    yield quiet["name"]
                if not over_midnight and start <= clock < end:
                    yield quiet["name"]
        for rest in self.rules.get("rest_days", []):
            closed = today in rest["holidays"] or rest["weekmask"][today.weekday()] == "0"
            if channel in rest.get("channels", EVERY) and closed and today not in rest["worked"]:
                yield rest["name"]

    def by_past(self, channel: str, loans: Sequence[str], at_us: int) -> Iterator[str]:
        for cap in self.rules.get("cap", []):
            if channel in cap.get("channels", EVERY):
                for group in self.groups(cap, self.allowed, loans):
                    if sum(self.within(fact, cap["days"], at_us) for fact in group) >= cap["most"]:
                        yield cap["name"]
        spoken = {
            fact.contact_id
            for fact in self.facts
            if isinstance(fact, ContactOutcomeRecorded) and fact.outcome in SPOKEN
        }
        talks = [fact for fact in self.allowed if fact.contact_id in spoken]
        for wait in self.rules.get("after_conversation", []):
            if channel in wait.get("channels", EVERY):
                for group in self.groups(wait, talks, loans):
                    if any(self.within(fact, wait["days"], at_us) for fact in group):
                        yield wait["name"]
        yield from self.held(at_us)
        if self.rules["promise"]["pauses"]:
            for loan_id in loans:
                if self.promised(loan_id, shown(at_us, self.zone).date()):
                    yield "promise_pause"

    def groups(
        self, limit: dict[str, Any], facts: list[Any], loans: Sequence[str]
    ) -> Iterator[list[Any]]:
        same = [fact for fact in facts if fact.channel in limit.get("channels", EVERY)]
        if limit["per"] == "borrower":
            yield same
        else:
            for loan_id in loans:
                yield [fact for fact in same if loan_id in fact.loan_ids]

    def within(self, fact: Any, days: int, at_us: int) -> bool:
        """Whether fewer than `days` days have begun since, on either calendar of the debtor."""
        for zone in (self.zone, fact.zone):
            passed = shown(at_us, zone).date() - shown(fact.at_us, zone).date()
            if passed < timedelta(days=days):
                return True
        return False

    def held(self, at_us: int) -> Iterator[str]:
        holds: dict[str, date | None] = {}
        for fact in self.facts:
            if isinstance(fact, ContactHeld):
                holds[fact.reason] = fact.until
            if isinstance(fact, ContactHoldLifted):
                holds.pop(fact.reason, None)
        for reason, until in holds.items():
            if until is None or shown(at_us, self.zone).date() <= until:
                yield f"{reason}_hold"

    def promised(self, loan_id: str, today: date) -> bool:
        """Whether a promise on the loan runs: its days are not over, and it is not met or lost."""
        gone = {f.promise_id for f in self.facts if isinstance(f, PromiseCancelled)}
        for fact in self.facts:
            if isinstance(fact, PromiseMade) and fact.loan_id == loan_id:
                lost = met = False
                asked = 0
                for part in fact.parts:
                    asked += part.amount_minor
                    end = part.due_date + timedelta(days=fact.tolerance_days)
                    enough = asked * (10_000 - fact.tolerance_bps)
                    paid = self.paid(loan_id, fact.value_date, min(end, today)) * 10_000
                    lost = lost or (end < today and paid < enough)
                    met = paid >= enough
                if not (lost or met or end < today or fact.promise_id in gone):
                    return True
        return False

    def paid(self, loan_id: str, first: date, last: date) -> int:
        return sum(
            fact.amount_minor
            for fact in self.facts
            if isinstance(fact, RepaymentReceived)
            and fact.loan_id == loan_id
            and first <= fact.value_date <= last
        )
