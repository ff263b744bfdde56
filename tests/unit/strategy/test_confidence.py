"""Bounds of shares, differences and means, against published and hand-computed values."""

from __future__ import annotations

from math import sqrt

from projections.tallies import Rate, Tally, by_owner, by_team, counts, rates
from warning.confidence import Bounds, means_apart, share, shares_apart


def rounded(bounds: Bounds | None, digits: int) -> tuple[float, ...]:
    assert bounds is not None
    return tuple(round(number, digits) for number in bounds)


def test_wilsons_bounds_are_those_that_newcombe_printed() -> None:
    # Newcombe 1998 (Statistics in Medicine 17, 857-872), table I, method 3.
    assert rounded(share(81, 263), 4) == (0.3080, 0.2553, 0.3662)
    assert rounded(share(15, 148), 4) == (0.1014, 0.0624, 0.1605)
    assert rounded(share(0, 20), 4) == (0.0, 0.0, 0.1611)
    assert rounded(share(1, 29), 4) == (0.0345, 0.0061, 0.1718)
    assert share(0, 0) is None


def test_the_difference_of_shares_has_newcombes_bounds() -> None:
    # Newcombe 1998 (Statistics in Medicine 17, 873-890), table II, method 10: 56/70 less 48/80.
    one, other = share(56, 70), share(48, 80)
    assert one is not None
    assert other is not None
    assert rounded(shares_apart(one, other), 4) == (0.2, 0.0524, 0.3339)
    one, other = share(10, 10), share(0, 20)
    assert one is not None
    assert other is not None
    assert rounded(shares_apart(one, other), 4) == (1.0, 0.6791, 1.0)


def test_the_difference_of_means_by_hand() -> None:
    # Means 2 and 5; variances 1 and 1 (of 1 2 3 and 4 5 6); spread 1.96 x sqrt(1/3 + 1/3).
    found = means_apart([1, 2, 3], [4, 5, 6])
    assert found is not None
    assert found.value == -3
    assert round(found.high - found.value, 9) == round(1.959963984540054 * sqrt(2 / 3), 9)
    assert means_apart([1], [4, 5, 6]) is None


def of(owner: str, segment: str, part: int, whole: int) -> list[Tally]:
    """`part` of `whole` cases of a segment."""
    return [
        Tally(owner, "T1", segment, f"{owner}{segment}{n}", int(n < part), 1) for n in range(whole)
    ]


def test_adjusting_compares_officers_as_if_they_had_the_same_cases() -> None:
    # A has the easy cases: 8 of 10 easy, 1 of 5 hard. B has the hard ones: 4 of 5 easy, 4 of 20
    # hard. Plain: A 9/15 = 60 %, B 8/25 = 32 %. In each segment they are alike: 80 % and 20 %.
    tallies = [*of("A", "easy", 8, 10), *of("A", "hard", 1, 5)]
    tallies += [*of("B", "easy", 4, 5), *of("B", "hard", 4, 20)]
    # The common mix: 15 easy, 25 hard. 0.8 x 15/40 + 0.2 x 25/40 = 0.425 for both.
    assert rates(tallies, by_owner) == {
        "A": Rate(9, 15, 600_000, 425_000, 1_000_000),
        "B": Rate(8, 25, 320_000, 425_000, 1_000_000),
    }
    assert rates(tallies, by_team) == {"T1": Rate(17, 40, 425_000, 425_000, 1_000_000)}
    assert counts(tallies, by_owner) == {"A": 9, "B": 8}


def test_a_segment_that_an_officer_had_nothing_of_is_left_out_and_said() -> None:
    # C has hard cases only: 2 of 4. Of all 14 cases, 4 are hard: 28.5714 % of the mix.
    found = rates([*of("A", "easy", 8, 10), *of("C", "hard", 2, 4)], by_owner)
    assert found["C"] == Rate(2, 4, 500_000, 500_000, 285_714)


def test_no_whole_gives_no_rate() -> None:
    assert rates([Tally("A", "T1", "easy", "K1", 0, 0)], by_owner) == {
        "A": Rate(0, 0, None, None, 0)
    }
