"""Reading cases: lists, one case with all that belongs to it, and an officer's list of the day.

What the views hold of cases comes from the ledger log; open warnings are joined here, so that both
are read as of the same commit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from ledger.dates import date_of, day_number
from ledger.errors import MalformedMessage
from projections.balances import LOAN_BALANCES
from projections.case_tables import (
    ASSIGNMENTS,
    CASE_HISTORY,
    CASE_OWNERS,
    CASE_PAYMENTS,
    CASES,
    CONTACTS,
    PROMISES,
)
from projections.reading import Answer, Page, Reader, answers, equals, position_cursor
from projections.register import LOANS
from projections.tables import Connection, and_, func, select
from projections.warnings import ENDED, WARNINGS
from projections.worklist import Signs, Why, rank, reasons, said, signs_of, warned
from warning.treatment import treatment_of

MOST_CONSIDERED = 2_000
"""Of more open cases the list of the day takes those that the ledger alone ranks highest."""
DAY_US = 86_400_000_000
_RANKING = (
    *("case_id", "borrower_id", "dpd_days", "currency", "arrears_minor", "holds"),
    *("legal_due_day", "promise_state", "promise_due_day", "next_contact_day", "contacts_made"),
)
"""What ranking wants of a case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFilter:
    """Which cases; every field that is given must match."""

    owner_id: str | None = None
    team: str | None = None
    branch: str | tuple[str, ...] | None = None
    borrower_id: str | None = None
    stage: str | None = None
    cause: str | None = None
    segment: str | None = None
    open: bool | None = None


class CaseReads(Reader):
    """Cases, contacts, promises and the list of the day."""

    def cases(
        self, wanted: CaseFilter | None = None, *, after: str | None = None, limit: int = 100
    ) -> Page:
        """A page of cases, newest first. Errors: MalformedMessage for a bad cursor."""
        table, wanted = self._database.table(CASES), wanted or CaseFilter()
        names = ("owner_id", "team", "branch", "borrower_id", "stage", "cause", "segment")
        clauses = equals(table, {name: getattr(wanted, name) for name in names})
        if wanted.open is not None:
            clauses.append(table.c.open == int(wanted.open))
        if after is not None:
            clauses.append(table.c.position < position_cursor(after))
        order = table.c.position.desc()
        return self._page(CASES, clauses, order=order, cursor="position", limit=limit)

    def case_entry(self, case_id: str) -> Answer | None:
        """One case's row alone; None when unknown."""
        with self._database.reading() as connection:
            return self._one(connection, CASES, case_id)

    def case(self, case_id: str, *, language: str = "en") -> Answer | None:
        """One case with its `owners`, `contacts`, `promises`, `assignments`, `payments`, `loans`,
        open `warnings`, `history` (oldest first), `borrower_history` (what was said about all of
        the borrower's debts, such as consent and holds) and place in the list of the day (`rank`,
        `why`).

        None when unknown.
        """
        with self._database.reading() as connection:
            row = self._one(connection, CASES, case_id)
            if row is None:
                return None
            same = {"case_id": case_id}
            by_place = ("position",)
            found = {
                "owners": self._where(connection, CASE_OWNERS, same, order=by_place),
                "contacts": self._where(connection, CONTACTS, same, order=by_place),
                "promises": self._where(connection, PROMISES, same, order=by_place),
                "assignments": self._where(connection, ASSIGNMENTS, same, order=by_place),
                "payments": self._where(connection, CASE_PAYMENTS, same),
                "history": self._where(connection, CASE_HISTORY, same, order=by_place),
                "borrower_history": self._where(
                    connection,
                    CASE_HISTORY,
                    {"borrower_id": row["borrower_id"], "case_id": ""},
                    order=by_place,
                ),
                "loans": self._loans_of(connection, row["loan_ids"]),
            }
            of_borrower = self._open_warnings(connection, [row["borrower_id"]])
            today = self._today(connection)
        warnings = of_borrower[row["borrower_id"]]
        signs = signs_of(warnings)
        whys = [*reasons(_numbers(row), today), *warned(signs)] if row["open"] else []
        return {**_told(row, whys, signs, language), **found, "warnings": warnings}

    def contacts(
        self,
        *,
        borrower_id: str | None = None,
        officer_id: str | None = None,
        branch: str | tuple[str, ...] | None = None,
        state: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Page:
        """A page of contacts, newest first; `branch`: of cases that are there.

        Errors: MalformedMessage for a bad cursor.
        """
        same = {"borrower_id": borrower_id, "officer_id": officer_id, "state": state}
        return self._newest(CONTACTS, same, branch, after, limit)

    def promises(
        self,
        *,
        borrower_id: str | None = None,
        officer_id: str | None = None,
        branch: str | tuple[str, ...] | None = None,
        state: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Page:
        """A page of promises, newest first; `branch`: of cases that are there.

        Errors: MalformedMessage for a bad cursor.
        """
        same = {"borrower_id": borrower_id, "officer_id": officer_id, "state": state}
        return self._newest(PROMISES, same, branch, after, limit)

    def worklist(
        self,
        *,
        owner_id: str | None = None,
        team: str | None = None,
        branch: str | tuple[str, ...] | None = None,
        on: date | None = None,
        after: str | None = None,
        limit: int = 50,
        language: str = "en",
    ) -> Page:
        """The open cases of an officer, team or branch, what matters most today first.

        `on`: the day that counts as today (default: the one after the last close). Each row is a
        case with its `rank`, `why` (reasons, whose points are the rank), `suggestion` (channel,
        tone, step, day) and count of open `warnings`. Errors: MalformedMessage for a bad cursor.
        """
        place = None if after is None else _place(after)
        table = self._database.table(CASES)
        clauses = [table.c.open == 1]
        clauses += equals(table, {"owner_id": owner_id, "team": team, "branch": branch})
        statement = select(*(table.c[name] for name in _RANKING)).where(and_(True, *clauses))
        statement = statement.order_by(table.c.base_rank.desc()).limit(MOST_CONSIDERED)
        with self._database.reading() as connection:
            today = self._today(connection) if on is None else day_number(on)
            found = [dict(zip(_RANKING, row, strict=True)) for row in connection.execute(statement)]
            signs = self._signs(connection, [case["borrower_id"] for case in found])
            ranked = sorted(
                (-rank(whys), case["case_id"], whys)
                for case in found
                for whys in [[*reasons(case, today), *warned(signs.get(case["borrower_id"]))]]
            )
            if place is not None:
                ranked = [each for each in ranked if each[:2] > place]
            shown = ranked[: max(1, min(limit, MOST_CONSIDERED))]
            page = select(table).where(table.c.case_id.in_([case_id for _, case_id, _ in shown]))
            rows = {row["case_id"]: row for row in answers(CASES, connection.execute(page))}
        listed = [
            _told(rows[case_id], whys, signs.get(rows[case_id]["borrower_id"]), language)
            for _, case_id, whys in shown
        ]
        more = len(ranked) > len(shown)
        return Page(listed, f"{listed[-1]['rank']}:{listed[-1]['case_id']}" if more else None)

    def _signs(self, connection: Connection, borrowers: Sequence[str]) -> dict[str, Signs]:
        """What open warnings that call for somebody come to, by borrower."""
        if not borrowers:
            return {}
        table = self._database.table(WARNINGS)
        state = table.c.state
        statement = (
            select(
                table.c.borrower_id,
                func.count(),
                func.max(table.c.severity_rank),
                func.count().filter(state == "expired"),
                func.count().filter(state == "raised"),
            )
            .where(table.c.borrower_id.in_(sorted(set(borrowers))))
            .where(state.not_in(ENDED), table.c.inhibited_by.is_(None))
            .group_by(table.c.borrower_id)
        )
        return {
            borrower_id: Signs(number, gravest, bool(expired), bool(unanswered))
            for borrower_id, number, gravest, expired, unanswered in connection.execute(statement)
        }

    def _newest(
        self,
        spec: Any,
        same: Answer,
        branch: str | tuple[str, ...] | None,
        after: str | None,
        limit: int,
    ) -> Page:
        table, cases = self._database.table(spec), self._database.table(CASES)
        clauses = equals(table, same)
        if branch is not None:
            there = select(cases.c.case_id).where(*equals(cases, {"branch": branch}))
            clauses.append(table.c.case_id.in_(there))
        if after is not None:
            clauses.append(table.c.position < position_cursor(after))
        order = table.c.position.desc()
        return self._page(spec, clauses, order=order, cursor="position", limit=limit)

    def _today(self, connection: Connection) -> int:
        """The open day: the one after the last close."""
        catalog = self._database.catalog_rows(connection)
        return 1 + max((view.closed_day or 0 for view in catalog.values()), default=0)

    def _open_warnings(
        self, connection: Connection, borrowers: Sequence[str]
    ) -> defaultdict[str, list[Answer]]:
        """Warnings that call for somebody, by borrower: neither ended nor muted."""
        table = self._database.table(WARNINGS)
        clauses = [table.c.borrower_id.in_(sorted(set(borrowers))), table.c.state.not_in(ENDED)]
        clauses.append(table.c.inhibited_by.is_(None))
        statement = select(table).where(and_(*clauses)).order_by(table.c.position)
        found: defaultdict[str, list[Answer]] = defaultdict(list)
        if borrowers:
            for row in answers(WARNINGS, connection.execute(statement)):
                found[row["borrower_id"]].append(row)
        return found

    def _loans_of(self, connection: Connection, loan_ids: Sequence[str]) -> list[Answer]:
        loans = []
        for loan_id in loan_ids:
            entry = self._one(connection, LOANS, loan_id)
            if entry is not None:
                balance = self._one(connection, LOAN_BALANCES, loan_id)
                loans.append({**entry, "balance": balance})
        return loans


def _place(cursor: str) -> tuple[int, str]:
    """The rank and case in a cursor, as the list is sorted. Errors: MalformedMessage."""
    points, _, case_id = cursor.partition(":")
    if not case_id or not points.lstrip("-").isdecimal() or len(points) > 10:
        raise MalformedMessage(
            f"{cursor[:40]!r} is not a cursor.", way_out="Pass the next_cursor of the last page."
        )
    return -int(points), case_id


def _told(row: Answer, whys: list[Why], signs: Signs | None, language: str) -> Answer:
    """A row with its rank, its reasons (the weightiest first) and what to do next."""
    whys = sorted(whys, key=lambda why: (-abs(why.points), why.code))
    return {
        **row,
        "rank": rank(whys),
        "why": [_why(why, language) for why in whys],
        "suggestion": _suggestion(row),
        "open_warnings": signs.number if signs else 0,
    }


def _numbers(row: Answer) -> Answer:
    """The row with its dates as day numbers again, as `worklist` counts."""
    days = ("next_contact", "promise_due", "legal_due")
    dates = {name: row[f"{name}_date"] for name in days}
    numbers = {f"{n}_day": None if d is None else day_number(d) for n, d in dates.items()}
    return {**row, **numbers}


def _why(why: Why, language: str) -> Answer:
    return {"code": why.code, "points": why.points, "text": said(why, language)}


def _suggestion(row: Answer) -> Answer | None:
    """What the treatment proposes next; None without one."""
    treatment = treatment_of(row["treatment"] or "")
    if treatment is None:
        return None
    until = row["queued_until_us"]
    return {
        "channel": row["next_channel"],
        "date": row["next_contact_date"],
        "tone": treatment.tone,
        "next_step": treatment.next_step,
        "supervision": treatment.supervision,
        "queued_until_us": until,
        "queued_until_date": None if until is None else date_of(until // DAY_US),
    }
