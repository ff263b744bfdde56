"""Control totals between views: what the books say against what loans, accounts and closes say.

Exact, by currency. A view may be looked at in a table built beside the live one, so that a rebuild
is held against the books before it is put in place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.postings import DEPOSITS, PRINCIPAL, SUSPENSE
from projections.account_balances import ACCOUNT_BALANCES
from projections.balances import LOAN_BALANCES
from projections.grades import TOTALS
from projections.portfolio import PORTFOLIO
from projections.register import LOANS
from projections.tables import Connection, Database, Table, TableSpec, func, select
from projections.trial_balance import POSTED

Sums = dict[str, int]


@dataclass(frozen=True, slots=True)
class Agreement:
    """One total as two views have it, in minor units of a currency. `tables` are theirs."""

    what: str
    currency: str
    tables: tuple[str, str]
    first: int
    second: int

    @property
    def holds(self) -> bool:
        """Whether both say the same."""
        return self.first == self.second

    def __str__(self) -> str:
        first, second = self.tables
        return (
            f"{self.what} in {self.currency}: {first} has {self.first:,} minor units, "
            f"{second} {self.second:,}"
        )


class _Views:
    """The tables to look at: the ones built beside, where there are some."""

    def __init__(
        self, database: Database, connection: Connection, built: Mapping[str, Table]
    ) -> None:
        self._database, self.connection, self._built = database, connection, built

    def has(self, *specs: TableSpec) -> bool:
        """Whether all of these are there."""
        return all(self._database.exists(self.connection, self.table(spec)) for spec in specs)

    def table(self, spec: TableSpec) -> Table:
        """The table of a spec."""
        built = self._built.get(spec.name)
        return self._database.table(spec) if built is None else built

    def rows(self, statement: Any) -> Iterable[Any]:
        """What a statement finds."""
        return self.connection.execute(statement)


def reconcile(
    database: Database, connection: Connection, built: Mapping[str, Table] | None = None
) -> list[Agreement]:
    """Every total that two views share, as far as their tables are there."""
    views = _Views(database, connection, built or {})
    found: list[Agreement] = []
    if views.has(POSTED, LOAN_BALANCES, LOANS):
        owed, unapplied = _loans(views)
        found += _held("principal", views, PRINCIPAL, 1, LOAN_BALANCES, owed)
        found += _held("payments not applied", views, SUSPENSE, -1, LOAN_BALANCES, unapplied)
    if views.has(POSTED, ACCOUNT_BALANCES):
        table = views.table(ACCOUNT_BALANCES)
        held = _added(views.rows(select(table.c.currency, table.c.balance_minor)))
        found += _held("deposits", views, DEPOSITS, -1, ACCOUNT_BALANCES, held)
    if views.has(PORTFOLIO, TOTALS):
        found += _graded(views)
    return found


def _held(
    what: str, views: _Views, account: str, sign: int, spec: TableSpec, held: Sums
) -> list[Agreement]:
    """An account of the books against what a view holds; `sign` -1 for a liability."""
    table = views.table(POSTED)
    found = views.rows(
        select(table.c.currency, table.c.debit_minor - table.c.credit_minor).where(
            table.c.account == account
        )
    )
    return _compared(what, (POSTED.name, spec.name), _added(found, sign), held)


def _loans(views: _Views) -> tuple[Sums, Sums]:
    """Principal booked on loans that are not closed, and payments that no due took, by currency."""
    balances, loans = views.table(LOAN_BALANCES), views.table(LOANS)
    owed: Sums = {}
    unapplied: Sums = {}
    columns = ("currency", "disbursed_minor", "principal_paid_minor", "unapplied_minor")
    for currency, paid_out, paid_back, left, status in views.rows(
        select(*(balances.c[name] for name in columns), loans.c.status).where(
            balances.c.loan_id == loans.c.loan_id
        )
    ):
        unapplied[currency] = unapplied.get(currency, 0) + left
        if status != "closed":
            owed[currency] = owed.get(currency, 0) + paid_out - paid_back
    return owed, unapplied


def _graded(views: _Views) -> list[Agreement]:
    """The portfolio of the last close against the loans graded at it, regime by regime."""
    table, totals = views.table(PORTFOLIO), views.table(TOTALS)
    last = select(func.max(table.c.closed_day)).scalar_subquery()
    held = _added(
        views.rows(
            select(table.c.currency, table.c.outstanding_minor).where(table.c.closed_day == last)
        )
    )
    by_regime: dict[str, Sums] = {}
    columns = (totals.c.regime, totals.c.currency, totals.c.outstanding_minor)
    for regime, currency, amount in views.rows(select(*columns).where(totals.c.closed_day == last)):
        sums = by_regime.setdefault(regime, {})
        sums[currency] = sums.get(currency, 0) + amount
    names = (PORTFOLIO.name, TOTALS.name)
    return [
        agreement
        for regime, sums in sorted(by_regime.items())
        for agreement in _compared(f"outstanding by grades of {regime}", names, held, sums)
    ]


def _added(rows: Iterable[Any], sign: int = 1) -> Sums:
    """Exact sums by currency, in Python: a large book may exceed what a column can hold."""
    sums: Sums = {}
    for currency, amount in rows:
        sums[currency] = sums.get(currency, 0) + sign * amount
    return sums


def _compared(what: str, tables: tuple[str, str], first: Sums, second: Sums) -> list[Agreement]:
    return [
        Agreement(what, currency, tables, first.get(currency, 0), second.get(currency, 0))
        for currency in sorted(first.keys() | second.keys())
    ]
