"""Accountability: figures of officers and teams over a period, and the cases behind each.

All figures are tallies (`tallies`) read from the rows of `cases` and of `warnings`; a period holds
both its first and its last day. What an officer is counted for is what was theirs on the day it
happened.

| figure | tallies | part of whole |
|---|---|---|
| caseload | cases that the officer had at the end of the period | each is one |
| opened | cases that were opened in it | each is one |
| response | warnings raised in it for an officer, not muted | answered before they expired |
| right_party | contacts with an outcome in it | reached the right person |
| promise | of those reached | gave a promise |
| kept | promises decided in it | kept in full |
| cure | cases opened in it with something overdue | nothing overdue at some later close |
| roll_back | the same | in a better bucket at some close, cured or not |
| roll | the same | in a worse bucket at some close |
| recovered | money that came in | minor units, by currency |
| cost | contacts with an outcome in it | minor units, by currency |
| breaches | contacts that the rules refused | each is one |
| overdue | open cases with a contact or legal step behind its day | each is one |
| overrides | decisions beside the rules, by who asked | each is one |
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from statistics import median_low
from typing import Any

from ledger.dates import date_of, day_number
from ledger.errors import MalformedMessage
from projections.case_tables import CASE_OWNERS, CASE_PAYMENTS, CASES, CONTACTS, OVERRIDES, PROMISES
from projections.reading import Answer, Page, Reader, answers, position_cursor
from projections.tables import Connection, TableSpec, and_, or_, select
from projections.tallies import Key, Tally, by_owner, by_team, counts, rates
from projections.warnings import HISTORY, WARNINGS

NO_SEGMENT = "none"
"""The segment of what was not treated by a strategy."""
RATES = ("response", "right_party", "promise", "kept", "cure", "roll_back", "roll")
COUNTS = ("caseload", "opened", "breaches", "overdue", "overrides")
SUMS = ("recovered", "cost")
FIGURES = (*RATES, *COUNTS, *SUMS)
ANSWERS = frozenset(("acknowledged", "action_started", "suppressed", "found_false"))


@dataclass(frozen=True, slots=True)
class Period:
    """Day numbers, both counted, and the last closed day."""

    since: int
    until: int
    closed: int


class TeamReads(Reader):
    """Figures of officers and teams."""

    def team(
        self, *, by: str = "officer", since: date | None = None, until: date | None = None,
        team: str | None = None,
    ) -> list[Answer]:  # fmt: skip
        """One row an officer or team: counts, rates (plain and adjusted for the mix), money.

        By default over the 90 days that end with the last close. `response_hours` is the median
        time to the first answer of a warning. `cost_ppm` is what one unit recovered cost, by
        currency, in millionths. Errors: MalformedMessage for another `by` than officer or team.
        """
        key = _key(by)
        with self._database.reading() as connection:
            period = self._period(connection, since, until)
            tallies = {
                name: [t for t in found if team in (None, t.team)]
                for name, read in _READ.items()
                if name not in SUMS
                for found in [read(self, connection, period)]
            }
            money = self._money(connection, period, key, team)
            hours = self._hours(connection, period)
        names = {key(t) for found in tallies.values() for t in found} | money.keys()
        figures = {name: rates(tallies[name], key) for name in RATES}
        numbers = {name: counts(tallies[name], key) for name in COUNTS}
        return [
            {
                by: name,
                "since_date": date_of(period.since),
                "until_date": date_of(period.until),
                **{figure: numbers[figure].get(name, 0) for figure in COUNTS},
                **{
                    figure: asdict(found) if (found := figures[figure].get(name)) else None
                    for figure in RATES
                },
                "response_hours": hours.get(name) if by == "officer" else None,
                "money": money.get(name, {}),
            }
            for name in sorted(names)
            if name
        ]

    def behind(
        self, figure: str, name: str, *, by: str = "officer", since: date | None = None,
        until: date | None = None, branches: Collection[str] | None = None,
    ) -> list[Answer]:  # fmt: skip
        """What is behind a figure of an officer or team: each case (or warning) with its tally.

        `branches`: only cases of one of them, and nothing that is no case.
        Errors: MalformedMessage for a figure or `by` that is none.
        """
        key = _key(by)
        if figure not in FIGURES:
            raise MalformedMessage(
                f"{figure!r} is no figure.", way_out=f"One of {', '.join(FIGURES)}."
            )
        with self._database.reading() as connection:
            period = self._period(connection, since, until)
            found = [t for t in _READ[figure](self, connection, period) if key(t) == name]
            if branches is not None:
                inside = self._database.table(CASES).c.branch.in_(branches)
                own = {case for (case,) in self._rows(connection, CASES, "case_id", where=inside)}
                found = [t for t in found if t.reference in own]
        return [
            {"reference": t.reference, "segment": t.segment, "part": t.part, "whole": t.whole}
            for t in sorted(found)
        ]

    def overrides(self, *, after: str | None = None, limit: int = 100) -> Page:
        """Decisions beside the rules, with who asked and who approved, newest first."""
        table = self._database.table(OVERRIDES)
        clauses = [] if after is None else [table.c.position < position_cursor(after)]
        order = table.c.position.desc()
        return self._page(OVERRIDES, clauses, order=order, cursor="position", limit=limit)

    # -- tallies ---------------------------------------------------------------------------------

    def _period(self, connection: Connection, since: date | None, until: date | None) -> Period:
        catalog = self._database.catalog_rows(connection)
        closed = max((view.closed_day or 0 for view in catalog.values()), default=0)
        last = closed if until is None else day_number(until)
        first = last - 89 if since is None else day_number(since)
        return Period(first, last, closed)

    def _rows(
        self, connection: Connection, spec: TableSpec, *names: str, where: Any = True
    ) -> list[Any]:
        table = self._database.table(spec)
        columns = [table.c[name] for name in names]
        return list(connection.execute(select(*columns).where(where)))

    def _segments(self, connection: Connection) -> dict[str, str]:
        found = self._rows(connection, CASES, "case_id", "segment")
        return {case_id: segment or NO_SEGMENT for case_id, segment in found}

    def _caseload(self, connection: Connection, period: Period) -> list[Tally]:
        table, segment = self._database.table(CASE_OWNERS), self._segments(connection)
        last = period.until
        had = and_(
            table.c.from_day <= last, or_(table.c.until_day.is_(None), table.c.until_day > last)
        )
        found = self._rows(connection, CASE_OWNERS, "owner_id", "team", "case_id", where=had)
        return [Tally(owner, team, segment[name], name, 1, 1) for owner, team, name in found]

    def _opened(self, connection: Connection, period: Period) -> list[Tally]:
        table, holders = self._database.table(CASES), self._holders(connection)
        inside = table.c.opened_day.between(period.since, period.until)
        found = self._rows(connection, CASES, "case_id", "segment", where=inside)
        firsts = ((case_id, segment, holders[case_id][0]) for case_id, segment in found)
        return [
            Tally(first.owner_id, first.team, segment or NO_SEGMENT, case_id, 1, 1)
            for case_id, segment, first in firsts
        ]

    def _moved(self, connection: Connection, period: Period, day: str, least: int) -> list[Tally]:
        """Cases opened in the period in a bucket from `least` on; whether `day` came by its end."""
        table = self._database.table(CASES)
        fits = and_(
            table.c.opened_day.between(period.since, period.until), table.c.bucket_at_open >= least
        )
        names = ("case_id", "segment", day, "owner_id", "team")
        holders = self._holders(connection)
        tallies = []
        for case_id, segment, at, owner, team in self._rows(connection, CASES, *names, where=fits):
            came = at is not None and at <= period.until
            who = _holder(holders[case_id], at if came else period.until, (owner, team))
            tallies.append(Tally(*who, segment or NO_SEGMENT, case_id, int(came), 1))
        return tallies

    def _holders(self, connection: Connection) -> Mapping[str, list[Any]]:
        found: defaultdict[str, list[Any]] = defaultdict(list)
        names = ("case_id", "position", "from_day", "owner_id", "team")
        for row in sorted(self._rows(connection, CASE_OWNERS, *names)):
            found[row[0]].append(row)
        return found

    def _reached(self, connection: Connection, period: Period) -> list[Tally]:
        return self._contacted(connection, period, lambda row: (row.reached, 1))

    def _promising(self, connection: Connection, period: Period) -> list[Tally]:
        found = self._contacted(
            connection, period, lambda row: (int(row.outcome == "promised"), row.reached)
        )
        return [tally for tally in found if tally.whole]

    def _contacted(
        self, connection: Connection, period: Period, told: Callable[[Any], tuple[int, int]]
    ) -> list[Tally]:
        table = self._database.table(CONTACTS)
        names = ("owner_id", "team", "segment", "case_id", "reached", "outcome")
        done = table.c.outcome_day.between(period.since, period.until)
        return [
            Tally(row.owner_id, row.team, row.segment or NO_SEGMENT, row.case_id, *told(row))
            for row in self._rows(connection, CONTACTS, *names, where=done)
        ]

    def _kept(self, connection: Connection, period: Period) -> list[Tally]:
        table = self._database.table(PROMISES)
        decided = and_(
            table.c.decided_day.between(period.since, period.until), table.c.state != "cancelled"
        )
        names = ("officer_id", "team", "segment", "case_id", "state")
        return [
            Tally(officer, team, segment or NO_SEGMENT, case_id, int(state == "kept"), 1)
            for officer, team, segment, case_id, state in self._rows(
                connection, PROMISES, *names, where=decided
            )
        ]

    def _breaches(self, connection: Connection, period: Period) -> list[Tally]:
        table = self._database.table(CONTACTS)
        refused = and_(table.c.breach == 1, table.c.asked_day.between(period.since, period.until))
        names = ("officer_id", "team", "segment", "case_id")
        return [
            Tally(officer, team, segment or NO_SEGMENT, case_id, 1, 1)
            for officer, team, segment, case_id in self._rows(
                connection, CONTACTS, *names, where=refused
            )
        ]

    def _overdue(self, connection: Connection, period: Period) -> list[Tally]:
        """As of the last close only: of past days nobody noted what was behind."""
        if period.until < period.closed:
            return []
        table, today = self._database.table(CASES), period.closed + 1
        behind = or_(table.c.next_contact_day < today, table.c.legal_due_day < today)
        names = ("owner_id", "team", "segment", "case_id")
        return [
            Tally(owner, team, segment or NO_SEGMENT, case_id, 1, 1)
            for owner, team, segment, case_id in self._rows(
                connection, CASES, *names, where=and_(table.c.open == 1, behind)
            )
        ]

    def _overridden(self, connection: Connection, period: Period) -> list[Tally]:
        table = self._database.table(OVERRIDES)
        inside = table.c.value_day.between(period.since, period.until)
        names = ("actor", "kind", "reference")
        return [
            Tally(actor, "", kind, reference, 1, 1)
            for actor, kind, reference in self._rows(connection, OVERRIDES, *names, where=inside)
        ]

    def _recovered(self, connection: Connection, period: Period) -> list[Tally]:
        table = self._database.table(CASE_PAYMENTS)
        inside = table.c.value_day.between(period.since, period.until)
        names = ("owner_id", "team", "currency", "case_id", "amount_minor")
        found = self._rows(connection, CASE_PAYMENTS, *names, where=inside)
        return [Tally._make((*row, 1)) for row in found]

    def _cost(self, connection: Connection, period: Period) -> list[Tally]:
        table = self._database.table(CONTACTS)
        done = table.c.outcome_day.between(period.since, period.until)
        names = ("owner_id", "team", "currency", "case_id", "cost_minor")
        found = self._rows(connection, CONTACTS, *names, where=done)
        return [Tally._make((*row, 1)) for row in found]

    def _money(
        self, connection: Connection, period: Period, key: Key, team: str | None
    ) -> dict[str, Answer]:
        """Recovered, cost, and cost of a unit recovered, by currency."""
        found: defaultdict[str, dict[str, Answer]] = defaultdict(dict)
        for name in SUMS:
            for tally in _READ[name](self, connection, period):
                if team in (None, tally.team):
                    blank = {"recovered_minor": 0, "cost_minor": 0}
                    of = found[key(tally)].setdefault(tally.segment, blank)
                    of[f"{name}_minor"] += tally.part
        for of_currency in found.values():
            for of in of_currency.values():
                came = of["recovered_minor"]
                of["cost_ppm"] = of["cost_minor"] * 1_000_000 // came if came > 0 else None
        return dict(found)

    def _response(self, connection: Connection, period: Period) -> list[Tally]:
        tallies = []
        for row, history in self._rung(connection, period):
            answer = _first(history, ANSWERS)
            expired = _first(history, frozenset(("expired",)))
            late = expired is not None and (answer is None or answer.position > expired.position)
            if answer is not None or late:
                severity = row["severity"]
                owner = row["officer_id"]
                tallies.append(Tally(owner, "", severity, row["warning_id"], int(not late), 1))
        return tallies

    def _hours(self, connection: Connection, period: Period) -> dict[str, int]:
        """The median of whole hours from the ring to the first answer, by officer."""
        found: defaultdict[str, list[int]] = defaultdict(list)
        for row, history in self._rung(connection, period):
            answer = _first(history, ANSWERS)
            if answer is not None:
                waited = answer.recorded_at_us - row["raised_at_us"]
                found[row["officer_id"]].append(waited // 3_600_000_000)
        return {officer: median_low(hours) for officer, hours in found.items()}

    def _rung(self, connection: Connection, period: Period) -> list[tuple[Answer, list[Any]]]:
        """Warnings raised in the period for somebody, each with its changes in order."""
        table, past = self._database.table(WARNINGS), self._database.table(HISTORY)
        inside = and_(
            table.c.raised_day.between(period.since, period.until),
            table.c.inhibited_by.is_(None),
        )
        rows = answers(WARNINGS, connection.execute(select(table).where(inside)))
        changes: defaultdict[str, list[Any]] = defaultdict(list)
        wanted = select(past.c.warning_id, past.c.change, past.c.position, past.c.recorded_at_us)
        named = select(table.c.warning_id).where(inside)
        for row in connection.execute(
            wanted.where(past.c.warning_id.in_(named)).order_by(past.c.position)
        ):
            changes[row.warning_id].append(row)
        return [(row, changes[row["warning_id"]]) for row in rows]


def _first(history: list[Any], changes: frozenset[str]) -> Any:
    """The first of some changes; None without any."""
    return next((row for row in history if row.change in changes), None)


def _holder(held: list[Any], day: int, otherwise: tuple[str, str]) -> tuple[str, str]:
    """Who had a case on a day."""
    before = [row for row in held if row.from_day <= day]
    return (before[-1].owner_id, before[-1].team) if before else otherwise


def _key(by: str) -> Key:
    """Errors: MalformedMessage."""
    found = {"officer": by_owner, "team": by_team}.get(by)
    if found is None:
        raise MalformedMessage(f"{by!r} is not a way to group.", way_out="officer or team.")
    return found


_READ: Mapping[str, Callable[[TeamReads, Connection, Period], list[Tally]]] = {
    "response": TeamReads._response,
    "right_party": TeamReads._reached,
    "promise": TeamReads._promising,
    "kept": TeamReads._kept,
    "cure": lambda reads, c, period: reads._moved(c, period, "cured_day", 1),
    "roll_back": lambda reads, c, period: reads._moved(c, period, "back_day", 1),
    "roll": lambda reads, c, period: reads._moved(c, period, "rolled_day", 1),
    "caseload": TeamReads._caseload,
    "opened": TeamReads._opened,
    "breaches": TeamReads._breaches,
    "overdue": TeamReads._overdue,
    "overrides": TeamReads._overridden,
    "recovered": TeamReads._recovered,
    "cost": TeamReads._cost,
}
