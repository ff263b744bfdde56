"""Diaries of what may happen to a loan, seen by every view: as its rebuild and the books say.

The diaries are those of the ledger. Days are closed every few days and long after the last line,
so that late facts come behind closes. Grades as they were judged live must end as grades anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random

import pytest

from ledger.commands import CloseBusinessDay, Command
from ledger.dates import date_of, start_of_day_us
from ledger.scenario import read_diary
from ledger.service import Incoming, Ledger
from ledger.store import LEDGER_LOG, MemoryStore
from projections.projector import Projector
from projections.queries import Queries
from projections.reconcile import reconcile
from projections.snapshot import Past
from projections.tables import Database
from projections.views import all_views
from warning.windows import NEVER

SCENARIOS = Path(__file__).parents[2] / "scenarios"
DIARIES = [
    path
    for path in sorted([*SCENARIOS.glob("ledger_*.txt"), *SCENARIOS.glob("collection_*.txt")])
    if " open" in path.read_text()
]
REGIMES = ("cn-2023", "eba-dod")
"""One with observation, contagion and cures, one with material arrears."""
MARKS = ("late_day", "late_minor", "default_day")
AFTER = 200
"""So many days are closed after the last line: loans that are not paid go into default."""


def commands(path: Path) -> Iterator[Command]:
    """What happens in a diary, with closes every few days in between and for a while after it."""
    lines = read_diary(path.read_text(encoding="utf-8"), name=path.name).lines
    tried = [line for line in lines if line.command is not None]
    closes_itself = any(isinstance(line.command, CloseBusinessDay) for line in tried)
    random, open_day = Random(path.stem), tried[0].day
    for line in tried:
        while open_day < line.day:
            if not closes_itself:
                yield close(open_day)
            open_day += timedelta(days=random.choice([1, 3, 14]))
        assert line.command is not None
        yield line.command
    last = max(open_day, tried[-1].day)
    for days in range(1, AFTER, 9):
        yield close(last + timedelta(days=days))


def close(day: date) -> CloseBusinessDay:
    """The message comes at the end of its day."""
    at = start_of_day_us(day) + 86_399_000_000
    return CloseBusinessDay(transaction_id=f"end-of-{day}", value_date=day, recorded_at_us=at)


def message(command: Command, number: int) -> Incoming:
    at = command.recorded_at_us
    return Incoming(command, None, b"", "diary", number, at, command.transaction_id)


def told(path: Path) -> MemoryStore:
    """A book in which the diary happened."""
    store = MemoryStore()
    batch = [message(command, number) for number, command in enumerate(commands(path), start=1)]
    Ledger(store.ledger).record(batch)
    return store


@pytest.mark.parametrize("path", DIARIES, ids=lambda path: path.stem)
def test_views_agree_with_their_rebuild_the_books_and_grades_anew(
    path: Path, tmp_path: Path
) -> None:
    store, random, after = told(path), Random(path.stem), 0
    projector = Projector.open(tmp_path / "views.db", store, views=all_views(*REGIMES))
    while found := store.ledger.read(after=after, limit=random.choice([1, 2, 30])):
        projector.project(LEDGER_LOG, found)
        after = found[-1].position
    assert [str(difference) for difference in projector.check()] == []
    projector.close()
    database = Database.open(tmp_path / "views.db", read_only=True)
    with database.reading() as connection:
        totals = reconcile(database, connection)
    database.close()
    assert totals
    assert [str(total) for total in totals if not total.holds] == []
    queries = Queries.open(tmp_path / "views.db", store)
    told_live, told_anew = [], []
    for regime in REGIMES:
        for row in queries.grades(limit=100, regime=regime).rows:
            anew = queries.regraded(row["loan_id"], regime=regime)
            assert anew is not None
            told_live.append((regime, row["loan_id"], row["grade"]))
            told_anew.append((regime, row["loan_id"], anew["grade"]))
    queries.close()
    assert told_live == told_anew


LOST = """\
2024-01-01 open L1 600.00 EUR, method given
2024-01-01 schedule L1
    2024-02-10 principal 600.00 interest 0.00
2024-01-01 disburse L1 600.00
2024-01-31 end-of-day
2024-02-01 close L1 written_off
2024-02-02 end-of-day
"""


@pytest.mark.parametrize(
    ("more", "marks"),
    [
        # Lost with all of it on the close of 2 February, before anything was due.
        ("", ("2024-02-02", 60_000, "2024-02-02")),
        # 100.00 had been paid in January: 500.00 were lost.
        ("2024-02-03 repay L1 100.00, valued 2024-01-20\n", ("2024-02-02", 50_000, "2024-02-02")),
        # As if it had not been: 10 March is day 29, 12 March day 31; 90 days are not over by then.
        ("2024-02-03 cancel-write-off L1\n", ("2024-03-12", 60_000, None)),
    ],
)
def test_a_write_off_marks_a_loan_as_far_as_it_stands(
    more: str, marks: tuple[str, int, str | None], tmp_path: Path
) -> None:
    ends = "2024-02-05 end-of-day\n2024-03-10 end-of-day\n2024-03-12 end-of-day\n"
    lines = read_diary(LOST + more + ends, name="lost").lines
    store = MemoryStore()
    Ledger(store.ledger).record(
        [message(line.command, line.number) for line in lines if line.command is not None]
    )
    projector = Projector.open(tmp_path / "views.db", store, views=all_views("cn-2023"))
    projector.catch_up()
    assert projector.check() == []
    projector.close()
    database = Database.open(tmp_path / "views.db", read_only=True)
    with database.reading() as connection:
        parts = Past(database, connection).at(10**6).parts
    database.close()
    late, minor, default = (int(parts[name][0]) for name in MARKS)
    assert (str(date_of(late)), minor) == marks[:2]
    assert (None if default == NEVER else str(date_of(default))) == marks[2]
