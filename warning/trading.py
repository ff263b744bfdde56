"""What firms invoice, day by day: turnover, returns, voids, tax, and with whom, as facts bring it.

One row a firm (a borrower with invoices), and on each side one a firm and counterparty. A voided
invoice is taken off its own day from the day on which this was noticed; a return lowers turnover on
its own day. Sums are exact rolling windows, so order and batches cannot matter. `partners` knows
the counterparties.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ledger.dates import day_number
from ledger.events import InvoiceVoided, PurchaseInvoiced, SaleInvoiced
from warning.intake import NOT_STARTED, Handler
from warning.partners import FIGURES, HeldSums, Partners
from warning.windows import NEVER, UNKNOWN, DayArray, Growing, IntArray

MONTHS = tuple(range(30, 361, 30))
"""Ends of the twelve windows of 30 days that make a year of trading."""
FLOWS = (*MONTHS, 450, 720)
COUNTS = (*MONTHS, 720)
SIDES = ("sales", "purchases")


class _Side(Growing):
    """Sales or purchases of all firms. `last_day`: of the last invoice, standing or not."""

    last_day: DayArray

    def __init__(self) -> None:
        super().__init__()
        self.add_column("last_day", np.int32, fill=-1)
        self.net, self.count = HeldSums(FLOWS), HeldSums(COUNTS)
        self.voided = HeldSums((360, 720))
        self.returned, self.tax = HeldSums((360,)), HeldSums((360,))
        self.partners = Partners()

    def sums(self) -> tuple[HeldSums, ...]:
        """All rolling sums, those of the partners included."""
        own = (self.net, self.count, self.voided, self.returned, self.tax)
        return (*own, self.partners.net, self.partners.count)

    def grow(self, rows: int) -> None:
        """Have at least `rows` firms."""
        super().grow(rows)
        for sums in self.sums()[:5]:
            sums.grow(rows)

    def take(self, firm: int, fact: Any, *, sign: int) -> None:
        """Add an invoice (+1), or take it off again (-1), on its own day."""
        day, net = day_number(fact.value_date), sign * fact.net_minor
        partner = self.partners.row(firm, fact.counterparty)
        self.net.hold(firm, day, net)
        self.count.hold(firm, day, sign)
        self.tax.hold(firm, day, sign * fact.tax_minor)
        self.partners.net.hold(partner, day, net)
        self.partners.count.hold(partner, day, sign)
        if fact.net_minor < 0:
            self.returned.hold(firm, day, -net)


class _Links(Growing):
    """By the borrower's number in the arrears book: its firm, -1 for none."""

    firm: IntArray

    def __init__(self) -> None:
        super().__init__()
        self.add_column("firm", np.int64, fill=-1)


class TradingBook(Growing):
    """Trading of all firms; the columns' row is the firm. `first_day`: of its first invoice."""

    first_day: IntArray

    def __init__(self) -> None:
        super().__init__()
        self.add_column("first_day", np.int64, fill=NEVER)
        self.day = NOT_STARTED
        self.sides = {side: _Side() for side in SIDES}
        self._links = _Links()
        self._numbers: dict[str, int] = {}
        self._firms: dict[str, int] = {}
        self.handlers: dict[type, Handler] = {
            SaleInvoiced: partial(self._invoiced, "sales"),
            PurchaseInvoiced: partial(self._invoiced, "purchases"),
            InvoiceVoided: self._voided,
        }

    # Who is who

    def borrower(self, number: int, borrower_id: str) -> None:
        """The number of a borrower in the arrears book."""
        self._numbers[borrower_id] = number
        self._links.grow(number + 1)
        self._links.firm[number] = self._firms.get(borrower_id, -1)

    def _row(self, borrower_id: str) -> int:
        row = self._firms.get(borrower_id)
        if row is None:
            row = self._firms[borrower_id] = len(self._firms)
            self.grow(row + 1)
            for side in self.sides.values():
                side.grow(row + 1)
            number = self._numbers.get(borrower_id)
            if number is not None:
                self._links.firm[number] = row
        return row

    # Facts

    def _invoiced(self, side: str, fact: SaleInvoiced | PurchaseInvoiced, day: int) -> None:
        firm, of_side = self._row(fact.borrower_id), self.sides[side]
        self.first_day[firm] = min(int(self.first_day[firm]), day)
        of_side.last_day[firm] = max(int(of_side.last_day[firm]), day)
        of_side.take(firm, fact, sign=1)

    def _voided(self, fact: InvoiceVoided, _: int) -> None:
        firm, of_side = self._row(fact.borrower_id), self.sides[f"{fact.side}s"]
        of_side.take(firm, fact, sign=-1)
        of_side.voided.hold(firm, day_number(fact.value_date), 1)

    # Days

    def start(self, day: int) -> None:
        """Open the first day."""
        self.day = day
        for side in self.sides.values():
            for sums in side.sums():
                sums.start(day)

    def next_day(self) -> None:
        """Close the open day and open the next calendar day."""
        self.flush()
        self.day += 1
        for side in self.sides.values():
            for sums in side.sums():
                sums.advance()

    def flush(self) -> None:
        """Count what was held back."""
        for side in self.sides.values():
            for sums in side.sums():
                sums.flush()

    def nbytes(self) -> int:
        """Bytes held by the columns of all sides."""
        sides = self.sides.values()
        return super().nbytes() + sum(sums.nbytes() for side in sides for sums in side.sums())

    # Measures

    def of(self, borrowers: IntArray) -> Trades:
        """The trading of each of `borrowers`, by number; below 0 for none. Call `flush` before."""
        firms = self._links.firm[np.maximum(borrowers, 0)]
        there = (firms >= 0).nonzero()[0]
        there = there[self.first_day[firms[there]] <= self.day]
        return Trades(self, len(firms), there, firms[there])


class Trades:
    """Measures of some borrowers; which firms they are is looked up once for all of them."""

    def __init__(self, book: TradingBook, count: int, there: IntArray, firms: IntArray) -> None:
        self._book, self._count, self._there, self._firms = book, count, there, firms
        self._figures: dict[str, dict[str, IntArray]] = {}

    def read(self, name: str) -> IntArray:
        """The measure `name`; UNKNOWN without any invoice."""
        found = np.full(self._count, UNKNOWN, np.int64)
        if self._there.size:
            found[self._there] = self._measure(name)
        return found

    def _measure(self, name: str) -> IntArray:
        book, firms = self._book, self._firms
        if name == "trading_known":
            return book.day - book.first_day[firms] + 1
        word, _, what = name.partition("_")
        side = book.sides[word]
        if what in FIGURES:
            if word not in self._figures:
                self._figures[word] = side.partners.figures(firms)
            return self._figures[word][what]
        if what == "quiet":
            last = side.last_day[firms].astype(np.int64)
            return np.where(last < 0, UNKNOWN, book.day - last)
        sums, _, window = what.rpartition("_")
        of: HeldSums = getattr(side, sums)
        return of.total(int(window.removesuffix("d")), firms)


READ = (
    "trading_known",
    *(f"{side}_net_{window}d" for side in SIDES for window in FLOWS),
    *(f"{side}_count_{window}d" for side in SIDES for window in COUNTS),
    *(f"{side}_{sums}_360d" for side in SIDES for sums in ("voided", "returned", "tax")),
    *(f"{side}_voided_720d" for side in SIDES),
    *(f"{side}_{what}" for side in SIDES for what in ("quiet", *FIGURES)),
)
"""The measures there are."""
