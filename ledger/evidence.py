"""The evidence of a case: every fact about its borrower, each with its proof, in one document.

Takes in what is done about the debts, the borrower's loans, accounts and invoices, and the warnings
about the loans, as far as the logs have come. Each fact stands as it is stored, with all that its
hash covers, so that a reader computes the hash anew; `evidence_check` does. Texts that were sealed
stay sealed. Opens no files.

A hash chain shows that facts hang together and are those of the book. That the book is the one of
then is shown by an anchor that somebody else keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

import orjson

from ledger.codec import decode
from ledger.collection.judgment import RATE_SOURCE, owed_on
from ledger.collection.limitation import limitation_on
from ledger.collection.standing import standing_on
from ledger.collection.state import Collection
from ledger.dates import date_of, date_of_us, day_number
from ledger.decide import state_of
from ledger.errors import UnknownEntity
from ledger.events import AccountOpened, CaseOpened, LoanOpened
from ledger.ids import (
    account_stream,
    collection_stream,
    loan_stream,
    trading_stream,
    warning_stream,
)
from ledger.loan import Loan
from ledger.store import LEDGER_LOG, Checkpoint, Log
from ledger.store.anchors import anchor_now

FORMAT = "loanbell-evidence"
VERSION = 1
Document = dict[str, Any]


def evidence_of(ledger: Log, warnings: Log, case_id: str, *, made_us: int) -> Document:
    """The evidence of a case, as of now; `made_us` is when it is made, in microseconds of UTC.

    Errors: UnknownEntity where there is no such case.
    """
    ends = {log.name: anchor_now(log).checkpoint for log in (ledger, warnings)}
    subjects = _subjects(ledger, case_id, ends[LEDGER_LOG].position)
    streams = streams_of(subjects)
    facts = [
        *_facts(ledger, streams["ledger"], ends[ledger.name]),
        *_facts(warnings, streams["warnings"], ends[warnings.name]),
    ]
    document = {
        "format": FORMAT,
        "version": VERSION,
        "case_id": case_id,
        "made_us": made_us,
        "subjects": subjects,
        "logs": {
            name: {"position": end.position, "chain": end.chain.hex()} for name, end in ends.items()
        },
        "facts": facts,
    }
    document["derived"] = derived_from(document)
    return sealed(document)


def streams_of(subjects: Mapping[str, Any]) -> dict[str, list[str]]:
    """The streams of both logs that a pack about `subjects` holds."""
    borrower, loans = subjects["borrower_id"], subjects["loan_ids"]
    return {
        "ledger": [
            collection_stream(borrower),
            trading_stream(borrower),
            *map(loan_stream, loans),
            *map(account_stream, subjects["account_ids"]),
        ],
        "warnings": [*map(warning_stream, loans)],
    }


def _subjects(ledger: Log, case_id: str, upto: int) -> Document:
    wanted: dict[type, tuple[str, str]] = {
        CaseOpened: ("case_id", "borrower_id"),
        LoanOpened: ("loan_id", "borrower_id"),
        AccountOpened: ("account_id", "borrower_id"),
    }
    columns = ledger.columns(wanted, after=0, upto=upto)
    pairs = {kind: list(zip(*found, strict=True)) for kind, found in columns.items()}
    borrowers = [borrower for case, borrower in pairs[CaseOpened] if case == case_id]
    if not borrowers:
        raise UnknownEntity(
            f"There is no case {case_id}.", way_out="Name a case that was opened in this book."
        )
    if len(borrowers) > 1:
        raise UnknownEntity(
            f"There is more than one case {case_id}: of {', '.join(sorted(borrowers))}.",
            way_out="Give cases ids that are unique in the book.",
        )
    borrower = borrowers[0]
    return {
        "borrower_id": borrower,
        "loan_ids": sorted(name for name, whose in pairs[LoanOpened] if whose == borrower),
        "account_ids": sorted(name for name, whose in pairs[AccountOpened] if whose == borrower),
    }


def _facts(log: Log, streams: Iterable[str], end: Checkpoint) -> list[Document]:
    """The facts of `streams` up to `end`, in the order of the log, with their proof."""
    found = log.streams(list(streams)).values()
    positions = sorted(item.position for facts in found for item in facts)
    return [fact_at(log, position) for position in positions if position <= end.position]


def fact_at(log: Log, position: int) -> Document:
    """A fact as it is stored, and all that its hash covers."""
    before, row = log.link_at(position)
    _, stream, version, topic, state, previous, command, digest, chain = row
    return {
        "log": log.name,
        "position": position,
        "stream": stream,
        "version": version,
        "topic": topic,
        "state": state.decode(),
        "previous": previous,
        "command_id": command,
        "command_digest": None if digest is None else digest.hex(),
        "before": before.hex(),
        "chain": chain.hex(),
    }


def sealed(document: Document) -> Document:
    """The document with the SHA-256 of all the rest of it."""
    rest = {name: value for name, value in document.items() if name != "sha256"}
    return {**rest, "sha256": sha256(written(rest)).hexdigest()}


def written(document: Document) -> bytes:
    """The one way to write a document down: keys in order, no white space, a line's end."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS) + b"\n"


def derived_from(document: Document) -> Document:
    """What follows from the facts of a pack, on the day it was made.

    Promises and what became of them, the clock of limitation, and what is owed of judgments.
    """
    by_stream: dict[str, list[Any]] = {}
    for fact in document["facts"]:
        if fact["log"] == LEDGER_LOG:
            by_stream.setdefault(fact["stream"], []).append(decode(fact["topic"], fact["state"]))
    subjects = document["subjects"]
    loans = {
        loan_id: loan
        for loan_id in subjects["loan_ids"]
        if isinstance(loan := state_of(by_stream[loan_stream(loan_id)]), Loan)
    }
    collection = state_of(by_stream.get(collection_stream(subjects["borrower_id"]), ()))
    day = day_number(date_of_us(document["made_us"]))
    found: Document = {"day": date_of(day).isoformat(), "promises": [], "limitation": []}
    found["judgments"] = []
    if isinstance(collection, Collection):
        found["promises"] = _promises(collection, loans, day)
        found["judgments"] = _judgments(collection, loans, day)
        found["limitation"] = _clocks(collection, loans, day)
    return found


def _promises(collection: Collection, loans: Mapping[str, Loan], day: int) -> list[Document]:
    found = []
    for promise in collection.promises.values():
        standing = standing_on(promise, loans[promise.loan_id], day)
        decided = standing.decided_day
        found.append(
            {
                "promise_id": promise.promise_id,
                "loan_id": promise.loan_id,
                "standing": standing.standing,
                "promised_minor": standing.promised_minor,
                "paid_minor": standing.paid_minor,
                "decided": None if decided is None else date_of(decided).isoformat(),
            }
        )
    return found


def _judgments(collection: Collection, loans: Mapping[str, Loan], day: int) -> list[Document]:
    return [
        {
            "step_id": step.step_id,
            "loan_id": step.loan_id,
            "source": RATE_SOURCE,
            **owed_on(step, loans[step.loan_id], day)._asdict(),
        }
        for step in collection.steps.values()
        if step.step == "judgment"
    ]


def _clocks(collection: Collection, loans: Mapping[str, Loan], day: int) -> list[Document]:
    clocks = {loan_id: limitation_on(loan, collection, day) for loan_id, loan in loans.items()}
    return [
        {
            "loan_id": loan_id,
            "began": clock.began.isoformat(),
            "cause": clock.cause,
            "last_day": clock.last_day.isoformat(),
        }
        for loan_id, clock in clocks.items()
        if clock is not None
    ]
