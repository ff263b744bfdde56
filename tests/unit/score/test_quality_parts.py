"""The report by quarter and segment, and two scores beside each other, by hand."""

from __future__ import annotations

from datetime import date
from math import log

import numpy as np

from ledger.dates import day_number
from warning.quality import Reference, score_report, versus
from warning.samples import Samples

FIRST, SECOND = day_number(date(2024, 3, 31)), day_number(date(2024, 4, 30))
PD = np.array([0.1] * 100 + [0.3] * 100)
BAD = np.array([False] * 90 + [True] * 10 + [False] * 60 + [True] * 40)


def samples(days: list[int]) -> Samples:
    return Samples(
        loan_ids=tuple(f"L{at}" for at in range(200)),
        borrowers=np.arange(200),
        days=np.array(days),
        bad=BAD,
        values={},
        segments={"branch": tuple("north" if at < 150 else "south" for at in range(200))},
    )


def test_each_quarter_tells_what_was_said_what_was_seen_and_how_far_it_moved() -> None:
    known = samples([FIRST] * 100 + [SECOND] * 100)
    report = score_report(PD, known, budget_share=0.1, seed=1)
    first, second = report["by_time"]
    assert (first["name"], first["judged"], first["bad"]) == ("2024 Q1", 100, 10)
    assert (second["name"], second["judged"], second["bad"]) == ("2024 Q2", 100, 40)
    assert (first["bad_rate"], second["bad_rate"]) == (0.1, 0.4)
    assert round(first["mean_pd"], 12) == 0.1
    assert round(second["mean_pd"], 12) == 0.3
    assert first["bad_rate_low"] < 0.1 < first["bad_rate_high"]
    # Halves of all; each quarter is in one of them. Shares are held at 0.0001 at least:
    # (1 - 0.5) ln(1 / 0.5) + (0.0001 - 0.5) ln(0.0001 / 0.5), and a middle band that all lack.
    moved = 0.5 * log(2) + 0.4999 * log(5_000)
    assert abs(first["psi"] - moved) < 1e-9
    assert abs(second["psi"] - moved) < 1e-9
    # All pairs of a quarter are ties.
    assert (first["auc"], second["auc"]) == (0.5, 0.5)


def test_a_segment_is_held_against_those_that_the_score_was_fitted_on() -> None:
    bands = np.array([0] * 100 + [1] * 100)
    fitted_on = Reference(bands, np.array([0.75, 0.25]))
    report = score_report(PD, samples([FIRST] * 200), budget_share=0.1, seed=1, reference=fitted_on)
    north, south = report["by_segment"]
    assert (north["segment"], north["name"], north["judged"]) == ("branch", "north", 150)
    # 100 of 150 in the first band: (2/3 - 3/4) ln(8/9) + (1/3 - 1/4) ln(4/3).
    assert abs(north["psi"] - (-1 / 12 * log(8 / 9) + 1 / 12 * log(4 / 3))) < 1e-12
    # 50 loans are too few.
    assert (south["name"], south["judged"], south["psi"]) == ("south", 50, None)
    # North: 10 of 100 and none of 50 bad. Of 10 x 140 pairs 10 x 90 are ties, the others wrong.
    assert north["auc"] == 450 / 1_400


def test_a_challenger_is_held_against_the_champion_on_the_same_loans() -> None:
    known = samples([FIRST] * 200)
    found = versus(PD, BAD.astype(np.float64), known, budget_share=0.1, seed=1)
    # The champion: of 50 x 150 pairs 40 x 90 right, 10 x 90 + 40 x 60 ties, 10 x 60 wrong.
    assert abs(found["auc_gain"] - (1 - (3_600 + 1_650) / 7_500)) < 1e-12
    assert 0 < found["auc_gain_low"] < found["auc_gain"] < found["auc_gain_high"]
    # Twenty each; of equals the first: the champion takes 100 to 119, all good, the challenger
    # 90 to 99 and 160 to 169.
    assert found["looked_at"] == {
        "both": {"loans": 0, "bad": 0},
        "champion alone": {"loans": 20, "bad": 0},
        "challenger alone": {"loans": 20, "bad": 20},
    }
