"""Reading grades by regime: now, as of a day, every change, and graded anew from the facts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from ledger.dates import day_number, start_of_day_us
from ledger.errors import LoanError, StoreUnavailable
from ledger.ids import CALENDAR_STREAM, loan_stream
from ledger.store import Recorded
from projections.facts import Close
from projections.grades import CHANGES, GRADES, REGIMES
from projections.reading import (
    MAX_PAGE,
    Answer,
    Page,
    Reader,
    StreamLogs,
    answers,
    equals,
    position_cursor,
)
from projections.regime import Regime
from projections.regime_file import load, parse, shipped
from projections.register import LOANS
from projections.regrade import explained, regrade
from projections.signals import lowered, signals_of
from projections.tables import Connection, TableSpec, and_, func, select
from warning.intake import effective_day

DAY_US = 86_400_000_000


class UnknownRegime(LoanError):
    """Loans are not graded by this regime here."""

    code = "unknown_regime"


class UnknownGrade(LoanError):
    """The regime has no such grade."""

    code = "unknown_grade"


class GradeReads(Reader):
    """Grades of one regime at a time: the main one, unless `regime` names another."""

    def regimes(self) -> list[Answer]:
        """The regimes that loans are graded by, the main one first.

        Rows: regime, version, title, title_en, grades (grade, local, performing) from the best.
        """
        with self._database.reading() as connection:
            rows = self._where(connection, REGIMES, {}, order=("place",))
        return [
            {
                **{name: row[name] for name in ("regime", "version", "title", "title_en")},
                "grades": [
                    {"grade": grade.name, "local": grade.local, "performing": grade.performing}
                    for grade in _rules(row["text"], row["regime"]).grades
                ],
            }
            for row in rows
        ]

    def grades(
        self,
        *,
        grade: str | None = None,
        loan_id: str | None = None,
        borrower_id: str | None = None,
        officer_id: str | None = None,
        branch: str | tuple[str, ...] | None = None,
        as_of: date | None = None,
        regime: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Page:
        """A page of grades by loan id, each with date, rule, reason, article and mark.

        Now: of the loans that are not closed. As of a day: of all that had been graded by it, as
        judged then. Officer and branch are today's. `after` is the last page's cursor. `grade` is
        the grade in force, `grade_by_rules` the one before open warnings lowered it, where the
        regime lets them. Errors: UnknownRegime; UnknownGrade.
        """
        with self._database.reading() as connection:
            rules = self._rules_of(connection, regime)
            day = self._day(connection, as_of)
            spec = GRADES if as_of is None else CHANGES
            table, loans = self._database.table(spec), self._database.table(LOANS)
            clauses = equals(table, {"loan_id": loan_id, "regime": rules.name})
            clauses += equals(
                loans, {"borrower_id": borrower_id, "officer_id": officer_id, "branch": branch}
            )
            clauses.append(loans.c.loan_id == table.c.loan_id)
            if grade is not None:
                clauses.append(table.c.rank.in_(_ranks_that_give(rules, grade, day)))
            if as_of is None:
                clauses.append(loans.c.status != "closed")
            else:
                clauses.append(self._last_change_by(day))
            return self._pages(connection, spec, clauses, rules, grade, day, after, limit)

    def _pages(
        self,
        connection: Connection,
        spec: TableSpec,
        clauses: list[Any],
        rules: Regime,
        grade: str | None,
        day: int,
        after: str | None,
        limit: int,
    ) -> Page:
        """Rows whose grade in force is the one wanted, a page of them."""
        table = self._database.table(spec)
        limit = max(1, min(limit, MAX_PAGE))
        most = limit if signals_of(rules, day) is None else MAX_PAGE
        found: list[Answer] = []
        while len(found) <= limit:
            beyond = [] if after is None else [table.c.loan_id > after]
            statement = select(table).where(and_(True, *clauses, *beyond))
            rows = connection.execute(statement.order_by(table.c.loan_id).limit(most + 1))
            part = answers(spec, rows)
            shown = lowered(self._database, connection, rules, part, day)
            found += [row for row in shown if grade in (None, row["grade"])]
            if len(part) <= most:
                break
            after = str(part[-1]["loan_id"])
        more = len(found) > limit
        return Page(found[:limit], str(found[limit - 1]["loan_id"]) if more else None)

    def regraded(
        self,
        loan_id: str,
        *,
        regime: str | Regime | None = None,
        as_of: date | None = None,
        known_on: date | None = None,
    ) -> Answer | None:
        """A loan graded anew from its borrower's facts, as corrected (see `regrade`).

        By any regime: one that the views know, a shipped one, or one that was read. As of a day, by
        what was recorded up to the end of `known_on`. Keys as in `regrade.explained`. None when the
        book has no such loan. Errors: UnknownRegime; StoreUnavailable when no store was passed.
        """
        with self._database.reading() as connection:
            row = self._one(connection, LOANS, loan_id)
            if row is None:
                return None
            rules = self._any_rules(connection, regime)
            same = self._where(connection, LOANS, {"borrower_id": row["borrower_id"]})
        facts = [
            item
            for loan in same
            for item in self._known_facts(loan_stream(loan["loan_id"]), None, known_on)
        ]
        closes = [
            Close(day_number(item.fact.value_date), item.position, item.fact.recorded_at_us)
            for item in self._known_facts(CALENDAR_STREAM, None, known_on)
        ]
        return explained(regrade(rules, loan_id, facts, closes, as_of=as_of))

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
            clauses.append(table.c.recorded_at_us < start_of_day_us(known_on) + DAY_US)
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

    def _known_facts(
        self, stream: str, as_of: date | None, known_on: date | None
    ) -> list[Recorded]:
        """A stream's facts that count by one day and were known by another."""
        return valued_by(known_by(self._facts.ledger.stream(stream), known_on), as_of)

    @property
    def _facts(self) -> StreamLogs:
        """The logs. Errors: StoreUnavailable when none were passed."""
        if self._logs is None:
            raise StoreUnavailable(
                "Single facts are not at hand here.", way_out="Pass the store to Queries.open."
            )
        return self._logs

    def _day(self, connection: Connection, as_of: date | None) -> int:
        """The day asked for; the last one closed when none is."""
        if as_of is not None:
            return day_number(as_of)
        catalog = self._database.catalog_rows(connection)
        return max((view.closed_day or 0 for view in catalog.values()), default=0)

    def _in_force(self, connection: Connection, rows: list[Answer], day: int) -> Answer | None:
        """A grade of the main regime as open warnings leave it; None of none."""
        if not rows:
            return None
        rules = self._rules_of(connection, None)
        return lowered(self._database, connection, rules, rows, day)[0]

    def _any_rules(self, connection: Connection, regime: str | Regime | None) -> Regime:
        if isinstance(regime, Regime):
            return regime
        known = {row["regime"] for row in self._where(connection, REGIMES, {})}
        if regime is not None and regime not in known and regime in shipped():
            return load(regime)
        return self._rules_of(connection, regime)

    def _rules_of(self, connection: Connection, regime: str | None) -> Regime:
        """A regime that the views know; the main one for None. Errors: UnknownRegime."""
        rows = self._where(connection, REGIMES, {}, order=("place",))
        for row in rows:
            if regime in (None, row["regime"]):
                return _rules(row["text"], row["regime"])
        known = ", ".join(row["regime"] for row in rows)
        raise UnknownRegime(
            "Loans are not graded by that regime here.",
            way_out=f"Graded by: {known or 'nothing yet'}; the setting regime may name others. "
            f"Shipped: {', '.join(shipped())}.",
        )

    def _regime(self, connection: Connection, regime: str | None) -> str:
        """The name of a regime that the views know, empty before any. Errors: UnknownRegime."""
        if regime is None and not self._where(connection, REGIMES, {}):
            return ""
        return self._rules_of(connection, regime).name


def known_by(facts: list[Recorded], known_on: date | None) -> list[Recorded]:
    """Those that were recorded by the end of a day."""
    if known_on is None:
        return facts
    end = start_of_day_us(known_on) + DAY_US
    return [item for item in facts if item.fact.recorded_at_us < end]


def valued_by(facts: list[Recorded], as_of: date | None) -> list[Recorded]:
    """Those that count by the end of a day; a reversal since it was noticed."""
    if as_of is None:
        return facts
    end = day_number(as_of)
    return [item for item in facts if effective_day(item.fact) <= end]


@lru_cache(maxsize=32)
def _rules(text: str, name: str) -> Regime:
    return parse(text.encode(), path=name)


def _ranks_that_give(rules: Regime, grade: str, day: int) -> list[int]:
    """The ranks by the rules that a grade in force may come from."""
    rank = rules.ranks.get(grade)
    if rank is None:
        raise UnknownGrade(
            f"{rules.name} has no such grade.", way_out=f"One of {', '.join(rules.ranks)}."
        )
    signals = signals_of(rules, day)
    return [rank] if signals is None else list(range(max(rank - signals.notches, 0), rank + 1))
