"""A snapshot brings back what was there: values, what is shared, and nothing from outside."""

from __future__ import annotations

import zlib
from array import array
from collections import Counter, defaultdict, deque
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from ledger.dates import Calendar
from ledger.money import Money
from ledger.snapshot import SnapshotUnusable, code_digest, freeze, thaw
from ledger.terms import Split
from warning.episodes import Kind
from warning.owed import Report
from warning.windows import RollingSums


def box(**held: Any) -> RollingSums:
    made = RollingSums((30,))
    vars(made).update(held)
    return made


def again(one: RollingSums, fresh: RollingSums, **names: Any) -> Any:
    thaw(fresh, names, freeze(one, names).packed())
    return fresh


@pytest.mark.parametrize(
    "value",
    [
        *(0, -1, 2**63 - 1, -(2**63), 2**70, True, None, "", "信贷", 0.1, -0.0, float("inf")),
        *(date(2024, 2, 29), (), (1, "a"), [], [1, "a", None, 2.5, (3,)], [[1], [2, 3], []]),
        *({1: 2}, {"a": {"b": [1]}}, {(1, "x"): "y"}, set(), {3, 1}, frozenset({"a"})),
        *(deque([1, 2]), Counter("abca"), Kind.RAISED, Report(1, "t", None, 5, 6)),
        *([True, 1, 1.0], Money(5, "CNY"), Split(principal_minor=3), [Split(), 7, Split()]),
        *(array("q", [1, -2]), np.int64(7)),
    ],
    ids=repr,
)
def test_every_value_comes_back_as_it_was(value: Any) -> None:
    there = again(box(held=value), box()).held
    assert there == value
    assert type(there) is type(value)
    if isinstance(value, list):
        assert [*map(type, there)] == [*map(type, value)]


def test_a_dictionary_that_makes_what_it_lacks_still_does() -> None:
    found = defaultdict(list, {"a": [1]})
    there = again(box(held=found), box()).held
    assert there == found
    assert there["new"] == []


def test_arrays_come_back_with_type_and_shape_and_can_be_written() -> None:
    values = np.arange(12, dtype=np.uint64).reshape(3, 4)[:, ::2]
    one: Any = again(box(held=[values, np.zeros(0, np.int8)]), box())
    there = one.held
    assert (there[0] == values).all()
    assert (there[0].dtype, there[1].dtype, there[1].size) == (np.uint64, np.int8, 0)
    there[0][0, 0] = 9


def test_what_is_shared_stays_shared_also_in_a_circle() -> None:
    codes, one = {"a": 1}, box()
    vars(one).update(codes=codes, twice=[codes, codes], me=one, pair=(one, codes))
    there: Any = again(one, box())
    assert there.twice[0] is there.twice[1] is there.codes is there.pair[1]
    assert there.me is there is there.pair[0]


def test_wiring_is_that_of_the_new_one() -> None:
    there: Any = again(box(call=len, parts={"a": min}), box(call=max, parts={"a": sum}))
    assert (there.call, there.parts) == (max, {"a": sum})
    with pytest.raises(SnapshotUnusable, match="wired in another way"):
        again(box(call=len), box())


def test_a_named_thing_is_the_one_of_that_name_and_not_in_the_snapshot() -> None:
    calendar = Calendar(holidays=[date(2024, 1, 1)])
    there: Any = again(box(calendar=calendar), box(), calendar=calendar)
    assert there.calendar is calendar


def test_the_copy_does_not_change_with_the_original() -> None:
    one: Any = box(held=[1], column=np.ones(3))
    frozen = freeze(one, {})
    one.held.append(2)
    one.column[:] = 7
    there: Any = box()
    thaw(there, {}, frozen.packed())
    assert (there.held, there.column.tolist()) == ([1], [1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    "held",
    [Decimal(1), object(), b"bytes", np.array([object()])],
    ids=["decimal", "object", "bytes", "column of objects"],
)
def test_what_no_snapshot_can_hold_is_refused_when_it_is_made(held: Any) -> None:
    with pytest.raises(TypeError, match="No snapshot holds"):
        freeze(box(held=held), {})


def test_a_snapshot_that_is_damaged_or_names_another_class_is_refused() -> None:
    whole = freeze(box(held=[1, 2, 3]), {}).packed()
    for broken in (b"", whole[:10], whole[:-4], bytes(4) + whole[4:], whole[:20] + b"x" * 40):
        with pytest.raises(SnapshotUnusable):
            thaw(box(), {}, broken)
    size = 20
    layout = zlib.decompress(whole[size:])
    evil = layout.replace(b"warning.windows:RollingSums", b"subprocess.xxxx:RollingPops")
    assert evil != layout
    with pytest.raises(SnapshotUnusable, match="There is no subprocess"):
        thaw(box(), {}, whole[:size] + zlib.compress(evil))
    with pytest.raises(SnapshotUnusable, match="something else"):
        thaw(Report(1, "", None, None, 0), {}, whole)


def test_the_digest_is_of_every_package_that_is_named() -> None:
    assert code_digest("ledger") == code_digest("ledger")
    assert code_digest("ledger") != code_digest("ledger", "warning") != code_digest("warning")
