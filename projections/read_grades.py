"""Reading grades: now, as of a day, and every change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from ledger.dates import day_number, start_of_day_us
from projections.grades import CHANGES, GRADES
from projections.reading import Answer, Page, Reader, answers, equals, position_cursor
from projections.register import LOANS
from projections.tables import Connection, and_, func, select


class GradeReads(Reader):
    """Grades of one regime at a time: the only one there is, unless `regime` names another."""

    def grades(
        self,
        *,
        grade: str | None = None,
        loan_id: str | None = None,
        borrower_id: str | None = None,
        officer_id: str | None = None,
        branch: str | None = None,
        as_of: date | None = None,
        regime: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Page:
        """A page of grades by loan id, each with date, rule, reason, article and mark.

        Now: of the loans that are not closed. As of a day: of all that had been graded by it, as
        judged then. Officer and branch are today's. `after` is the last page's cursor.
        """
        loans = self._database.table(LOANS)
        table = self._database.table(GRADES if as_of is None else CHANGES)
        clauses: list[Any] = equals(table, {"grade": grade, "loan_id": loan_id})
        clauses += equals(
            loans, {"borrower_id": borrower_id, "officer_id": officer_id, "branch": branch}
        )
        clauses.append(loans.c.loan_id == table.c.loan_id)
        if after is not None:
            clauses.append(table.c.loan_id > after)
        with self._database.reading() as connection:
            clauses.append(table.c.regime == self._regime(connection, regime))
        if as_of is None:
            clauses.append(loans.c.status != "closed")
            return self._page(GRADES, clauses, order=table.c.loan_id, cursor="loan_id", limit=limit)
        clauses.append(self._last_change_by(day_number(as_of)))
        return self._page(CHANGES, clauses, order=table.c.loan_id, cursor="loan_id", limit=limit)

    def grade_history(
        self,
        loan_id: str,
        *,
        as_of: date | None = None,
        known_on: date | None = None,
        regime: str | None = None,
    ) -> list[Answer]:
        """Every change of a loan's grade, oldest first.

        Up to `as_of` by the day it counts from, and up to `known_on` by when it was recorded.
        """
        with self._database.reading() as connection:
            return self._grade_changes(connection, loan_id, as_of, known_on, regime)

    def grade_changes(
        self, *, after: str | None = None, limit: int = 100, regime: str | None = None
    ) -> Page:
        """Changes of all loans in the order they were judged; the cursor is a ledger position.

        A page holds whole closes as far as `limit` allows: go on from `next_cursor`.
        """
        table = self._database.table(CHANGES)
        position, _, loan_id = (after or "0:").partition(":")
        with self._database.reading() as connection:
            clauses: list[Any] = [table.c.regime == self._regime(connection, regime)]
            at = position_cursor(position)
            beyond = (table.c.position > at) | (
                (table.c.position == at) & (table.c.loan_id > loan_id)
            )
            found = connection.execute(
                select(table)
                .where(and_(True, *clauses, beyond))
                .order_by(table.c.position, table.c.loan_id)
                .limit(limit + 1)
            )
            rows = answers(CHANGES, found)
        more = len(rows) > limit
        rows = rows[:limit]
        last = rows[-1] if more else None
        return Page(rows, f"{last['position']}:{last['loan_id']}" if last else None)

    def _grade_changes(
        self,
        connection: Connection,
        loan_id: str,
        as_of: date | None,
        known_on: date | None,
        regime: str | None = None,
    ) -> list[Answer]:
        table = self._database.table(CHANGES)
        same: Mapping[str, Any] = {
            "regime": self._regime(connection, regime),
            "loan_id": loan_id,
        }
        clauses = equals(table, same)
        if as_of is not None:
            clauses.append(table.c.since_day <= day_number(as_of))
        if known_on is not None:
            clauses.append(table.c.recorded_at_us < start_of_day_us(known_on) + 86_400_000_000)
        statement = select(table).where(*clauses).order_by(table.c.position)
        return answers(CHANGES, connection.execute(statement))

    def _last_change_by(self, day: int) -> Any:
        """The condition that a change is its loan's last one up to `day`."""
        table = self._database.table(CHANGES)
        later = table.alias("later")
        newest = (
            select(func.max(later.c.position))
            .where(later.c.regime == table.c.regime)
            .where(later.c.loan_id == table.c.loan_id)
            .where(later.c.since_day <= day)
            .scalar_subquery()
        )
        return table.c.position == newest

    def _regime(self, connection: Connection, regime: str | None) -> str:
        if regime is not None:
            return regime
        catalog = self._database.catalog_rows(connection).get("grades")
        return "" if catalog is None else catalog.rules_version.partition("@")[0]
