"""SIGKILL at any moment: the next start goes on, and ends with the rows of an undisturbed run."""

from __future__ import annotations

import signal
import subprocess
import sys
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
for log, facts in (("ledger", store.ledger), ("warnings", store.warnings)):
    while batch := facts.read(after=projector.position(log), limit=61):
        projector.project(log, batch)
        print(log, batch[-1].position, flush=True)
print("done", flush=True)
"""


def ended(ledger: Path, views: Path, *, kill_after_lines: int | None) -> bool:
    """Project in another process, killed while it works on; whether it came to its end."""
    worker = subprocess.Popen(
        [sys.executable, "-c", WORK, str(ledger), str(views)], stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    said = ""
    for number, line in enumerate(worker.stdout):
        said = line
        if number == kill_after_lines:
            worker.send_signal(signal.SIGKILL)
            break
    said = worker.stdout.read().rpartition("\n")[0].rpartition("\n")[2] or said
    worker.wait()
    worker.stdout.close()
    return said.strip() == "done"


def test_killed_at_random_moments_it_ends_as_if_undisturbed(
    book: Store, views_path: Path, dump: Dump
) -> None:
    ledger = views_path.parent / "ledger.db"
    random = Random(5)
    positions = [0]
    for _ in range(4):
        lines = random.randrange(2, 14)
        assert not ended(ledger, views_path, kill_after_lines=lines)
        queries = Queries.open(views_path)
        positions.append(queries.status()["views"][0]["ledger_position"])
        queries.close()
    assert positions == sorted(set(positions)), "each run went on from where the last was killed"
    assert ended(ledger, views_path, kill_after_lines=None)
    undisturbed = Projector.open(views_path.parent / "whole.db", book)
    undisturbed.project(LEDGER_LOG, book.ledger.read(limit=10**6))
    undisturbed.project(WARNINGS_LOG, book.warnings.read(limit=10**6))
    undisturbed.close()
    assert dump(views_path) == dump(views_path.parent / "whole.db")
