"""A small seeded stand-in for each set, in the same csv shape, for machines without the data.

No row is real. The stand-ins exist to show that the path works; nothing about quality can be read
from them.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson

from bench.datasets.source import Row
from ledger.dates import add_months
from streams.generate.draws import UNIT, Draws

Event = tuple[str, str, str, str, str, str, dict[str, Any]]
"""event_time, entity, loan, type, amount, currency, payload."""


def write_sample(folder: Path, name: str, *, seed: int) -> Path:
    """Write the stand-in of set `name` into `folder` as `events.csv.gz`; returns the file."""
    events = sorted(_WRITERS[name](Draws(seed, len(name))), key=lambda event: event[0])
    path = folder / "events.csv.gz"
    with gzip.open(path, mode="wt", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Row._fields)
        for number, (*event, payload) in enumerate(events, start=1):
            text = orjson.dumps(payload).decode()
            writer.writerow([f"{name}-sample-{number:07d}", *event, text])
    return path


def _invoices(draws: Draws) -> list[Event]:
    events: list[Event] = []
    for firm in range(12):
        size = 2_000_000 * int(draws.factor(800, 1)[0]) // UNIT
        for number in range(150):
            day = date(2018, 1, 2) + timedelta(days=draws.one(500))
            minor = max(size * int(draws.factor(700, 1)[0]) // UNIT, 100)
            sign = "-" if draws.one(40) == 0 else ""
            sold = draws.one(2) == 0
            invoice = {
                "invoice_no": firm * 1000 + number,
                "counterparty": f"X{draws.one(30):05d}",
                "net": minor / 100,
                "tax": 0.0,
                "void": int(draws.one(25) == 0),
            }
            kind = "SaleInvoiced" if sold else "PurchaseInvoiced"
            amount = f"{sign}{minor // 100}.{minor % 100:02d}"
            event = (f"{day}T00:00:00", f"X{firm:03d}", "", kind, amount, "CNY", invoice)
            events += [event, event] if draws.one(75) == 0 else [event]
    return events


def _micro_loans(draws: Draws) -> list[Event]:
    events: list[Event] = []
    for client in range(60):
        day = date(2016, 2, 1) + timedelta(days=draws.one(60))
        for number in range(1 + draws.one(6)):
            loan, owner = f"X{client:03d}-{number}", f"X{client:03d}"
            principal = 10_000 + 5_000 * draws.one(4)
            due = day + timedelta(days=30)
            terms = {
                "total_due": principal * 115 / 100,
                "term_days": 30,
                "loan_number": number + 1,
                "referred": 0,
                "first_due_date": due.isoformat(),
                "n_instalments": 1,
            }
            paid = due + timedelta(days=draws.one(14) - 10)
            total = f"{principal * 115 / 100:.1f}"
            events += [
                (f"{day}T09:00:00", owner, loan, "LoanOpened", f"{principal}.0", "NGN", terms),
                (f"{due}T00:00:00", owner, loan, "InstalmentDue", total, "NGN", {}),
                (f"{paid}T10:00:00", owner, loan, "RepaymentReceived", total, "NGN", {}),
                (f"{paid}T10:05:00", owner, loan, "LoanClosed", "", "NGN", {}),
            ]
            day = paid + timedelta(days=1 + draws.one(20))
    return events


def _cards(draws: Draws) -> list[Event]:
    events: list[Event] = []
    for client in range(150):
        name, limit = f"X{client:05d}", 20_000 + 10_000 * draws.one(30)
        events.append(("2005-04-01T00:00:00", name, name, "LoanOpened", f"{limit}.0", "TWD", {}))
        late = 0
        for month in range(4, 10):
            late = late + 1 if draws.one(8) == 0 else max(late - 1, 0)
            bill, end = limit * draws.one(100) // 100 - 500, add_months(date(2005, month, 30), 0)
            status = {"month": f"2005-{month:02d}", "pay_status": late or -draws.one(3)}
            if not late:
                paid = f"{500 + draws.one(5000)}.0"
                when = f"2005-{month:02d}-15T12:00:00"
                events.append((when, name, name, "RepaymentReceived", paid, "TWD", {}))
            row = (f"{end}T00:00:00", name, name, "StatementIssued", f"{bill}.0", "TWD", status)
            events.append(row)
    return events


def _mortgages(draws: Draws) -> list[Event]:
    events: list[Event] = []
    for loan in range(60):
        name, balance, rate = f"X{loan:04d}", 80_000 + 1_000 * draws.one(200), 5.5
        start = add_months(date(2002, 1, 1), 3 * draws.one(8))
        facts = {"rate_orig": rate, "state": "CA", "fico": 700}
        events.append((f"{start}T00:00:00", name, name, "LoanOpened", f"{balance}.0", "USD", facts))
        for quarter in range(1, 6 + draws.one(14)):
            end = f"{add_months(start, 3 * quarter) - timedelta(days=1)}T00:00:00"
            balance = balance * 99 // 100
            rate += 0.25 if draws.one(9) == 0 else 0.0
            report = {"period": quarter, "rate": rate, "ltv": 70.0}
            report |= {"hpi": 100.0 + quarter, "uer": 5.0, "gdp": 1.5}
            events.append((end, name, name, "BalanceReported", f"{balance}.0", "USD", report))
        last = "DefaultObserved" if draws.one(5) == 0 else "LoanPaidOff"
        events.append((end, name, name, last, "", "USD", {}))
    return events


_WRITERS: dict[str, Callable[[Draws], list[Event]]] = {
    "cumcm_sme": _invoices,
    "cumcm_unlabelled": _invoices,
    "superlender": _micro_loans,
    "taiwan_card": _cards,
    "mortgage_dcr": _mortgages,
}
