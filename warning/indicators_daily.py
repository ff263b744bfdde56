"""Indicators of closing balances and use of the line day by day, and of turnover by whole months.

Part of the catalogue in `indicators`. Measures told by day are (days, loans), t first. They are
added up day after day, so that a value is the same to the last bit for one loan and for many.
"""

from __future__ import annotations

from functools import reduce

import numpy as np

from warning.formulas import Get, divided, indicator, real
from warning.windows import FloatArray, IntArray

DAYS = 90
HIGH_USE = 0.9
_YOUNG = "the account was not known for 90 days"
_VOLATILE = "Norden & Weber 2010, account balances before default: mean, volatility, amplitude"
_NO_LINE = "there was no line above zero on any day, or nothing was reported by then"
_USE = "Norden & Weber 2010, credit line usage before default"
_EMPTIED = "signs of evasion in collections practice: accounts emptied"


def _by_day(get: Get, name: str) -> FloatArray:
    """(DAYS, loans), also where there are no loans."""
    told: IntArray = get(name).reshape(DAYS, -1)
    return real(told)


def _range(get: Get) -> FloatArray:
    closings = _by_day(get, "closings")
    spread: FloatArray = closings.max(axis=0) - closings.min(axis=0)
    return spread


def _volatility(get: Get) -> FloatArray:
    closings = _by_day(get, "closings")
    mean = reduce(np.add, closings) / DAYS
    closings -= mean
    closings *= closings
    return divided(np.sqrt(reduce(np.add, closings) / DAYS), mean)


def _emptied(get: Get) -> FloatArray:
    closings = _by_day(get, "closings")
    gone: FloatArray = 1 - divided(closings[0], closings.max(axis=0))
    return gone


def _used(get: Get) -> FloatArray:
    """(DAYS, loans): share of the line that was drawn; NaN where there is no line."""
    lines = _by_day(get, "lines")
    used = np.full(lines.shape, np.nan)
    np.divide(_by_day(get, "drawn"), lines, out=used, where=lines > 0)
    return used


def _mean_use(get: Get) -> FloatArray:
    used = _used(get)
    days = (~np.isnan(used)).sum(axis=0).astype(np.float64)
    total: FloatArray = reduce(np.add, np.nan_to_num(used, copy=False))
    return divided(total, days)


def _peak_use(get: Get) -> FloatArray:
    peak: FloatArray = np.fmax.reduce(_used(get), axis=0)
    return peak


def _high_days(get: Get) -> FloatArray:
    used = _used(get)
    days: FloatArray = (used > HIGH_USE).sum(axis=0).astype(np.float64)
    days[np.isnan(used).all(axis=0)] = np.nan
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
