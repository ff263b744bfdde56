"""The same views in PostgreSQL: row for row those of SQLite, and the same answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ledger.errors import StoreLost
from ledger.events import MessageRefused
from ledger.ids import REFUSALS_STREAM
from ledger.store import LEDGER_LOG, MemoryStore, NewFact, Store
from projections.projector import Projector
from projections.queries import Queries, WarningFilter
from projections.tables import Database, Place, Schema
from projections.views import all_views

pytestmark = pytest.mark.service

Dump = Callable[[Place], dict[str, list[tuple[Any, ...]]]]


@pytest.fixture
def schema(postgres: Any) -> Iterator[Schema]:
    """A schema of this test."""
    name = f"views_{uuid4().hex}"
    yield Schema(postgres.url(), name)
    postgres.sql(f"DROP SCHEMA IF EXISTS {name} CASCADE")


def test_its_rows_are_those_of_sqlite_and_equal_their_rebuild(
    recorded_book: Path, book: Store, schema: Schema, dump: Dump
) -> None:
    projector = Projector.open(schema, book)
    for start in range(0, book.ledger.last_position(), 3_000):
        projector.project(LEDGER_LOG, book.ledger.read(after=start, limit=3_000))
    projector.catch_up()
    expected = dump(recorded_book.parent / "views.db")
    assert dump(schema) == expected
    assert projector.check() == []
    for _ in range(2):  # A second time the tables of the first are in the way.
        report = projector.rebuild("all")
        assert (report.outcome, report.differing) == ("swapped", ())
    assert dump(schema) == expected
    projector.close()


def test_its_answers_are_those_of_sqlite(recorded_book: Path, book: Store, schema: Schema) -> None:
    projector = Projector.open(schema, book)
    projector.catch_up()
    here, there = Queries.open(recorded_book.parent / "views.db", book), Queries.open(schema, book)
    asked: list[Callable[[Queries], Any]] = [
        lambda q: q.loans(limit=7),
        lambda q: q.loans(after="L000020", limit=1_000),
        lambda q: q.warnings(WarningFilter(), limit=50),
        lambda q: q.trial_balance(),
        lambda q: q.portfolio(),
        lambda q: q.grades(limit=1_000),
        lambda q: q.ageing(),
        lambda q: q.refusals(limit=100),
        lambda q: q.loan("L000003"),
        lambda q: q.story("L000003"),
    ]
    for ask in asked:
        assert ask(there) == ask(here)
    for opened in (projector, here, there):
        opened.close()


def test_an_outdated_view_rebuilds_itself_and_a_changed_row_is_named(
    book: Store, schema: Schema, postgres: Any
) -> None:
    Projector.open(schema, book).catch_up()
    postgres.sql(f"UPDATE {schema.name}.views SET schema_version = 0 WHERE view = 'balances'")
    postgres.sql(f"UPDATE {schema.name}.loans SET branch = 'X' WHERE loan_id = 'L000003'")
    again = Projector.open(schema, book)
    again.catch_up()
    said = [str(difference) for difference in again.check()]
    assert len(said) == 1
    assert said[0].startswith("loans['L000003']: branch is 'X', the facts")
    again.close()


def test_a_reader_sees_one_commit_however_long_it_reads(book: Store, schema: Schema) -> None:
    projector = Projector.open(schema, book)
    projector.project(LEDGER_LOG, book.ledger.read(limit=100))
    reader = Database.open(schema, read_only=True)
    with reader.reading() as connection:
        before = reader.catalog_rows(connection)["loans"].ledger_position
        writing = threading.Thread(
            target=projector.project,
            args=(LEDGER_LOG, book.ledger.read(after=100, limit=100)),
        )
        writing.start()
        writing.join(timeout=30)
        assert projector.position(LEDGER_LOG) == 200
        assert reader.catalog_rows(connection)["loans"].ledger_position == before == 100
    with reader.reading() as connection:
        assert reader.catalog_rows(connection)["loans"].ledger_position == 200
    reader.close()
    projector.close()


def test_a_refused_message_with_a_nul_has_its_row(schema: Schema) -> None:
    store = MemoryStore()
    refused = MessageRefused(
        source="t", offset=1, code="malformed", reason="?", original="a\0b", encoding="utf-8",
        original_bytes=3, original_sha256="", transaction_id=None,
        value_date=date(2024, 3, 29), recorded_at_us=1,
    )  # fmt: skip
    store.ledger.record([NewFact(REFUSALS_STREAM, 1, refused)])
    projector = Projector.open(schema, store)
    projector.catch_up()
    assert Queries.open(schema, store).refusals(limit=1).rows[0]["excerpt"] == "a␀b"
    assert projector.check() == []
    projector.close()


def test_a_database_that_is_away_is_told_without_a_password(
    free_port: Callable[[], int],
) -> None:
    place = Schema(f"postgresql://bank:open-sesame@127.0.0.1:{free_port()}/ledger", "views")
    with pytest.raises(StoreLost, match="goes on when the database is back") as caught:
        Projector.open(place, MemoryStore(), views=all_views())
    assert "sesame" not in str(caught.value)
