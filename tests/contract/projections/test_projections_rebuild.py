"""Rebuilding: outdated views heal themselves, checks name what is wrong, cancelling leaves all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import InvariantBroken
from ledger.store import LEDGER_LOG, Store
from projections.projector import Projector, check
from projections.rebuild import Progress
from projections.register import Register
from projections.tables import Connection, Database
from projections.views import all_views

Dump = Callable[[Path], dict[str, list[tuple[Any, ...]]]]


@contextmanager
def tampering(path: Path) -> Iterator[Connection]:
    """Write to the views behind the projector's back."""
    database = Database.open(path)
    with database.writing() as connection:
        yield connection
    database.close()


def tables(path: Path) -> list[str]:
    database = Database.open(path, read_only=True)
    with database.reading() as connection:
        found = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
        names = sorted(row[0] for row in found)
    database.close()
    return names


def test_check_names_the_table_the_row_and_the_column(
    projected: Projector, views_path: Path
) -> None:
    with tampering(views_path) as connection:
        connection.exec_driver_sql(
            "UPDATE loans SET branch = 'ELSEWHERE' WHERE loan_id = 'L000003'"
        )
        connection.exec_driver_sql("DELETE FROM refusals WHERE code = 'unknown_entity'")
        connection.exec_driver_sql(
            "INSERT INTO closed_days (closed_day, position, recorded_at_us) VALUES (9, 9, 9)"
        )
    said = [str(difference) for difference in projected.check()]
    assert any(s.startswith("loans['L000003']: branch is 'ELSEWHERE', the facts") for s in said)
    assert any(s.startswith("refusals[") and s.endswith("is missing") for s in said)
    assert "closed_days[9] should not exist" in said


def test_check_needs_no_right_to_write_and_touches_nothing(
    projected: Projector, book: Store, views_path: Path, dump: Dump
) -> None:
    before = dump(views_path)
    assert check(views_path, book) == []
    assert dump(views_path) == before


def test_a_rebuild_puts_right_what_was_wrong_and_says_which_totals_changed(
    projected: Projector, views_path: Path, dump: Dump
) -> None:
    before = dump(views_path)
    with tampering(views_path) as connection:
        connection.exec_driver_sql(
            "UPDATE portfolio SET outstanding_minor = outstanding_minor + 1 WHERE closed_day = "
            "(SELECT max(closed_day) FROM portfolio)"
        )
    report = projected.rebuild("portfolio")
    assert [(total.table, total.measure) for total in report.differing] == [
        ("portfolio", "outstanding_minor")
    ]
    assert report.differing[0].before > report.differing[0].after
    assert dump(views_path) == before
    assert projected.check() == []


def test_a_rebuild_is_held_against_the_trial_balance(projected: Projector) -> None:
    report = projected.rebuild("all")
    assert all(total.holds for total in report.books)
    assert {total.what for total in report.books} == {
        "principal",
        "payments not applied",
        "deposits",
        "outstanding by grades of cn-2023",
    }
    assert all(total.first > 0 for total in report.books if total.what != "payments not applied")


def test_what_does_not_agree_with_the_books_is_not_put_in_place(
    projected: Projector, views_path: Path, dump: Dump
) -> None:
    with tampering(views_path) as connection:
        connection.exec_driver_sql(
            "UPDATE trial_balance SET debit_minor = debit_minor + 7 WHERE value_day = "
            "(SELECT max(value_day) FROM trial_balance WHERE account = 'assets:loans:principal') "
            "AND account = 'assets:loans:principal'"
        )
        connection.exec_driver_sql("UPDATE loan_balances SET paid_minor = paid_minor + 1")
    before, named = dump(views_path), tables(views_path)
    with pytest.raises(
        InvariantBroken, match=r"principal in CNY: trial_balance has .* rebuild all"
    ):
        projected.rebuild("balances")
    assert (dump(views_path), tables(views_path)) == (before, named)
    assert projected.rebuild("refusals").outcome == "swapped"  # has no part in it
    assert projected.rebuild("all").outcome == "swapped"
    assert projected.check() == []


def test_a_cancelled_rebuild_leaves_the_live_view_and_no_trace(
    projected: Projector, views_path: Path, dump: Dump
) -> None:
    before, named = dump(views_path), tables(views_path)
    report = projected.rebuild("all", cancelled=lambda: True)
    assert report.outcome == "cancelled"
    assert dump(views_path) == before
    assert tables(views_path) == named


def test_an_interrupted_rebuild_leaves_no_trace_either(
    projected: Projector, views_path: Path
) -> None:
    named = tables(views_path)

    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        projected.rebuild("all", progress=interrupt)
    assert tables(views_path) == named


def test_a_rebuild_without_swap_compares_and_changes_nothing(
    projected: Projector, views_path: Path, dump: Dump
) -> None:
    before = dump(views_path)
    report = projected.rebuild("balances", swap=False)
    assert (report.outcome, report.differing, len(report.totals) > 5) == ("built", (), True)
    assert dump(views_path) == before


def test_progress_counts_up_to_all_facts_with_rate_and_time_left(
    projected: Projector, book: Store
) -> None:
    seen: list[Progress] = []
    projected.rebuild("grades", progress=seen.append)
    total = book.ledger.last_position() + book.warnings.last_position()
    assert [step.done for step in seen] == sorted(step.done for step in seen)
    assert (seen[-1].done, seen[-1].total, seen[-1].seconds_left) == (total, total, 0.0)
    assert all(step.facts_per_second > 0 for step in seen)


def test_a_rebuild_writes_no_fact_and_readers_see_the_old_rows_until_it_is_done(
    projected: Projector, book: Store, views_path: Path, dump: Dump
) -> None:
    """So nothing is published and nothing rings again: whoever follows the logs sees nothing."""
    logs = (book.ledger, book.warnings)
    heads = [(log.last_position(), log.head()) for log in logs]
    before, seen = dump(views_path), []
    projected.rebuild("all", progress=lambda step: seen.append(dump(views_path) == before))
    assert len(seen) > 1
    assert all(seen)
    assert dump(views_path) == before
    assert [(log.last_position(), log.head()) for log in logs] == heads


def test_all_views_are_rebuilt_without_folding_the_past_before(
    projected: Projector, book: Store, views_path: Path, dump: Dump
) -> None:
    """The log is read once, and the projector goes on from what it folded."""
    before, counted = dump(views_path), []
    read = book.ledger.read_without

    def counting(kinds: Any, *, after: int, upto: int) -> Any:
        counted.append(upto - after)
        return read(kinds, after=after, upto=upto)

    book.ledger.read_without = counting  # type: ignore[method-assign]
    assert projected.rebuild("all").outcome == "swapped"
    assert sum(counted) == book.ledger.last_position()
    projected.catch_up()
    assert sum(counted) == book.ledger.last_position()
    assert dump(views_path) == before
    assert projected.check() == []


def test_one_view_that_is_rebuilt_before_anything_was_folded_is_put_in_its_place(
    projected: Projector, book: Store, views_path: Path, dump: Dump
) -> None:
    before = dump(views_path)
    assert projected.rebuild("grades").outcome == "swapped"
    assert dump(views_path) == before
    projected.catch_up()
    assert dump(views_path) == before
    assert projected.check() == []


def test_the_projector_goes_on_after_a_rebuild(book: Store, views_path: Path) -> None:
    projector = Projector.open(views_path, book)
    facts = book.ledger.read(limit=10**6)
    half = len(facts) // 2
    projector.project(LEDGER_LOG, facts[:half])
    projector.rebuild("grades")
    projector.rebuild("all")
    projector.project(LEDGER_LOG, facts[half:])
    assert projector.check() == []
    projector.close()


@pytest.mark.parametrize(
    "outdated",
    [
        "UPDATE views SET schema_version = 0 WHERE view = 'balances'",
        "UPDATE views SET rules_version = 'cn-2019@0' WHERE view = 'grades'",
        "DELETE FROM views WHERE view = 'ageing'",
        "DROP TABLE grade_changes",
        "UPDATE views SET ledger_position = ledger_position - 5 WHERE view = 'loans'",
    ],
)
def test_a_view_that_is_not_current_rebuilds_itself_at_the_next_start(
    projected: Projector, book: Store, views_path: Path, dump: Dump, outdated: str
) -> None:
    before = dump(views_path)
    projected.close()
    with tampering(views_path) as connection:
        connection.exec_driver_sql(outdated)
        connection.exec_driver_sql("UPDATE loan_balances SET paid_minor = paid_minor + 0")
    again = Projector.open(views_path, book)
    again.catch_up()
    again.close()
    assert dump(views_path) == before


def test_a_view_added_later_is_filled_from_the_first_fact(
    book: Store, views_path: Path, dump: Dump, tmp_path: Path
) -> None:
    few = Projector.open(views_path, book, views=[Register])
    few.catch_up()
    assert few.views == ("loans",)
    few.close()
    more = Projector.open(views_path, book, views=all_views())
    more.catch_up()
    assert more.check() == []
    more.close()
    whole = Projector.open(tmp_path / "whole.db", book)
    whole.catch_up()
    whole.close()
    assert dump(views_path) == dump(tmp_path / "whole.db")
