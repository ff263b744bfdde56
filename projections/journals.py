"""The text of two plain-text accounting formats: hledger journals and beancount ledgers.

Knows how a name, an amount and a transaction are written, so that the bytes depend on nothing but
what is written. Decides nothing about facts, periods or balances: `export` does.

Sources: hledger 1.25 manual, "Journal format"; beancount v3, "Beancount Language Syntax".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol
from urllib.parse import quote

from ledger.money import exponent, format_minor
from ledger.postings import Posting

_KINDS = ("Assets", "Equity", "Expenses", "Income", "Liabilities")
_PLAIN = "-._~:/@+#"
"""Characters of an id that mean nothing in either format, besides letters and digits."""


@dataclass(frozen=True, slots=True)
class Preface:
    """What a file says and declares before its first transaction.

    `remarks` are lines for people; `day` is the first day of any transaction.
    """

    remarks: tuple[str, ...]
    day: date
    currencies: tuple[str, ...]
    accounts: tuple[str, ...]
    descriptions: tuple[str, ...]


class Journal(Protocol):
    """A format of plain-text accounting."""

    def preface(self, preface: Preface) -> str:
        """Remarks, then the currencies, accounts and words that the transactions use."""

    def transaction(
        self,
        day: date,
        description: str,
        postings: Iterable[Posting],
        *,
        code: str = "",
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """One transaction of `day`, with an empty line behind it."""

    def stated(self, day: date, balances: Collection[Posting]) -> str:
        """Assertions that the accounts have these balances at the end of `day`."""


def plain_id(text: str) -> str:
    """An id that no format misreads: characters with a meaning become %XX, as in addresses."""
    return quote(text, safe=_PLAIN)


class Hledger:
    """hledger's journal: accounts as the ledger names them, ids as code and tags.

    A transaction that moves nothing asserts the balances in the end.
    """

    STATED = "Stated balances"

    def preface(self, preface: Preface) -> str:
        """See `Journal.preface`."""
        lines = [*(f"; {remark}" for remark in preface.remarks), "", "decimal-mark ."]
        lines += [f"commodity {_sample(currency)}" for currency in preface.currencies]
        lines += [f"account {account}" for account in preface.accounts]
        lines += [f"payee {text}" for text in (*preface.descriptions, self.STATED)]
        return "\n".join(lines) + "\n\n"

    def transaction(
        self,
        day: date,
        description: str,
        postings: Iterable[Posting],
        *,
        code: str = "",
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """See `Journal.transaction`."""
        head = f"{day} * ({plain_id(code)}) {description}" if code else f"{day} * {description}"
        if tags:
            head += "  ; " + ", ".join(f"{name}:{plain_id(tags[name])}" for name in tags)
        lines = [f"    {p.account:<32}  {_amount(p):>19}" for p in postings]
        return "\n".join([head, *lines]) + "\n\n"

    def stated(self, day: date, balances: Collection[Posting]) -> str:
        """See `Journal.stated`."""
        if not balances:
            return ""
        lines = [
            f"    {p.account:<32}  {_amount(p._replace(amount_minor=0)):>12} = {_amount(p)}"
            for p in balances
        ]
        return "\n".join([f"{day} * {self.STATED}", *lines]) + "\n\n"


class Beancount:
    """beancount's ledger: its account names, ids as metadata, `balance` lines in the end."""

    def preface(self, preface: Preface) -> str:
        """See `Journal.preface`."""
        lines = [f"; {remark}" for remark in preface.remarks]
        lines += ["", 'option "title" "LoanBell"', 'option "inferred_tolerance_default" "*:0"']
        lines += [f'option "operating_currency" "{currency}"' for currency in preface.currencies]
        lines += [f"{preface.day} commodity {currency}" for currency in preface.currencies]
        of = ",".join(preface.currencies)
        lines += [f"{preface.day} open {_title(account)} {of}" for account in preface.accounts]
        return "\n".join(lines) + "\n\n"

    def transaction(
        self,
        day: date,
        description: str,
        postings: Iterable[Posting],
        *,
        code: str = "",
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """See `Journal.transaction`."""
        told = {"event": code, **(tags or {})} if code else dict(tags or {})
        lines = [f'{day} * "{description}"']
        lines += [f'  {name}: "{plain_id(told[name])}"' for name in told]
        lines += [f"  {_title(p.account):<32}  {_amount(p):>19}" for p in postings]
        return "\n".join(lines) + "\n\n"

    def stated(self, day: date, balances: Collection[Posting]) -> str:
        """See `Journal.stated`. A `balance` line speaks of the morning: the day after."""
        morning = day + timedelta(days=1)
        lines = [
            f"{morning} balance {_title(p.account):<32}  "
            f"{format_minor(p.amount_minor, p.currency):>15} ~ 0 {p.currency}"
            for p in balances
        ]
        return "\n".join(lines) + "\n" if lines else ""


JOURNALS: dict[str, Journal] = {"hledger": Hledger(), "beancount": Beancount()}
"""The formats by the name that a person types."""


def _amount(posting: Posting) -> str:
    return f"{format_minor(posting.amount_minor, posting.currency)} {posting.currency}"


def _sample(currency: str) -> str:
    """How hledger learns a currency's digits; a decimal mark is a must: `1000. JPY`."""
    return f"1000.{'0' * exponent(currency)} {currency}"


def _title(account: str) -> str:
    """`expenses:write_off` as beancount wants it: `Expenses:Write-Off`.

    beancount knows five kinds of accounts; what is off the balance sheet adds up to zero by itself
    and becomes a part of equity.
    """
    title = account.replace("_", "-").title()
    return title if title.partition(":")[0] in _KINDS else f"Equity:{title}"
