"""No set's mapping sees ahead: rows that come later move no reading, and no score fitted on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from bench.datasets.catalogue import SETS
from bench.datasets.sample import write_sample
from bench.datasets.source import Row, Tally, messages, read_rows
from ledger.dates import start_of_day_us
from ledger.events import LoanOpened
from ledger.service import Ledger
from ledger.store import MemoryLog, Recorded
from streams.ingest import read
from warning.fit import fit
from warning.indicators import CATALOGUE
from warning.outcomes import Ask
from warning.samples import Samples, sample

ABOUT = {"name": "test", "version": 1, "target": "none", "horizon_days": 30}
WORST: dict[str, Any] = {"void": 1, "pay_status": 8, "ltv": 300.0, "hpi": 1.0, "uer": 25.0}
"""What a row may say that is bad news, by the sets' own words."""


def facts_of(name: str, rows: Sequence[Row]) -> list[Recorded]:
    log = MemoryLog("ledger")
    lines = messages(SETS[name], rows, Tally())
    Ledger(log).record(
        [
            read(line, source=name, offset=at, accepted_us=0)
            for at, line in enumerate(lines, start=1)
        ]
    )
    return log.read(limit=1_000_000)


def worse(row: Row) -> Row:
    """The same row with nine times the money, and bad news where it tells any."""
    told = orjson.loads(row.payload)
    payload = orjson.dumps(told | {key: WORST[key] for key in WORST if key in told}).decode()
    amount = f"{9 * float(row.amount):.2f}" if row.amount else ""
    return row._replace(payload=payload, amount=amount)


def judged(facts: Sequence[Recorded], asks: list[Ask]) -> Samples:
    # Every third is called bad: what was learnt does not matter, only whether it is the same.
    return sample(facts, asks, [at % 3 == 0 for at in range(len(asks))], list(CATALOGUE))


def opened(facts: Sequence[Recorded]) -> list[tuple[str, int]]:
    """Each loan, and since when it is known."""
    return [
        (item.fact.loan_id, item.fact.recorded_at_us)
        for item in facts
        if type(item.fact) is LoanOpened
    ]


def told(samples: Samples) -> dict[str, str]:
    return {name: repr(column.tolist()) for name, column in samples.values.items()}


@pytest.mark.parametrize("name", sorted(SETS))
def test_later_rows_move_neither_a_reading_nor_what_is_fitted(name: str, tmp_path: Path) -> None:
    rows = list(read_rows(write_sample(tmp_path, name, seed=5)))
    last = date.fromisoformat(rows[2 * len(rows) // 3].day)
    known = [row for row in rows if row.day <= last.isoformat()]
    later = [row for row in rows if row.day > last.isoformat()]
    assert min(len(known), len(later)) > 50
    without = facts_of(name, known)
    moments = [start_of_day_us(last - timedelta(days=back)) - 1 for back in (60, 30, -1)]
    asks = [Ask(loan, at) for at in moments for loan, since in opened(without) if since <= at]
    before = judged(without, asks)
    plain, planted = facts_of(name, rows), facts_of(name, [*known, *map(worse, later)])
    assert told(judged(plain, asks)) == told(before)
    assert told(judged(planted, asks)) == told(before)
    # Later on, and of later loans as they begin, what was planted does move readings.
    end = [Ask(loan, max(at, plain[-1].fact.recorded_at_us)) for loan, at in opened(without)]
    end += [Ask(loan, at) for loan, at in opened(plain)]
    assert told(judged(plain, end)) != told(judged(planted, end))
    model = fit(before, about=ABOUT, kind="points").model
    assert fit(judged(planted, asks), about=ABOUT, kind="points").model.text == model.text
