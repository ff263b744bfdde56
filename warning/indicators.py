"""The catalogue of indicators: name, unit, window, meaning, meaning of "unknown", source, formula.

A formula turns integer measures into one float64 column; it is the same for the stream (`engine`)
and for the batch (`batch`), which come by their measures independently. Unknown is NaN, never 0.
t is the open day, w days are the window (t-w, t], months are calendar months up to and including
that of t. A loan that is not open at t has no values: all are NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from warning.formulas import Get, Indicator, divided, indicator, plain, real
from warning.indicators_conventions import CONVENTIONS
from warning.indicators_credit import AGREED, EARLIER
from warning.indicators_daily import DAILY, USE
from warning.indicators_promises import PROMISED, SIGNS
from warning.indicators_reported import REPORTED
from warning.indicators_score import SCORE
from warning.indicators_trading import TRADING
from warning.windows import UNKNOWN, FloatArray, IntArray

__all__ = ["ACCOUNT_PAST", "BORROWER_WIDE", "CATALOGUE", "PAST", "Get", "Indicator", "evaluate"]


def _delinquent(get: Get) -> FloatArray:
    return real(get("dpd")) - real(get("spared"))


def _coverage(get: Get) -> FloatArray:
    following = get("next_instalment")
    asked = real(get("arrears")) + np.where(following == UNKNOWN, 0, following)
    return divided(real(get("balance_same_currency")), asked)


def _paid_ratio(days: int) -> Callable[[Get], FloatArray]:
    return lambda get: divided(real(get(f"paid_{days}d")), real(get(f"due_{days}d")))


def _lateness_trend(get: Get) -> FloatArray:
    return (real(get("late_recent")) - real(get("late_before"))) / 3


def _change(recent: str, before: str) -> Callable[[Get], FloatArray]:
    """30 days against a third of the 90 before: 0 is no change, -1 is nothing left."""
    return lambda get: divided(real(get(recent)), real(get(before)) / 3) - 1


def _utilisation(get: Get) -> FloatArray:
    return divided(real(get("outstanding")), real(get("limit")))


_NO_DUES = "nothing is known that falls due (no schedule, charge or reported position)"
_NO_ACCOUNT = "no settlement account is known"
_DOMAIN_C = "common practice in loan monitoring"
_SAMA = "SAMA rulebook, early warning signals for SMEs"
_EBA = "EBA/GL/2020/06, early warning indicators"
_NORDEN = "Norden & Weber 2010, credit line usage and account flows before default"


_DUES_NOW = (
    indicator(
        "dpd_days",
        "at t",
        "Days since the oldest due day not fully met, by total and oldest first; the due date is "
        "day 0.",
        unknown=_NO_DUES,
        source="DPD, FIFO; CRR Art. 178 counts from the first unpaid date",
        formula=plain("dpd"),
    ),
    indicator(
        "delinquent_days",
        "at t",
        "Days past due less the grace that was agreed and the days that a pause took out, 0 or "
        "more.",
        unknown=_NO_DUES,
        source="delinquent days less grace and pauses, as Apache Fineract counts them",
        formula=_delinquent,
    ),
    indicator(
        "arrears_minor",
        "at t, due before t",
        "What fell due before t and is unpaid.",
        unknown=_NO_DUES,
        source=_DOMAIN_C,
        formula=plain("arrears"),
    ),
    indicator(
        "next_instalment_minor",
        "at t, due on t or later",
        "The unpaid part of the first due day on or after t that payments do not meet yet.",
        unknown="nothing more falls due",
        source=_DOMAIN_C,
        formula=plain("next_instalment"),
    ),
    indicator(
        "next_due_in_days",
        "at t, due on t or later",
        "Days until that due day; 0 on the day itself.",
        unknown="nothing more falls due",
        source=_DOMAIN_C,
        formula=plain("next_due"),
    ),
    indicator(
        "coverage_ratio",
        "at t",
        "Account balance / (arrears + next instalment). Loans on one account each see all of it.",
        unknown="no account, an account in another currency, or nothing to pay",
        source=_SAMA,
        formula=_coverage,
    ),
)
_PAYMENT = (
    *(
        indicator(
            f"paid_ratio_{days}d",
            f"(t-{days}, t]",
            "Paid / due in the window, reversals taken off the original's value day.",
            unknown="nothing fell due in the window",
            source=_DOMAIN_C,
            formula=_paid_ratio(days),
            unit="ratio",
        )
        for days in (30, 90, 180, 360)
    ),
    indicator(
        "partial_payments_360d",
        "due days in (t-360, t]",
        "Due days on whose evening some, but not all, of what was due then was paid.",
        unknown=_NO_DUES,
        source="partial-payment measure of collections practice",
        formula=plain("partial"),
    ),
    *(
        indicator(
            f"bounced_debits_{days}d",
            f"(t-{days}, t]",
            "Returned loan debits on the account, or bounced repayments of the loan, whichever are "
            "more: one bounce reported on both sides counts once.",
            unknown="never",
            source=_EBA,
            formula=plain(f"bounced_{days}d"),
        )
        for days in (30, 90)
    ),
    indicator(
        "lateness_trend_days",
        "the last six due days before t",
        "Mean lateness of the last three due days less that of the three before; a due not met yet "
        "is late by the days since.",
        unknown="fewer than six due days have passed",
        source="early-day delinquency: count and mean lateness trend",
        formula=_lateness_trend,
    ),
    *(
        indicator(
            f"{word}_payment_default",
            "at t",
            f"1 when the {word} instalment was not fully met 30 days after its due day, else 0.",
            unknown=f"no {word} instalment, or the 30 days have not passed and it is not met",
            source=f"{short} with k = 30",
            formula=plain(f"instalment_default_{number}"),
        )
        for number, word, short in ((1, "first", "FPD"), (2, "second", "SPD"))
    ),
)
_HISTORY = (
    *(
        indicator(
            f"times_{level}plus_{months}m",
            f"month of t and the {months - 1} before",
            f"Distinct runs of days with {level} or more days past due that touch the window.",
            unknown=_NO_DUES,
            source="times 1+/30+/60+ of credit bureaux",
            formula=plain(f"times_{months}m_{level}"),
        )
        for months in (12, 24)
        for level in (1, 30, 60)
    ),
    indicator(
        "worst_dpd_12m_days",
        "month of t and the 11 before",
        "Most days past due on any day of the window.",
        unknown=_NO_DUES,
        source="worst status of credit bureaux",
        formula=plain("worst_dpd"),
    ),
    indicator(
        "months_since_30plus",
        "all that is known",
        "Calendar months from that of the last day with 30 or more days past due to that of t.",
        unknown="never was 30 days past due",
        source="recency of credit bureaux",
        formula=plain("months_since_late"),
        unit="months",
    ),
)
_ACCOUNT = (
    indicator(
        "inflow_change_ratio",
        "(t-30, t] against (t-120, t-30]",
        "Turnover of 30 days / a third of the 90 days before, less 1. Transfers between own "
        "accounts, loan proceeds and returned loan repayments are not turnover.",
        unknown="the account was not known for 120 days, or had no turnover in the 90",
        source=_NORDEN,
        formula=_change("inflow_recent", "inflow_before"),
    ),
    indicator(
        "balance_minor",
        "at t",
        "Account balance.",
        unknown=_NO_ACCOUNT,
        source=_SAMA,
        formula=plain("balance"),
    ),
    indicator(
        "lowest_balance_3m_minor",
        "month of t and the 2 before",
        "Lowest daily closing balance, the open day as it stands.",
        unknown=_NO_ACCOUNT,
        source=_SAMA,
        formula=plain("lowest_balance"),
    ),
    indicator(
        "overdraft_days_90d",
        "(t-90, t]",
        "Days that closed with a balance below zero.",
        unknown=_NO_ACCOUNT,
        source=_NORDEN,
        formula=plain("overdraft_days"),
        unit="days",
    ),
    indicator(
        "over_limit_days_90d",
        "(t-90, t]",
        "Days that closed below the agreed overdraft limit.",
        unknown=_NO_ACCOUNT,
        source=_NORDEN,
        formula=plain("over_limit_days"),
        unit="days",
    ),
    indicator(
        "quiet_days",
        "at t",
        "Days since the last credit or debit of the account, or since its opening.",
        unknown=_NO_ACCOUNT,
        source=_SAMA,
        formula=plain("quiet"),
    ),
    indicator(
        "balance_change_ratio",
        "(t-30, t] against (t-120, t-30]",
        "Mean closing balance of 30 days / that of the 90 days before, less 1.",
        unknown="the account was not known for 120 days, or its mean was not above zero in the 90",
        source=_SAMA,
        formula=_change("held_recent", "held_before"),
    ),
)
_EXPOSURE = (
    indicator(
        "outstanding_minor",
        "at t",
        "Principal paid out and not repaid, or as the core system reports it.",
        unknown="never",
        source=_DOMAIN_C,
        formula=plain("outstanding"),
    ),
    indicator(
        "utilisation_ratio",
        "at t",
        "Outstanding principal / agreed amount or line.",
        unknown="the line is zero",
        source=_NORDEN,
        formula=_utilisation,
    ),
    indicator(
        "loan_age_days",
        "at t",
        "Days since the loan was opened.",
        unknown="never",
        source=_DOMAIN_C,
        formula=plain("age"),
    ),
)
CATALOGUE: dict[str, Indicator] = {
    known.name: known
    for part in (
        _DUES_NOW,
        _PAYMENT,
        _HISTORY,
        _ACCOUNT,
        DAILY,
        CONVENTIONS,
        _EXPOSURE,
        USE,
        AGREED,
        REPORTED,
        EARLIER,
        TRADING,
        PROMISED,
        SIGNS,
        SCORE,
    )
    for known in part
}
"""All indicators by name, in the order in which they are told."""
PAST = frozenset(
    (
        *(known.name for known in _HISTORY),
        *("partial_payments_360d", "lateness_trend_days"),
        *("first_payment_default", "second_payment_default"),
        *("months_30plus_12m", "months_60plus_12m"),
    )
)
"""Those that look at a loan's past day counts and dues."""
ACCOUNT_PAST = frozenset(("lowest_balance_3m_minor", "overdraft_days_90d", "over_limit_days_90d"))
"""Those that look at past closing balances."""
ACCOUNT = frozenset(known.name for known in (*_ACCOUNT, *DAILY))
"""Those that are made of the account alone."""
BORROWER_WIDE = frozenset(known.name for known in (*EARLIER, *TRADING, *PROMISED, *SIGNS, *SCORE))
"""Those that look beyond the facts of the loan and its account: other loans, invoices, promises."""


def evaluate(names: Iterable[str], get: Get, closed: IntArray) -> dict[str, FloatArray]:
    """The indicators `names` from measures; NaN at the places `closed`.

    Errors: KeyError for a name that the catalogue does not have.
    """
    known: dict[str, IntArray] = {}

    def remembered(name: str) -> IntArray:
        if name not in known:
            known[name] = get(name)
        return known[name]

    values = {}
    for name in names:
        value = CATALOGUE[name].formula(remembered)
        if closed.size:
            value[closed] = np.nan
        values[name] = value
    return values
