"""SIGKILL at any moment: the next start goes on, and ends with the rows of an undisturbed run."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from ledger.store import LEDGER_LOG, WARNINGS_LOG, Store
from projections.projector import Projector
from projections.queries import Queries

Dump = Callable[[Path], dict[str, list[tuple[Any, ...]]]]

WORK = """
import sys
from ledger.store import Store
from projections.projector import Projector

store = Store.open(sys.argv[1], read_only=True)
projector = Projector.open(sys.argv[2], store)
print("started", flush=True)
for log, facts in (("ledger", store.ledger), ("warnings", store.warnings)):
    while batch := facts.read(after=projector.position(log), limit=37):
        projector.project(log, batch)
print("done", flush=True)
"""


def test_killed_at_random_moments_it_ends_as_if_undisturbed(
    book: Store, views_path: Path, dump: Dump
) -> None:
    ledger = views_path.parent / "ledger.db"
    random = Random(5)
    kills = done = 0
    positions = []
    while not done:
        worker = subprocess.Popen(
            [sys.executable, "-c", WORK, str(ledger), str(views_path)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert worker.stdout is not None
        assert worker.stdout.readline() == "started\n"
        if kills < 4:
            time.sleep(random.uniform(0.05, 0.5))
            worker.send_signal(signal.SIGKILL)
            kills += 1
        done = worker.stdout.read() == "done\n"
        worker.wait()
        if not done:
            queries = Queries.open(views_path)
            positions.append(queries.status()["views"][0]["ledger_position"])
            queries.close()
    assert positions == sorted(positions)
    assert len({0, *positions}) > 2, f"killed while it worked: {positions}"
    undisturbed = Projector.open(views_path.parent / "whole.db", book)
    undisturbed.project(LEDGER_LOG, book.ledger.read(limit=10**6))
    undisturbed.project(WARNINGS_LOG, book.warnings.read(limit=10**6))
    undisturbed.close()
    assert dump(views_path) == dump(views_path.parent / "whole.db")
