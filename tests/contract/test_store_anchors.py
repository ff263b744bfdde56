"""Anchors kept elsewhere: what they prove of a log, and how they are written and read."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from ledger.dates import start_of_day_us
from ledger.events import BusinessDayClosed
from ledger.store import ChainFault, Checkpoint, MemoryStore, NewFact, Store
from ledger.store.anchors import (
    HEAD,
    Anchor,
    AnchorUnreadable,
    anchor_at,
    anchor_now,
    fault_against,
    read_anchors,
    written,
)


def fact(number: int, reason: str = "c") -> NewFact:
    """The `number`th fact of a calendar, recorded on that day of March 2024."""
    day = date(2024, 3, number)
    closed = BusinessDayClosed(
        transaction_id=f"{reason}{number}", value_date=day, recorded_at_us=start_of_day_us(day)
    )
    return NewFact("calendar", number, closed)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed ledger of nine facts."""
    with Store.open(tmp_path / "ledger.db") as store:
        store.ledger.record([fact(number) for number in range(1, 10)])
    return tmp_path / "ledger.db"


def anchored(path: Path) -> Anchor:
    with Store.open(path, read_only=True) as store:
        return anchor_now(store.ledger)


def verdict(path: Path, anchor: Anchor) -> ChainFault | None:
    with Store.open(path, read_only=True) as store:
        return fault_against(store.ledger, anchor)


def grown(path: Path, *facts: NewFact) -> None:
    with Store.open(path) as store:
        store.ledger.record(facts)


def test_an_anchor_says_where_the_log_stands_and_when_it_was_recorded(path: Path) -> None:
    anchor = anchored(path)
    assert (anchor.log, anchor.checkpoint.position) == ("ledger", 9)
    assert anchor.recorded == date(2024, 3, 9)
    with Store.open(path, read_only=True) as store:
        assert anchor.checkpoint.chain == store.ledger.head()
        assert anchor_at(store.ledger, store.ledger.verify().checkpoint) == anchor
        assert str(anchor_now(store.warnings)) == f"warnings 0 {'0' * 64} -"


def test_a_log_that_only_grew_keeps_its_promise(path: Path) -> None:
    anchor = anchored(path)
    assert verdict(path, anchor) is None
    grown(path, fact(10), fact(11))
    assert verdict(path, anchor) is None


def test_a_log_cut_short_is_found_even_when_it_grew_again(path: Path) -> None:
    anchor = anchored(path)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("DELETE FROM ledger_facts WHERE position > 7")
    connection.execute(
        "UPDATE logs SET position = 7, "
        "chain = (SELECT chain FROM ledger_facts WHERE position = 7) WHERE name = 'ledger'"
    )
    connection.close()
    fault = verdict(path, anchor)
    assert fault == ChainFault(
        8, "", "the anchor saw 9 facts, the log holds 7: facts were taken away"
    )
    grown(path, fact(8, "other"), fact(9, "other"), fact(10, "other"))
    fault = verdict(path, anchor)
    assert fault is not None
    assert (fault.position, fault.what) == (
        9,
        "the facts up to here are not those that the anchor saw",
    )


def test_a_history_forged_with_all_its_hashes_is_found(path: Path, tmp_path: Path) -> None:
    """Whoever can write the file can make a chain that holds; the anchor is out of his reach."""
    anchor = anchored(path)
    with Store.open(tmp_path / "forged" / "ledger.db") as store:
        store.ledger.record([fact(1, "forged"), *(fact(number) for number in range(2, 13))])
        assert store.ledger.verify().holds
    fault = verdict(tmp_path / "forged" / "ledger.db", anchor)
    assert fault is not None
    assert fault.position == 9


def test_a_fault_after_the_anchor_is_named_where_it_is(path: Path) -> None:
    anchor = anchored(path)
    grown(path, fact(10), fact(11), fact(12))
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("UPDATE ledger_facts SET topic = 'day.closed.v2' WHERE position = 11")
    connection.close()
    fault = verdict(path, anchor)
    assert fault is not None
    assert (fault.position, fault.stream) == (11, "calendar")


def test_every_other_position_or_hash_breaks_the_promise(path: Path) -> None:
    anchor = anchored(path)
    grown(path, fact(10))
    for position in (0, 8, 10):
        wrong = replace(anchor, checkpoint=replace(anchor.checkpoint, position=position))
        assert verdict(path, wrong) is not None
    for bit in range(0, 256, 16):
        chain = (int.from_bytes(anchor.checkpoint.chain) ^ (1 << bit)).to_bytes(32)
        assert verdict(path, replace(anchor, checkpoint=Checkpoint(9, chain))) is not None


def test_anchors_are_read_as_they_were_written(path: Path) -> None:
    store = MemoryStore()
    anchors = (anchored(path), anchor_now(store.warnings))
    text = written(anchors)
    assert text.splitlines()[0] == HEAD
    assert read_anchors(text, name="kept") == anchors
    assert read_anchors(f"{text}\n  # once more\n{text}", name="kept") == anchors * 2


HASH = "0" * 64


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "kept holds no anchor"),
        (f"{HEAD}\n", "kept holds no anchor"),
        (f"{HEAD}\nledger 9 {HASH}\n", "kept:2: 'ledger 9 000"),
        (f"ledger nine {HASH} -\n", "kept:1: "),
        (f"ledger -9 {HASH} -\n", "kept:1: "),
        (f"ledger 9 {HASH[:-2]} -\n", "kept:1: "),
        (f"ledger 9 {HASH[:-1]}x -\n", "kept:1: "),
        (f"ledger 9 {HASH} today\n", "kept:1: "),
    ],
)
def test_what_is_not_an_anchor_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(AnchorUnreadable) as unreadable:
        read_anchors(text, name="kept")
    assert unreadable.value.message.startswith(said)
    assert unreadable.value.way_out


def test_two_copies_of_one_ledger_have_one_anchor(path: Path, tmp_path: Path) -> None:
    shutil.copy(path, tmp_path / "copy.db")
    assert anchored(tmp_path / "copy.db") == anchored(path)
