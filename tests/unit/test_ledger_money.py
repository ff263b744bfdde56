"""Money is whole minor units: reading, writing, rounding, splitting, adding."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import CurrencyMismatch, InvalidAmount
from ledger.money import (
    MAX_MINOR,
    Money,
    Rounding,
    exponent,
    format_minor,
    grouped,
    parse_minor,
    round_ratio,
    split,
)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("0", "CNY", 0),
        ("12.5", "EUR", 1_250),
        ("-0.01", "EUR", -1),
        ("1250.00", "CNY", 125_000),
        ("1.500", "EUR", 150),  # trailing zeros are not precision
        ("100", "JPY", 100),
        ("100.000", "JPY", 100),
        ("1.234", "KWD", 1_234),
        ("10000000000000.00", "CNY", MAX_MINOR),
    ],
)
def test_decimal_text_becomes_minor_units(text: str, currency: str, minor: int) -> None:
    assert parse_minor(text, currency) == minor


@pytest.mark.parametrize(
    "text",
    [
        *["", " 1", "1 ", "+1", "01", ".5", "5.", "1e3", "1,000", "NaN", "inf", "--1"],
        *["1.1234567", "１２", "1_000", "0x1", "9" * 17, "10000000000000.01"],
    ],
)
def test_anything_but_plain_digits_is_no_amount(text: str) -> None:
    with pytest.raises(InvalidAmount):
        parse_minor(text, "CNY")


@pytest.mark.parametrize(
    ("text", "currency"), [("0.001", "EUR"), ("0.5", "JPY"), ("1.0001", "KWD")]
)
def test_digits_finer_than_the_minor_unit_are_refused_not_rounded(text: str, currency: str) -> None:
    with pytest.raises(InvalidAmount, match="finer"):
        parse_minor(text, currency)


def test_unknown_currencies_are_refused() -> None:
    assert [exponent(code) for code in ("CNY", "JPY", "KWD")] == [2, 0, 3]
    for code in ("", "cny", "XXX", "EURO"):
        with pytest.raises(CurrencyMismatch):
            exponent(code)
        with pytest.raises(CurrencyMismatch):
            Money(1, code)


@given(st.integers(-MAX_MINOR, MAX_MINOR), st.sampled_from(["CNY", "JPY", "KWD"]))
def test_what_is_written_reads_back_the_same(minor: int, currency: str) -> None:
    assert parse_minor(format_minor(minor, currency), currency) == minor


def test_amounts_are_written_with_all_their_digits() -> None:
    assert format_minor(5, "EUR") == "0.05"
    assert format_minor(-5, "EUR") == "-0.05"
    assert format_minor(-100, "EUR") == "-1.00"
    assert format_minor(7, "JPY") == "7"
    assert format_minor(7, "KWD") == "0.007"
    assert str(Money(125_000, "CNY")) == "1250.00 CNY"


@pytest.mark.parametrize(
    ("value", "half_up", "half_even", "down", "up"),
    [
        (Fraction(5, 2), 3, 2, 2, 3),
        (Fraction(7, 2), 4, 4, 3, 4),
        (Fraction(-5, 2), -3, -2, -2, -3),
        (Fraction(-7, 2), -4, -4, -3, -4),
        (Fraction(249, 100), 2, 2, 2, 3),
        (Fraction(251, 100), 3, 3, 2, 3),
        (Fraction(-249, 100), -2, -2, -2, -3),
        (Fraction(-251, 100), -3, -3, -2, -3),
        (Fraction(4), 4, 4, 4, 4),
        (Fraction(-4), -4, -4, -4, -4),
    ],
)
def test_rounding_modes_by_hand(
    value: Fraction, half_up: int, half_even: int, down: int, up: int
) -> None:
    modes = (Rounding.HALF_UP, Rounding.HALF_EVEN, Rounding.DOWN, Rounding.UP)
    assert [round_ratio(value.numerator, value.denominator, rounding=mode) for mode in modes] == [
        half_up,
        half_even,
        down,
        up,
    ]


def by_fractions(value: Fraction, mode: Rounding) -> int:
    """The definition, in exact fractions: the nearest whole number, or that on the named side."""
    size = abs(value)
    low = size.numerator // size.denominator
    rest = size - low
    half = Fraction(1, 2)
    up = {
        Rounding.DOWN: False,
        Rounding.UP: rest > 0,
        Rounding.HALF_UP: rest >= half,
        Rounding.HALF_EVEN: rest > half or (rest == half and low % 2 == 1),
    }[mode]
    return (low + up) * (-1 if value < 0 else 1)


@given(
    st.integers(-(10**24), 10**24) | st.integers(-20, 20),
    st.integers(1, 10**12) | st.integers(1, 8),
    st.sampled_from(Rounding),
)
def test_rounding_in_whole_numbers_equals_its_definition_in_fractions(
    numerator: int, denominator: int, mode: Rounding
) -> None:
    rounded = round_ratio(numerator, denominator, rounding=mode)
    assert rounded == by_fractions(Fraction(numerator, denominator), mode)
    assert round_ratio(-numerator, denominator, rounding=mode) == -rounded


def test_a_split_gives_the_largest_remainder_first_and_the_earlier_part_on_a_tie() -> None:
    assert split(100, [1, 1, 1]) == [34, 33, 33]
    assert split(101, [1, 1, 1]) == [34, 34, 33]
    assert split(10, [1, 2, 0]) == [3, 7, 0]
    assert split(-100, [1, 1, 1]) == [-33, -33, -34]
    assert Money(100, "CNY").split([1, 3]) == [Money(25, "CNY"), Money(75, "CNY")]


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(3_782_114, "CNY", "37,821.14"), (-5, "CNY", "-0.05"), (-120_000, "JPY", "-120,000")],
)
def test_amounts_in_sentences_have_their_thousands_apart(
    minor: int, currency: str, text: str
) -> None:
    assert grouped(minor, currency) == text


@given(
    st.integers(-(10**12), 10**12),
    st.lists(st.integers(0, 10**6), min_size=1, max_size=20).filter(any),
)
def test_the_parts_of_a_split_give_back_the_whole(total: int, weights: list[int]) -> None:
    parts = split(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1


@pytest.mark.parametrize("weights", [[0, 0], [-1, 2]])
def test_weights_that_cannot_split_are_refused(weights: list[int]) -> None:
    with pytest.raises(InvalidAmount):
        split(100, weights)


def test_money_adds_in_one_currency_only_and_is_whole() -> None:
    assert Money(5, "CNY") + Money(7, "CNY") == Money(12, "CNY")
    assert Money(5, "CNY") - Money(7, "CNY") == -Money(2, "CNY")
    with pytest.raises(CurrencyMismatch):
        Money(5, "CNY") + Money(5, "EUR")
    with pytest.raises(CurrencyMismatch):
        Money(5, "CNY") - Money(5, "EUR")
    with pytest.raises(InvalidAmount):
        Money(0.5, "CNY")  # type: ignore[arg-type]
    with pytest.raises(InvalidAmount):
        Money(True, "CNY")
    assert Money.parse("12.5", "EUR") == Money(1_250, "EUR")
