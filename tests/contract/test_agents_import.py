"""Files go through a real node: resumable, with days closed and refusals listed by line."""

from __future__ import annotations

import asyncio
import gzip
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import LoanError
from ledger.events import BusinessDayClosed, MessageRefused
from ledger.store import Store
from streams.files import ImportReport, import_file
from streams.settings import Settings
from streams.wiring import Node

ACCEPTED_US = 1_711_900_000_000_000  # 2024-03-31T15:46:40Z


def opened(number: int, *, sent_at: str | None = None, **more: Any) -> dict[str, Any]:
    document = {
        "type": "account_opened", "transaction_id": f"T{number}", "value_date": "2024-03-28",
        "account_id": f"A{number}", "borrower_id": "B1", "currency": "CNY",
        "opening_balance": "12.50",
    }  # fmt: skip
    return document | ({"sent_at": sent_at} if sent_at else {}) | more


def write(path: Path, *lines: dict[str, Any] | str) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n")
    return path


def take(data: Path, file: Path, *, batch: int = 100, **more: Any) -> ImportReport:
    async def work() -> ImportReport:
        settings = Settings.load(
            {"data": data, "closed_by": "driver", "calendar": "weekends"}, environ={}
        )
        async with Node.open(settings) as node:
            return await import_file(
                node, file, batch_messages=batch, accepted_us=ACCEPTED_US, **more
            )

    return asyncio.run(work())


def facts(data: Path) -> list[Any]:
    with Store.open(data / "ledger.db") as store:
        return [recorded.fact for recorded in store.ledger.read()]


def closes(data: Path) -> list[date]:
    return [fact.value_date for fact in facts(data) if type(fact) is BusinessDayClosed]


def test_the_report_counts_every_message_and_lists_refusals_by_line(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.jsonl",
        opened(1),
        "",
        "garbage",
        opened(1),
        opened(1, opening_balance="99"),
        opened(2, amount="1"),
    )
    report = take(tmp_path / "data", file)
    assert report.counts == {"accepted": 1, "duplicate": 1, "refused": 3}
    assert report.refused == {"not_json": 1, "transaction_conflict": 1, "unknown_field": 1}
    assert [(r.line, r.code, r.transaction_id) for r in report.rejects] == [
        (3, "not_json", None), (5, "transaction_conflict", "T1"), (6, "unknown_field", "T2"),
    ]  # fmt: skip
    assert all(r.reason and r.way_out for r in report.rejects)
    refusals = [fact for fact in facts(tmp_path / "data") if type(fact) is MessageRefused]
    assert [(fact.source, fact.offset) for fact in refusals] == [
        (report.source, line) for line in (3, 5, 6)
    ]
    assert refusals[0].original == "garbage"


def test_an_import_goes_on_behind_its_last_commit_and_a_finished_one_does_nothing(
    tmp_path: Path,
) -> None:
    file = write(tmp_path / "a.jsonl", *(opened(n) for n in range(1, 11)), "garbage")
    seen: list[int] = []

    class Stop(Exception):
        """The process ends here."""

    def stop_at_six(report: ImportReport) -> None:
        seen.append(report.line)
        if report.line >= 6:
            raise Stop

    with pytest.raises(Stop):
        take(tmp_path / "data", file, batch=3, progress=stop_at_six)
    assert seen == [0, 3, 6]
    report = take(tmp_path / "data", file, batch=3)
    assert report.resumed_after_line == 6
    assert report.counts == {"accepted": 4, "refused": 1}
    again = take(tmp_path / "data", file)
    assert (again.resumed_after_line, again.counts) == (11, {})
    assert len(facts(tmp_path / "data")) == 11


def test_jsonl_csv_and_gzip_bring_the_same_facts(tmp_path: Path) -> None:
    rows = [opened(n, sent_at=f"2024-03-28T10:00:0{n}Z") for n in range(1, 4)]
    plain = write(tmp_path / "a.jsonl", *rows)
    packed = tmp_path / "a.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    table = write(tmp_path / "a.csv", ",".join(rows[0]), *(",".join(row.values()) for row in rows))
    books = []
    for file in (plain, packed, table):
        data = tmp_path / file.name.replace(".", "-")
        take(data, file)
        books.append(facts(data))
    assert len(books[0]) == 3
    assert books[0] == books[1] == books[2]


def test_days_close_as_sent_at_passes_to_later_dates(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.jsonl",
        opened(1, sent_at="2024-03-28T10:00:00Z"),  # Thursday
        opened(2),
        opened(3, sent_at="2024-04-02T09:00:00Z"),  # Tuesday
        opened(4, sent_at="2024-04-01T09:00:00Z"),  # late: closes nothing
        opened(5, sent_at="2024-04-03T00:00:00+08:00"),  # still Tuesday in UTC
    )
    report = take(tmp_path / "data", file, batch=2)
    expected = [date(2024, 3, 28), date(2024, 3, 29), date(2024, 4, 1)]
    assert closes(tmp_path / "data") == expected
    assert (report.days_closed, report.closed_through) == (3, date(2024, 4, 1))
    assert report.counts == {"accepted": 5}


def test_a_line_from_the_future_is_refused_and_closes_no_day(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.jsonl",
        opened(1, sent_at="2024-03-28T10:00:00Z"),
        opened(2, sent_at="2150-01-01T10:00:00Z"),
        opened(3, sent_at="2024-03-29T09:00:00Z"),
        opened(4),
    )
    report = take(tmp_path / "data", file)
    assert report.counts == {"accepted": 3, "refused": 1}
    assert [(reject.line, reject.code) for reject in report.rejects] == [(2, "date_out_of_range")]
    assert closes(tmp_path / "data") == [date(2024, 3, 28)]
    day = 86_400_000_000  # All are stamped by the file's own past, the refusal too.
    assert {f.recorded_at_us // day for f in facts(tmp_path / "data")} <= {19_810, 19_811}


@pytest.mark.parametrize("stop_after", [1, 2, 3])
def test_days_close_the_same_when_the_import_is_interrupted(
    tmp_path: Path, stop_after: int
) -> None:
    file = write(
        tmp_path / "a.jsonl",
        opened(1, sent_at="2024-03-30T10:00:00Z"),  # Saturday: no day to close yet
        opened(2, sent_at="2024-03-31T10:00:00Z"),
        opened(3, sent_at="2024-04-02T09:00:00Z"),
        opened(4, sent_at="2024-04-03T09:00:00Z"),
    )

    class Stop(Exception):
        """The process ends here."""

    def stop(report: ImportReport) -> None:
        if report.line >= stop_after:
            raise Stop

    with pytest.raises(Stop):
        take(tmp_path / "cut", file, batch=1, progress=stop)
    take(tmp_path / "cut", file)
    take(tmp_path / "whole", file)
    assert facts(tmp_path / "cut") == facts(tmp_path / "whole")
    assert closes(tmp_path / "cut") == [date(2024, 4, 1), date(2024, 4, 2)]


def test_a_file_with_its_own_closes_has_none_added(tmp_path: Path) -> None:
    close = {
        "type": "business_day_closed", "transaction_id": "close-2024-03-28",
        "value_date": "2024-03-28", "sent_at": "2024-03-29T00:00:00Z",
    }  # fmt: skip
    file = write(
        tmp_path / "a.jsonl",
        opened(1, sent_at="2024-03-28T10:00:00Z"),
        close,
        opened(2, sent_at="2024-04-05T10:00:00Z"),
    )
    report = take(tmp_path / "data", file)
    assert closes(tmp_path / "data") == [date(2024, 3, 28)]
    assert (report.days_closed, report.closes_days) == (0, False)
    assert report.closed_through == date(2024, 3, 28)


def test_a_second_file_closes_the_days_between_the_two(tmp_path: Path) -> None:
    first = write(
        tmp_path / "a.jsonl",
        opened(1, sent_at="2024-03-28T10:00:00Z"),
        opened(2, sent_at="2024-03-29T10:00:00Z"),
    )
    second = write(tmp_path / "b.jsonl", opened(3, sent_at="2024-04-02T10:00:00Z"))
    take(tmp_path / "data", first)
    take(tmp_path / "data", second)
    expected = [date(2024, 3, 28), date(2024, 3, 29), date(2024, 4, 1)]
    assert closes(tmp_path / "data") == expected


def test_messages_without_sent_at_get_the_latest_one_before_or_the_acceptance_time(
    tmp_path: Path,
) -> None:
    file = write(
        tmp_path / "a.jsonl",
        opened(1),
        opened(2, sent_at="2024-03-28T10:00:00Z"),
        "garbage",
        opened(3, sent_at="2024-03-28T09:00:00Z"),
        opened(4),
    )
    take(tmp_path / "data", file)
    ten, nine = 1_711_620_000_000_000, 1_711_616_400_000_000
    moments = [fact.recorded_at_us for fact in facts(tmp_path / "data")]
    assert moments == [ACCEPTED_US, ten, ten, nine, ten]


def test_the_acceptance_time_of_an_import_is_remembered_when_it_goes_on(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", opened(1), opened(2))

    class Stop(Exception):
        """The process ends here."""

    def stop(report: ImportReport) -> None:
        if report.line:
            raise Stop

    with pytest.raises(Stop):
        take(tmp_path / "data", file, batch=1, progress=stop)

    async def later() -> None:
        settings = Settings.load({"data": tmp_path / "data", "closed_by": "driver"}, environ={})
        async with Node.open(settings) as node:
            await import_file(node, file, batch_messages=10, accepted_us=ACCEPTED_US + 10**9)

    asyncio.run(later())
    moments = {fact.recorded_at_us for fact in facts(tmp_path / "data")}
    assert moments == {ACCEPTED_US}


def test_a_file_that_cannot_be_read_records_nothing(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "type,amont", "loan_closed,1")
    with pytest.raises(LoanError, match="amont"):
        take(tmp_path / "data", file)
    with pytest.raises(LoanError, match="cannot be read"):
        take(tmp_path / "data", tmp_path / "none.jsonl")
    assert facts(tmp_path / "data") == []
