"""Decide what a contact becomes that was made before anybody asked whether it may be.

An officer rings from the car, an agency sends its list in the evening. What took place is recorded
whatever the contact rules say of it; where they forbade it at that moment, it is a breach and
counts against who made it. It counts towards the caps as any other contact.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ledger.collection.common import NO_LOANS, Facts, Loans, dated, fresh, loans_of, said, within
from ledger.collection.contacts import (
    BANKRUPT,
    known_of,
    outcome_facts,
    place_of,
    rules_of,
    usual_rules,
)
from ledger.collection.judge import Known, Request, judge
from ledger.collection.rules import RuleSets
from ledger.collection.state import Collection, Consent, State
from ledger.collection.wallclock import local_day
from ledger.collection_commands import ReportContact
from ledger.dates import date_of, day_number
from ledger.errors import DateOutOfRange, UnknownEntity
from ledger.events import ContactReported
from ledger.loan import Loan


def report_contact(
    state: State,
    command: ReportContact,
    loans: Loans = NO_LOANS,
    *,
    rule_sets: RuleSets | None = None,
) -> Facts:
    """ContactReported with the rule it broke, if any, and its outcome; also in a closed case.

    Errors: UnknownEntity, DateOutOfRange; as `loans_of`, `place_of`, `outcome_facts`; RuleRefused
    "loan_not_in_case", "id_taken".
    """
    dated(command)
    case = None if state is None else state.cases.get(command.case_id)
    if state is None or case is None:
        raise UnknownEntity(
            f"Borrower {command.borrower_id} has no case {command.case_id}.",
            way_out="Open the case first.",
        )
    named = loans_of(loans, command)
    within(case, named)
    fresh(command.contact_id in state.asked, "contact", command.contact_id)
    rules = rules_of(state, usual_rules() if rule_sets is None else rule_sets)
    zone = place_of(state, rules, command.borrower_id)
    _check_moment(command, zone, named)
    request = Request(command.addressee, command.channel, command.loan_ids)
    verdict = judge(rules, _known_then(state, named, zone, command.made_at_us), request,
                    command.made_at_us)  # fmt: skip
    reported = ContactReported(
        contact_id=command.contact_id,
        loan_ids=command.loan_ids,
        channel=command.channel,
        addressee=command.addressee,
        agency=command.agency,
        zone=zone,
        rule_set=rules.name,
        rule_digest=rules.digest,
        at_us=command.made_at_us,
        rule=None if verdict is None else verdict.rule,
        **said(command),
    )
    return (reported, *outcome_facts(state, command.channel, command))


def _check_moment(command: ReportContact, zone: str, named: dict[str, Loan]) -> None:
    """Errors: DateOutOfRange where it is to come, on another day, or before a loan's opening."""
    if command.made_at_us > command.recorded_at_us:
        raise DateOutOfRange(
            "The contact is said to have been made after it was reported.",
            way_out="Send when it took place; ask first for one that is still to be made.",
        )
    day = local_day(command.made_at_us, zone)
    if command.value_date != day:
        raise DateOutOfRange(
            f"The contact was made on {day} where the borrower lives, not on {command.value_date}.",
            way_out=f"Send the value date {day}, or the moment at which it took place.",
        )
    opened = max(loan.opened_day for loan in named.values())
    if day_number(day) < opened:
        raise DateOutOfRange(
            f"The contact was made on {day}, before its loans were opened by {date_of(opened)}.",
            way_out="Send the moment at which it took place, or name the loans it was about.",
        )


def _known_then(state: Collection, named: dict[str, Loan], zone: str, at_us: int) -> Known:
    """What was known of the borrower at `at_us`.

    Of consent, holds and promises what was recorded by then: nobody breaks a rule by what they
    could not know. Of the loans and of contacts what is known now, as of that day.
    """
    day = day_number(local_day(at_us, zone))
    past = replace(
        state,
        consent=_consent_then(state, at_us),
        holds=_holds_then(state, at_us),
        promises={n: p for n, p in state.promises.items() if state.promised_us[n] <= at_us},
        contacts={n: made for n, made in state.contacts.items() if made.at_us <= at_us},
        conversations={n: made for n, made in state.conversations.items() if made.at_us <= at_us},
    )
    known = known_of(past, named, zone, at_us)
    if not any(loan.found_by(BANKRUPT, day) for loan in named.values()):
        known = known._replace(holds=past.holds)
    owed = any(not loan.ended(day) or loan.closed == "written_off" for loan in named.values())
    return known._replace(owed=owed)


def _consent_then(state: Collection, at_us: int) -> dict[str, Consent]:
    return {channel: consent for when, channel, consent in state.consents if when <= at_us}


def _holds_then(state: Collection, at_us: int) -> dict[str, Any]:
    holds: dict[str, Any] = {}
    for when, reason, held, until in state.holdings:
        if when <= at_us and held:
            holds[reason] = until
        elif when <= at_us:
            holds.pop(reason, None)
    return holds
