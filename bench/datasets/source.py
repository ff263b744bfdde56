"""Where the real sets lie, how their rows are read, and the tally that leaves no row unexplained.

Every set is `events.csv.gz`: event_id, event_time, entity_id, loan_id, event_type, amount,
currency, payload (JSON), in order of time. Nothing here knows what the rows of a set mean.
"""

from __future__ import annotations

import csv
import gzip
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple

import orjson

from ledger.dates import Calendar
from ledger.errors import LoanError

FOLDER_VARIABLE = "LOANBELL_DATASETS"
ROOT = Path(__file__).resolve().parents[2]


class SetUnreadable(LoanError):
    """A data file is missing, or is not of the shape that the reader knows."""

    code = "set_unreadable"


class Row(NamedTuple):
    """One event of a source file. `amount` is decimal text, empty where the source has none."""

    event_id: str
    event_time: str
    entity_id: str
    loan_id: str
    event_type: str
    amount: str
    currency: str
    payload: str

    @property
    def day(self) -> str:
        """The ISO date on which it happened."""
        return self.event_time[:10]

    def facts(self) -> dict[str, Any]:
        """The payload as a mapping."""
        found: dict[str, Any] = orjson.loads(self.payload)
        return found


@dataclass(slots=True)
class Tally:
    """What became of the rows. `rows` == rows that gave messages + the sum of `aside`.

    `aside` counts rows that gave no message, by reason; `assumed` those whose message rests on an
    assumption, by what was assumed.
    """

    rows: int = 0
    used: int = 0
    messages: int = 0
    aside: Counter[str] = field(default_factory=Counter)
    assumed: Counter[str] = field(default_factory=Counter)


Message = dict[str, Any]
Mapper = Callable[[Row, Tally], list[Message]]
"""One row -> its messages, without `sent_at`; an empty list after a note in `Tally.aside`."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """One set: its file, how its rows become messages, how its days are closed.

    `mapper` makes a fresh mapper, since mappers remember what they have seen. `closes` is "daily"
    for every business day or "monthly" for the last one of each month.
    """

    name: str
    title: str
    mapper: Callable[[], Mapper]
    folder: str
    file: str = "events.csv.gz"
    closes: Literal["daily", "monthly"] = "daily"


def folder(name: str) -> Path | None:
    """The folder of set `name`, or None where this machine does not have it.

    Looked for in LOANBELL_DATASETS, else beside the project in shared/data.
    """
    base = os.environ.get(FOLDER_VARIABLE)
    places = [Path(base)] if base else [ROOT.parent / "shared" / "data"]
    return next((place / name for place in places if (place / name).is_dir()), None)


def read_rows(path: Path) -> Iterator[Row]:
    """All rows of a file in order. Errors: SetUnreadable naming the file and the line."""
    if not path.is_file():
        raise SetUnreadable(f"{path} is missing.", way_out=f"Set {FOLDER_VARIABLE} to the folder.")
    with gzip.open(path, mode="rt", encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        if tuple(next(reader, ())) != Row._fields:
            raise SetUnreadable(f"{path}:1 has other columns.", way_out=", ".join(Row._fields))
        for line, fields in enumerate(reader, start=2):
            if len(fields) != len(Row._fields):
                raise SetUnreadable(f"{path}:{line} has {len(fields)} fields.")
            yield Row._make(fields)


def messages(data: DataSet, rows: Iterable[Row], tally: Tally) -> Iterator[bytes]:
    """The messages of `rows` as JSON lines, with the business days closed in between."""
    mapper = data.mapper()
    closing = _Closing(monthly=data.closes == "monthly")
    day = ""
    for row in rows:
        tally.rows += 1
        found = mapper(row, tally)
        if not found:
            continue
        tally.used += 1
        if row.day != day:
            day = row.day
            yield from closing.until(date.fromisoformat(day))
        for message in found:
            message["sent_at"] = row.event_time + "Z"
            tally.messages += 1
            yield orjson.dumps(message)
    yield from closing.end()


class _Closing:
    """Closes the business days (Monday to Friday) between one row's day and the next's."""

    def __init__(self, *, monthly: bool) -> None:
        self._calendar = Calendar()
        self._monthly = monthly
        self._open: date | None = None

    def until(self, day: date) -> Iterator[bytes]:
        """Close the days before `day`."""
        if self._open is None:
            self._open = day
        while self._open < day:
            if self._closes(self._open):
                yield _closed(self._open)
            self._open += timedelta(days=1)

    def end(self) -> Iterator[bytes]:
        """Close the last day as well."""
        if self._open is not None:
            yield from self.until(self._open + timedelta(days=1))

    def _closes(self, day: date) -> bool:
        if not self._calendar.is_business_day(day):
            return False
        return not self._monthly or self._calendar.next_business_day(day).month != day.month


def _closed(day: date) -> bytes:
    return orjson.dumps(
        {
            "type": "business_day_closed",
            "transaction_id": f"close-{day.isoformat()}",
            "value_date": day.isoformat(),
            "sent_at": f"{(day + timedelta(days=1)).isoformat()}T00:00:00Z",
        }
    )
