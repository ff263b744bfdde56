"""A generated book with late, reversed and refused messages, as facts in a real store."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from ledger.events import BusinessDayClosed, LoanOpened, RepaymentReceived
from ledger.scenario import read_diary
from ledger.service import Incoming, Ledger
from ledger.store import Store
from projections.projector import Projector
from projections.tables import CATALOG, Database, select
from projections.views import all_views
from streams.generate.portfolio import Portfolio
from streams.ingest import read_many
from streams.settings import PACKS, packaged
from streams.watching import facts_of
from warning.rules import load_pack
from warning.watch import Watch

Dump = dict[str, list[tuple[Any, ...]]]


COLLECTED = """\
{day} case {borrower} K1, loans {loan}, owner U1, team T1, branch N
{day} strategy {borrower} K1 mine v1, segment early, treatment call;0/3/8;soft;call;none;5
{day} contact {borrower} K1 C1 call, loans {loan}, utc 02:00
{day} outcome {borrower} K1 C1 promised, seconds 120, cost 1.50, currency CNY
{day} promise {borrower} K1 P1 {loan}, parts {last} 60.00, currency CNY
{day} signal {borrower} K1 S1 unreachable
{day} refer {borrower} K1 F1, signals S1, reason gone, by U1
{day} approve-referral {borrower} K1 F1, by U2
{last} end-of-day
"""
"""A case about the loan that was paid last, at the end of the book."""


def collected(store: Store) -> Iterator[Incoming]:
    """The messages of `COLLECTED`."""
    facts = [item.fact for item in store.ledger.read(limit=10**6)]
    closed = max(fact.value_date for fact in facts if isinstance(fact, BusinessDayClosed))
    paid = [fact for fact in facts if isinstance(fact, RepaymentReceived)]
    last = max(paid, key=lambda fact: fact.value_date)
    loan = last.loan_id
    borrower = next(
        fact.borrower_id for fact in facts if isinstance(fact, LoanOpened) and fact.loan_id == loan
    )
    words = {"day": last.value_date, "last": closed + timedelta(days=1)}
    text = COLLECTED.format(borrower=borrower, loan=loan, **words)
    for line in read_diary(text, name="collected").lines:
        command = line.command
        if command is not None:
            at = command.recorded_at_us
            number = line.number
            yield Incoming(command, None, b"", "diary", number, at, command.transaction_id)


@pytest.fixture(scope="session")
def recorded_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger file beside its views: 60 loans over 5 months; never written to again."""
    path = tmp_path_factory.mktemp("book") / "ledger.db"
    portfolio = Portfolio(loans=60, months=5, seed=9, start=date(2024, 1, 2))
    with Store.open(path) as store:
        ledger = Ledger(store.ledger)
        messages, done = portfolio.messages(), 0
        while batch := list(islice(messages, 2_000)):
            first = done + 1
            incoming = read_many(batch, source="test", first_offset=first, accepted_us=0)
            ledger.record(incoming, tracking={"test": done + len(batch)})
            done += len(batch)
        ledger.record(list(collected(store)))
        pack = load_pack(packaged(PACKS, "sme-early", ".toml"))
        watch = Watch(pack=pack, calendar=portfolio.calendar, facts_of=facts_of(store.ledger))
        for item in store.ledger.read(limit=10**6):
            new = watch.observe([item])
            if new:
                store.warnings.record(new)
        projector = Projector.open(path.parent / "views.db", store)
        projector.catch_up()
        projector.close()
    return path


@pytest.fixture
def book(recorded_book: Path, tmp_path: Path) -> Iterator[Store]:
    """The generated book in a folder of this test."""
    shutil.copy(recorded_book, tmp_path / "ledger.db")
    with Store.open(tmp_path / "ledger.db") as store:
        yield store


@pytest.fixture
def dump() -> Callable[[Path], Dump]:
    """Every row of every view in a views file, and the positions in its catalog."""

    def rows_of(path: Path) -> Dump:
        database = Database.open(path, read_only=True)
        specs = [spec for factory in all_views() for spec in factory().tables]
        found: Dump = {}
        with database.reading() as connection:
            for spec in [*specs, CATALOG]:
                table = database.table(spec)
                order = [table.c[name] for name in spec.key_names]
                rows = connection.execute(select(table).order_by(*order))
                found[spec.name] = [tuple(row) for row in rows]
            # A rebuild counts a view's generation up; nothing else may differ.
            generation = CATALOG.column_names.index("generation")
            found[CATALOG.name] = [
                (*row[:generation], *row[generation + 1 :]) for row in found[CATALOG.name]
            ]
        database.close()
        return found

    return rows_of


@pytest.fixture
def projected(recorded_book: Path, book: Store, tmp_path: Path) -> Iterator[Projector]:
    """The book's views, all caught up and opened again."""
    shutil.copy(recorded_book.parent / "views.db", tmp_path / "views.db")
    projector = Projector.open(tmp_path / "views.db", book)
    yield projector
    projector.close()


@pytest.fixture
def views_path(tmp_path: Path) -> Path:
    """Where the views of this test are."""
    return tmp_path / "views.db"
