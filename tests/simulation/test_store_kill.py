"""A recording process is killed at any moment: what is left is whole batches, and it goes on."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path
from random import Random

import pytest

from ledger.events import BusinessDayClosed
from ledger.store import NewFact, Store

BATCH = 40
CHILD = """
import sys
from datetime import date
from ledger.events import BusinessDayClosed
from ledger.store import NewFact, Store
import ledger.store.recorder

ledger.store.recorder.TAIL_FACTS = 200
path, batch = sys.argv[1], int(sys.argv[2])

def fact(number):
    day = BusinessDayClosed(transaction_id=f"c{number}", value_date=date(2024, 3, 29),
                            recorded_at_us=number)
    stream, version = f"calendar{number % 7}", number // 7 + 1
    return NewFact(stream, version, day, f"c{number}", b"0123456789abcdef")

with Store.open(path) as store:
    print("ready", flush=True)
    while True:
        first = store.ledger.last_position()
        facts = [fact(number) for number in range(first, first + batch)]
        store.ledger.record(facts, tracking={"t": first + batch})
"""


def fact(number: int) -> NewFact:
    day = BusinessDayClosed(
        transaction_id=f"c{number}", value_date=date(2024, 3, 29), recorded_at_us=number
    )
    stream, version = f"calendar{number % 7}", number // 7 + 1
    return NewFact(stream, version, day, f"c{number}", b"0123456789abcdef")


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_recorder_leaves_whole_batches_and_goes_on(tmp_path: Path, seed: int) -> None:
    path, random = tmp_path / "ledger.db", Random(seed)
    for _ in range(4):
        command = [sys.executable, "-c", CHILD, str(path), str(BATCH)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            with pytest.raises(subprocess.TimeoutExpired):
                child.wait(timeout=random.uniform(0.0, 0.4))
            child.kill()
        with Store.open(path, read_only=True) as store:
            end = store.ledger.last_position()
            assert end % BATCH == 0
            assert store.ledger.tracked("t") == end
            assert store.ledger.verify().holds
            ids = [f"c{number}" for number in range(end + BATCH)]
            assert len(store.ledger.known_commands(ids)) == end
    assert end > 0
    with Store.open(tmp_path / "undisturbed" / "ledger.db") as undisturbed:
        undisturbed.ledger.record([fact(number) for number in range(end)])
        with Store.open(path, read_only=True) as store:
            assert store.ledger.head() == undisturbed.ledger.head()
