"""Sending what the contact rules allowed: one follower of the ledger log a channel.

The log is the outbox: a contact goes out only when its ContactAllowed is committed, and the place
is moved on after it went, together with what came of it. Killed in between, it goes out again under
the same contact id. Before each attempt the ledger's contact rules are asked again: a contact that
was allowed, and by now is forbidden or too late, is not sent but recorded as undelivered. So is one
that its way did not take in so many attempts: a way that is down holds up its own channel only, and
no contact the others of its channel for long.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from ledger.collection.contacts import forbidden_since
from ledger.collection.wallclock import local_day
from ledger.collection_commands import MakePromise, RecordContactOutcome
from ledger.commands import Command
from ledger.dates import date_of, day_number, now_us
from ledger.errors import RuleRefused
from ledger.events import ContactAllowed, PromisePart
from ledger.ids import stable_id
from ledger.money import format_minor
from ledger.store import Recorded
from streams.blocked import insisted
from streams.debts import collection_of, loans_of
from streams.outbound.letter import Letter, NotSent, Sent
from streams.outbound.ways import Ways
from streams.own_commands import DISPATCH, incoming_of
from streams.parts import contact_rules_of
from warning.treatment import treatment_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.wiring import Node

NAME = "dispatch"
READ_FACTS = 1_000
LOOK_SECONDS = 0.5
FIRST_PAUSE_SECONDS = 1.0
"""After the first attempt, by the clock; each further pause is twice as long."""
ATTEMPTS = 6
"""So often a contact is tried, for half a minute and the time that answers take; then the next has
its turn, lest one that a gateway cannot take should use up the time of all behind it."""

log = logging.getLogger("loanbell.dispatch")


class Dispatch:
    """Sends the contacts of one channel, as long as `run` runs."""

    def __init__(
        self,
        channel: str,
        ways: Ways,
        node: Node,
        read_through: Callable[[], int],
        moved: Callable[[], None],
    ) -> None:
        self._channel, self._ways, self._node = channel, ways, node
        self._adapter = ways.by_channel[channel]
        self._source = f"{NAME}-{channel.replace('_', '-')}"
        self._read_through, self._moved = read_through, moved
        self._rule_sets = {rules.name: rules for rules in contact_rules_of(node.settings)}
        self.position = 0
        self.sent = 0

    async def run(self) -> None:
        """Until cancelled. Errors: StoreUnavailable; NodeStopped when the node takes nothing."""
        ledger = self._node.store.ledger
        self.position = await asyncio.to_thread(ledger.tracked, self._source)
        self._moved()  # Whoever waits for it may have looked before.
        while True:
            upto = self._read_through()
            if self.position >= upto:
                await self._node.moved(within_seconds=LOOK_SECONDS)
                continue
            limit = min(READ_FACTS, upto - self.position)
            page = await asyncio.to_thread(ledger.read, after=self.position, limit=limit)
            for item in page:
                if type(item.fact) is ContactAllowed and item.fact.channel == self._channel:
                    await self._dispatch(item)
            self.position = page[-1].position
            self._moved()

    async def _dispatch(self, item: Recorded) -> None:
        """Send one contact and record, with its place, what came of it."""
        contact: ContactAllowed = item.fact
        letter = await asyncio.to_thread(self._letter, contact)
        sent = await self._insist(letter)
        batch = [
            incoming_of(command, self._source, item.position)
            for command in self._reported(letter, sent)
        ]

        async def submit() -> None:
            await self._node.submit(batch, tracking={self._source: item.position})

        await insisted(submit, "dispatch")
        self.position = item.position
        self.sent += 1

    async def _insist(self, letter: Letter) -> Sent:
        """Send it, in so many attempts, while its time lasts and nothing new forbids it."""
        pause, attempts = FIRST_PAUSE_SECONDS, 0
        while (rule := await asyncio.to_thread(self._forbidden, letter.contact)) is None:
            try:
                return await asyncio.to_thread(self._adapter.send, letter)
            except NotSent as error:
                attempts += 1
                log.warning("%s %s: %s", self._channel, letter.contact.contact_id, error)
            if attempts >= ATTEMPTS:
                log.warning("%s %s is given up", self._channel, letter.contact.contact_id)
                return Sent("undelivered")
            await asyncio.sleep(pause if self._node.by_clock else 0)
            pause *= 2
        log.warning("%s %s is not sent: %s", self._channel, letter.contact.contact_id, rule)
        return Sent("undelivered")

    def _forbidden(self, contact: ContactAllowed) -> str | None:
        """The rule that forbids it by now: consent, holds and promises change meanwhile."""
        ledger = self._node.store.ledger
        collection = collection_of(ledger, contact.borrower_id)
        loans = loans_of(ledger, contact.loan_ids)
        at_us = now_us() if self._node.by_clock else contact.at_us
        try:
            return forbidden_since(
                collection, contact, loans, rule_sets=self._rule_sets, at_us=at_us
            )
        except RuleRefused as error:
            return error.rule

    def _letter(self, contact: ContactAllowed) -> Letter:
        row = self._node.queries.case_entry(contact.case_id) or {}
        treatment, ways = treatment_of(row.get("treatment") or ""), self._ways
        tone = treatment.tone if treatment is not None else "neutral"
        currency, arrears = row.get("currency", "CNY"), row.get("arrears_minor", 0)
        values = {
            "bank": ways.bank,
            "loans": ", ".join(contact.loan_ids),
            "arrears": f"{format_minor(arrears, currency)} {currency}",
            "days": str(row.get("dpd_days", 0)),
            "contact": contact.contact_id[:8],
        }
        subject, text = ways.templates[ways.language][tone].fill(values)
        return Letter(
            contact=contact,
            address=ways.addresses.get((contact.borrower_id, contact.channel)),
            subject=subject,
            text=text,
            language=ways.language,
            tone=tone,
            values=values,
            arrears_minor=arrears,
            currency=currency,
        )

    def _reported(self, letter: Letter, sent: Sent) -> list[Command]:
        """What came of it, as commands; nothing where somebody else will tell."""
        if sent.outcome is None:
            return []
        contact = letter.contact
        at_us = now_us() if self._node.by_clock else contact.at_us
        day = local_day(contact.at_us, contact.zone)
        common: dict[str, Any] = {
            "borrower_id": contact.borrower_id,
            "case_id": contact.case_id,
            "by": NAME,
            "value_date": day,
            "recorded_at_us": at_us,
        }
        told: list[Command] = [
            RecordContactOutcome(
                contact_id=contact.contact_id,
                outcome=sent.outcome,
                seconds=sent.seconds,
                cost_minor=sent.cost_minor,
                currency=letter.currency,
                transaction_id=f"{DISPATCH}{stable_id('outcome', contact.contact_id)}",
                **common,
            )
        ]
        if sent.outcome == "promised" and sent.promised_days and letter.arrears_minor > 0:
            due = date_of(day_number(day) + sent.promised_days)
            promise_id = stable_id("promise", contact.contact_id)
            told.append(
                MakePromise(
                    promise_id=promise_id,
                    loan_id=contact.loan_ids[0],
                    currency=letter.currency,
                    parts=(PromisePart(due_date=due, amount_minor=letter.arrears_minor),),
                    tolerance_days=2,
                    tolerance_bps=0,
                    transaction_id=f"{DISPATCH}{promise_id}",
                    **common,
                )
            )
        return told
