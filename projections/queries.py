"""What the API, the command line and the desk read: the views as of their last commit.

Every call reads one committed state on its own connection; any thread may call. Rows come as
dictionaries: `*_minor` whole minor units beside `currency`, `*_date` dates, never a float. What
needs single facts (a loan as of a date, its story) reads the store that is passed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from ledger.dates import date_of, day_number
from ledger.errors import MalformedMessage
from projections.rebuild import Logs
from projections.refusals import REFUSALS
from projections.register import LOANS
from projections.tables import Connection, Database, TableSpec, and_, func, select
from projections.trial_balance import POSTED
from projections.warnings import ENDED, HISTORY, SEVERITIES, WARNINGS

Answer = dict[str, Any]
"""A row for the outside: stable names, dates as dates, lists as lists."""

MAX_PAGE = 1_000
LISTS = frozenset({"readings", "cause_event_ids", "causes"})


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and the cursor that fetches the next ones; None when there are no more."""

    rows: list[Answer]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningFilter:
    """Which warnings; every field that is given must match. `state` "open" is any not ended."""

    severity: str | None = None
    state: str | None = None
    officer_id: str | None = None
    branch: str | None = None
    borrower_id: str | None = None
    loan_id: str | None = None
    rule: str | None = None
    since: date | None = None
    inhibited: bool | None = None


class Queries:
    """Reads of one views file. Errors: StoreUnavailable."""

    def __init__(self, database: Database, logs: Logs | None = None) -> None:
        self._database = database
        self._logs = logs

    @classmethod
    def open(cls, path: Path | str, logs: Logs | None = None) -> Queries:
        """Read the views at `path`; `logs` (a store, read-only will do) adds single facts."""
        return cls(Database.open(path, read_only=True), logs)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

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
            place = _cursor(after)
            beyond = table.c.position > place if oldest_first else table.c.position < place
            clauses.append(beyond)
        order = table.c.position.asc() if oldest_first else table.c.position.desc()
        limit = max(1, min(limit, MAX_PAGE))
        with self._database.reading() as connection:
            found = connection.execute(
                select(table).where(and_(True, *clauses)).order_by(order).limit(limit + 1)
            )
            rows = answers(WARNINGS, found)
        more = len(rows) > limit
        rows = rows[:limit]
        return Page(rows, str(rows[-1]["position"]) if more else None)

    def warning(self, warning_id: str) -> Answer | None:
        """One warning with its `history`, oldest change first; None when unknown."""
        with self._database.reading() as connection:
            row = self._one(connection, WARNINGS, warning_id)
            if row is not None:
                row["history"] = self._where(
                    connection, HISTORY, {"warning_id": warning_id}, order=("position",)
                )
        return row

    def loans(
        self,
        *,
        borrower_id: str | None = None,
        officer_id: str | None = None,
        branch: str | None = None,
        status: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Page:
        """A page of the register, by loan id; `after` is the last page's cursor."""
        table = self._database.table(LOANS)
        given = {
            "borrower_id": borrower_id,
            "officer_id": officer_id,
            "branch": branch,
            "status": status,
        }
        clauses = [table.c[name] == value for name, value in given.items() if value is not None]
        if after is not None:
            clauses.append(table.c.loan_id > after)
        limit = max(1, min(limit, MAX_PAGE))
        with self._database.reading() as connection:
            found = connection.execute(
                select(table).where(and_(True, *clauses)).order_by(table.c.loan_id).limit(limit + 1)
            )
            rows = answers(LOANS, found)
        more = len(rows) > limit
        rows = rows[:limit]
        return Page(rows, rows[-1]["loan_id"] if more else None)

    def trial_balance(self, day: date | None = None) -> list[Answer]:
        """Balance of each account of the books up to `day` (default: all), by currency.

        Rows: currency, account, debit_minor, credit_minor, balance_minor (debit positive); the
        balances of a currency add up to zero.
        """
        table = self._database.table(POSTED)
        statement = select(
            table.c.currency, table.c.account, table.c.debit_minor, table.c.credit_minor
        )
        if day is not None:
            statement = statement.where(table.c.value_day <= day_number(day))
        sums: dict[tuple[str, str], list[int]] = {}
        with self._database.reading() as connection:
            for currency, account, debit, credit in connection.execute(statement):
                entry = sums.setdefault((currency, account), [0, 0])
                entry[0] += debit
                entry[1] += credit
        return [
            {
                "currency": currency,
                "account": account,
                "debit_minor": debit,
                "credit_minor": credit,
                "balance_minor": debit - credit,
            }
            for (currency, account), (debit, credit) in sorted(sums.items())
        ]

    def refusals(
        self, *, code: str | None = None, after: str | None = None, limit: int = 100
    ) -> Page:
        """A page of refused messages, newest first."""
        table = self._database.table(REFUSALS)
        clauses = [table.c.code == code] if code is not None else []
        if after is not None:
            clauses.append(table.c.position < _cursor(after))
        limit = max(1, min(limit, MAX_PAGE))
        with self._database.reading() as connection:
            found = connection.execute(
                select(table)
                .where(and_(True, *clauses))
                .order_by(table.c.position.desc())
                .limit(limit + 1)
            )
            rows = answers(REFUSALS, found)
        more = len(rows) > limit
        rows = rows[:limit]
        return Page(rows, str(rows[-1]["position"]) if more else None)

    def refusal_counts(self) -> dict[str, int]:
        """How many messages were refused, by code."""
        table = self._database.table(REFUSALS)
        with self._database.reading() as connection:
            return self._counts(connection, table.c.code)

    def _warning_clauses(self, wanted: WarningFilter) -> list[Any]:
        table, loans = self._database.table(WARNINGS), self._database.table(LOANS)
        same = {
            "severity": wanted.severity,
            "officer_id": wanted.officer_id,
            "borrower_id": wanted.borrower_id,
            "loan_id": wanted.loan_id,
            "rule": wanted.rule,
        }
        if wanted.severity is not None and wanted.severity not in SEVERITIES:
            raise MalformedMessage(
                f"{wanted.severity!r} is not a severity.",
                way_out=f"One of {', '.join(SEVERITIES)}.",
            )
        clauses = [table.c[name] == value for name, value in same.items() if value is not None]
        if wanted.state == "open":
            clauses.append(table.c.state.not_in(ENDED))
        elif wanted.state is not None:
            clauses.append(table.c.state == wanted.state)
        if wanted.since is not None:
            clauses.append(table.c.changed_day >= day_number(wanted.since))
        if wanted.branch is not None:
            inside = select(loans.c.loan_id).where(loans.c.branch == wanted.branch)
            clauses.append(table.c.loan_id.in_(inside))
        if wanted.inhibited is not None:
            muted = table.c.inhibited_by
            clauses.append(muted.is_not(None) if wanted.inhibited else muted.is_(None))
        return clauses

    def _one(self, connection: Connection, spec: TableSpec, *key: Any) -> Answer | None:
        table = self._database.table(spec)
        same = [table.c[name] == value for name, value in zip(spec.key_names, key, strict=True)]
        rows = answers(spec, connection.execute(select(table).where(*same)))
        return rows[0] if rows else None

    def _where(
        self,
        connection: Connection,
        spec: TableSpec,
        equal: Mapping[str, Any],
        *,
        order: Sequence[str] | None = None,
    ) -> list[Answer]:
        table = self._database.table(spec)
        same = [table.c[name] == value for name, value in equal.items()]
        by = [table.c[name] for name in (order or spec.key_names)]
        return answers(
            spec, connection.execute(select(table).where(and_(True, *same)).order_by(*by))
        )

    def _counts(self, connection: Connection, column: Any) -> dict[str, int]:
        found = connection.execute(select(column, func.count()).group_by(column).order_by(column))
        return {row[0]: row[1] for row in found}


def answers(spec: TableSpec, rows: Iterable[Any]) -> list[Answer]:
    """Rows for the outside: `x_day` numbers become `x_date` dates, JSON becomes lists."""
    names = [_outside(name) for name in spec.column_names]
    return [
        {
            name: _value(column, value)
            for name, column, value in zip(names, spec.column_names, row, strict=True)
        }
        for row in rows
    ]


def _outside(column: str) -> str:
    return column.removesuffix("_day") + "_date" if column.endswith("_day") else column


def _value(column: str, value: Any) -> Any:
    if value is None:
        return None
    if column.endswith("_day"):
        return date_of(value)
    if column in LISTS:
        return orjson.loads(value)
    if column == "findings":
        return value.split()
    return value


def _cursor(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise MalformedMessage(
            f"{text[:40]!r} is not a cursor.", way_out="Pass the next_cursor of the last page."
        )
    return int(text)
