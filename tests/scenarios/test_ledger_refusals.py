"""Whatever a diary tries in vain is refused by the rule it names, and leaves nothing but a record.

Each diary goes line by line through the service that records messages, its own text as the bytes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import ledger
from ledger.decide import state_of
from ledger.events import MessageRefused
from ledger.loan import Loan
from ledger.scenario import Happening, read_diary
from ledger.service import Incoming, Ledger
from ledger.store import MemoryLog

DIARIES = sorted(
    path
    for kind in ("ledger", "collection")
    for path in Path(__file__).parent.glob(f"{kind}_*.txt")
)
RULE = re.compile(r"[a-z]+(_[a-z]+)+")
NOT_OF_COMMANDS = {"buckets_not_contiguous"}
"""Rules about questions, not about what is recorded."""
BY_SETTINGS = {"zone_unknown"}
"""Rules that only other settings than the usual ones run into: see `test_contact_rule_files`."""


def happenings(path: Path) -> list[Happening]:
    lines = read_diary(path.read_text(encoding="utf-8"), name=path.name).lines
    return [line for line in lines if line.command is not None]


def message(line: Happening) -> Incoming:
    assert line.command is not None
    at = line.command.recorded_at_us
    original = line.text.encode()
    return Incoming(line.command, None, original, "diary", line.number, at,
                    line.command.transaction_id)  # fmt: skip


def refusals() -> Iterator[Any]:
    for path in DIARIES:
        for index, line in enumerate(happenings(path)):
            if line.refused:
                yield pytest.param(path, index, id=f"{path.stem}:{line.number}-{line.refused}")


def rules_in_the_source() -> set[str]:
    """Every rule that a call names by `rule=` or hands to a helper called `_refused`."""
    found: set[str] = set()
    for path in Path(ledger.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            words = [key.value for key in node.keywords if key.arg == "rule"]
            if isinstance(node.func, ast.Name) and node.func.id == "_refused":
                words += node.args
            for word in words:
                if isinstance(word, ast.Constant) and RULE.fullmatch(str(word.value)):
                    found.add(str(word.value))
    return found


def answers(state: Any, line: Happening) -> Any:
    """What a refused command must leave as it was."""
    if not isinstance(state, Loan):
        return repr(getattr(state, "__dict__", None) or state_slots(state))
    days = range(state.opened_day, state.opened_day + 1_000, 31)
    return [
        (state.dpd(day), state.arrears_minor(day), state.outstanding_minor(day),
         tuple(state.book.at(day).paid), sorted(state.book.at(day).splits.items(), key=str))
        for day in days
    ] + [state.limit_minor, state.rate_ppm, state.closed, state.schedule_version]  # fmt: skip


def state_slots(state: Any) -> dict[str, Any]:
    return {name: getattr(state, name) for name in getattr(type(state), "__slots__", ())}


def test_every_rule_has_a_diary_that_runs_into_it() -> None:
    shown = {line.refused for path in DIARIES for line in happenings(path)}
    codes = {"unknown_entity", "already_open", "currency_mismatch", "date_out_of_range"}
    codes |= {"borrower_mismatch", "invalid_amount"}
    assert (rules_in_the_source() - NOT_OF_COMMANDS - BY_SETTINGS) | codes <= shown


@pytest.mark.parametrize(("path", "index"), list(refusals()))
def test_a_refusal_names_its_rule_and_the_way_out_and_applies_nothing(
    path: Path, index: int
) -> None:
    *before, tried = happenings(path)[: index + 1]
    log = MemoryLog("ledger")
    book = Ledger(log)
    book.record([message(line) for line in before if not line.refused])
    assert tried.command is not None
    stream = tried.command.stream
    stored, last = log.stream(stream), log.last_position()
    state = state_of(item.fact for item in stored)
    answered = answers(state, tried)

    (outcome,) = book.record([message(tried)]).outcomes

    assert outcome.status == "refused"
    assert tried.refused == (outcome.rule or outcome.code)
    assert outcome.reason
    assert outcome.reason[-1] in ".…"
    assert outcome.way_out
    assert outcome.way_out[-1] == "."
    assert log.stream(stream) == stored
    assert answers(state_of(item.fact for item in log.stream(stream)), tried) == answered
    (record,) = log.read(after=last)
    original = tried.text.encode()
    assert record.stream == "refusals"
    assert isinstance(record.fact, MessageRefused)
    assert record.fact.original.encode() == original
    assert record.fact.original_bytes == len(original)
    assert record.fact.original_sha256 == sha256(original).hexdigest()
    assert outcome.way_out in record.fact.reason
    assert (outcome.rule or outcome.code) in (record.fact.reason + record.fact.code)


@pytest.mark.parametrize("path", DIARIES, ids=lambda path: path.stem)
def test_refused_lines_change_nothing_of_the_others_in_one_batch_or_many(path: Path) -> None:
    lines = happenings(path)
    one, many, without = MemoryLog("ledger"), MemoryLog("ledger"), MemoryLog("ledger")
    Ledger(one).record([message(line) for line in lines])
    book = Ledger(many)
    for line in lines:
        (outcome,) = book.record([message(line)]).outcomes
        assert (outcome.status == "refused") == bool(line.refused), outcome.reason
    assert one.rows == many.rows
    Ledger(without).record([message(line) for line in lines if not line.refused])
    assert [
        (item.stream, item.version, item.fact) for item in one.read() if item.stream != "refusals"
    ] == [(item.stream, item.version, item.fact) for item in without.read()]
