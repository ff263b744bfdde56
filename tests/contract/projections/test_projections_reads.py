"""Readers: one committed state at a time, pages that stay put, totals that agree."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.dates import date_of, date_of_us, day_number
from ledger.errors import MalformedMessage, StoreUnavailable
from ledger.loan import evolve
from ledger.store import LEDGER_LOG, WARNINGS_LOG, Store
from projections.ageing import AGEING
from projections.balances import LOAN_BALANCES
from projections.grades import TOTALS
from projections.portfolio import CLOSED_DAYS, PORTFOLIO
from projections.projector import Projector
from projections.queries import Queries, WarningFilter
from projections.refusals import REFUSALS
from projections.tables import Connection, Database, TableSpec, func, select


@pytest.fixture
def asked(projected: Projector, book: Store, views_path: Path) -> Iterator[Queries]:
    queries = Queries.open(views_path, book)
    yield queries
    queries.close()


def test_readers_never_see_half_a_batch(book: Store, views_path: Path) -> None:
    """A close is one fact: its row and its position are seen together, or neither is."""
    projector = Projector.open(views_path, book)
    facts = book.ledger.read(limit=10**6)
    projector.project(LEDGER_LOG, facts[:100])
    torn: list[tuple[int, int, int]] = []
    looks = 0
    over = threading.Event()

    def look() -> None:
        nonlocal looks
        database = Database.open(views_path, read_only=True)
        while not over.is_set():
            with database.reading() as connection:
                at = database.catalog_rows(connection)["portfolio"].ledger_position
                refused = last(connection, database, REFUSALS, "position")
                closed = last(connection, database, CLOSED_DAYS, "position")
                again = database.catalog_rows(connection)["refusals"].ledger_position
            looks += 1
            if max(refused, closed) > at or at != again:
                torn.append((at, refused, closed))
        database.close()

    reader = threading.Thread(target=look)
    reader.start()
    for start in range(100, len(facts), 50):
        projector.project(LEDGER_LOG, facts[start : start + 50])
    over.set()
    reader.join()
    projector.close()
    assert looks > 20
    assert torn == []


def last(connection: Connection, database: Database, spec: TableSpec, column: str) -> int:
    table = database.table(spec)
    return int(connection.execute(select(func.max(table.c[column]))).scalar() or 0)


def sums(views_path: Path, spec: TableSpec, columns: tuple[str, ...]) -> dict[Any, list[int]]:
    """Sums of columns by closed day, currency and branch."""
    database = Database.open(views_path, read_only=True)
    table = database.table(spec)
    found: defaultdict[Any, list[int]] = defaultdict(lambda: [0] * len(columns))
    with database.reading() as connection:
        for row in connection.execute(select(table)).mappings():
            entry = found[row["closed_day"], row["currency"], row["branch"]]
            for at, column in enumerate(columns):
                entry[at] += row[column]
    database.close()
    return dict(found)


def test_portfolio_ageing_and_grades_agree_on_every_day(
    projected: Projector, views_path: Path
) -> None:
    whole = ("loans", "outstanding_minor", "arrears_minor")
    portfolio = sums(views_path, PORTFOLIO, whole)
    assert len(portfolio) > 100
    assert sums(views_path, AGEING, whole) == portfolio
    graded = sums(views_path, TOTALS, ("loans", "outstanding_minor"))
    assert graded == {key: row[:2] for key, row in portfolio.items()}


def test_balances_agree_with_the_books(projected: Projector, asked: Queries) -> None:
    books = {row["account"]: row["balance_minor"] for row in asked.trial_balance()}
    assert sum(books.values()) == 0
    database = asked._database
    table = database.table(LOAN_BALANCES)
    with database.reading() as connection:
        owed = sum(row[0] for row in connection.execute(select(table.c.outstanding_minor)))
    assert owed == books["assets:loans:principal"]


def test_current_balances_are_what_each_loan_says_of_itself(
    projected: Projector, book: Store, asked: Queries
) -> None:
    """The view against the ledger's own loan, at the end of the last day closed."""
    closed = asked.status()["closed_date"]
    for row in asked.loans(limit=1000).rows:
        loan = None
        for item in book.ledger.stream(f"loan:{row['loan_id']}"):
            loan = evolve(loan, item.fact)
        assert loan is not None
        balance = asked.loan(row["loan_id"])["balance"]  # type: ignore[index]
        then = asked.loan(row["loan_id"], as_of=closed)
        running = row["status"] == "running"
        day = day_number(closed)
        assert balance["dpd_days"] == (loan.dpd(day) if running else 0)
        if then is not None and running:
            assert then["balance"]["dpd_days"] == balance["dpd_days"]
            assert then["balance"]["outstanding_minor"] == loan.outstanding_minor(day)


def test_pages_of_warnings_neither_shift_nor_repeat_while_new_ones_are_raised(
    book: Store, views_path: Path
) -> None:
    projector = Projector.open(views_path, book)
    projector.project(LEDGER_LOG, book.ledger.read(limit=10**6))
    warnings = book.warnings.read(limit=10**6)
    half = len(warnings) // 2
    projector.project(WARNINGS_LOG, warnings[:half])
    with_half = Queries.open(views_path, book)
    expected = [row["warning_id"] for row in with_half.warnings(limit=1000).rows]
    page = with_half.warnings(limit=3)
    seen = [row["warning_id"] for row in page.rows]
    projector.project(WARNINGS_LOG, warnings[half:])
    while page.next_cursor is not None:
        page = with_half.warnings(limit=3, after=page.next_cursor)
        seen += [row["warning_id"] for row in page.rows]
    assert seen == expected
    with_half.close()
    projector.close()


def test_warnings_are_filtered_by_every_field(asked: Queries) -> None:
    every = asked.warnings(limit=1000).rows
    one = next(row for row in every if row["ended_date"] is not None)
    branch = asked.loan(one["loan_id"])["branch"]  # type: ignore[index]
    for wanted in (
        {"severity": one["severity"]},
        {"state": one["state"]},
        {"officer_id": one["officer_id"]},
        {"borrower_id": one["borrower_id"]},
        {"loan_id": one["loan_id"]},
        {"rule": one["rule"]},
    ):
        ((name, value),) = wanted.items()
        found = asked.warnings(WarningFilter(**wanted), limit=1000).rows
        assert found == [row for row in every if row[name] == value]
    inside = asked.warnings(WarningFilter(branch=branch), limit=1000).rows
    assert one in inside
    assert len(inside) < len(every)
    since = asked.warnings(WarningFilter(since=one["changed_date"]), limit=1000).rows
    assert since == [row for row in every if row["changed_date"] >= one["changed_date"]]
    opened = asked.warnings(WarningFilter(state="open"), limit=1000).rows
    assert opened == [row for row in every if row["ended_date"] is None]


def test_a_warning_comes_with_all_that_happened_to_it(asked: Queries) -> None:
    ended = asked.warnings(WarningFilter(state="resolved")).rows[0]
    found = asked.warning(ended["warning_id"])
    assert found is not None
    changes = [row["change"] for row in found["history"]]
    assert (changes[0], changes[-1]) == ("raised", "resolved")
    assert asked.warning("no-such-id") is None


@pytest.mark.parametrize("cursor", ["-1", "next", "1e3", "9" * 40])
def test_a_cursor_that_is_none_is_refused(asked: Queries, cursor: str) -> None:
    with pytest.raises(MalformedMessage, match="not a cursor"):
        asked.warnings(after=cursor)


def test_a_severity_that_is_none_is_refused_with_the_list(asked: Queries) -> None:
    with pytest.raises(MalformedMessage) as refused:
        asked.warnings(WarningFilter(severity="purple"))
    assert refused.value.way_out == "One of watch, yellow, orange, red."


def test_grades_as_of_a_day_are_those_known_at_its_close(asked: Queries) -> None:
    changes = asked.grade_changes(limit=10_000).rows
    days = sorted({row["since_date"] for row in changes})
    for day in (days[0], days[len(days) // 2], days[-1]):
        expected: dict[str, str] = {}
        for row in changes:
            if row["since_date"] <= day:
                expected[row["loan_id"]] = row["grade"]
        found = {row["loan_id"]: row["grade"] for row in asked.grades(as_of=day, limit=1000).rows}
        assert found == expected


def test_changes_of_grades_are_paged_in_the_order_they_were_judged(asked: Queries) -> None:
    whole = asked.grade_changes(limit=10_000).rows
    parts, after = [], None
    while True:
        page = asked.grade_changes(limit=7, after=after)
        parts += page.rows
        after = page.next_cursor
        if after is None:
            break
    assert parts == whole
    assert [row["position"] for row in whole] == sorted(row["position"] for row in whole)


def test_a_loan_as_known_then_is_what_the_views_said_then(
    book: Store, views_path: Path, tmp_path: Path
) -> None:
    """Both time axes: stop the projector at a close, and ask the whole history for that day."""
    facts = book.ledger.read(limit=10**6)
    closes = [item for item in facts if item.stream == "calendar"]
    stop = closes[len(closes) * 2 // 3]
    known = date_of_us(stop.fact.recorded_at_us)
    upto = [item for item in facts if date_of_us(item.fact.recorded_at_us) <= known]
    then = Projector.open(tmp_path / "then.db", book)
    then.project(LEDGER_LOG, upto)
    rung = book.warnings.read(limit=10**6)
    then.project(WARNINGS_LOG, [w for w in rung if date_of_us(w.fact.recorded_at_us) <= known])
    then.close()
    later = Projector.open(views_path, book)
    later.catch_up()
    later.close()
    past = Queries.open(tmp_path / "then.db", book)
    whole = Queries.open(views_path, book)
    closed = past.status()["closed_date"]
    open_then = 0
    for row in past.loans(limit=1000).rows:
        now, back = (
            past.loan(row["loan_id"]),
            whole.loan(row["loan_id"], as_of=closed, known_on=known),
        )
        assert now is not None
        assert back is not None
        assert back["balance"]["dpd_days"] == now["balance"]["dpd_days"]
        if now["grade"] is not None:
            assert back["grade"]["grade"] == now["grade"]["grade"]
        assert back["warnings"] == now["warnings"]
        open_then += len(now["warnings"])
    assert open_then > 0
    past.close()
    whole.close()


def test_a_story_is_told_in_the_order_it_became_known(asked: Queries, book: Store) -> None:
    late = next(
        item
        for item in book.ledger.read(limit=10**6)
        if type(item.fact).__name__ == "RepaymentReceived"
        and date_of_us(item.fact.recorded_at_us) - item.fact.value_date > timedelta(days=3)
    )
    story = asked.story(late.fact.loan_id)
    assert story is not None
    moments = [line["recorded_at_us"] for line in story]
    assert moments == sorted(moments)
    (line,) = [line for line in story if line["event_id"] == late.event_id]
    assert line["date"] == late.fact.value_date
    assert line["text"].endswith(f"Recorded on {date_of_us(late.fact.recorded_at_us)}.")
    before = asked.story(late.fact.loan_id, known_on=late.fact.value_date)
    assert before is not None
    assert late.event_id not in {line["event_id"] for line in before}
    assert {line["kind"] for line in story} >= {"fact", "grade"}


def test_unknown_loans_have_neither_entry_nor_story(asked: Queries) -> None:
    assert asked.loan("NOBODY") is None
    assert asked.story("NOBODY") is None
    assert asked.loan("L000001", as_of=date(1999, 1, 1)) is None


def test_without_a_store_single_facts_are_refused_with_the_way_out(
    projected: Projector, views_path: Path
) -> None:
    queries = Queries.open(views_path)
    assert queries.loan("L000001") is not None
    with pytest.raises(StoreUnavailable, match="not at hand"):
        queries.story("L000001")
    queries.close()


def test_views_that_do_not_exist_are_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable) as refused:
        Queries.open(tmp_path / "none.db")
    assert "loanbell" in refused.value.way_out


def test_a_damaged_file_is_refused_with_the_way_out(tmp_path: Path, book: Store) -> None:
    (tmp_path / "views.db").write_bytes(b"this is no database" * 500)
    with pytest.raises(StoreUnavailable) as refused:
        Projector.open(tmp_path / "views.db", book)
    assert "rebuilt from the ledger" in refused.value.way_out


def test_status_names_positions_lag_and_counts(asked: Queries, book: Store) -> None:
    status = asked.status()
    assert {view["lag_facts"] for view in status["views"]} == {0}
    assert {view["ledger_position"] for view in status["views"]} == {book.ledger.last_position()}
    assert sum(status["loans"].values()) == 60
    closes = [i.fact.value_date for i in book.ledger.stream("calendar")]
    assert status["closed_date"] == max(closes) == date_of(day_number(max(closes)))
