"""Ranks, captures, calibration and stability, against numbers worked out by hand."""

from __future__ import annotations

from math import isnan, log

import numpy as np

from warning.discrimination import auc, average_precision, calibration, capture, interval, stability

SCORE = np.array([9.0, 8.0, 8.0, 5.0, 1.0])
BAD = np.array([True, False, True, False, False])


def test_auc_counts_pairs_and_ties_as_half() -> None:
    # Bads 9 and 8, goods 8, 5 and 1: 9 wins three times; 8 wins twice and ties once: 5.5 of 6.
    assert auc(SCORE, BAD) == 5.5 / 6
    assert auc(-SCORE, BAD) == 0.5 / 6
    assert isnan(auc(SCORE, np.ones(5, np.bool_)))


def test_average_precision_takes_ties_together() -> None:
    # At 9: 1 of 1, a half of all bads. At 8: 2 of 3, the other half. (1 + 2/3) / 2.
    assert average_precision(SCORE, BAD) == (1 * 1 + 2 / 3 * 1) / 2


def test_capture_takes_a_tie_at_the_edge_in_part() -> None:
    # Two fifths are two loans: the 9 (bad) and one of the two 8s, of which half are bad: 1.5 hits.
    assert capture(SCORE, BAD, share=0.4) == (1.5 / 2, 1.5 / 2)
    # A fifth is one loan, the 9.
    assert capture(SCORE, BAD, share=0.2) == (1 / 2, 1.0)


def test_stability_of_two_distributions() -> None:
    # (0.6 - 0.5) ln(0.6 / 0.5) + (0.4 - 0.5) ln(0.4 / 0.5)
    expected, actual = np.array([0.5, 0.5]), np.array([0.6, 0.4])
    assert stability(expected, actual) == (0.6 - 0.5) * log(0.6 / 0.5) + (0.4 - 0.5) * log(
        0.4 / 0.5
    )
    assert stability(expected, expected) == 0


def test_calibration_groups_by_predicted_probability() -> None:
    groups = calibration(np.array([0.1, 0.9, 0.2, 0.8]), np.array([0, 1, 0, 1], np.bool_), bins=2)
    assert groups == [
        {"predicted": (0.1 + 0.2) / 2, "observed": 0.0, "loans": 2},
        {"predicted": (0.8 + 0.9) / 2, "observed": 1.0, "loans": 2},
    ]


def test_an_interval_draws_whole_borrowers() -> None:
    # One borrower only: every draw is the book itself, so the interval is the figure.
    one = np.zeros(5, np.int64)
    assert interval(auc, SCORE, BAD, one, seed=1, draws=5) == (5.5 / 6, 5.5 / 6)
    each = np.arange(5)
    low, high = interval(auc, SCORE, BAD, each, seed=1, draws=200)
    assert low < 5.5 / 6 < high
    assert interval(auc, SCORE, BAD, each, seed=1, draws=200) == (low, high)
