"""What goes out, and what an adapter is: one small interface for every way to a borrower.

An adapter is called once a contact, in a thread of its own way, after ContactAllowed is committed;
it may be called again with the same contact after a crash, so whoever receives it drops what has
the same `contact_id`. It decides nothing: neither whether nor when.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ledger.errors import LoanError
from ledger.events import ContactAllowed, ContactOutcome


class NotSent(LoanError):
    """The way is closed for now; the same contact is to be tried again."""

    code = "not_sent"


@dataclass(frozen=True, slots=True)
class Letter:
    """A contact as it goes out. `address` is None where the borrower has none on this channel.

    `values` are what the words were filled with, for receivers that speak for themselves.
    """

    contact: ContactAllowed
    address: str | None
    subject: str
    text: str
    language: str
    tone: str
    values: Mapping[str, str]
    arrears_minor: int
    currency: str


class Sent(NamedTuple):
    """What is known at once: an outcome, or None where somebody else will tell it later.

    `promised_days`: with "promised", in how many days all that is in arrears is to be paid.
    """

    outcome: ContactOutcome | None
    seconds: int = 0
    cost_minor: int = 0
    promised_days: int = 0


class Adapter(Protocol):
    """One way out."""

    def send(self, letter: Letter) -> Sent:
        """Send it. Errors: NotSent, where trying again later makes sense."""
