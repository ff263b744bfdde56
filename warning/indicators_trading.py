"""Indicators of a firm's trading, from its invoices. Part of the catalogue in `indicators`.

Turnover is net of tax, returns and voided invoices, on the day of the invoice. A month is 30 days.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from warning.formulas import Get, Indicator, divided, indicator, plain, real
from warning.trading import MONTHS
from warning.windows import UNKNOWN, FloatArray

_NONE = "no invoice of the borrower is known"
_SAMA = "SAMA rulebook, early warning signals for SMEs: falling turnover, bad counterparties"
_TAX = "common practice of lending on tax and invoice data (银税互动)"


def _known_for(get: Get, days: int, value: FloatArray) -> FloatArray:
    """`value` where trading has been known for `days`."""
    value[get("trading_known") < days] = np.nan
    return value


def _change(side: str) -> Callable[[Get], FloatArray]:
    def formula(get: Get) -> FloatArray:
        recent = real(get(f"{side}_net_90d"))
        before = real(get(f"{side}_net_360d")) - recent
        return _known_for(get, 360, divided(recent, before / 3) - 1)

    return formula


def _seasonal(side: str) -> Callable[[Get], FloatArray]:
    def formula(get: Get) -> FloatArray:
        last_year = real(get(f"{side}_net_450d")) - real(get(f"{side}_net_360d"))
        return _known_for(get, 450, divided(real(get(f"{side}_net_90d")), last_year) - 1)

    return formula


def _months(get: Get, sums: str) -> FloatArray:
    """(12, loans): what each of the twelve months held, the latest first."""
    ends = np.stack([real(get(f"{sums}_{days}d")) for days in MONTHS])
    return np.diff(ends, axis=0, prepend=0)


def _volatility(side: str) -> Callable[[Get], FloatArray]:
    def formula(get: Get) -> FloatArray:
        months = _months(get, f"{side}_net")
        return _known_for(get, 360, divided(months.std(axis=0), months.mean(axis=0)))

    return formula


def _empty(side: str) -> Callable[[Get], FloatArray]:
    def formula(get: Get) -> FloatArray:
        counts = [get(f"{side}_count_{days}d") for days in MONTHS]
        none = counts[0] <= 0
        empty = none.astype(np.float64)
        for before, count in pairwise(counts):
            empty += np.less_equal(count, before, out=none)
        empty[get("trading_known") == UNKNOWN] = np.nan
        return _known_for(get, 360, empty)

    return formula


def _share(above: str, below: str) -> Callable[[Get], FloatArray]:
    return lambda get: divided(real(get(above)), real(get(below)))


def _void_share(side: str, days: int) -> Callable[[Get], FloatArray]:
    def formula(get: Get) -> FloatArray:
        voided = real(get(f"{side}_voided_{days}d"))
        return divided(voided, voided + real(get(f"{side}_count_{days}d")))

    return formula


def _returned(side: str) -> Callable[[Get], FloatArray]:
    def formula(get: Get) -> FloatArray:
        returned = real(get(f"{side}_returned_360d"))
        return divided(returned, returned + real(get(f"{side}_net_360d")))

    return formula


def _margin(get: Get) -> FloatArray:
    return 1 - divided(real(get("purchases_net_360d")), real(get("sales_net_360d")))


def _concentration(side: str) -> Callable[[Get], FloatArray]:
    """Sum of squared shares; unknown where there is no turnover."""

    def formula(get: Get) -> FloatArray:
        squares = real(get(f"{side}_squares")) / 1e8
        squares[get(f"{side}_turnover") <= 0] = np.nan
        return squares

    return formula


_WORDS = {"sales": "sale", "purchases": "purchase"}
_YEAR = "(t-360, t]"


def _one(
    name: str,
    window: str,
    meaning: str,
    formula: Callable[[Get], FloatArray],
    unknown: str,
) -> Indicator:
    return indicator(name, window, meaning, unknown=unknown, source=_SAMA, formula=formula)


def _turnover(side: str) -> tuple[Indicator, ...]:
    """How much is turned over, and how that changes."""
    word = _WORDS[side]
    return (
        *(
            _one(
                f"{side}_{days}d_minor",
                f"(t-{days}, t]",
                f"Net {word} turnover of the window.",
                plain(f"{side}_net_{days}d"),
                _NONE,
            )
            for days in (90, 360, 720)
        ),
        *(
            _one(
                f"{word}_invoices_{days}d",
                f"(t-{days}, t]",
                f"Number of {word} invoices that stand.",
                plain(f"{side}_count_{days}d"),
                _NONE,
            )
            for days in (360, 720)
        ),
        _one(
            f"{side}_change_ratio",
            "(t-90, t] against (t-360, t-90]",
            "Turnover of 90 days / a third of that of the 270 days before, less 1.",
            _change(side),
            "trading was not known for 360 days, or nothing was turned over in the 270",
        ),
        _one(
            f"{side}_seasonal_change_ratio",
            "(t-90, t] against (t-450, t-360]",
            "Turnover of 90 days / that of the same days a year (360 days) before, less 1.",
            _seasonal(side),
            "trading was not known for 450 days, or nothing was turned over a year before",
        ),
    )


def _regularity(side: str) -> tuple[Indicator, ...]:
    """How regular trading is, and how long it has been silent."""
    word = _WORDS[side]
    return (
        _one(
            f"{side}_volatility_ratio",
            _YEAR,
            "Standard deviation of the turnover of twelve months of 30 days / their mean.",
            _volatility(side),
            f"trading was not known for 360 days, or no {word} turnover in the window",
        ),
        _one(
            f"{side}_empty_months_360d",
            _YEAR,
            f"Months of 30 days, of twelve, without a {word} invoice that stands.",
            _empty(side),
            "trading was not known for 360 days",
        ),
        _one(
            f"{side}_quiet_days",
            "at t",
            f"Days since the last {word} invoice.",
            plain(f"{side}_quiet"),
            f"no {word} invoice of the borrower is known",
        ),
    )


def _soundness(side: str) -> tuple[Indicator, ...]:
    """Voids, returns and tax."""
    word = _WORDS[side]
    return (
        *(
            _one(
                f"{side}_void_{named}ratio",
                f"(t-{days}, t]",
                f"Share of {word} invoices that were voided.",
                _void_share(side, days),
                f"no {word} invoice in the window",
            )
            for named, days in (("", 360), ("720d_", 720))
        ),
        _one(
            f"{side}_returned_ratio",
            _YEAR,
            "Returns / turnover before returns.",
            _returned(side),
            f"no {word} turnover before returns in the window",
        ),
        _one(
            f"{side}_tax_ratio",
            _YEAR,
            f"Tax / net {word} turnover.",
            _share(f"{side}_tax_360d", f"{side}_net_360d"),
            f"no {_WORDS[side]} turnover in the window",
        ),
    )


def _partners(side: str, who: str) -> tuple[Indicator, ...]:
    """With whom; `who` are the counterparties of the side."""
    return (
        _one(
            f"{who}_180d",
            "(t-180, t]",
            f"Number of {who} with an invoice that stands.",
            plain(f"{side}_now"),
            _NONE,
        ),
        _one(
            f"{who}_concentration_ratio",
            _YEAR,
            f"Sum of the squared shares of {who} in turnover: 1 is one alone.",
            _concentration(side),
            f"no {_WORDS[side]} turnover in the window",
        ),
        _one(
            f"{who}_largest_ratio",
            _YEAR,
            f"Share of the largest of the {who} in turnover.",
            _share(f"{side}_largest", f"{side}_turnover"),
            f"no {_WORDS[side]} turnover in the window",
        ),
        _one(
            f"{who}_new_ratio",
            "(t-180, t] against (t-360, t-180]",
            f"Share of the {who} of 180 days that were none in the 180 before.",
            _share(f"{side}_new", f"{side}_now"),
            f"no {who} in the 180 days",
        ),
        _one(
            f"{who}_lost_ratio",
            "(t-180, t] against (t-360, t-180]",
            f"Share of the {who} of the earlier 180 days that are none in the last 180.",
            _share(f"{side}_lost", f"{side}_before"),
            f"no {who} in the earlier 180 days",
        ),
    )


def _side(side: str, who: str) -> tuple[Indicator, ...]:
    parts = (_turnover(side), _regularity(side), _soundness(side), _partners(side, who))
    return tuple(known for part in parts for known in part)


TRADING = (
    *_side("sales", "customers"),
    *_side("purchases", "suppliers"),
    indicator(
        "gross_margin_ratio",
        "(t-360, t]",
        "1 - purchases / sales: what is left for wages, rent and debt.",
        unknown="no sale turnover in the window",
        source=_TAX,
        formula=_margin,
    ),
    indicator(
        "trading_known_days",
        "at t",
        "Days from the first known invoice to t, both counted.",
        unknown=_NONE,
        source=_TAX,
        formula=plain("trading_known"),
    ),
)
"""Trading of the borrower, from invoices."""
_NAMES = {known.name for known in TRADING}
SALES = frozenset(name for name in _NAMES if not name.startswith(("purchase", "supplier")))
"""Those that sales can move; what takes both sides together is in SALES and in PURCHASES."""
PURCHASES = frozenset(name for name in _NAMES if not name.startswith(("sale", "customer")))
"""Those that purchases can move."""
TRADED = frozenset(known.name for known in TRADING)
"""Their names: all are unknown of a borrower without invoices."""
