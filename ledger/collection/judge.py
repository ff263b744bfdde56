"""Which contact rule forbids reaching a borrower at a moment, and when it no longer does. Pure.

Rules that time does not mend come first, so that their name is the answer; the others each give the
moment from which they are content. The next allowed time is where all of them are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import date, timedelta
from typing import NamedTuple

from ledger.collection.rules import Cap, ContactRules, Quiet, Wait
from ledger.collection.state import Consent, Contact
from ledger.collection.wallclock import (
    DAY_US,
    MINUTE_US,
    first_moment,
    local_day,
    minute_of_day,
    next_moment,
)
from ledger.errors import InvariantBroken

_ANY_ZONES_DAYS = 4
"""Days that calendars of the world can be apart, and one that a clock may skip; with room."""
_STEPS = 2_000
"""More steps to the next allowed time than any calendar of rest days asks for."""


class Request(NamedTuple):
    """Whom somebody wants to reach, about which loans, and how."""

    addressee: str
    channel: str
    loan_ids: tuple[str, ...]


class Known(NamedTuple):
    """What is known of the borrower when the request is judged.

    `holds` are reasons with their last day, None without one; `promises` the last days of promises
    that are open, by loan; `conversations` and `contacts` all there were; `owed` whether anything
    of the debts named is.
    """

    zone: str
    consent: dict[str, Consent]
    holds: dict[str, date | None]
    promises: dict[str, date]
    contacts: Collection[Contact]
    conversations: Collection[Contact]
    owed: bool


class Verdict(NamedTuple):
    """The rule that forbids a contact, until when; None: time alone does not mend it."""

    rule: str
    until_us: int | None


def judge(rules: ContactRules, known: Known, request: Request, at_us: int) -> Verdict | None:
    """The first rule that forbids `request` at `at_us`; None if it is allowed."""
    for check in _CHECKS:
        for verdict in check(rules, known, request, at_us):
            return verdict
    return None


def next_allowed(rules: ContactRules, known: Known, request: Request, at_us: int) -> int | None:
    """The first moment from `at_us` on that no rule forbids, as far as is known now.

    None where time alone does not mend it.
    """
    for _ in range(_STEPS):
        verdict = judge(rules, known, request, at_us)
        if verdict is None:
            return at_us
        if verdict.until_us is None:
            return None
        if verdict.until_us <= at_us:
            raise InvariantBroken(f"{verdict.rule} promises {verdict.until_us}, before {at_us}.")
        at_us = verdict.until_us
    return None


def permitted_until(rules: ContactRules, known: Known, request: Request, at_us: int) -> int:
    """When a permission of `at_us` lapses: after its minutes, in a quiet hour or a day of rest."""
    ends = [at_us + rules.permit_minutes * MINUTE_US]
    for quiet in _quiet_of(rules, known, request):
        ends.append(next_moment(at_us, quiet.from_minute, known.zone))
    tomorrow = local_day(at_us, known.zone) + timedelta(days=1)
    if any(request.channel in rest.channels and rest.covers(tomorrow) for rest in rules.rests):
        ends.append(first_moment(tomorrow, 0, known.zone))
    return min(ends)


# Rules that time does not mend


def _debtor_only(rules: ContactRules, _: Known, request: Request, __: int) -> Iterator[Verdict]:
    if request.addressee not in rules.addressees:
        yield Verdict("debtor_only", None)


def _nothing_owed(_: ContactRules, known: Known, __: Request, ___: int) -> Iterator[Verdict]:
    if not known.owed:
        yield Verdict("nothing_owed", None)


def _consent(rules: ContactRules, known: Known, request: Request, _: int) -> Iterator[Verdict]:
    said = known.consent.get(request.channel)
    if said is not None and not said.allowed:
        yield Verdict("consent_withdrawn", None)
    if said is None and request.channel in rules.consent_needed:
        yield Verdict("consent_missing", None)


def _preference(rules: ContactRules, known: Known, request: Request, _: int) -> Iterator[Verdict]:
    liked = {channel for channel, said in known.consent.items() if said.preferred and said.allowed}
    spared = request.channel in rules.preference_spares
    if rules.preference_binds and liked and not spared and request.channel not in liked:
        yield Verdict("channel_preference", None)


def _held(_: ContactRules, known: Known, __: Request, at_us: int) -> Iterator[Verdict]:
    today = local_day(at_us, known.zone)
    for reason, until in sorted(known.holds.items(), key=lambda hold: (hold[1] is not None, hold)):
        if until is None:
            yield Verdict(f"{reason}_hold", None)
        elif today <= until:
            yield Verdict(f"{reason}_hold", first_moment(_after(until), 0, known.zone))


# Rules of the clock and of what was done before


def _promised(rules: ContactRules, known: Known, request: Request, at_us: int) -> Iterator[Verdict]:
    if rules.promise_pauses:
        today = local_day(at_us, known.zone)
        for loan_id in request.loan_ids:
            until = known.promises.get(loan_id)
            if until is not None and today <= until:
                yield Verdict("promise_pause", first_moment(_after(until), 0, known.zone))


def _rest(rules: ContactRules, known: Known, request: Request, at_us: int) -> Iterator[Verdict]:
    today = local_day(at_us, known.zone)
    for rest in rules.rests:
        if request.channel in rest.channels and rest.covers(today):
            yield Verdict(rest.name, first_moment(_after(today), 0, known.zone))


def _quiet(rules: ContactRules, known: Known, request: Request, at_us: int) -> Iterator[Verdict]:
    for quiet in _quiet_of(rules, known, request):
        if quiet.covers(minute_of_day(at_us, known.zone)):
            yield Verdict(quiet.name, _loud_again(quiet, at_us, known.zone))


def _quiet_of(rules: ContactRules, known: Known, request: Request) -> Iterator[Quiet]:
    """The quiet hours that count for a request."""
    said = known.consent.get(request.channel)
    agreed = said is not None and said.at_night
    for quiet in rules.quiet:
        if request.channel in quiet.channels and not (agreed and quiet.unless_agreed):
            yield quiet


def _loud_again(quiet: Quiet, at_us: int, zone: str) -> int:
    """The next moment that is not quiet: the end of the quiet hours, or a clock's jump past it."""
    at_us = next_moment(at_us, quiet.to_minute, zone)
    while quiet.covers(minute_of_day(at_us, zone)):
        at_us = next_moment(at_us, quiet.to_minute, zone)
    return at_us


def _waits(rules: ContactRules, known: Known, request: Request, at_us: int) -> Iterator[Verdict]:
    for wait in rules.waits:
        for counted in _counted(wait, known.conversations, request, at_us):
            ends = [_counts_until(talk, wait.days, known.zone) for talk in counted]
            if ends and max(ends) > at_us:
                yield Verdict(wait.name, max(ends))


def _caps(rules: ContactRules, known: Known, request: Request, at_us: int) -> Iterator[Verdict]:
    for cap in rules.caps:
        for counted in _counted(cap, known.contacts, request, at_us):
            ends = sorted(_counts_until(contact, cap.days, known.zone) for contact in counted)
            ends = [end for end in ends if end > at_us]
            if len(ends) >= cap.most:
                yield Verdict(cap.name, ends[len(ends) - cap.most])


def _counted(
    limit: Cap | Wait, made: Iterable[Contact], request: Request, at_us: int
) -> Iterator[list[Contact]]:
    """The contacts of the past that a limit may count: all together, or for each debt by itself.

    Those of long ago are left out before anybody looks at a calendar: most are.
    """
    if request.channel not in limit.channels:
        return
    since = at_us - (limit.days + _ANY_ZONES_DAYS) * DAY_US
    of_channel = [
        contact for contact in made if contact.at_us > since and contact.channel in limit.channels
    ]
    if not limit.per_debt:
        yield of_channel
        return
    for loan_id in request.loan_ids:
        yield [contact for contact in of_channel if loan_id in contact.loan_ids]


def _counts_until(contact: Contact, days: int, zone: str) -> int:
    """When a contact no longer counts: `days` days from its own have passed.

    By the debtor's calendar of then and by that of now: moving them to another time zone must not
    make a day shorter.
    """
    return max(
        first_moment(local_day(contact.at_us, place) + timedelta(days=days), 0, place)
        for place in {zone, contact.zone}
    )


def _after(day: date) -> date:
    return day + timedelta(days=1)


_CHECKS: tuple[Callable[[ContactRules, Known, Request, int], Iterator[Verdict]], ...] = (
    _debtor_only,
    _nothing_owed,
    _held,
    _consent,
    _preference,
    _promised,
    _rest,
    _quiet,
    _waits,
    _caps,
)
