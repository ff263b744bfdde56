"""Real sets as messages: every row used or counted with a reason, nothing seen ahead of its day."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import orjson
import pytest

from bench.datasets.catalogue import SETS, source
from bench.datasets.sample import write_sample
from bench.datasets.source import Message, Row, SetUnreadable, Tally, messages, read_rows
from ledger.service import Ledger
from ledger.store import Store
from streams.ingest import read


def row(kind: str, day: str, amount: str = "", **facts: object) -> Row:
    payload = orjson.dumps(facts).decode()
    return Row(f"e-{kind}-{day}", f"{day}T00:00:00", "E1", "L1", kind, amount, "CNY", payload)


def mapped(name: str, *rows: Row) -> tuple[list[Message], Tally]:
    tally = Tally()
    lines = messages(SETS[name], rows, tally)
    found = [orjson.loads(line) for line in lines]
    return [each for each in found if each["type"] != "business_day_closed"], tally


@pytest.mark.parametrize("name", sorted(SETS))
def test_the_ledger_takes_every_message_of_a_sample(name: str, tmp_path: Path) -> None:
    path, tally = write_sample(tmp_path, name, seed=5), Tally()
    store = Store.open(tmp_path / "ledger.db")
    batch = [
        read(line, source=name, offset=number, accepted_us=0)
        for number, line in enumerate(messages(SETS[name], read_rows(path), tally), start=1)
    ]
    outcomes = Ledger(store.ledger).record(batch).outcomes
    store.close()
    assert [(each.code, each.reason) for each in outcomes if each.status == "refused"] == []
    assert tally.rows == tally.used + sum(tally.aside.values()) > 100
    assert tally.messages <= len(batch)
    repeats = Counter(outcome.status for outcome in outcomes)["duplicate"]
    assert (repeats > 0) == name.startswith("cumcm")


def invoice(
    kind: str, net: float, *, void: int = 0, number: int = 1, day: str = "2018-03-01"
) -> Row:
    facts = {"invoice_no": number, "counterparty": "C1", "void": void, "net": net, "tax": net / 10}
    return row(kind, day, f"{net * 1.1:.2f}", **facts)


def test_a_void_invoice_counts_as_issued_until_the_end_of_its_month() -> None:
    # Issued on 1 March and voided by the 31st; known from the first row of a later month on.
    april = invoice("SaleInvoiced", 5.0, number=2, day="2018-04-02")
    plain, _ = mapped("cumcm_sme", invoice("SaleInvoiced", 100.5), april)
    void, _ = mapped("cumcm_sme", invoice("SaleInvoiced", 100.5, void=1), april)
    assert [each["type"] for each in plain] == ["loan_opened", "sale_invoiced", "sale_invoiced"]
    assert [each for each in void if each["type"] != "invoice_voided"] == plain
    assert void[2]["voided_transaction_id"] == void[1]["transaction_id"]
    assert (void[2]["value_date"], void[2]["sent_at"][:10]) == ("2018-03-31", "2018-04-02")


def test_a_negative_invoice_is_a_return_and_tax_stands_beside_the_net_amount() -> None:
    rows = [invoice("SaleInvoiced", -80.0), invoice("PurchaseInvoiced", 30.25)]
    found, _ = mapped("cumcm_sme", *rows)
    assert [(each["type"], each["net"], each["tax"]) for each in found[1:]] == [
        ("sale_invoiced", "-80.00", "-8.00"),
        ("purchase_invoiced", "30.25", "3.02"),
    ]


def test_an_invoice_over_nothing_is_counted_with_its_reason() -> None:
    rows = [invoice("SaleInvoiced", 5.0), invoice("SaleInvoiced", 0.0, number=2)]
    found, tally = mapped("cumcm_sme", *rows)
    assert len(found) == 2
    assert tally.aside == {"invoice over 0.00: says nothing": 1}


def test_an_invoice_repeated_exactly_has_the_same_transaction_id() -> None:
    found, _ = mapped("cumcm_sme", *[invoice("SaleInvoiced", 5.0)] * 2)
    assert found[1] == found[2]


def test_a_micro_loan_of_90_days_has_three_instalments_that_add_up() -> None:
    opened = row("LoanOpened", "2017-01-31", "10000.0", total_due=11500.0, term_days=90)
    repaid = row("RepaymentReceived", "2017-03-01")
    closed = row("LoanClosed", "2017-04-20")
    found, tally = mapped("superlender", opened, repaid, closed)
    rows = found[1]["instalments"]
    assert [each["due_date"] for each in rows] == ["2017-03-02", "2017-04-02", "2017-05-02"]
    assert [each["principal"] for each in rows] == ["3333.34", "3333.33", "3333.33"]
    paid = [each["amount"] for each in found if each["type"] == "repayment_received"]
    assert paid == ["3833.34", "7666.66"]
    assert sum(tally.assumed.values()) == 2


def test_an_instalment_due_is_known_from_the_schedule() -> None:
    opened = row("LoanOpened", "2017-01-01", "100.0", total_due=115.0, term_days=15)
    found, tally = mapped("superlender", opened, row("InstalmentDue", "2017-01-16", "115.0"))
    assert len(found) == 3
    assert sum(tally.aside.values()) == 1


@pytest.mark.parametrize(("status", "months"), [(-2, 0), (-1, 0), (0, 0), (1, 1), (8, 8)])
def test_a_card_statement_reports_the_months_past_due(status: int, months: int) -> None:
    found, tally = mapped(
        "taiwan_card", row("StatementIssued", "2005-04-30", "-5.0", pay_status=status)
    )
    assert found[0]["months_past_due"] == months
    assert found[0]["outstanding"] == "0"
    assert tally.assumed == {"credit balance reported as nothing owed": 1}


def test_a_mortgage_reports_a_rate_only_when_it_changed() -> None:
    opened = row("LoanOpened", "2001-01-01", "900.0", rate_orig=6.5, state="CA")
    same = row("BalanceReported", "2001-03-31", "890.0", rate=6.5)
    other = row("BalanceReported", "2001-06-30", "880.0", rate=6.75)
    found, _ = mapped("mortgage_dcr", opened, same, other, row("DefaultObserved", "2001-06-30"))
    assert [each["type"] for each in found] == [
        "loan_opened",
        "position_reported",
        "position_reported",
        "loan_rate_changed",
        "loan_status_changed",
    ]
    assert found[3]["rate_percent"] == "6.7500"


def test_a_mortgage_reports_its_collateral_and_the_market_of_the_quarter() -> None:
    opened = row("LoanOpened", "2001-01-01", "900.0", rate_orig=6.5, state="CA", fico=712)
    market = {"ltv": 80.0, "hpi": 101.5, "uer": 4.5, "gdp": -0.3}
    report = row("BalanceReported", "2001-03-31", "880.0", rate=6.5, **market)
    found, _ = mapped("mortgage_dcr", opened, report)
    told = {each.get("figure", each["type"]): each.get("value") for each in found}
    assert told == {
        "loan_opened": None,
        "external_score": "712.0000",
        "position_reported": None,
        "collateral_valued": "1100.00",  # 880 is 80 % of it.
        "price_index": "101.5000",
        "unemployment_percent": "4.5000",
        "growth_percent": "-0.3000",
    }
    assert len({each["transaction_id"] for each in found}) == len(found)


def test_days_are_closed_between_rows_before_the_next_rows_messages() -> None:
    rows = [
        invoice("SaleInvoiced", 5.0),
        invoice("SaleInvoiced", 6.0, number=2, day="2018-03-06"),
    ]
    lines = [orjson.loads(line) for line in messages(SETS["cumcm_sme"], rows, Tally())]
    closes = [each["value_date"] for each in lines if each["type"] == "business_day_closed"]
    assert closes == ["2018-03-01", "2018-03-02", "2018-03-05", "2018-03-06"]
    moments = [each["sent_at"] for each in lines]
    assert moments == sorted(moments)


def test_without_the_data_a_stand_in_is_used_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOANBELL_DATASETS", str(tmp_path / "nowhere"))
    found = source("superlender", scratch=tmp_path, seed=1)
    assert "not on this machine" in found.notice
    assert len(list(found.messages(Tally()))) > 100


def test_a_file_with_other_columns_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SetUnreadable, match="is missing"):
        next(read_rows(tmp_path / "events.csv.gz"))
