"""Risk by rules alone: severities added up, by hand."""

from __future__ import annotations

import numpy as np

from warning.rules import DEFAULT_PACK, load_pack
from warning.rules_alone import added_severity

PACK = load_pack(DEFAULT_PACK.with_name("standing-risk.toml"))


def test_the_severities_that_a_loan_reaches_are_added_up() -> None:
    values = {
        "dpd_days": np.array([0.0, 0.0, 45.0, 120.0]),
        "months_30plus_12m": np.array([0.0, np.nan, 2.0, 4.0]),
        "loan_to_value_ratio": np.array([0.5, 0.85, 1.3, 1.3]),
    }
    # Nothing; watch (1); 45 days yellow (2) + two months yellow (2) + far beyond cover red (4); the
    # last is long past due, where no early warning rings.
    assert added_severity(PACK, values).tolist() == [0, 1, 8, 0]
