"""Indicators of what is reported of a loan: collateral, rate, scores, the market, and findings.

Part of the catalogue in `indicators`. A value holds from its day until the next one is reported.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from warning.formulas import Get, divided, indicator, plain, real
from warning.windows import FloatArray

_NEVER = "it was never reported"
_NOT_A_YEAR = "it was not reported 360 days ago"
_LTV = "EBA/GL/2020/06, monitoring of collateral; current loan-to-value in mortgage models"
_BUREAU = "external scores: SAMA rulebook, early warning signals for SMEs"
_MACRO = "EBA/GL/2020/06, early warning indicators: macroeconomic events"
_RATE = "common practice in loan pricing: who is riskier pays more"
_CN = "causes of risk grades in Order 2023 No. 1 of the Chinese regulator"
_SAMA = "SAMA rulebook, early warning signals for SMEs"
_TECHNICAL = "EBA guidelines on default: technical past due situations"


def _plain(name: str, scale: float) -> Callable[[Get], FloatArray]:
    return lambda get: real(get(name)) / scale


def _less(series: str, since: str, scale: float) -> Callable[[Get], FloatArray]:
    return lambda get: (real(get(f"{series}_now")) - real(get(f"{series}_{since}"))) / scale


def _grown(series: str, since: str) -> Callable[[Get], FloatArray]:
    return lambda get: divided(real(get(f"{series}_now")), real(get(f"{series}_{since}"))) - 1


def _loan_to_value(get: Get) -> FloatArray:
    return divided(real(get("outstanding")), real(get("collateral_now")))


def _age(get: Get) -> FloatArray:
    return real(get("today")) - real(get("collateral_since"))


def _excess(get: Get) -> FloatArray:
    """Outstanding beyond the collateral, over what was agreed; below zero is cover."""
    beyond = real(get("outstanding")) - real(get("collateral_now"))
    return np.where(np.isnan(beyond), np.nan, divided(beyond, real(get("limit"))))


_COLLATERAL = (
    indicator(
        "collateral_value_minor",
        "at t",
        "What all that secures the loan was last valued at.",
        unknown=_NEVER,
        source=_LTV,
        formula=_plain("collateral_now", 1),
    ),
    indicator(
        "loan_to_value_ratio",
        "at t",
        "Principal outstanding / collateral as last valued.",
        unknown="the collateral was never valued, or at nothing",
        source=_LTV,
        formula=_loan_to_value,
    ),
    indicator(
        "shortfall_ratio",
        "at t",
        "(Principal outstanding - collateral) / agreed amount; below zero there is cover to spare.",
        unknown="the collateral was never valued, or the agreed amount is zero",
        source=_LTV,
        formula=_excess,
    ),
    indicator(
        "collateral_change_ratio",
        "t against t-360",
        "Collateral as valued now / as valued 360 days ago, less 1.",
        unknown=f"{_NOT_A_YEAR}, or was nothing",
        source=_LTV,
        formula=_grown("collateral", "before"),
    ),
    indicator(
        "collateral_since_first_ratio",
        "all that is known",
        "Collateral as valued now / as first valued, less 1.",
        unknown=f"{_NEVER}, or was nothing at first",
        source=_LTV,
        formula=_grown("collateral", "first"),
    ),
    indicator(
        "since_valuation_days",
        "at t",
        "Days since the day of the last valuation.",
        unknown=_NEVER,
        source=_LTV,
        formula=_age,
    ),
)
_PRICE = (
    indicator(
        "rate_percent",
        "at t",
        "Contract rate a year.",
        unknown="no rate was stated",
        source=_RATE,
        formula=_plain("rate_now", 1e4),
        unit="percent",
    ),
    indicator(
        "rate_change_percent",
        "t against t-360",
        "Contract rate now less that of 360 days ago, in points of percent.",
        unknown="no rate was stated 360 days ago",
        source=_RATE,
        formula=_less("rate", "before", 1e4),
        unit="percent",
    ),
    indicator(
        "rate_since_first_percent",
        "all that is known",
        "Contract rate now less the first one, in points of percent.",
        unknown="no rate was stated",
        source=_RATE,
        formula=_less("rate", "first", 1e4),
        unit="percent",
    ),
)
_OUTSIDE = (
    indicator(
        "external_score_points",
        "at t",
        "Credit score of a bureau as last reported; high is good.",
        unknown=_NEVER,
        source=_BUREAU,
        formula=_plain("external_score_now", 1e6),
        unit="points",
    ),
    indicator(
        "external_score_change_points",
        "t against t-360",
        "That score now less that of 360 days ago.",
        unknown=_NOT_A_YEAR,
        source=_BUREAU,
        formula=_less("external_score", "before", 1e6),
        unit="points",
    ),
    *(
        indicator(
            f"price_index_{words}_ratio",
            window,
            f"Price index of the loan's market now / {against}, less 1.",
            unknown=unknown,
            source=_MACRO,
            formula=_grown("price_index", since),
        )
        for words, window, against, unknown, since in (
            ("change", "t against t-360", "360 days ago", _NOT_A_YEAR, "before"),
            ("since_first", "all that is known", "as first reported", _NEVER, "first"),
        )
    ),
    *(
        indicator(
            f"{figure}_percent",
            "at t",
            f"{words} in the loan's market, as last reported.",
            unknown=_NEVER,
            source=_MACRO,
            formula=_plain(f"{figure}_percent_now", 1e6),
            unit="percent",
        )
        for figure, words in (("unemployment", "Unemployment"), ("growth", "Economic growth"))
    ),
    indicator(
        "unemployment_change_percent",
        "t against t-360",
        "Unemployment now less that of 360 days ago, in points of percent.",
        unknown=_NOT_A_YEAR,
        source=_MACRO,
        formula=_less("unemployment_percent", "before", 1e6),
        unit="percent",
    ),
)
_FOUND = tuple(
    indicator(
        f"{finding}_found",
        "at t",
        f"1 while the finding that {words} is in force, 0 once it was lifted.",
        unknown="this finding was never recorded of the loan",
        source=source,
        formula=plain(f"{finding}_now"),
    )
    for finding, words, source in (
        ("misuse_of_funds", "funds are used otherwise than agreed", _CN),
        ("evasion", "the borrower evades the debt", _CN),
        ("bankruptcy", "the borrower is bankrupt", _SAMA),
        ("restructured", "the loan was restructured for difficulties", _SAMA),
        ("refinanced", "the loan was paid by a new one", _CN),
        ("credit_impaired", "the loan is credit-impaired", _CN),
        ("seriously_impaired", "the loan is seriously credit-impaired", _CN),
        ("technical_overdue", "the delay is a technical one", _TECHNICAL),
    )
)
REPORTED = (*_COLLATERAL, *_PRICE, *_OUTSIDE, *_FOUND)
"""What is reported of a loan."""
