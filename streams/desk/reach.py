"""When a borrower may be reached, before anybody asks: the contact rules' answer, not recorded.

The ledger's own decision is asked with the facts that there are, so that the page and the ledger
cannot differ. Between the page and the request somebody else may be faster; the ledger then says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger.collection.contacts import place_of, request_contact, rules_of, usual_rules
from ledger.collection.rules import RuleSets
from ledger.collection.state import Collection
from ledger.collection_commands import RequestContact
from ledger.dates import date_of_us
from ledger.errors import LoanError
from ledger.events import ContactAllowed, ContactQueued
from ledger.loan import Loan
from ledger.store import FactLog
from projections.queries import Answer
from streams.debts import collection_of, loans_of


@dataclass(frozen=True, slots=True)
class Reach:
    """What the rules would say now about a channel.

    `rule` forbids it, empty when it is allowed; `until_us` is the next allowed moment, None where
    time alone does not mend it. `zone` is the borrower's.
    """

    channel: str
    allowed: bool
    rule: str
    until_us: int | None
    zone: str


class Reaches:
    """Asks for one book. `rule_sets` None: those that the ledger uses by itself."""

    def __init__(self, ledger: FactLog, rule_sets: RuleSets | None = None) -> None:
        self._ledger, self._rule_sets = ledger, rule_sets

    def of_case(self, case: Answer, channels: Sequence[str], at_us: int) -> list[Reach]:
        """The answer for each of `channels`, about all loans of a case."""
        collection = collection_of(self._ledger, case["borrower_id"])
        loans = loans_of(self._ledger, case["loan_ids"])
        return [self._ask(collection, loans, case, channel, at_us) for channel in channels]

    def zone(self, borrower_id: str) -> str:
        """The time zone in which a borrower lives. Errors: RuleRefused "zone_unknown"."""
        collection = collection_of(self._ledger, borrower_id) or Collection(borrower_id)
        rules = rules_of(collection, self._rule_sets or usual_rules())
        return place_of(collection, rules, borrower_id)

    def _ask(
        self,
        collection: Collection | None,
        loans: Mapping[str, Loan],
        case: Answer,
        channel: str,
        at_us: int,
    ) -> Reach:
        command = RequestContact(
            transaction_id="asked",
            value_date=date_of_us(at_us),
            recorded_at_us=at_us,
            borrower_id=case["borrower_id"],
            by="desk",
            case_id=case["case_id"],
            contact_id="asked",
            loan_ids=tuple(case["loan_ids"]),
            channel=channel,  # type: ignore[arg-type]  # a word of the schema
            addressee="debtor",
            agency=None,
            queue=True,
        )
        try:
            (fact,) = request_contact(collection, command, loans, rule_sets=self._rule_sets)
        except LoanError as error:
            return Reach(channel, False, str(getattr(error, "rule", error.code)), None, "UTC")
        if isinstance(fact, ContactAllowed):
            return Reach(channel, True, "", at_us, fact.zone)
        if isinstance(fact, ContactQueued):
            return Reach(channel, False, fact.rule, fact.until_us, fact.zone)
        return Reach(channel, False, fact.rule, None, fact.zone)
