"""Reading warnings and refusals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from ledger.dates import date_of, day_number
from ledger.errors import MalformedMessage
from projections.reading import Answer, Page, Reader, equals, is_one_of, position_cursor
from projections.refusals import REFUSALS
from projections.register import LOANS
from projections.tables import and_, func, select
from projections.warnings import ENDED, HISTORY, SEVERITIES, WARNINGS


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningFilter:
    """Which warnings; every field that is given must match.

    `state` is one of STATES, or "open" for any that has not ended. `since`: changed on that day or
    later. `role`: referred to that role. `branch` may be a tuple: any of them. `warning_ids`: only
    these.
    """

    severity: str | None = None
    state: str | None = None
    officer_id: str | None = None
    branch: str | tuple[str, ...] | None = None
    borrower_id: str | None = None
    loan_id: str | None = None
    rule: str | None = None
    role: str | None = None
    since: date | None = None
    inhibited: bool | None = None
    warning_ids: tuple[str, ...] | None = None


class WarningReads(Reader):
    """Lists of warnings and of refused messages."""

    def warnings(
        self,
        wanted: WarningFilter | None = None,
        *,
        after: str | None = None,
        limit: int = 100,
        oldest_first: bool = False,
    ) -> Page:
        """A page of warnings, newest first unless asked otherwise.

        `after` is the last page's cursor: warnings raised in between neither shift nor repeat a
        page. Errors: MalformedMessage for a cursor or a name that is not one.
        """
        table = self._database.table(WARNINGS)
        clauses = self._warning_clauses(wanted or WarningFilter())
        if after is not None:
            place = position_cursor(after)
            clauses.append(table.c.position > place if oldest_first else table.c.position < place)
        order = table.c.position.asc() if oldest_first else table.c.position.desc()
        return self._page(WARNINGS, clauses, order=order, cursor="position", limit=limit)

    def warning(self, warning_id: str) -> Answer | None:
        """One warning with its `history`, oldest change first; None when unknown."""
        with self._database.reading() as connection:
            row = self._one(connection, WARNINGS, warning_id)
            if row is not None:
                same = {"warning_id": warning_id}
                row["history"] = self._where(connection, HISTORY, same, order=("position",))
        return row

    def warning_groups(
        self,
        *,
        officer_id: str | None = None,
        branch: str | tuple[str, ...] | None = None,
        limit: int = 100,
    ) -> list[Answer]:
        """Open warnings by officer and borrower, the gravest group first, then the largest.

        Inhibited ones call nobody and are left out. `unanswered` are raised, reopened or expired;
        `deferred` wait for the officer's next day; `first_raised_date` is that of the oldest.
        """
        table = self._database.table(WARNINGS)
        people = (table.c.officer_id, table.c.borrower_id)
        gravest, count = func.max(table.c.severity_rank), func.count()
        unanswered = count.filter(table.c.state.in_(("raised", "expired")))
        deferred = count.filter(table.c.state == "deferred")
        oldest = func.min(table.c.raised_day)
        clauses = equals(table, {"officer_id": officer_id})
        clauses += [table.c.state.not_in(ENDED), table.c.inhibited_by.is_(None)]
        if branch is not None:
            clauses.append(self._within(branch))
        statement = (
            select(*people, gravest, count, unanswered, deferred, oldest)
            .where(and_(True, *clauses))
            .group_by(*people)
            .order_by(gravest.desc(), count.desc(), *people)
            .limit(limit)
        )
        with self._database.reading() as connection:
            rows = connection.execute(statement).all()
        return [
            {
                "officer_id": row[0],
                "borrower_id": row[1],
                "severity": SEVERITIES[row[2]],
                "warnings": row[3],
                "unanswered": row[4],
                "deferred": row[5],
                "first_raised_date": date_of(row[6]),
            }
            for row in rows
        ]

    def open_by_severity(self, *, branch: str | tuple[str, ...] | None = None) -> dict[str, int]:
        """How many warnings have not ended, by severity; `branch` None: of the whole book."""
        table = self._database.table(WARNINGS)
        clauses = self._warning_clauses(WarningFilter(state="open", branch=branch))
        counted = select(table.c.severity, func.count()).where(and_(True, *clauses))
        with self._database.reading() as connection:
            return dict(map(tuple, connection.execute(counted.group_by(table.c.severity)).all()))

    def refusals(
        self,
        *,
        code: str | None = None,
        source: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Page:
        """A page of refused messages, newest first. Errors: MalformedMessage for a bad cursor."""
        table = self._database.table(REFUSALS)
        clauses = equals(table, {"code": code, "source": source})
        if after is not None:
            clauses.append(table.c.position < position_cursor(after))
        order = table.c.position.desc()
        return self._page(REFUSALS, clauses, order=order, cursor="position", limit=limit)

    def refusal_counts(self) -> dict[str, int]:
        """How many messages were refused, by code."""
        with self._database.reading() as connection:
            return self._counts(connection, self._database.table(REFUSALS).c.code)

    def _within(self, branch: str | tuple[str, ...]) -> Any:
        """The condition that a warning is about a loan of a branch, or of one of several."""
        loans = self._database.table(LOANS)
        inside = select(loans.c.loan_id).where(is_one_of(loans.c.branch, branch))
        return self._database.table(WARNINGS).c.loan_id.in_(inside)

    def _warning_clauses(self, wanted: WarningFilter) -> list[Any]:
        table = self._database.table(WARNINGS)
        if wanted.severity is not None and wanted.severity not in SEVERITIES:
            raise MalformedMessage(
                f"{wanted.severity!r} is not a severity.",
                way_out=f"One of {', '.join(SEVERITIES)}.",
            )
        same = ("severity", "officer_id", "borrower_id", "loan_id", "rule", "role")
        clauses = equals(table, {name: getattr(wanted, name) for name in same})
        if wanted.state == "open":
            clauses.append(table.c.state.not_in(ENDED))
        elif wanted.state is not None:
            clauses.append(table.c.state == wanted.state)
        if wanted.warning_ids is not None:
            clauses.append(table.c.warning_id.in_(wanted.warning_ids))
        if wanted.since is not None:
            clauses.append(table.c.changed_day >= day_number(wanted.since))
        if wanted.branch is not None:
            clauses.append(self._within(wanted.branch))
        if wanted.inhibited is not None:
            muted = table.c.inhibited_by
            clauses.append(muted.is_not(None) if wanted.inhibited else muted.is_(None))
        return clauses
