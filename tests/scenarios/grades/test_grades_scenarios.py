"""Every diary beside this file comes true, in the regime that its name begins with.

Written as the ledger's scenarios are. Expectations speak of the last close, clause by clause:
`grade`, `rule`, `article`, `dpd`, `since`; `anew` is the grade by a replay of the facts, as
corrected, and `corrected yes` says that a late fact changed it. Amounts and days can be worked out
by hand; the remarks do.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.scenario.diary import Happening, read_diary
from ledger.service import Incoming, Ledger
from ledger.store import LEDGER_LOG, Store
from projections.projector import Projector
from projections.queries import Queries
from projections.regime_file import load, shipped
from projections.views import all_views
from streams.parts import RegimeCore

DIARIES = sorted(Path(__file__).parent.glob("*.txt"))


class Told:
    """A diary against a real store and real views: written in batches, asked at expectations."""

    def __init__(self, folder: Path, regime: str) -> None:
        self.regime = regime
        self.store = Store.open(folder / "ledger.db")
        self.ledger = Ledger(self.store.ledger, core=RegimeCore([load(regime)]))
        views = [view for view in all_views(regime) if view().name in ("loans", "grades")]
        self.projector = Projector.open(folder / "views.db", self.store, views=views)
        self.projector.catch_up()
        self.queries = Queries.open(folder / "views.db", self.store)
        self.waiting: list[Happening] = []

    def take(self, line: Happening) -> Iterator[tuple[Any, Any]]:
        """(expected, actual) of every check that the line asks for."""
        if line.command is not None:
            self.waiting.append(line)
            return
        yield from self.write()
        for clause in line.expected:
            word, _, value = clause.partition(" ")
            yield value, self.answer(line.subject, word)

    def write(self) -> Iterator[tuple[Any, Any]]:
        """Record what waits, in one commit; each must be accepted, or refused by its rule."""
        lines, self.waiting = self.waiting, []
        batch = [
            Incoming(line.command, None, b"", "diary", line.number, 0, f"line-{line.number}")
            for line in lines
        ]
        for message in batch:
            assert message.command is not None
            message.recorded_at_us = message.command.recorded_at_us
        done = self.ledger.record(batch)
        self.projector.project(LEDGER_LOG, done.recorded)
        for line, outcome in zip(lines, done.outcomes, strict=True):
            wanted = f"refused {line.refused}" if line.refused else "accepted"
            said = (
                outcome.status
                if outcome.status == "accepted"
                else f"refused {outcome.rule or outcome.code}"
            )
            yield (line.text, wanted), (line.text, said)

    def answer(self, loan_id: str, word: str) -> str:
        if word == "anew":
            found = self.queries.regraded(loan_id, regime=self.regime)
            return "none" if found is None else str(found["grade"])
        changes = self.queries.grade_history(loan_id)
        if not changes:
            return "none"
        last = changes[-1]
        if word == "corrected":
            return "yes" if last["corrected"] else "no"
        names = {"since": "since_date", "dpd": "dpd_days"}
        return str(last[names.get(word, word)])


@pytest.mark.parametrize("path", DIARIES, ids=lambda path: path.stem)
def test_the_diary_comes_true(path: Path, tmp_path: Path) -> None:
    told = Told(tmp_path, path.stem.partition("_")[0])
    diary = read_diary(path.read_text(encoding="utf-8"), name=path.name)
    checks, wrong = 0, []
    for line in diary.lines:
        for expected, actual in told.take(line):
            checks += 1
            if expected != actual:
                wrong.append(f"{path.name}:{line.number}: {line.text}: {actual}, not {expected}")
    assert not told.waiting, "a diary ends with an expectation"
    assert checks > 3
    assert wrong == []
    assert [str(difference) for difference in told.projector.check()] == []
    told.queries.close()
    told.projector.close()
    told.store.close()


def test_every_shipped_regime_has_its_diaries() -> None:
    assert {path.stem.partition("_")[0] for path in DIARIES} >= set(shipped())
