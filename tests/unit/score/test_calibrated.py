"""Whether as many defaulted as was said: bounds by hand, verdicts, and when nothing is said."""

from __future__ import annotations

import pytest

from warning.calibrated import Band, calibration_of


def test_a_band_is_held_against_wilsons_bounds_of_what_was_seen() -> None:
    found = calibration_of([(100, 20, 0.1)])
    assert found is not None
    # Wilson, z = 1.96: (0.2 + 0.019208) / 1.038415 = 0.2111; spread
    # 1.96 sqrt(0.2 x 0.8 / 100 + 3.8415 / 40000) / 1.038415 = 0.0777.
    assert (round(found.whole.low, 4), round(found.whole.high, 4)) == (0.1334, 0.2888)
    # The whole is one band: the same bounds. 0.1334 > 0.1 x 1.25.
    assert found.bands == (found.whole,)
    assert (found.whole.seen, found.whole.verdict, found.holds) == (0.2, "more", False)


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        (0.1066, "more"),  # 0.1066 x 1.25 = 0.13325, below the lower bound 0.13337
        (0.1067, "as_said"),  # 0.13338, above it
        (0.3610, "as_said"),  # 0.3610 / 1.25 = 0.28880, below the upper bound 0.28883
        (0.3611, "fewer"),  # 0.28888, above it
    ],
)
def test_a_quarter_more_or_less_than_the_bounds_is_as_said(said: float, verdict: str) -> None:
    found = calibration_of([(100, 20, said)])
    assert found is not None
    assert found.whole.verdict == verdict


def test_many_bands_are_held_to_wider_bounds_and_empty_ones_left_out() -> None:
    alone = calibration_of([(100, 20, 0.1)])
    among = calibration_of([(0, 0, 0.0), (100, 20, 0.1), (900, 9, 0.01)])
    assert alone is not None
    assert among is not None
    assert len(among.bands) == 2
    # Two bands: z of 1 - 0.05 / 4 is 2.2414; the lower bound comes to 0.1257.
    assert round(among.bands[0].low, 4) == 0.1257
    assert among.bands[0].low < alone.bands[0].low
    # All: 29 of 1,000; (100 x 0.1 + 900 x 0.01) / 1000 were said.
    assert among.whole[:3] == (1000, 29, 0.019)
    assert calibration_of([(0, 0, 0.0)]) is None


def test_no_default_at_all_is_fewer_only_where_many_were_due() -> None:
    # Upper bound of 0 in 100: 0.0384 / 1.0384 = 0.0370.
    few, many = calibration_of([(100, 0, 0.04)]), calibration_of([(100, 0, 0.05)])
    assert few is not None
    assert many is not None
    assert (few.whole.verdict, many.whole.verdict) == ("as_said", "fewer")
    assert many.whole == Band(100, 0, 0.05, 0.0, many.whole.high)
