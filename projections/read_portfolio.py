"""Reading the book as a whole: portfolio, ageing, grades in total, trial balance and status."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from ledger.dates import date_of, day_number
from ledger.store import LEDGER_LOG, WARNINGS_LOG
from projections.ageing import AGEING, BUCKETS
from projections.grades import TOTALS
from projections.portfolio import AT_RISK, CLOSED_DAYS, PORTFOLIO
from projections.read_grades import GradeReads
from projections.reading import Answer, equals
from projections.refusals import REFUSALS
from projections.register import LOANS
from projections.tables import Connection, TableSpec, func, select
from projections.trial_balance import POSTED
from projections.warnings import ENDED, WARNINGS


class PortfolioReads(GradeReads):
    """Totals; all sums are made in Python, exactly."""

    def portfolio(self, as_of: date | None = None, *, branch: str | None = None) -> Answer:
        """The book at the last close up to `as_of` (default: the last), as known at that close.

        Keys: as_of, closed_date (None before any close), currencies: one entry a currency with
        currency, loans, overdue_loans, outstanding_minor, arrears_minor, par (over_days,
        outstanding_minor, ratio: full principal of loans with more days past due, over gross),
        nonperforming_minor, nonperforming_ratio, ageing and grades (as `ageing` and grade totals).
        Ratios are None of an empty book.
        """
        with self._database.reading() as connection:
            day = self._closed_day(connection, as_of)
            entries: dict[str, Answer] = {}
            if day is not None:
                for row in self._of_day(connection, PORTFOLIO, day, branch):
                    _add_portfolio(entries, row)
                for row in self._ageing(connection, day, branch):
                    entries[row["currency"]]["ageing"].append(row)
                for row in self._grade_totals(connection, day, branch):
                    entries[row["currency"]]["grades"].append(row)
        for entry in entries.values():
            _finish_portfolio(entry)
        return {
            "as_of": as_of,
            "closed_date": None if day is None else date_of(day),
            "currencies": [entries[currency] for currency in sorted(entries)],
        }

    def ageing(self, as_of: date | None = None, *, branch: str | None = None) -> list[Answer]:
        """Buckets of days past due at the last close up to `as_of`, by currency, every bucket.

        Rows: currency, bucket ("0", "1-30", … ">360"), loans, outstanding_minor, arrears_minor.
        """
        with self._database.reading() as connection:
            day = self._closed_day(connection, as_of)
            return [] if day is None else self._ageing(connection, day, branch)

    def trial_balance(self, as_of: date | None = None) -> list[Answer]:
        """Balance of each account of the books up to value date `as_of` (default: all).

        Rows: currency, account, debit_minor, credit_minor, balance_minor (debit positive); the
        balances of a currency add up to zero.
        """
        table = self._database.table(POSTED)
        wanted = ("currency", "account", "debit_minor", "credit_minor")
        statement = select(*(table.c[name] for name in wanted))
        if as_of is not None:
            statement = statement.where(table.c.value_day <= day_number(as_of))
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

    def status(self) -> Answer:
        """How far the views have read, and what they hold.

        Keys: closed_date, views (view, schema_version, rules_version, generation,
        ledger_position, warnings_position, and, where a store was given, lag_facts), loans by
        status, warnings by state and open ones by severity, refusals by code.
        """
        last = None
        if self._logs is not None:
            last = self._logs.ledger.last_position() + self._logs.warnings.last_position()
        warnings, loans = self._database.table(WARNINGS), self._database.table(LOANS)
        with self._database.reading() as connection:
            views = []
            for row in self._database.catalog_rows(connection).values():
                read = {
                    f"{LEDGER_LOG}_position": row.ledger_position,
                    f"{WARNINGS_LOG}_position": row.warnings_position,
                }
                view: Answer = {
                    "view": row.view,
                    "schema_version": row.schema_version,
                    "rules_version": row.rules_version,
                    "generation": row.generation,
                    **read,
                    "closed_date": None if row.closed_day is None else date_of(row.closed_day),
                }
                if last is not None:
                    view["lag_facts"] = max(0, last - sum(read.values()))
                views.append(view)
            counts = {
                "loans": self._counts(connection, loans.c.status),
                "warnings": self._counts(connection, warnings.c.state),
                "open_warnings": self._counts(
                    connection, warnings.c.severity, warnings.c.state.not_in(ENDED)
                ),
                "refusals": self._counts(connection, self._database.table(REFUSALS).c.code),
            }
        closed = max((view["closed_date"] for view in views if view["closed_date"]), default=None)
        return {"closed_date": closed, "views": views, **counts}

    def _ageing(self, connection: Connection, day: int, branch: str | None) -> list[Answer]:
        found: dict[str, list[Answer]] = {}
        for row in self._of_day(connection, AGEING, day, branch):
            currency = row["currency"]
            rows = found.setdefault(currency, [_empty_bucket(currency, name) for name in BUCKETS])
            sums = ("loans", "outstanding_minor", "arrears_minor")
            _add(rows[row["bucket"]], {name: row[name] for name in sums})
        return [row for currency in sorted(found) for row in found[currency]]

    def _grade_totals(self, connection: Connection, day: int, branch: str | None) -> list[Answer]:
        found: dict[tuple[str, int], Answer] = {}
        regime = self._regime(connection, None)
        for row in self._of_day(connection, TOTALS, day, branch, regime=regime):
            entry = found.setdefault(
                (row["currency"], row["rank"]),
                {
                    "currency": row["currency"],
                    "grade": row["grade"],
                    "rank": row["rank"],
                    "performing": bool(row["performing"]),
                },
            )
            _add(entry, {name: row[name] for name in ("loans", "outstanding_minor")})
        return [found[key] for key in sorted(found)]

    def _of_day(
        self, connection: Connection, spec: TableSpec, day: int, branch: str | None, **same: Any
    ) -> Iterable[Any]:
        table = self._database.table(spec)
        clauses = equals(table, {"closed_day": day, "branch": branch, **same})
        return connection.execute(select(table).where(*clauses)).mappings()

    def _closed_day(self, connection: Connection, as_of: date | None) -> int | None:
        table = self._database.table(CLOSED_DAYS)
        statement = select(func.max(table.c.closed_day))
        if as_of is not None:
            statement = statement.where(table.c.closed_day <= day_number(as_of))
        day: int | None = connection.execute(statement).scalar()
        return day


def _add(entry: Answer, values: Answer) -> None:
    """Add whole numbers to those of the same names."""
    for name, value in values.items():
        entry[name] = entry.get(name, 0) + value


def _add_portfolio(entries: dict[str, Answer], row: Any) -> None:
    entry = entries.setdefault(
        row["currency"], {"currency": row["currency"], "ageing": [], "grades": []}
    )
    _add(entry, {name: row[name] for name in PORTFOLIO.column_names[PORTFOLIO.key :]})


def _finish_portfolio(entry: Answer) -> None:
    gross = entry["outstanding_minor"]
    at_risk = [(days, entry.pop(f"par_{days}_minor")) for days in AT_RISK]
    entry["par"] = [
        {"over_days": days, "outstanding_minor": amount, "ratio": _ratio(amount, gross)}
        for days, amount in at_risk
    ]
    bad = sum(row["outstanding_minor"] for row in entry["grades"] if not row["performing"])
    entry["nonperforming_minor"] = bad
    entry["nonperforming_ratio"] = _ratio(bad, gross)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _empty_bucket(currency: str, name: str) -> Answer:
    return {
        "currency": currency,
        "bucket": name,
        "loans": 0,
        "outstanding_minor": 0,
        "arrears_minor": 0,
    }
