"""A quarterly panel of US mortgages (Deep Credit Risk) as loans that report their own position.

A loan enters at its first observation, which tells when it was granted, against which collateral,
and where house prices stood then. Each quarter it reports what
is outstanding, and a change of rate where the rate differs from the quarter before. The collateral
is valued at the balance over the loan-to-value of the panel; the borrower's score at origination
and the house-price index, unemployment and growth of each quarter are figures. The default is a
finding (`default_observed`), an outcome and never an input of that loan's own warning. The panel
has no delinquency, so nothing here is past due. Days are closed at month ends: between quarters
nothing happens.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from bench.datasets.source import DataSet, Mapper, Message, Row, Tally
from ledger.dates import add_months


def mapper() -> Mapper:
    """A fresh mapper; it remembers each loan's rate, and the loans that could not be opened."""
    rates: dict[str, str] = {}

    def mapped(row: Row, tally: Tally) -> list[Message]:
        common = {
            "loan_id": row.loan_id,
            "borrower_id": row.entity_id,
            "value_date": row.day,
            "transaction_id": row.event_id,
        }
        if row.event_type == "LoanOpened":
            if not row.amount.strip("0."):
                tally.aside["loan enters with nothing outstanding"] += 1
                return []
            facts = row.facts()
            rates[row.loan_id] = _rate(facts["rate_orig"])
            granted = common | {"value_date": _granted(row, facts.get("orig_period"))}
            opened = _opened(row, rates[row.loan_id], str(facts["state"])) | granted
            told = (("external_score", facts.get("fico")), ("price_index", facts.get("hpi_orig")))
            valued = _valued(row, facts.get("ltv_orig"), granted)
            return [opened, *valued, *_figures(row, told, granted)]
        if row.loan_id not in rates:
            tally.aside["row of a loan that entered with nothing outstanding"] += 1
            return []
        if row.event_type == "BalanceReported":
            return _reported(row, rates, common)
        if row.event_type == "DefaultObserved":
            reason = "default observed in the panel"
            finding = {"finding": "default_observed", "active": True, "reason": reason}
            return [{"type": "loan_status_changed", **finding, **common}]
        return [{"type": "loan_closed", "reason": "repaid", **common}]

    return mapped


def _opened(row: Row, rate: str, state: str) -> Message:
    return {
        "type": "loan_opened",
        "product": "mortgage",
        "currency": row.currency,
        "principal": row.amount,
        "terms": {"method": "given", "instalments": 0, "rate_percent": rate},
        "officer_id": "panel",
        "branch": "mortgage",
        "region": state,
    }


def _reported(row: Row, rates: dict[str, str], common: Message) -> list[Message]:
    position = {"type": "position_reported", "outstanding": row.amount, "currency": row.currency}
    messages = [position | common]
    rate = _rate(row.facts()["rate"])
    if rate != rates[row.loan_id]:
        rates[row.loan_id] = rate
        changed = {"type": "loan_rate_changed", "rate_percent": rate}
        messages.append(changed | common | {"transaction_id": f"{row.event_id}-rate"})
    facts = row.facts()
    messages += _valued(row, facts.get("ltv"), common)
    figures = (
        ("price_index", facts.get("hpi")),
        ("unemployment_percent", facts.get("uer")),
        ("growth_percent", facts.get("gdp")),
    )
    return [*messages, *_figures(row, figures, common)]


def _granted(row: Row, period: int | None) -> str:
    """The first day of the quarter of origination; of the first observation where it is unknown.

    Period 25 is the second quarter of 2006, so period 0 the first of 2000.
    """
    if period is None:
        return row.day
    return min(add_months(date(2000, 1, 1), 3 * period).isoformat(), row.day)


def _valued(row: Row, ltv_percent: float | None, common: Message) -> list[Message]:
    """What the collateral is worth, from what is outstanding and its share of that worth."""
    if not ltv_percent or not row.amount.strip("0."):
        return []
    value = (Decimal(row.amount) * 100 / Decimal(str(ltv_percent))).quantize(Decimal("0.01"))
    valued = {"type": "collateral_valued", "value": str(value), "currency": row.currency}
    return [valued | common | {"transaction_id": f"{row.event_id}-collateral"}]


def _figures(
    row: Row, figures: Iterable[tuple[str, float | None]], common: Message
) -> list[Message]:
    """One message for each figure that the row knows."""
    return [
        {"type": "figure_reported", "figure": name, "value": f"{value:.4f}"}
        | common
        | {"transaction_id": f"{row.event_id}-{name}"}
        for name, value in figures
        if value is not None
    ]


def _rate(percent: float) -> str:
    """Percent with four digits, as the source has it."""
    return f"{percent:.4f}"


MORTGAGE_DCR = DataSet(
    "mortgage_dcr", "US mortgages, quarterly", mapper, "mortgage_dcr", closes="monthly"
)
