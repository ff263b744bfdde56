"""The history of the portfolio: it agrees with every other view, day by day, and with the books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ledger.dates import date_of
from ledger.errors import InvariantBroken
from ledger.store import LEDGER_LOG, WARNINGS_LOG, Store
from projections.ageing import AGEING
from projections.figures_standing import BAND_OVER, buckets_of
from projections.grades import TOTALS
from projections.history import PARTS
from projections.packing import pack, pack_rows, unpack, unpack_rows
from projections.portfolio import AT_RISK, CLOSED_DAYS, PORTFOLIO
from projections.projector import Projector
from projections.queries import Ask, Queries, figure_names
from projections.snapshot import Past, Snapshot
from projections.tables import Connection, Database, TableSpec, select

Sums = dict[tuple[Any, ...], tuple[int, ...]]


@contextmanager
def reading(path: Path) -> Iterator[tuple[Database, Connection]]:
    database = Database.open(path, read_only=True)
    with database.reading() as connection:
        yield database, connection
    database.close()


def stored(database: Database, connection: Connection, spec: TableSpec) -> dict[int, Sums]:
    """Rows of a table of closes: by day, then the sums by what they are of."""
    found: dict[int, Sums] = {}
    for row in connection.execute(select(database.table(spec))):
        found.setdefault(row[0], {})[tuple(row[1 : spec.key])] = tuple(row[spec.key :])
    return found


def summed(snapshot: Snapshot, keys: list[Any], values: list[Any]) -> Sums:
    """Counts and sums of open loans, in plain Python."""
    count: Counter[tuple[Any, ...]] = Counter()
    sums: dict[tuple[Any, ...], list[int]] = {}
    for row in np.flatnonzero(snapshot.open).tolist():
        key = tuple(words[int(codes[row])] if words else int(codes[row]) for codes, words in keys)
        count[key] += 1
        total = sums.setdefault(key, [0] * len(values))
        for at, value in enumerate(values):
            total[at] += int(value[row])
    return {key: (count[key], *sums[key]) for key in count}


def test_every_close_of_the_history_agrees_with_ageing_and_portfolio(
    projected: Projector, views_path: Path
) -> None:
    with reading(views_path) as (database, connection):
        closes = connection.execute(select(database.table(CLOSED_DAYS).c.closed_day)).scalars()
        ageing = stored(database, connection, AGEING)
        portfolio = stored(database, connection, PORTFOLIO)
        days = sorted(closes)
        seen = []
        for now in Past(database, connection).over(days[0], days[-1]):
            seen.append(now.day)
            currency, branch = now.codes("currency"), now.codes("branch")
            bucket = (buckets_of(now), None)
            money = [now.outstanding, now.arrears]
            assert summed(now, [currency, branch, bucket], money) == ageing.get(now.day, {})
            late = [np.where(now.band >= BAND_OVER[x], now.outstanding, 0) for x in AT_RISK]
            values = [now.band > 0, *money, *late]
            assert summed(now, [currency, branch], values) == portfolio.get(now.day, {})
    assert seen == days
    assert len(days) > 80


def test_the_last_close_agrees_with_balances_and_grades(
    projected: Projector, views_path: Path
) -> None:
    with reading(views_path) as (database, connection):
        past = Past(database, connection)
        now = past.at(10**6)
        totals: Counter[str] = Counter()
        table = database.table(TOTALS)
        for row in connection.execute(select(table).where(table.c.closed_day == now.day)):
            totals[row.regime] += row.outstanding_minor
    assert set(totals.values()) == {int(now.outstanding.sum())}
    assert totals


def test_any_day_is_read_as_it_is_walked_to(projected: Projector, views_path: Path) -> None:
    with reading(views_path) as (database, connection):
        past = Past(database, connection)
        walked = [
            Snapshot(now.day, now.contracts, {part: now.parts[part].copy() for part in PARTS})
            for now in past.over(0, 10**6)
        ]
        for expected in Random(3).sample(walked, 12):
            for between in (expected.day, expected.day + 1):
                found = past.at(between)
                if found.day == expected.day:  # the day after may be closed as well
                    for part in PARTS:
                        assert_array_equal(found.parts[part], expected.parts[part])
        middle = walked[len(walked) // 2].day
        assert [now.day for now in past.over(middle + 1, 10**6)] == [
            now.day for now in walked if now.day >= past.at(middle + 1).day
        ]


def test_the_history_survives_restarts_late_facts_and_any_batching(
    projected: Projector, book: Store, tmp_path: Path
) -> None:
    """One fact at a time around month ends, restarts in between, then the same as a rebuild."""
    random, path = Random(5), tmp_path / "cut.db"
    facts, warnings = book.ledger.read(limit=10**6), book.warnings.read(limit=10**6)
    cut = Projector.open(path, book)
    while facts:
        size = random.choice([3, 40, 400])
        cut.project(LEDGER_LOG, facts[:size])
        facts = facts[size:]
        if random.random() < 0.05:
            cut.close()
            cut = Projector.open(path, book)
    cut.project(WARNINGS_LOG, warnings)
    assert cut.check() == []
    cut.close()


def test_all_figures_agree_with_each_other(projected: Projector, views_path: Path) -> None:
    """Whatever cuts the book, the parts add up to the same whole, on any day."""
    queries = Queries.open(views_path)
    last = queries.status()["closed_date"]
    for back in (0, 31, 75):
        as_of = date_of((last - date_of(0)).days - back)
        ask = Ask(as_of=as_of)
        gross = {row["gross_minor"] for row in queries.figure("par", ask).rows}
        assert len(gross) == 1
        whole = gross.pop()
        assert whole > 0
        for name, column in [
            ("ageing", "outstanding_minor"),
            ("npl", "gross_minor"),
            ("provisions", "outstanding_minor"),
        ]:
            assert sum(row[column] for row in queries.figure(name, ask).rows) == whole, name
        for dimension in ("branch", "officer", "industry", "product", "region", "borrower"):
            rows = queries.figure("concentration", Ask(as_of=as_of, by=dimension)).rows
            assert sum(row["outstanding_minor"] for row in rows) == whole, dimension
        over_90 = queries.figure("par", ask).rows[-1]["outstanding_minor"]
        aged = {
            row["bucket"]: row["outstanding_minor"] for row in queries.figure("ageing", ask).rows
        }
        late = ("91-180", "181-270", "271-360", ">360")
        assert sum(aged.get(bucket, 0) for bucket in late) == over_90
        # A matrix starts from the ageing of its earlier close.
        roll = queries.figure("roll", ask)
        then = queries.figure("ageing", Ask(as_of=roll.since)).rows
        for row in then:
            rolled = [r for r in roll.rows if r["bucket_from"] == row["bucket"]]
            assert sum(r["outstanding_minor"] for r in rolled) == row["outstanding_minor"]
            assert sum(r["loans"] for r in rolled) == row["loans"]
    queries.close()


def test_every_figure_can_be_cut_by_every_dimension_and_adds_up(
    projected: Projector, views_path: Path
) -> None:
    queries = Queries.open(views_path)
    for name in figure_names():
        if name in ("watchlist", "concentration"):
            continue
        whole = queries.figure(name)
        assert whole.rows or name == "cure", name
        counted = {c for c in whole.columns if c in ("loans", "raised", "unpaid_loans")}
        for dimension in ("branch", "officer", "industry", "product", "region"):
            cut = queries.figure(name, Ask(by=dimension))
            assert all(dimension in row for row in cut.rows)
            for column in counted:
                parts = sum(row[column] for row in cut.rows)
                assert parts == sum(row[column] for row in whole.rows) or name == "par", name
    queries.close()


@pytest.mark.parametrize(
    ("numbers", "width"),
    [
        ([0], 1),
        ([-128, 127], 1),
        ([-129], 2),
        ([128, 0, 5], 2),
        ([32_767], 2),
        ([32_768], 4),
        ([2**31 - 1, -(2**31)], 4),
        ([2**31], 8),
        ([2**63 - 1, -(2**63)], 8),
    ],
)
def test_numbers_are_packed_in_the_narrowest_width(numbers: list[int], width: int) -> None:
    data = pack(np.array(numbers, np.int64))
    assert len(data) == width * len(numbers)
    assert unpack(data, len(numbers)).tolist() == numbers


def test_rows_are_packed_by_their_distances() -> None:
    rows = np.array([0, 1, 5, 100_000, 100_127])
    assert unpack_rows(pack_rows(rows), 5).tolist() == rows.tolist()
    assert len(pack_rows(np.arange(1_000))) == 1_000
    assert (pack(rows[:0]), unpack(b"", 0).tolist()) == (b"", [])
    with pytest.raises(InvariantBroken, match="7 bytes are not 2 numbers"):
        unpack(b"1234567", 2)
