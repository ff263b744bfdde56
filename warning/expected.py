"""Which way risk is expected to go with an indicator: what a scorecard may not contradict.

+1: the higher, the riskier; -1: the higher, the safer. Indicators that are not listed may go either
way. A score that is monotone where the field expects it can be explained to a borrower, and does
not learn accidents of one book. Fits nothing.
"""

from __future__ import annotations

_RISES = (
    *(
        "dpd_days",
        "delinquent_days",
        "arrears_minor",
        "partial_payments_360d",
        "bounced_debits_30d",
    ),
    *("bounced_debits_90d", "lateness_trend_days", "first_payment_default"),
    *("second_payment_default", "mba_late_months", "ots_late_months", "balance_volatility_ratio"),
    *("returned_debits_90d_ratio", "evasion_signs_365d"),
    *("balance_emptied_ratio", "utilisation_mean_90d_ratio", "utilisation_peak_90d_ratio"),
    "utilisation_high_days_90d",
    *("times_1plus_24m", "times_30plus_24m", "times_60plus_24m"),
    *("times_1plus_12m", "times_30plus_12m", "times_60plus_12m", "worst_dpd_12m_days"),
    *("months_30plus_12m", "months_60plus_12m", "overdraft_days_90d", "over_limit_days_90d"),
    *("quiet_days", "utilisation_ratio", "planned_cost_ratio", "earlier_late_last_days"),
    *("earlier_late_before_days", "earlier_late_mean_days", "earlier_late_recent_days"),
    *("earlier_late_worst_days", "earlier_overdue_mean_days", "earlier_late_share_ratio"),
    *(
        "earlier_held_ratio",
        "sales_empty_months_360d",
        "sales_quiet_days",
        "sales_void_ratio",
        "sales_void_720d_ratio",
    ),
    *("sales_returned_ratio", "sales_volatility_ratio", "customers_concentration_ratio"),
    *("customers_largest_ratio", "customers_lost_ratio", "purchases_empty_months_360d"),
    *("purchases_quiet_days", "suppliers_lost_ratio"),
    *("promises_broken_90d", "promises_broken_365d"),
    *("misuse_of_funds_found", "evasion_found", "bankruptcy_found", "restructured_found"),
    *("refinanced_found", "credit_impaired_found", "seriously_impaired_found"),
    *("loan_to_value_ratio", "shortfall_ratio", "rate_percent", "unemployment_change_percent"),
)
_FALLS = (
    *("coverage_ratio", "paid_ratio_30d", "paid_ratio_90d", "paid_ratio_180d", "paid_ratio_360d"),
    *("months_since_30plus", "inflow_change_ratio", "balance_change_ratio", "balance_minor"),
    "inflow_3m_to_12m_ratio",
    *("lowest_balance_3m_minor", "sales_90d_minor", "sales_360d_minor", "sale_invoices_360d"),
    *("sales_change_ratio", "sales_seasonal_change_ratio", "customers_180d", "suppliers_180d"),
    *("purchases_90d_minor", "purchases_360d_minor", "purchase_invoices_360d"),
    "promises_kept_ratio",
    *("gross_margin_ratio", "trading_known_days", "sales_720d_minor", "sale_invoices_720d"),
    *("purchases_720d_minor", "purchase_invoices_720d", "external_score_points"),
    *("external_score_change_points", "collateral_change_ratio", "collateral_since_first_ratio"),
    *("price_index_change_ratio", "price_index_since_first_ratio"),
)
EXPECTED: dict[str, int] = dict.fromkeys(_RISES, 1) | dict.fromkeys(_FALLS, -1)
"""Indicator -> +1 or -1."""
