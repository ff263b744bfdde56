"""Where the views are and whose: folders of any name, and a ledger that is not theirs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ledger.errors import StoreUnavailable
from ledger.store import NewFact, Store
from projections.projector import Projector
from projections.queries import Queries


@pytest.fixture
def folder(recorded_book: Path, tmp_path: Path) -> Path:
    """A data folder of this test, with a book and its views."""
    for name in ("ledger.db", "views.db"):
        shutil.copy(recorded_book.parent / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("name", ["a#b", "a?b", "a%20b", "a%b", "a b", "mode=ro&", "贷款"])
def test_a_folder_of_any_name_holds_both_files_and_nothing_lies_beside_it(
    tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "all" / name
    with Store.open(folder / "ledger.db") as store:
        projector = Projector.open(folder / "views.db", store)
        projector.catch_up()
        reads = Queries.open(folder / "views.db")
        assert reads.portfolio()["currencies"] == []
        reads.close()
        projector.close()
    assert sorted(path.name for path in folder.iterdir()) == ["ledger.db", "lock", "views.db"]
    assert [path.name for path in (tmp_path / "all").iterdir()] == [name]


@pytest.mark.parametrize("lost", ["deleted", "emptied"])
def test_a_ledger_that_was_lost_is_no_new_book_and_its_views_stay(folder: Path, lost: str) -> None:
    ledger, views = folder / "ledger.db", folder / "views.db"
    before = views.read_bytes()
    if lost == "deleted":
        ledger.unlink()
    else:
        ledger.write_bytes(b"")
    with (
        Store.open(ledger) as store,
        pytest.raises(StoreUnavailable, match="of the ledger log, which holds 0") as refused,
    ):
        Projector.open(views, store)
    assert "Restore ledger.db from a backup." in refused.value.way_out
    assert views.read_bytes() == before
    views.unlink()
    with Store.open(ledger) as store:  # the way out: a new book
        projector = Projector.open(views, store)
        projector.catch_up()
        assert projector.position("ledger") == 0
        projector.close()


def test_views_that_read_warnings_which_are_gone_are_not_emptied(
    folder: Path, recorded_book: Path
) -> None:
    (folder / "ledger.db").unlink()
    with Store.open(recorded_book, read_only=True) as whole:
        facts = [NewFact(f.stream, f.version, f.fact) for f in whole.ledger.read(limit=10**6)]
    with Store.open(folder / "ledger.db") as store:
        store.ledger.record(facts)
        with pytest.raises(StoreUnavailable, match="of the warnings log, which holds 0"):
            Projector.open(folder / "views.db", store)
