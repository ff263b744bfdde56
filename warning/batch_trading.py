"""The batch fold's view of a borrower's invoices: straight from the definitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ledger.dates import day_number
from ledger.events import InvoiceVoided, PurchaseInvoiced, SaleInvoiced
from warning.batch_account import only
from warning.windows import UNKNOWN


class BatchTrading:
    """One borrower's trading facts that count by `day`."""

    def __init__(self, facts: Sequence[Any], day: int) -> None:
        self.day = day
        self.all = only(facts, SaleInvoiced, PurchaseInvoiced)
        self.gone = {fact.voided_transaction_id for fact in only(facts, InvoiceVoided)}

    def read(self, name: str) -> int:
        """One measure by its name in `warning.trading`; UNKNOWN without any invoice."""
        if not self.all:
            return UNKNOWN
        if name == "trading_known":
            return self.day - min(day_number(fact.value_date) for fact in self.all) + 1
        word, _, what = name.partition("_")
        issued = only(self.all, SaleInvoiced if word == "sales" else PurchaseInvoiced)
        if what == "quiet":
            days = [day_number(fact.value_date) for fact in issued]
            return self.day - max(days) if days else UNKNOWN
        standing = [fact for fact in issued if fact.transaction_id not in self.gone]
        sums, _, window = what.rpartition("_")
        if window.removesuffix("d").isdigit():
            facts = issued if sums == "voided" else standing
            return int(sum(map(self._amount(sums), self._within(facts, int(window[:-1])))))
        return self._partners(standing)[what]

    def _amount(self, sums: str) -> Callable[[Any], int]:
        amounts: dict[str, Callable[[Any], int]] = {
            "net": lambda fact: fact.net_minor,
            "count": lambda _: 1,
            "voided": lambda fact: fact.transaction_id in self.gone,
            "returned": lambda fact: max(0, -fact.net_minor),
            "tax": lambda fact: fact.tax_minor,
        }
        return amounts[sums]

    def _within(self, facts: Sequence[Any], days: int) -> list[Any]:
        return [fact for fact in facts if day_number(fact.value_date) > self.day - days]

    def _partners(self, standing: Sequence[Any]) -> dict[str, int]:
        year, half = self._within(standing, 360), self._within(standing, 180)
        now = {fact.counterparty for fact in half}
        before = {fact.counterparty for fact in year if fact not in half}
        net: dict[str, int] = {}
        for fact in year:
            net[fact.counterparty] = net.get(fact.counterparty, 0) + fact.net_minor
        sold = [amount for amount in net.values() if amount > 0]
        total = sum(sold)
        return {
            "now": len(now),
            "before": len(before),
            "new": len(now - before),
            "lost": len(before - now),
            "largest": max(sold, default=0),
            "turnover": total,
            "squares": sum((amount * 10_000 // total) ** 2 for amount in sold),
        }
