"""Invoices of a firm, told in a few words; values by stream and by batch, worked out by hand."""

from __future__ import annotations

from datetime import date
from math import isnan
from typing import Any

import numpy as np
import pytest

from ledger.dates import date_of, day_number
from ledger.events import InvoiceVoided, LoanOpened, PurchaseInvoiced, SaleInvoiced
from ledger.store import Recorded
from ledger.terms import Terms
from warning import batch
from warning.engine import Engine
from warning.indicators import CATALOGUE

TODAY = day_number(date(2024, 6, 30))


class Firm:
    """A firm with one loan; invoices are told by how many days ago they were."""

    def __init__(self) -> None:
        self.recorded: list[Recorded] = []
        self.tell(
            LoanOpened, 500, loan_id="L1", borrower_id="B1", account_id=None, product="p",
            currency="CNY", principal_minor=1, terms=Terms(method="given", instalments=0),
            officer_id="o", branch="b", industry="", region="", guarantor_id=None,
        )  # fmt: skip

    def tell(self, kind: Any, ago: int, **fields: Any) -> str:
        name = f"t{len(self.recorded)}"
        fact = kind(
            transaction_id=name, value_date=date_of(TODAY - ago), recorded_at_us=0, **fields
        )
        self.recorded.append(Recorded(len(self.recorded) + 1, "s", 1, fact))
        return name

    def invoice(self, kind: Any, ago: int, net: int, who: str, tax: int = 0) -> str:
        fields: dict[str, Any] = {"counterparty": who, "net_minor": net, "tax_minor": tax}
        return self.tell(kind, ago, borrower_id="B1", currency="CNY", **fields)

    def sells(self, ago: int, net: int, who: str = "c", tax: int = 0) -> str:
        return self.invoice(SaleInvoiced, ago, net, who, tax)

    def buys(self, ago: int, net: int, who: str = "s") -> str:
        return self.invoice(PurchaseInvoiced, ago, net, who)

    def voids(self, name: str, ago: int, net: int, who: str = "c", *, noticed: int = 0) -> None:
        self.tell(
            InvoiceVoided, ago, borrower_id="B1", voided_transaction_id=name, side="sale",
            counterparty=who, currency="CNY", net_minor=net, tax_minor=0,
            noticed_date=date_of(TODAY - noticed),
        )  # fmt: skip

    def says(self, name: str) -> float:
        """The indicator today; stream and batch must agree."""
        engine = Engine()
        engine.apply(self.recorded)
        engine.advance(TODAY)
        stream = engine.values([name], np.array([0]))[name][0]
        folded = batch.fold(self.recorded, TODAY, [name])[name][0]
        assert repr(float(stream)) == repr(float(folded))
        return float(stream)


def test_windows_are_half_open_and_returns_lower_turnover() -> None:
    firm = Firm()
    firm.sells(0, 100)
    firm.sells(89, 40)
    firm.sells(90, 1_000)
    firm.sells(10, -30)
    assert firm.says("sales_90d_minor") == 100 + 40 - 30
    assert firm.says("sales_360d_minor") == 1_110
    assert firm.says("sales_returned_ratio") == 30 / (30 + 1_110)
    assert firm.says("sale_invoices_360d") == 4


def test_a_voided_invoice_counts_until_it_is_known_and_then_not_on_its_own_day() -> None:
    firm = Firm()
    name = firm.sells(5, 100)
    firm.sells(6, 50)
    firm.voids(name, 5, 100, noticed=0)
    assert firm.says("sales_90d_minor") == 50
    assert firm.says("sales_void_ratio") == 1 / 2
    tomorrow = Firm()
    name = tomorrow.sells(5, 100)
    tomorrow.voids(name, 5, 100, noticed=-1)
    assert tomorrow.says("sales_90d_minor") == 100
    assert tomorrow.says("sales_void_ratio") == 0


def test_change_and_season_want_a_known_past() -> None:
    firm = Firm()
    firm.sells(449, 1)
    firm.sells(400, 199)
    firm.sells(200, 300)
    firm.sells(20, 50)
    # 50 against a third of 300; 50 against 1 + 199 of the same days a year (360 days) before.
    assert firm.says("sales_change_ratio") == 50 / (300 / 3) - 1
    assert firm.says("sales_seasonal_change_ratio") == 50 / 200 - 1
    young = Firm()
    young.sells(448, 200)
    young.sells(20, 50)
    assert isnan(young.says("sales_seasonal_change_ratio"))


def test_gaps_silence_and_volatility() -> None:
    firm = Firm()
    firm.sells(365, 5)
    for month in range(11):
        firm.sells(30 * month + 3, 24)
    # Eleven months of 24, and the twelfth, (t-360, t-330], empty: a mean of 22.
    assert firm.says("sales_empty_months_360d") == 1
    assert firm.says("sales_quiet_days") == 3
    assert firm.says("sales_volatility_ratio") == np.std([24] * 11 + [0]) / 22


def test_margin_and_tax() -> None:
    firm = Firm()
    firm.sells(10, 200, tax=26)
    firm.buys(10, 150)
    assert firm.says("gross_margin_ratio") == 1 - 150 / 200
    assert firm.says("sales_tax_ratio") == 26 / 200


def test_counterparties_won_lost_and_how_much_depends_on_one() -> None:
    firm = Firm()
    firm.sells(300, 100, "gone")
    firm.sells(200, 100, "stays")
    firm.sells(50, 100, "stays")
    firm.sells(40, 100, "new")
    # Turnover of a year: 100, 200, 100; shares 25, 50 and 25 percent.
    assert firm.says("customers_180d") == 2
    assert firm.says("customers_concentration_ratio") == 0.25**2 + 0.5**2 + 0.25**2
    assert firm.says("customers_largest_ratio") == 0.5
    assert firm.says("customers_new_ratio") == 1 / 2
    assert firm.says("customers_lost_ratio") == 1 / 2


@pytest.mark.parametrize(
    "name",
    [name for name in CATALOGUE if name.startswith(("sale", "purchase", "customers", "suppliers"))],
)
def test_without_an_invoice_nothing_is_known(name: str) -> None:
    assert isnan(Firm().says(name))
