"""How long does an officer wait for the list of the day, in a large book?

Views of 1,000,000 loans and 50,000 open cases of 200 officers, with warnings, written straight into
their tables; what is measured is the read alone, as the API and the desk make it, on a connection
each. The first page of 50 for every officer several times over, in an order that is drawn; then for
one who has ten times as many cases, for the whole book, and one case with all that belongs to it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.random import Generator, default_rng

from projections.balances import LOAN_BALANCES
from projections.case_tables import CASES, CONTACTS, TABLES
from projections.cases import Cases
from projections.queries import Queries
from projections.rebuild import catalog_row
from projections.register import LOANS
from projections.tables import Database, Row, TableSpec
from projections.warnings import HISTORY, SEVERITIES, WARNINGS
from projections.worklist import rank, reasons

_QUESTION = "the list of the day"
_TODAY = 20_100
_SLICE = 20_000
_ROUNDS = 5
_AIM = "aim: 99 of 100 within 100 ms"
_REASON = "An instalment is past due; the account's turnover fell by a third."
_TREATMENT = "sms*,call;0/3/8;neutral;call;none;5"


def run(*, seed: int, quick: bool) -> list[dict[str, Any]]:
    """Milliseconds to read a first page, in the middle and at worst."""
    loans, cases, officers = (20_000, 2_000, 20) if quick else (1_000_000, 50_000, 200)
    random = default_rng(seed)
    with tempfile.TemporaryDirectory(prefix="loanbell-worklist-") as folder:
        place = Path(folder) / "views.db"
        _fill(place, random, loans, cases, officers)
        queries = Queries.open(place)
        try:
            return [*_measured(queries, random, loans, cases, officers)]
        finally:
            queries.close()


def _measured(
    queries: Queries, random: Generator, loans: int, cases: int, officers: int
) -> Iterator[dict[str, Any]]:
    what = f"{loans:,} loans, {cases:,} open cases, {officers} officers"
    asked = [f"O{n:04}" for _ in range(_ROUNDS) for n in random.permutation(officers).tolist()]
    yield from _times(
        "first page of an officer",
        [partial(queries.worklist, owner_id=officer, limit=50) for officer in asked],
        f"{what}; {_AIM}",
    )
    yield from _times(
        "first page of the busiest",
        [partial(queries.worklist, owner_id="BUSY", limit=50)] * 40,
        f"{cases // 20:,} cases of one officer",
    )
    yield from _times(
        "first page of the whole book",
        [partial(queries.worklist, limit=50)] * 20,
        "of all cases, the 2,000 that the ledger ranks highest",
    )
    drawn = random.integers(0, cases, 200).tolist()
    yield from _times(
        "one case with all of its own",
        [partial(queries.case, f"K{number:07}") for number in drawn],
        "owners, contacts, promises, treatments, money, loans, warnings, history",
    )


def _times(measure: str, calls: list[Callable[[], Any]], note: str) -> list[dict[str, Any]]:
    calls[0]()  # opens the connection
    spent, worked = [], []
    for call in calls:
        began, busy = time.perf_counter(), time.process_time()
        found = call()
        worked.append(1e3 * (time.process_time() - busy))
        spent.append(1e3 * (time.perf_counter() - began))
        if not (found.rows if hasattr(found, "rows") else found):
            raise RuntimeError(f"{measure}: nothing was found")
    return [
        {
            "question": _QUESTION,
            "measure": f"{measure}, p{percent}{of}",
            "value": float(np.percentile(times, percent)),
            "unit": "ms",
            "note": note,
        }
        for times, of in ((spent, ""), (worked, " of processor time"))
        for percent in (50, 99)
    ]


def _fill(place: Path, random: Generator, loans: int, cases: int, officers: int) -> None:
    database = Database.open(place)
    specs = [LOANS, LOAN_BALANCES, WARNINGS, HISTORY, *TABLES]
    with database.writing() as connection:
        for spec in specs:
            database.create(connection, database.table(spec))
    _write(database, LOANS, (_loan(n, officers) for n in range(loans)))
    _write(database, LOAN_BALANCES, (_balance(n) for n in range(loans)))
    drawn = _drawn_cases(random, loans, cases, officers)
    _write(database, CASES, (_row(CASES, case) for case in drawn))
    _write(database, CONTACTS, _contacts(drawn))
    _write(database, WARNINGS, _warnings(random, loans, cases, officers))
    with database.writing() as connection:
        _note_close(database, connection)
        connection.exec_driver_sql("ANALYZE")
    database.close()


def _note_close(database: Database, connection: Any) -> None:
    positions = {"ledger": 1, "warnings": 1}
    row = catalog_row(Cases(), 1, positions, _TODAY - 1)
    database.upsert(connection, database.catalog, [row])


def _write(database: Database, spec: TableSpec, rows: Iterator[Row]) -> None:
    waiting: list[Row] = []
    for row in rows:
        waiting.append(row)
        if len(waiting) == _SLICE:
            _put(database, spec, waiting)
    _put(database, spec, waiting)


def _put(database: Database, spec: TableSpec, waiting: list[Row]) -> None:
    with database.writing() as connection:
        database.upsert(connection, database.table(spec), waiting)
    waiting.clear()


def _row(spec: TableSpec, values: dict[str, Any]) -> Row:
    """A row of `values`; what is not given is null, 0 or empty."""
    blank = {int: 0, str: "", bytes: b""}
    return tuple(
        values.get(column.name, None if column.nullable else blank[column.kind])
        for column in spec.columns
    )


def _loan(number: int, officers: int) -> Row:
    return _row(
        LOANS,
        {
            "loan_id": f"L{number:07}",
            "borrower_id": f"B{number // 2:07}",
            "currency": "CNY",
            "officer_id": f"O{number % officers:04}",
            "branch": f"branch-{number % 40}",
            "industry": "retail",
            "status": "running",
            "opened_day": _TODAY - 400,
        },
    )


def _balance(number: int) -> Row:
    return _row(LOAN_BALANCES, {"loan_id": f"L{number:07}", "currency": "CNY"})


def _drawn_cases(random: Generator, loans: int, cases: int, officers: int) -> list[dict[str, Any]]:
    """One case in twenty is of one busy officer, the others are shared out."""
    every, dpd = loans // cases, random.integers(0, 120, cases).tolist()
    arrears = random.integers(0, 50_000_000, cases).tolist()
    due = random.integers(-10, 10, cases).tolist()
    drawn = []
    for n in range(cases):
        busy = n % 20 == 0
        case = {
            "case_id": f"K{n:07}",
            "position": n + 1,
            "borrower_id": f"B{n * every // 2:07}",
            "loan_ids": orjson.dumps([f"L{n * every:07}"]).decode(),
            "currency": "CNY",
            "cause": "unknown",
            "trigger": "missed_payment",
            "owner_id": "BUSY" if busy else f"O{(n + n // 20) % officers:04}",
            "team": f"team-{n % 40}",
            "branch": f"branch-{n % 40}",
            "stage": "early",
            "open": 1,
            "opened_day": _TODAY - 30,
            "segment": "early",
            "treatment": _TREATMENT,
            "arm": "trial.champion",
            "assigned_day": _TODAY - 30,
            "contacts_made": n % 4,
            "next_channel": "call",
            "next_contact_day": _TODAY + due[n],
            "promise_due_day": None,
            "promise_state": "broken" if n % 17 == 0 else None,
            "legal_due_day": None,
            "dpd_days": dpd[n],
            "arrears_minor": arrears[n],
            "holds": "",
        }
        case["base_rank"] = rank(reasons(case, _TODAY))
        drawn.append(case)
    return drawn


def _contacts(cases: list[dict[str, Any]]) -> Iterator[Row]:
    """Four of each case."""
    for at, case in enumerate(cases):
        for number in range(4):
            yield _row(
                CONTACTS,
                {
                    **{name: case[name] for name in ("case_id", "borrower_id", "owner_id", "team")},
                    "contact_id": f"{case['case_id']}-{number}",
                    "position": 4 * at + number,
                    "officer_id": case["owner_id"],
                    "channel": "call",
                    "state": "done",
                    "outcome": "no_answer",
                    "outcome_day": _TODAY - number,
                },
            )


def _warnings(random: Generator, loans: int, cases: int, officers: int) -> Iterator[Row]:
    """Three of each borrower with a case, and as many of others; a third of all are over."""
    every = loans // cases
    ranks = random.integers(0, 4, 6 * cases).tolist()
    for n in range(6 * cases):
        loan = (n // 3) * every // 2 * 2 % loans
        yield _row(
            WARNINGS,
            {
                "warning_id": f"W{n:07}",
                "position": n + 1,
                "loan_id": f"L{loan:07}",
                "borrower_id": f"B{loan // 2:07}",
                "officer_id": f"O{n % officers:04}",
                "rule": "arrears",
                "pack": "sme-early v2",
                "severity": SEVERITIES[ranks[n]],
                "severity_rank": ranks[n],
                "state": ("raised", "acknowledged", "resolved")[n % 3],
                "episode": 1,
                "reason": _REASON,
                "readings": "[]",
                "cause_event_ids": "[]",
                "raised_day": _TODAY - 20,
                "changed_day": _TODAY - 10,
            },
        )
