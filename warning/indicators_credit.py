"""Indicators for scoring: what was agreed and paid, and how the borrower paid earlier loans.

Part of the catalogue in `indicators`. None looks at who the borrower is: age, sex, marriage and the
like are nowhere in the book.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from warning.formulas import Get, divided, indicator, plain, real
from warning.windows import FloatArray

_NO_EARLIER = "no earlier loan of the borrower ended on which something had fallen due"
_COMMON = "common practice in application scoring"
_BUREAU = "repayment history of credit bureaux"


def _agreed_cost(get: Get) -> FloatArray:
    return divided(real(get("planned_due")), real(get("limit"))) - 1


def _paid_of(days: int, measure: str) -> Callable[[Get], FloatArray]:
    return lambda get: divided(real(get(f"paid_{days}d")), real(get(measure)))


def _headroom(get: Get) -> FloatArray:
    return real(get("limit")) - real(get("outstanding"))


def _mean(name: str) -> Callable[[Get], FloatArray]:
    return lambda get: divided(real(get(name)), real(get("earlier_judged")))


def _recent(get: Get) -> FloatArray:
    return divided(real(get("earlier_late_recent")), np.minimum(real(get("earlier_judged")), 3))


def _spread(get: Get) -> FloatArray:
    count, total = real(get("earlier_judged")), real(get("earlier_late_sum"))
    return divided(np.sqrt(count * real(get("earlier_late_squares")) - total * total), count)


def _held(get: Get) -> FloatArray:
    return divided(real(get("earlier_duration_sum")), real(get("earlier_planned_sum")))


def _against_last(get: Get) -> FloatArray:
    return divided(real(get("limit")), real(get("earlier_principal_last")))


def _pace(get: Get) -> FloatArray:
    return divided(365 * real(get("earlier_loans")), real(get("borrower_known")))


AGREED = (
    indicator(
        "limit_minor",
        "at t",
        "Agreed amount, or the line as last changed.",
        unknown="never",
        source=_COMMON,
        formula=plain("limit"),
    ),
    *(
        indicator(
            f"paid_{days}d_minor",
            f"(t-{days}, t]",
            "Paid in the window, reversals taken off the value day of the original.",
            unknown="never",
            source=_COMMON,
            formula=plain(f"paid_{days}d"),
        )
        for days in (30, 90, 180)
    ),
    indicator(
        "headroom_minor",
        "at t",
        "Agreed amount less principal outstanding; below zero beyond the line.",
        unknown="never",
        source=_COMMON,
        formula=_headroom,
    ),
    *(
        indicator(
            f"paid_{days}d_to_limit_ratio",
            f"(t-{days}, t]",
            "Paid in the window / agreed amount.",
            unknown="the agreed amount is zero",
            source=_COMMON,
            formula=_paid_of(days, "limit"),
        )
        for days in (90, 180)
    ),
    *(
        indicator(
            f"paid_{days}d_to_outstanding_ratio",
            f"(t-{days}, t]",
            "Paid in the window / principal outstanding at t.",
            unknown="nothing is outstanding",
            source=_COMMON,
            formula=_paid_of(days, "outstanding"),
        )
        for days in (90, 180)
    ),
    indicator(
        "paid_recently_ratio",
        "(t-30, t] against (t-180, t]",
        "Paid in 30 days / paid in 180.",
        unknown="nothing was paid in the 180 days",
        source=_COMMON,
        formula=_paid_of(30, "paid_180d"),
    ),
    indicator(
        "planned_term_days",
        "at t",
        "Days from the opening to the last due day of the schedule in force.",
        unknown="nothing is known that falls due",
        source=_COMMON,
        formula=plain("planned_term"),
    ),
    indicator(
        "planned_cost_ratio",
        "at t",
        "All that falls due over the life of the loan / agreed amount, less 1.",
        unknown="nothing is known that falls due, or the agreed amount is zero",
        source=_COMMON,
        formula=_agreed_cost,
    ),
    indicator(
        "months_30plus_12m",
        "month of t and the 11 before",
        "Calendar months with a day of 30 or more days past due.",
        unknown="nothing is known that falls due (no schedule, charge or reported position)",
        source="months in arrears of credit bureaux",
        formula=plain("months_late_30"),
        unit="count",
    ),
    indicator(
        "months_60plus_12m",
        "month of t and the 11 before",
        "Calendar months with a day of 60 or more days past due.",
        unknown="nothing is known that falls due (no schedule, charge or reported position)",
        source="months in arrears of credit bureaux",
        formula=plain("months_late_60"),
        unit="count",
    ),
)
"""What was agreed, and what was paid in all."""
EARLIER = (
    indicator(
        "earlier_loans",
        "all that ended by t",
        "Loans of the borrower that ended by t.",
        unknown="never",
        source=_BUREAU,
        formula=plain("earlier_loans"),
    ),
    indicator(
        "late_earlier_loans",
        "all that ended by t",
        "Earlier loans whose first due was met after its day.",
        unknown=_NO_EARLIER,
        source=_BUREAU,
        formula=plain("earlier_late_count"),
        unit="count",
    ),
    indicator(
        "earlier_late_last_days",
        "all that ended by t",
        "Days from the first due day of the last ended loan to the day it was met in full; "
        "negative when it was met early.",
        unknown=_NO_EARLIER,
        source=_BUREAU,
        formula=plain("earlier_late_last"),
    ),
    indicator(
        "earlier_late_before_days",
        "all that ended by t",
        "The same of the loan before that one.",
        unknown="fewer than two such loans",
        source=_BUREAU,
        formula=plain("earlier_late_before"),
    ),
    indicator(
        "earlier_late_mean_days",
        "all that ended by t",
        "The same on average over all earlier loans.",
        unknown=_NO_EARLIER,
        source=_BUREAU,
        formula=_mean("earlier_late_sum"),
    ),
    indicator(
        "earlier_late_recent_days",
        "the last three that ended by t",
        "The same on average over the last three.",
        unknown=_NO_EARLIER,
        source=_BUREAU,
        formula=_recent,
    ),
    indicator(
        "earlier_late_spread_days",
        "all that ended by t",
        "Standard deviation of these days over all earlier loans.",
        unknown=_NO_EARLIER,
        source=_BUREAU,
        formula=_spread,
    ),
    indicator(
        "earlier_late_worst_days",
        "all that ended by t",
        "The largest of these days.",
        unknown=_NO_EARLIER,
        source=_BUREAU,
        formula=plain("earlier_late_worst"),
    ),
    indicator(
        "earlier_overdue_mean_days",
        "all that ended by t",
        "As earlier_late_mean_days, with an early payment counted as 0.",
        unknown=_NO_EARLIER,
        source=_BUREAU,
        formula=_mean("earlier_overdue_sum"),
    ),
    indicator(
        "earlier_late_share_ratio",
        "all that ended by t",
        "Share of earlier loans whose first due was met after its day.",
        unknown=_NO_EARLIER,
        source=_BUREAU,
        formula=_mean("earlier_late_count"),
    ),
    indicator(
        "earlier_duration_last_days",
        "all that ended by t",
        "Days for which the last ended loan ran.",
        unknown=_NO_EARLIER,
        source=_COMMON,
        formula=plain("earlier_duration_last"),
    ),
    indicator(
        "earlier_duration_mean_days",
        "all that ended by t",
        "Days for which earlier loans ran, on average.",
        unknown=_NO_EARLIER,
        source=_COMMON,
        formula=_mean("earlier_duration_sum"),
    ),
    indicator(
        "earlier_held_ratio",
        "all that ended by t",
        "Days for which earlier loans ran / days for which they were agreed.",
        unknown=_NO_EARLIER,
        source=_COMMON,
        formula=_held,
    ),
    indicator(
        "since_earlier_loan_days",
        "all that ended by t",
        "Days since the last of the earlier loans ended.",
        unknown="no loan of the borrower ended",
        source=_COMMON,
        formula=plain("earlier_since"),
        unit="days",
    ),
    indicator(
        "borrower_known_days",
        "at t",
        "Days since the first loan of the borrower was opened.",
        unknown="never",
        source=_COMMON,
        formula=plain("borrower_known"),
    ),
    indicator(
        "earlier_pace_ratio",
        "all that ended by t",
        "Ended loans a year since the first loan was opened.",
        unknown="the first loan was opened at t",
        source=_COMMON,
        formula=_pace,
    ),
    indicator(
        "limit_to_earlier_ratio",
        "all that ended by t",
        "Agreed amount / agreed amount of the last ended loan.",
        unknown="no loan of the borrower ended",
        source=_COMMON,
        formula=_against_last,
    ),
)
"""How the borrower paid earlier loans."""
