"""The facts a warning points at: the latest of each kind, whatever the batches."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.events import (
    AccountCredited,
    AccountDebitReturned,
    EvasionSignalNoted,
    InvoiceVoided,
    PurchaseInvoiced,
    RepaymentReceived,
    SaleInvoiced,
)
from ledger.ids import collection_stream
from ledger.store import Recorded
from ledger.terms import Split
from warning.causes import MAX_CAUSES, RecentFacts, Ring
from warning.indicators import CATALOGUE

DAY = date(2024, 1, 1)


@settings(max_examples=60, deadline=None)
@given(
    keys=st.lists(st.integers(0, 4), max_size=60),
    cuts=st.lists(st.integers(0, 60), max_size=4),
    size=st.integers(1, 5),
)
def test_a_ring_keeps_the_last_of_each_key_in_any_batches(
    keys: list[int], cuts: list[int], size: int
) -> None:
    entries = [(key, position, position % 7 + 1) for position, key in enumerate(keys, start=1)]
    ring, edges = Ring(size), sorted({0, len(entries), *[c for c in cuts if c < len(entries)]})
    for start, end in pairwise(edges):
        ring.add(entries[start:end])
    for key in range(5):
        mine = [(position, version) for k, position, version in entries if k == key]
        assert sorted(ring.latest(key)) == mine[-size:]


def repayment(position: int, loan: str) -> Recorded:
    fact = RepaymentReceived(
        loan_id=loan,
        amount_minor=1,
        split=Split(principal_minor=1),
        transaction_id=f"t{position}",
        value_date=DAY,
        recorded_at_us=position,
    )
    return Recorded(position, f"loan:{loan}", position, fact)


def noted(position: int) -> Recorded:
    fact = EvasionSignalNoted(
        borrower_id="B",
        case_id="K",
        by="u",
        signal_id="s",
        signal="unreachable",
        reference="",
        remark="",
        transaction_id=f"t{position}",
        value_date=DAY,
        recorded_at_us=position,
    )
    return Recorded(position, collection_stream("B"), position, fact)


def movement(position: int, kind: type = AccountCredited) -> Recorded:
    more = {"balance_minor": 1} if kind is AccountCredited else {}
    fact = kind(
        account_id="A",
        amount_minor=1,
        flow="trade",
        transaction_id=f"t{position}",
        value_date=DAY,
        recorded_at_us=position,
        **more,
    )
    return Recorded(position, "account:A", position, fact)


def test_only_facts_that_can_move_the_indicators_are_named() -> None:
    recent = RecentFacts()
    recent.note([repayment(1, "L1"), movement(2), repayment(3, "L2")])
    recent.note([movement(4, AccountDebitReturned), repayment(5, "L1"), movement(6)])

    def behind(*names: str) -> tuple[str, ...]:
        return recent.behind(names, loan_id="L1", account_id="A", borrower_id="B", first=[])

    assert behind("dpd_days", "arrears_minor") == ("loan:L1@5", "loan:L1@1")
    assert behind("balance_minor") == ("account:A@6", "account:A@2")
    assert behind("inflow_change_ratio", "quiet_days") == ("account:A@6", "account:A@2")
    assert behind("bounced_debits_30d") == ("loan:L1@5", "account:A@4", "loan:L1@1")
    assert behind("coverage_ratio") == ("account:A@6", "loan:L1@5", "account:A@2", "loan:L1@1")


def test_the_latest_come_first_and_never_more_than_eight() -> None:
    recent = RecentFacts()
    recent.note([repayment(position, "L1") for position in range(1, 20)])
    recent.note([movement(position) for position in range(20, 40)])
    names = recent.behind(
        ["coverage_ratio"],
        loan_id="L1",
        account_id="A",
        borrower_id="B",
        first=[(40, "calendar@9")],
    )
    assert len(names) == MAX_CAUSES
    assert names[:6] == (
        "calendar@9",
        *(f"account:A@{version}" for version in (39, 38, 37, 36)),
        "loan:L1@19",
    )


def test_a_loan_without_an_account_names_its_own_facts_alone() -> None:
    recent = RecentFacts()
    recent.note([repayment(1, "L1"), movement(2)])
    found = recent.behind(
        ["coverage_ratio"], loan_id="L1", account_id=None, borrower_id="B", first=[]
    )
    assert found == ("loan:L1@1",)


def invoice(position: int, kind: type, borrower: str = "B", **more: str | date) -> Recorded:
    fact = kind(
        borrower_id=borrower,
        counterparty="C",
        currency="CNY",
        net_minor=100,
        tax_minor=0,
        transaction_id=f"t{position}",
        value_date=DAY,
        recorded_at_us=position,
        **more,
    )
    return Recorded(position, f"trading:{borrower}", position, fact)


def test_what_is_told_of_trading_names_invoices_and_neither_loan_nor_account() -> None:
    recent = RecentFacts()
    void = {"voided_transaction_id": "t3", "side": "sale", "noticed_date": DAY}
    recent.note([repayment(1, "L1"), movement(2), invoice(3, SaleInvoiced)])
    recent.note([invoice(4, PurchaseInvoiced), invoice(5, SaleInvoiced, "B2")])
    recent.note([invoice(6, InvoiceVoided, **void), movement(7)])

    def behind(*names: str) -> tuple[str, ...]:
        return recent.behind(names, loan_id="L1", account_id="A", borrower_id="B", first=[])

    sales, bought = ("trading:B@6", "trading:B@3"), "trading:B@4"
    for name in ("sales_90d_minor", "sales_quiet_days", "sale_invoices_360d", "customers_180d"):
        assert behind(name) == sales
    assert behind("change(sales_90d_minor, 30)") == sales
    assert behind("purchases_quiet_days", "suppliers_new_ratio") == (bought,)
    assert behind("gross_margin_ratio") == ("trading:B@6", bought, "trading:B@3")
    assert behind("sales_change_ratio", "dpd_days") == (*sales, "loan:L1@1")
    assert behind("quiet_days") == ("account:A@7", "account:A@2")


def test_every_indicator_has_facts_behind_it() -> None:
    recent = RecentFacts()
    void = {"voided_transaction_id": "t3", "side": "purchase", "noticed_date": DAY}
    recent.note([repayment(1, "L1"), movement(2), movement(3, AccountDebitReturned)])
    recent.note([invoice(4, SaleInvoiced), invoice(5, InvoiceVoided, **void)])
    recent.note([noted(6)])
    for name in CATALOGUE:
        assert recent.behind([name], loan_id="L1", account_id="A", borrower_id="B", first=[])


def test_an_account_alone_is_behind_what_is_told_of_it() -> None:
    recent = RecentFacts()
    recent.note([repayment(1, "L1"), movement(2)])
    for name in ("over_limit_days_90d", "change(balance_minor, 30)", "lowest_balance_3m_minor"):
        found = recent.behind([name], loan_id="L1", account_id="A", borrower_id="B", first=[])
        assert found == ("account:A@2",)
