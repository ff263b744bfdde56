"""Decide what a request to reach a borrower becomes, and what is known of reaching them.

A request that the contact rules forbid is a fact too: it was attempted, and counts against who did.
The clock of contacts never goes back: a request that says it is of an earlier moment than the last
one judged is judged for that one.
"""

from __future__ import annotations

from functools import cache
from itertools import takewhile
from typing import Any

from ledger.collection.common import (
    NO_LOANS,
    Facts,
    Loans,
    case_of,
    dated,
    fresh,
    loans_of,
    said,
    within,
)
from ledger.collection.judge import Known, Request, judge, next_allowed, permitted_until
from ledger.collection.rulefile import packaged
from ledger.collection.rules import ContactRules, RuleSets
from ledger.collection.standing import open_until
from ledger.collection.state import Collection, State
from ledger.collection.wallclock import is_zone, local_day
from ledger.collection_commands import (
    ChangeConsent,
    HoldContact,
    LiftContactHold,
    PlaceDebtor,
    RecordContactOutcome,
    ReportContact,
    RequestContact,
)
from ledger.dates import date_of, day_number
from ledger.errors import InvalidAmount, RuleRefused, UnknownEntity
from ledger.events import (
    Channel,
    ContactAllowed,
    ContactConsentChanged,
    ContactHeld,
    ContactHoldLifted,
    ContactOutcomeRecorded,
    ContactQueued,
    ContactRefused,
    DebtorPlaced,
)
from ledger.loan import Loan
from ledger.money import MAX_MINOR, exponent

BANKRUPT = "bankruptcy"
"""The finding about a loan that stops all contact, as the hold of the same name does."""


@cache
def usual_rules() -> RuleSets:
    """The rule sets that come along; the Chinese one is the book's own."""
    return {name: packaged(name) for name in ("cn", "us")}


def request_contact(
    state: State,
    command: RequestContact,
    loans: Loans = NO_LOANS,
    *,
    rule_sets: RuleSets | None = None,
) -> Facts:
    """ContactAllowed, ContactQueued or ContactRefused. Errors: as `case_of`, `loans_of`;
    RuleRefused "loan_not_in_case", "id_taken", "zone_unknown", "unknown_rule_set"."""
    collection, case = case_of(state, command)
    named = loans_of(loans, command)
    within(case, named)
    fresh(command.contact_id in collection.contacts, "contact", command.contact_id)
    rules = rules_of(collection, usual_rules() if rule_sets is None else rule_sets)
    zone = place_of(collection, rules, command.borrower_id)
    at_us = max(command.recorded_at_us, collection.last_us)
    return (_answer(command, rules, known_of(collection, named, zone, at_us), at_us),)


def _answer(command: RequestContact, rules: ContactRules, known: Known, at_us: int) -> Any:
    request = Request(command.addressee, command.channel, command.loan_ids)
    asked: dict[str, Any] = {
        "contact_id": command.contact_id,
        "loan_ids": command.loan_ids,
        "channel": command.channel,
        "addressee": command.addressee,
        "agency": command.agency,
        "zone": known.zone,
        "rule_set": rules.name,
        "rule_digest": rules.digest,
        "at_us": at_us,
        **said(command),
    }
    verdict = judge(rules, known, request, at_us)
    if verdict is None:
        return ContactAllowed(until_us=permitted_until(rules, known, request, at_us), **asked)
    until = next_allowed(rules, known, request, at_us)
    if command.queue and until is not None:
        return ContactQueued(rule=verdict.rule, until_us=until, **asked)
    return ContactRefused(rule=verdict.rule, next_allowed_us=until, **asked)


def forbidden_since(
    state: State,
    allowed: ContactAllowed,
    loans: dict[str, Loan],
    *,
    rule_sets: RuleSets | None = None,
    at_us: int,
) -> str | None:
    """The rule that at `at_us` forbids a contact that was allowed before; None where none does.

    Judged anew by all that is known now, but contacts allowed after it do not count against it.
    Errors: RuleRefused "unknown_rule_set".
    """
    if state is None or state.cases[allowed.case_id].closed is not None:
        return "case_closed"
    if at_us >= allowed.until_us:
        return "permission_over"
    rules = rules_of(state, usual_rules() if rule_sets is None else rule_sets)
    known = known_of(state, loans, state.zone or allowed.zone, at_us)
    name = allowed.contact_id
    known = known._replace(
        contacts=list(takewhile(lambda made: made.contact_id != name, known.contacts)),
        conversations=[talk for talk in known.conversations if talk.contact_id != name],
    )
    request = Request(allowed.addressee, allowed.channel, allowed.loan_ids)
    verdict = judge(rules, known, request, at_us)
    return None if verdict is None else verdict.rule


def place_of(collection: Collection, rules: ContactRules, borrower_id: str) -> str:
    """The time zone in which the borrower lives. Errors: RuleRefused "zone_unknown"."""
    zone = collection.zone or rules.zone
    if zone is None:
        raise RuleRefused(
            f"Nobody said in which time zone borrower {borrower_id} lives.",
            rule="zone_unknown",
            way_out=f"Send debtor_placed with their zone first; {rules.name} assumes none.",
        )
    return zone


def rules_of(collection: Collection, rule_sets: RuleSets) -> ContactRules:
    """The contact rules that protect the borrower. Errors: RuleRefused "unknown_rule_set"."""
    if collection.rule_set is None:
        return next(iter(rule_sets.values()))
    return _rule_set(collection.rule_set, rule_sets)


def _rule_set(name: str, rule_sets: RuleSets) -> ContactRules:
    found = rule_sets.get(name)
    if found is None:
        raise RuleRefused(
            f"No contact rules are called {name!r}.",
            rule="unknown_rule_set",
            way_out=f"In force here: {', '.join(rule_sets)}.",
        )
    return found


def known_of(collection: Collection, named: dict[str, Loan], zone: str, at_us: int) -> Known:
    """What the judge may know of the borrower at `at_us`."""
    today = day_number(local_day(at_us, zone))
    holds = dict(collection.holds)
    if any(loan.findings.get(BANKRUPT, False) for loan in named.values()):
        holds[BANKRUPT] = None
    promises = {
        promise.loan_id: date_of(end)
        for promise in collection.promises.values()
        if promise.loan_id in named
        and (end := open_until(promise, named[promise.loan_id], today)) is not None
    }
    return Known(
        zone=zone,
        consent=collection.consent,
        holds=holds,
        promises=promises,
        contacts=collection.contacts.values(),
        conversations=collection.conversations.values(),
        owed=any(loan.closed in (None, "written_off") for loan in named.values()),
    )


def record_outcome(state: State, command: RecordContactOutcome, loans: Loans = NO_LOANS) -> Facts:
    """What came of a contact; a dispute holds all further ones. Errors: as `case_of`;
    UnknownEntity, InvalidAmount, CurrencyMismatch."""
    collection, case = case_of(state, command)
    contact = collection.contacts.get(command.contact_id)
    if contact is None or contact.case_id != case.case_id:
        raise UnknownEntity(
            f"No contact {command.contact_id} was allowed in case {case.case_id}.",
            way_out="Ask for the contact first; its outcome follows.",
        )
    channel: Any = contact.channel
    return outcome_facts(collection, channel, command)


def outcome_facts(
    collection: Collection, channel: Channel, command: RecordContactOutcome | ReportContact
) -> Facts:
    """What came of a contact; a dispute holds all further ones. Errors: InvalidAmount,
    CurrencyMismatch."""
    exponent(command.currency)
    if not 0 <= command.cost_minor <= MAX_MINOR or command.seconds < 0:
        raise InvalidAmount(
            "What a contact took and cost is not below zero.",
            way_out=f"Send seconds from 0, and a cost up to {MAX_MINOR} minor units.",
        )
    recorded = ContactOutcomeRecorded(
        contact_id=command.contact_id,
        channel=channel,
        outcome=command.outcome,
        seconds=command.seconds,
        cost_minor=command.cost_minor,
        currency=command.currency,
        **said(command),
    )
    if command.outcome != "disputed" or _stands(collection, "dispute"):
        return (recorded,)
    about = {name: value for name, value in said(command).items() if name != "case_id"}
    remark = f"said in contact {command.contact_id}"
    return (recorded, ContactHeld(reason="dispute", until=None, remark=remark, **about))


def _stands(collection: Collection, reason: str) -> bool:
    """Whether a hold without an end stands."""
    return reason in collection.holds and collection.holds[reason] is None


def change_consent(state: State, command: ChangeConsent, loans: Loans = NO_LOANS) -> Facts:
    """What the borrower said. Errors: RuleRefused "consent_contradicts"."""
    dated(command)
    if not command.allowed and (command.preferred or command.at_night):
        raise RuleRefused(
            f"{command.channel} cannot be liked best, or agreed to at night, and not be allowed.",
            rule="consent_contradicts",
            way_out="Send allowed true, or preferred and at_night false.",
        )
    return (
        ContactConsentChanged(
            channel=command.channel,
            allowed=command.allowed,
            preferred=command.preferred,
            at_night=command.at_night,
            reason=command.reason,
            **said(command),
        ),
    )


def hold_contact(state: State, command: HoldContact, loans: Loans = NO_LOANS) -> Facts:
    """Nobody reaches out. The same hold again gives no fact. Errors: RuleRefused
    "hold_ends_before_it_begins"."""
    dated(command)
    if command.until is not None and command.until < command.value_date:
        raise RuleRefused(
            f"The hold would end on {command.until}, before it begins on {command.value_date}.",
            rule="hold_ends_before_it_begins",
            way_out=f"Let it end on {command.value_date} or later, or leave the end out.",
        )
    held = state.holds if state is not None else {}
    if command.reason in held and held[command.reason] == command.until:
        return ()
    return (
        ContactHeld(
            reason=command.reason, until=command.until, remark=command.remark, **said(command)
        ),
    )


def lift_hold(state: State, command: LiftContactHold, loans: Loans = NO_LOANS) -> Facts:
    """A hold ends. Errors: RuleRefused "not_held"."""
    dated(command)
    if state is None or command.reason not in state.holds:
        raise RuleRefused(
            f"Borrower {command.borrower_id} is not held for {command.reason}.",
            rule="not_held",
            way_out="Name the reason of a hold that stands.",
        )
    return (ContactHoldLifted(reason=command.reason, remark=command.remark, **said(command)),)


def place_debtor(
    state: State,
    command: PlaceDebtor,
    loans: Loans = NO_LOANS,
    *,
    rule_sets: RuleSets | None = None,
) -> Facts:
    """Where the borrower lives. As known already gives no fact. Errors: RuleRefused
    "unknown_zone", "unknown_rule_set"."""
    dated(command)
    if not is_zone(command.zone):
        raise RuleRefused(
            f"{command.zone!r} is not a time zone.",
            rule="unknown_zone",
            way_out="Send an IANA name such as Asia/Shanghai or America/New_York.",
        )
    if command.rule_set is not None:
        _rule_set(command.rule_set, usual_rules() if rule_sets is None else rule_sets)
    if state is not None and (state.zone, state.rule_set) == (command.zone, command.rule_set):
        return ()
    return (DebtorPlaced(zone=command.zone, rule_set=command.rule_set, **said(command)),)
