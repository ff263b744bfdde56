"""What other programs make of an exported book: hledger and beancount against our trial balance."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from ledger.change_commands import ClosePeriod, ReopenPeriod
from ledger.commands import CloseBusinessDay
from ledger.dates import date_of_us
from ledger.events import LoanClosed, RepaymentReceived
from ledger.money import parse_minor
from ledger.postings import MONEY_FACTS, postings_of
from ledger.scenario import read_diary
from ledger.service import Incoming, Ledger
from ledger.store import Store
from projections.export import Export, Period
from projections.journals import JOURNALS
from projections.projector import Projector
from projections.queries import Queries
from projections.trial_balance import TrialBalance
from streams.generate.portfolio import Portfolio
from streams.ingest import read_many

Balances = dict[tuple[str, str], int]

LOAN = {"borrower_id": "B1", "product": "loan", "officer_id": "O1", "branch": "north"}
ANNUITY = {"method": "annuity", "instalments": 6, "rate_percent": "12"}
# (type, value date, fields): euro with a charge that comes late and so moves an earlier split; yen
# overpaid; dinar with three digits; every way to close. The order is that of arrival.
BY_HAND: list[tuple[str, str, dict[str, Any]]] = [
    ("loan_opened", "2024-01-02", {"loan_id": "E1", "currency": "EUR", "principal": "1000.00"}),
    ("loan_disbursed", "2024-01-02", {"loan_id": "E1", "currency": "EUR", "amount": "1000.00"}),
    ("repayment_received", "2024-02-02",
     {"loan_id": "E1", "currency": "EUR", "amount": "172.55", "transaction_id": "R1,loan:E9"}),
    ("charge_applied", "2024-01-20", {"loan_id": "E1", "currency": "EUR", "kind": "fees",
                                      "amount": "7.01", "due_date": "2024-01-25"}),
    ("charge_applied", "2024-02-20", {"loan_id": "E1", "currency": "EUR", "kind": "costs",
                                      "amount": "3.00", "due_date": "2024-02-20"}),
    ("repayment_reversed", "2024-03-05", {"loan_id": "E1", "reason": "bounced",
                                          "reversed_transaction_id": "R1,loan:E9"}),
    ("repayment_received", "2024-02-10", {"loan_id": "E1", "currency": "EUR", "amount": "0.99"}),
    ("loan_closed", "2024-06-28", {"loan_id": "E1", "reason": "written_off"}),
    ("loan_opened", "2024-01-31", {"loan_id": "J1", "currency": "JPY", "principal": "500000"}),
    ("loan_disbursed", "2024-01-31", {"loan_id": "J1", "currency": "JPY", "amount": "500000"}),
    ("repayment_received", "2024-04-30", {"loan_id": "J1", "currency": "JPY", "amount": "900000"}),
    ("loan_opened", "2024-01-31", {"loan_id": "K1", "currency": "BHD", "principal": "10.001"}),
    ("loan_disbursed", "2024-01-31", {"loan_id": "K1", "currency": "BHD", "amount": "10.001"}),
    ("charge_applied", "2024-02-20", {"loan_id": "K1", "currency": "BHD", "kind": "penalty",
                                      "amount": "0.005", "due_date": "2024-02-20"}),
    ("loan_closed", "2024-05-31", {"loan_id": "K1", "reason": "refinanced"}),
    # Known by its reports only and closed on their word; then a fee of before comes to light.
    ("loan_opened", "2024-01-31", {"loan_id": "P1", "currency": "EUR", "principal": "50.00",
                                   "terms": {"method": "given", "instalments": 0,
                                             "rate_percent": "0"}}),
    ("loan_disbursed", "2024-01-31", {"loan_id": "P1", "currency": "EUR", "amount": "50.00"}),
    ("position_reported", "2024-02-29", {"loan_id": "P1", "currency": "EUR", "outstanding": "0"}),
    ("loan_closed", "2024-03-01", {"loan_id": "P1", "reason": "repaid"}),
    ("charge_applied", "2024-02-20", {"loan_id": "P1", "currency": "EUR", "kind": "fees",
                                      "amount": "1.00", "due_date": "2024-02-20"}),
    ("account_opened", "2024-01-15", {"account_id": "Y1", "borrower_id": "B1", "currency": "JPY",
                                      "opening_balance": "-700"}),
    ("account_credited", "2024-02-15", {"account_id": "Y1", "currency": "JPY", "amount": "701"}),
    ("account_debit_returned", "2024-02-16",
     {"account_id": "Y1", "currency": "JPY", "amount": "5", "flow": "loan_repayment"}),
]  # fmt: skip


def by_hand() -> Iterator[bytes]:
    for number, (kind, day, fields) in enumerate(BY_HAND, start=1):
        message = {"type": kind, "transaction_id": f"hand-{number}", "value_date": day, **fields}
        if kind == "loan_opened":
            message = LOAN | {"terms": ANNUITY} | message
        yield json.dumps({"sent_at": "2024-08-01T08:00:00Z", **message}).encode()


DIARIES = [
    path
    for path in sorted((Path(__file__).parents[1] / "scenarios").glob("ledger_*.txt"))
    if path.stem != "ledger_most_money"  # It fills a book up, and leaves no room for the others.
]
MINE = ("loan_id", "account_id", "transaction_id", "reversed_transaction_id",
        "charged_back_transaction_id", "voided_transaction_id")  # fmt: skip


def by_diary(path: Path) -> Iterator[Incoming]:
    """What a diary tells, under ids that no other diary has; without its calendar."""
    for line in read_diary(path.read_text(encoding="utf-8"), name=path.name).lines:
        if (
            line.command is None
            or line.refused
            or isinstance(line.command, CloseBusinessDay | ClosePeriod | ReopenPeriod)
        ):
            continue
        told: Any = line.command
        ids = {key: f"{path.stem}-{getattr(told, key)}" for key in MINE if hasattr(told, key)}
        command = replace(told, **ids)
        at = command.recorded_at_us
        yield Incoming(command, None, b"", "diary", line.number, at, command.transaction_id)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Queries]]:
    """A generated portfolio in yuan, the book by hand on top, and the loans of all diaries."""
    folder = tmp_path_factory.mktemp("export")
    portfolio = Portfolio(loans=60, months=7, seed=3, start=date(2024, 1, 2))
    with Store.open(folder / "ledger.db") as store:
        ledger, messages = Ledger(store.ledger), portfolio.messages()
        while batch := list(islice(messages, 2_000)):
            ledger.record(read_many(batch, source="made", first_offset=1, accepted_us=0))
        hand = ledger.record(read_many(by_hand(), source="hand", first_offset=1, accepted_us=0))
        assert [each for each in hand.outcomes if each.status != "accepted"] == []
        for path in DIARIES:
            told = ledger.record(list(by_diary(path)))
            assert {each.status for each in told.outcomes} <= {"accepted", "duplicate"}, path.name
        projector = Projector.open(folder / "views.db", store, views=(TrialBalance,))
        projector.catch_up()
        projector.close()
        reads = Queries.open(folder / "views.db", store)
        yield store, reads
        reads.close()


@pytest.fixture
def export(book: tuple[Store, Queries], tmp_path: Path) -> Callable[..., Path]:
    """`export("hledger", first, last, "EUR")` -> the journal of a period as a file."""

    def write(form: str, first: date | None = None, last: date | None = None,
              *currencies: str) -> Path:  # fmt: skip
        made = Export(JOURNALS[form], BytesIO(), period=Period(first, last), currencies=currencies)
        made.take(book[0].ledger.read(limit=10**6))
        path = tmp_path / f"books.{form}"
        with path.open("wb") as file:
            made.write(file)
        return path

    return write


def ours(book: tuple[Store, Queries], last: date | None, *currencies: str) -> Balances:
    """Our trial balance of a day, less the accounts at zero."""
    return {
        (row["account"], row["currency"]): row["balance_minor"]
        for row in book[1].trial_balance(last)
        if row["balance_minor"] and (not currencies or row["currency"] in currencies)
    }


PERIODS: list[tuple[Any, ...]] = [
    (None, None),
    (None, date(2024, 3, 31)),
    (date(2024, 2, 1), date(2024, 2, 29)),
    (date(2024, 2, 2), date(2024, 2, 2)),
    (date(2024, 4, 1), None),
    (date(2024, 2, 1), date(2024, 5, 31), "EUR", "BHD"),
    (date(2025, 6, 1), date(2025, 6, 30)),
]


def test_the_book_holds_every_kind_of_posting_and_backdated_facts(
    book: tuple[Store, Queries],
) -> None:
    facts = [item.fact for item in book[0].ledger.read(limit=10**6)]
    moved = {type(fact) for fact in facts if postings_of(fact, currency="CNY")}
    assert moved == set(MONEY_FACTS)
    assert {fact.reason for fact in facts if isinstance(fact, LoanClosed)} >= {
        "written_off",
        "refinanced",
    }
    late = [fact for fact in facts if isinstance(fact, RepaymentReceived)
            and fact.value_date < date_of_us(fact.recorded_at_us) - timedelta(days=3)]  # fmt: skip
    assert len(late) > 3
    assert {currency for _, currency in ours(book, None)} >= {"CNY", "EUR", "JPY", "BHD"}


@pytest.fixture
def hledger(binary: Callable[[str, str], Path]) -> Callable[..., str]:
    """Run hledger on a file; what it says, or a failure that shows its complaint."""
    program = binary("hledger", "hledger")

    def run(path: Path, *words: str) -> str:
        done = subprocess.run(
            [program, "-f", path, *words], capture_output=True, timeout=120, check=False
        )
        assert done.returncode == 0, (done.stdout + done.stderr).decode()
        return done.stdout.decode()

    return run


def hledger_balances(hledger: Callable[..., str], path: Path, *words: str) -> Balances:
    text = hledger(path, "balance", "--flat", "-N", "--layout=bare", "-O", "csv", *words)
    return {
        (row["account"], row["commodity"]): parse_minor(row["balance"], row["commodity"])
        for row in csv.DictReader(io.StringIO(text))
        if row["commodity"]
    }


@pytest.mark.service
@pytest.mark.parametrize("period", PERIODS, ids=str)
def test_hledger_checks_a_book_and_agrees_with_the_trial_balance_account_by_account(
    book: tuple[Store, Queries], export: Any, hledger: Any, period: tuple[Any, ...]
) -> None:
    path = export("hledger", *period)
    hledger(path, "check", "--strict", "ordereddates", "payees")
    first, last, *currencies = period
    end = ours(book, last, *currencies)
    assert end
    assert hledger_balances(hledger, path) == end
    if first is not None:
        begin = ours(book, first - timedelta(days=1), *currencies)
        assert hledger_balances(hledger, path, "-e", str(first)) == begin
        moved = {key: end.get(key, 0) - begin.get(key, 0) for key in end | begin}
        assert hledger_balances(hledger, path, "-b", str(first)) == {
            key: minor for key, minor in moved.items() if minor
        }


@pytest.mark.service
def test_hledger_finds_one_loan_by_its_tag_and_no_loan_that_an_id_made_up(
    book: tuple[Store, Queries], export: Any, hledger: Any
) -> None:
    path = export("hledger")
    expected: Balances = {}
    for item in book[0].ledger.stream("loan:E1"):
        for account, minor, currency in postings_of(item.fact, currency="EUR"):
            expected[account, currency] = expected.get((account, currency), 0) + minor
    found = hledger_balances(hledger, path, "tag:^loan$=^E1$")
    assert found == {key: minor for key, minor in expected.items() if minor}
    assert hledger_balances(hledger, path, "tag:^loan$=E9") == {}
    assert "R1%2Cloan:E9" in hledger(path, "tags", "--values", "transaction")


@pytest.mark.service
def test_hledger_has_a_transaction_for_each_fact_that_moved_money(
    book: tuple[Store, Queries], export: Any, hledger: Any
) -> None:
    expected = [
        item.event_id
        for item in book[0].ledger.read(limit=10**6)
        if postings_of(item.fact, currency="CNY")
    ]
    shown = csv.DictReader(io.StringIO(hledger(export("hledger"), "print", "-O", "csv")))
    codes = {row["txnidx"]: row["code"] for row in shown}
    assert sorted(code for code in codes.values() if code) == sorted(expected)


@pytest.mark.parametrize("harm", ["one digit", "one transaction"])
@pytest.mark.service
def test_hledger_notices_a_book_that_was_changed_or_cut(
    export: Any, binary: Callable[[str, str], Path], harm: str
) -> None:
    path = export("hledger", None, None, "EUR")
    text = path.read_text()
    if harm == "one digit":
        changed = text.replace(" 0.99 EUR", " 0.98 EUR", 1)
    else:
        blocks = text.split("\n\n")
        changed = "\n\n".join([*blocks[:4], *blocks[5:]])
    assert changed != text
    path.write_text(changed)
    program = binary("hledger", "hledger")
    done = subprocess.run([program, "-f", path, "check"], capture_output=True, check=False)
    assert done.returncode != 0
    assert b"balance" in done.stderr


def beancount_name(account: str) -> str:
    """`off_balance:interest` -> `Equity:Off-Balance:Interest`: beancount has five roots only."""
    root = account.partition(":")[0]
    known = {"assets", "equity", "expenses", "income", "liabilities"}
    return ("" if root in known else "Equity:") + account.replace("_", "-").title()


@pytest.mark.parametrize("period", PERIODS, ids=str)
def test_beancount_loads_a_book_and_agrees_with_the_trial_balance_account_by_account(
    book: tuple[Store, Queries], export: Any, period: tuple[Any, ...]
) -> None:
    from beancount import loader
    from beancount.core.data import Transaction

    entries, errors, _ = loader.load_file(str(export("beancount", *period)))
    assert [error.message for error in errors] == []
    found: Balances = {}
    for entry in entries:
        for line in entry.postings if isinstance(entry, Transaction) else ():
            key = (line.account, line.units.currency)
            minor = parse_minor(str(line.units.number), line.units.currency)
            found[key] = found.get(key, 0) + minor
    _, last, *currencies = period
    expected = {
        (beancount_name(account), currency): minor
        for (account, currency), minor in ours(book, last, *currencies).items()
    }
    assert expected
    assert {key: minor for key, minor in found.items() if minor} == expected


def test_beancount_notices_a_book_that_was_changed(export: Any) -> None:
    from beancount import loader

    text = export("beancount", None, None, "EUR").read_text()
    _, errors, _ = loader.load_string(text.replace(" 0.99 EUR", " 0.98 EUR", 1))
    assert errors
