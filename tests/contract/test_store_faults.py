"""Bad files, full disks and second processes: a clear error, a true way out, nothing half-kept."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from ledger.errors import StoreBlocked, StoreUnavailable
from ledger.events import BusinessDayClosed, MessageRefused
from ledger.store import NewFact, Store


def day(version: int) -> NewFact:
    fact = BusinessDayClosed(
        transaction_id=f"close-{version}", value_date=date(2024, 3, 29), recorded_at_us=version
    )
    return NewFact("calendar", version, fact, f"close-{version}", b"0123456789abcdef")


def refusal(version: int, size: int) -> NewFact:
    fact = MessageRefused(
        source="t",
        offset=version,
        code="malformed",
        reason="",
        original="x" * size,
        encoding="utf-8",
        original_bytes=size,
        original_sha256="",
        transaction_id=None,
        value_date=date(2024, 3, 29),
        recorded_at_us=version,
    )
    return NewFact("refusals", version, fact)


def record_without_end(store: Store) -> None:
    for first in range(1, 10_000, 10):
        record_ten(store, first)


def read_all(path: Path) -> None:
    with Store.open(path, read_only=True) as store:
        store.ledger.read()


def record_ten(store: Store, first: int) -> None:
    facts = [refusal(version, 5_000) for version in range(first, first + 10)]
    store.ledger.record(facts, tracking={"t": first + 9})


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root: run the tests with sudo")
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True, check=False
    )
    if made.returncode != 0:
        pytest.skip(f"cannot mount a small file system here: {made.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_keeps_whole_batches_and_recording_goes_on_with_room(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(1 << 20))
    with Store.open(small_disk / "ledger.db") as store:
        with pytest.raises(StoreBlocked, match=r"full.*Free space below"):
            record_without_end(store)
        kept = store.ledger.last_position()
        assert kept > 20
        assert kept % 10 == 0
        assert store.ledger.tracked("t") == kept
        assert store.ledger.verify().holds
        ballast.unlink()
        record_ten(store, kept + 1)
        assert store.ledger.last_position() == kept + 10
        assert store.ledger.verify().holds
    with Store.open(small_disk / "ledger.db") as store:
        assert store.ledger.last_position() == kept + 10


def test_a_full_database_keeps_whole_batches(tmp_path: Path) -> None:
    with Store.open(tmp_path / "ledger.db") as store:
        store.ledger.record([day(1)])
        writer = store._datastores[-1]
        with writer.transaction(commit=False) as cursor:
            cursor.execute("PRAGMA max_page_count=20")
        with pytest.raises(StoreBlocked, match="full"):
            store.ledger.record([refusal(v, 5_000) for v in range(1, 50)], tracking={"t": 49})
        assert (store.ledger.last_position(), store.ledger.tracked("t")) == (1, 0)
        with writer.transaction(commit=False) as cursor:
            cursor.execute("PRAGMA max_page_count=1000000")
        store.ledger.record([refusal(v, 5_000) for v in range(1, 50)], tracking={"t": 49})
        assert (store.ledger.last_position(), store.ledger.tracked("t")) == (50, 49)
        assert store.ledger.verify().holds


def test_a_new_ledger_on_a_full_disk_is_refused(small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space"):
        (small_disk / "ballast").write_bytes(bytes(5 << 20))
    with pytest.raises(StoreBlocked, match="Free space below"):
        Store.open(small_disk / "ledger.db")
    (small_disk / "ballast").unlink()
    with Store.open(small_disk / "ledger.db") as store:
        store.ledger.record([day(1)])


def test_a_second_writer_is_refused_with_the_process_to_stop(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom ledger.store import Store\n"
        "store = Store.open(sys.argv[1])\nprint('open', flush=True)\nsys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "ledger.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(StoreUnavailable, match=f"Process {other.pid} is writing.*Stop"):
            Store.open(tmp_path / "ledger.db")
        with Store.open(tmp_path / "ledger.db", read_only=True) as reader:
            assert reader.ledger.last_position() == 0
        other.kill()
        other.wait()
    Store.open(tmp_path / "ledger.db").close()


def test_a_second_writer_in_the_same_process_is_refused(tmp_path: Path) -> None:
    first = Store.open(tmp_path / "ledger.db")
    with pytest.raises(StoreUnavailable, match=f"Process {os.getpid()} is writing"):
        Store.open(tmp_path / "ledger.db")
    first.close()
    Store.open(tmp_path / "ledger.db").close()


def test_a_refused_opening_gives_the_lock_back(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"not a database" * 1_000)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=r"damaged or is not a database.*backup"):
            Store.open(tmp_path / "ledger.db")
    (tmp_path / "ledger.db").unlink()
    Store.open(tmp_path / "ledger.db").close()


def test_a_damaged_page_is_named_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Store.open(path) as store:
        store.ledger.record([refusal(version, 3_000) for version in range(1, 200)])
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = b"\xff" * 4096
    path.write_bytes(content)
    with pytest.raises(StoreUnavailable, match=r"damaged.*backup"):
        read_all(path)


def test_a_trigger_that_somebody_put_into_the_ledger_is_named_and_nothing_is_recorded(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger.db"
    with Store.open(path) as store:
        store.ledger.record([day(1)])
    with closing(sqlite3.connect(path)) as other:
        other.execute(
            "CREATE TRIGGER quietly AFTER INSERT ON ledger_facts BEGIN DELETE FROM tracking; END"
        )
    for read_only in (False, True):
        with pytest.raises(StoreUnavailable, match=r"did not make: quietly\. .*DROP TRIGGER"):
            Store.open(path, read_only=read_only)
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TRIGGER quietly")
    with Store.open(path) as store:
        assert store.ledger.last_position() == 1


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE recipes (name TEXT)")
    other.commit()
    other.close()
    before = path.read_bytes()
    for read_only in (False, True):
        with pytest.raises(StoreUnavailable, match="not a ledger of LoanBell"):
            Store.open(path, read_only=read_only)
    assert path.read_bytes() == before


def test_a_newer_schema_asks_for_an_upgrade(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Store.open(path).close()
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version=2")
    newer.close()
    for read_only in (False, True):
        with pytest.raises(StoreUnavailable, match=r"newer LoanBell.*Upgrade"):
            Store.open(path, read_only=read_only)


def test_a_missing_ledger_is_not_made_by_a_reader(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="no ledger at"):
        Store.open(tmp_path / "ledger.db", read_only=True)
    assert not (tmp_path / "ledger.db").exists()


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StoreUnavailable, match="existing folder that this user may write"):
        Store.open(tmp_path / "data" / "ledger.db")


def test_a_read_only_file_system_is_refused(small_disk: Path) -> None:
    Store.open(small_disk / "ledger.db").close()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(StoreUnavailable, match="this user may write"):
        Store.open(small_disk / "ledger.db")


def test_a_reader_cannot_record(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Store.open(path).close()
    with (
        Store.open(path, read_only=True) as store,
        pytest.raises(StoreUnavailable, match="without read_only"),
    ):
        store.ledger.record([day(1)])


def test_a_reader_follows_the_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.store.recorder.TAIL_FACTS", 7)
    path = tmp_path / "ledger.db"
    with Store.open(path) as writer, Store.open(path, read_only=True) as reader:
        for version in range(1, 60):
            writer.ledger.record([day(version), refusal(version, 10)], tracking={"t": version})
            assert reader.ledger.last_position() == 2 * version
            assert reader.ledger.head() == writer.ledger.head()
            assert len(reader.ledger.stream("calendar")) == version
            assert reader.ledger.known_commands([f"close-{version}"]).keys() == {f"close-{version}"}
            assert reader.ledger.tracked("t") == version
        assert reader.ledger.verify().holds
