"""Indicators of closing balances and use of the line day by day, and of turnover by whole months.

Part of the catalogue in `indicators`. Each day is a measure of its own ("closing_0d" is t), so that
what is added up, and in which order, is the same wherever the days come from.
"""

from __future__ import annotations

from functools import reduce

import numpy as np

from warning.formulas import Get, divided, indicator, real
from warning.windows import FloatArray

DAYS = 90
HIGH_USE = 0.9
_YOUNG = "the account was not known for 90 days"
_VOLATILE = "Norden & Weber 2010, account balances before default: mean, volatility, amplitude"
_NO_LINE = "there was no line above zero on any day, or nothing was reported by then"
_USE = "Norden & Weber 2010, credit line usage before default"
_EMPTIED = "signs of evasion in collections practice: accounts emptied"


def _closings(get: Get) -> list[FloatArray]:
    return [real(get(f"closing_{back}d")) for back in range(DAYS)]


def _highest(get: Get) -> FloatArray:
    highest: FloatArray = reduce(np.maximum, _closings(get))
    return highest


def _range(get: Get) -> FloatArray:
    lowest: FloatArray = reduce(np.minimum, _closings(get))
    return _highest(get) - lowest


def _volatility(get: Get) -> FloatArray:
    """Added up day by day, so that it is the same to the last bit for one loan and for many."""
    closings = _closings(get)
    mean = reduce(np.add, closings) / DAYS
    squares = reduce(np.add, ((closing - mean) ** 2 for closing in closings))
    return divided(np.sqrt(squares / DAYS), mean)


def _emptied(get: Get) -> FloatArray:
    return 1 - divided(real(get("closing_0d")), _highest(get))


def _used(get: Get) -> list[FloatArray]:
    """Share of the line that was drawn, day by day; NaN where there is no line."""
    return [
        divided(real(get(f"drawn_{back}d")), real(get(f"line_{back}d"))) for back in range(DAYS)
    ]


def _mean_use(get: Get) -> FloatArray:
    used = _used(get)
    total = reduce(np.add, (np.nan_to_num(share) for share in used))
    return divided(total, reduce(np.add, ((~np.isnan(share)).astype(float) for share in used)))


def _peak_use(get: Get) -> FloatArray:
    peak: FloatArray = reduce(np.fmax, _used(get))
    return peak


def _high_days(get: Get) -> FloatArray:
    used = _used(get)
    days: FloatArray = reduce(np.add, ((share > HIGH_USE).astype(float) for share in used))
    days[np.isnan(reduce(np.fmax, used))] = np.nan
    return days


def _returned(get: Get) -> FloatArray:
    returned = real(get("returned_90d"))
    return divided(returned, returned + real(get("collected_90d")))


def _quarter(get: Get) -> FloatArray:
    return divided(real(get("turned_3")) / 3, real(get("turned_12")) / 12)


DAILY = (
    indicator(
        "balance_volatility_ratio",
        "(t-90, t]",
        "Standard deviation of the 90 closing balances / their mean.",
        unknown=f"{_YOUNG}, or their mean is not above zero",
        source=_VOLATILE,
        formula=_volatility,
    ),
    indicator(
        "balance_range_90d_minor",
        "(t-90, t]",
        "Highest less lowest closing balance.",
        unknown=_YOUNG,
        source=_VOLATILE,
        formula=_range,
    ),
    indicator(
        "balance_emptied_ratio",
        "(t-90, t]",
        "Share of the highest closing balance that is gone at t: 1 is an empty account, more is an "
        "overdrawn one.",
        unknown=f"{_YOUNG}, or never closed above zero",
        source=_EMPTIED,
        formula=_emptied,
    ),
    indicator(
        "returned_debits_90d_ratio",
        "(t-90, t]",
        "Returned loan debits on the account / loan debits tried, which are those returned and the "
        "debits for loan repayments that went through.",
        unknown="no settlement account is known, or no loan debit was tried",
        source="EBA/GL/2020/06, early warning indicators; returned direct debits of attempts",
        formula=_returned,
    ),
    indicator(
        "inflow_3m_to_12m_ratio",
        "the 3 months before that of t against the 12 before that of t",
        "Mean turnover of the last three whole months / that of the last twelve, these three among "
        "them. What counts is as for inflow_change_ratio.",
        unknown="the account was not known for all twelve, or had no turnover in them",
        source="decline of inflow, 3 months against 12: account monitoring practice",
        formula=_quarter,
    ),
)
"""What an account held day by day, and took in month by month."""
USE = tuple(
    indicator(
        name,
        "days of (t-90, t] since the opening",
        f"{words} of outstanding principal / line of the day. Days without a line do not count.",
        unknown=_NO_LINE,
        source=_USE,
        formula=formula,
        unit=unit,
    )
    for name, words, unit, formula in (
        ("utilisation_mean_90d_ratio", "Mean", "ratio", _mean_use),
        ("utilisation_peak_90d_ratio", "Highest", "ratio", _peak_use),
        ("utilisation_high_days_90d", "Days that closed above 0.9", "days", _high_days),
    )
)
"""How much of the line was drawn, day by day."""
