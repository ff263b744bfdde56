"""The catalogue says of each indicator what it is, from when to when, and what unknown means."""

from __future__ import annotations

import numpy as np
import pytest

from warning.engine import Engine
from warning.indicators import ACCOUNT_PAST, CATALOGUE, PAST, Indicator

PROTECTED = ("sex", "gender", "age_of", "birth", "marital", "married", "education", "ethnic")


@pytest.mark.parametrize("indicator", CATALOGUE.values(), ids=lambda indicator: indicator.name)
def test_every_indicator_is_described_in_full(indicator: Indicator) -> None:
    assert indicator.unit in {"minor", "days", "ratio", "months", "count", "points", "percent"}
    assert indicator.meaning.endswith(".")
    assert indicator.source
    assert indicator.unknown
    assert "t" in indicator.window or indicator.window == "all that is known"


def test_a_name_ends_with_its_unit_or_its_window() -> None:
    ends = (
        "_minor",
        "_days",
        "_months",
        "_ratio",
        "d",
        "12m",
        "24m",
        "default",
        "plus",
        "_loans",
        "_points",
        "_percent",
        "_found",
    )
    assert [name for name in CATALOGUE if not name.endswith(ends)] == []


def test_no_indicator_reads_a_protected_attribute() -> None:
    assert [name for name in CATALOGUE if any(word in name for word in PROTECTED)] == []


def test_an_engine_without_loans_gives_empty_columns() -> None:
    values = Engine().values(list(CATALOGUE))
    assert {name: column.shape for name, column in values.items()} == dict.fromkeys(CATALOGUE, (0,))


def test_an_unknown_name_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="dpd_dayz"):
        Engine().values(["dpd_dayz"], np.array([0]))


def test_indicators_of_the_past_are_names_of_the_catalogue() -> None:
    assert (PAST | ACCOUNT_PAST) - CATALOGUE.keys() == set()
