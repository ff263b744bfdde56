"""Rolling sums and growing columns, against sums worked out by hand."""

from __future__ import annotations

from datetime import date

import numpy as np

from ledger.dates import day_number
from warning.windows import Growing, RollingSums, coalesce, month_of, month_start


def rolling(day: int, rows: int = 3) -> RollingSums:
    sums = RollingSums((3, 10))
    sums.grow(rows)
    sums.start(day)
    return sums


def add(sums: RollingSums, row: int, day: int, amount: int) -> None:
    sums.add(np.array([row]), np.array([day]), np.array([amount]))


def total(sums: RollingSums, window: int) -> list[int]:
    return sums.total(window, slice(0, sums.rows)).tolist()


def test_an_amount_is_in_the_window_for_as_many_days_as_it_has() -> None:
    sums = rolling(100)
    add(sums, 1, 100, 7)
    seen = []
    for _ in range(11):
        seen.append((sums.day, sums.total(3, slice(0, 3))[1], sums.total(10, slice(0, 3))[1]))
        sums.advance()
    assert [day for day, short, _ in seen if short == 7] == [100, 101, 102]
    assert [day for day, _, long in seen if long == 7] == list(range(100, 110))


def test_a_late_amount_enters_only_the_windows_that_hold_its_day() -> None:
    sums = rolling(100)
    for day in (98, 97, 91, 90):
        add(sums, 0, day, 1)
    assert total(sums, 3) == [1, 0, 0]
    assert total(sums, 10) == [3, 0, 0]
    sums.advance()
    assert total(sums, 3) == [0, 0, 0]
    assert total(sums, 10) == [2, 0, 0]


def test_many_late_amounts_of_one_day_add_up() -> None:
    sums = rolling(100)
    for amount in range(1, 11):
        add(sums, 2, 99, amount)
    assert total(sums, 10) == [0, 0, 55]
    assert sums.by_day(98, np.array([0, 2])).tolist() == [[0, 0], [0, 55]]
    for _ in range(9):
        sums.advance()
    assert total(sums, 10) == [0, 0, 0]


def test_amounts_add_up_by_row() -> None:
    rows, amounts = coalesce(np.array([5, 1, 5, 1, 9]), np.array([1, 2, 3, 4, 5]))
    assert rows.tolist() == [1, 5, 9]
    assert amounts.tolist() == [6, 4, 5]


class Pair(Growing):
    def __init__(self) -> None:
        super().__init__()
        self.add_column("one", np.int64, fill=-1)
        self.add_column("two", np.uint8, width=2)


def test_columns_keep_their_values_as_they_grow_and_fill_what_is_new() -> None:
    pair = Pair()
    for row in range(1_000):
        pair.grow(row + 1)
        pair.one[row] = row
        pair.two[:, row] = row % 7
    assert pair.one[:1_000].tolist() == list(range(1_000))
    assert pair.two[1, :1_000].tolist() == [row % 7 for row in range(1_000)]
    pair.grow(5_000)
    assert set(pair.one[1_000:5_000].tolist()) == {-1}


def test_months_follow_one_another() -> None:
    first, last = day_number(date(2024, 2, 1)), day_number(date(2024, 2, 29))
    assert month_start(month_of(last)) == month_start(month_of(first)) == first
    assert month_of(last + 1) == month_of(last) + 1
    assert month_of(day_number(date(2024, 1, 1))) == month_of(day_number(date(2023, 12, 31))) + 1
