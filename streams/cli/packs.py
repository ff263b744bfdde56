"""`loanbell check --pack`: whether a pack of evidence is what it says."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import orjson

from ledger.evidence import Document
from ledger.evidence_check import (
    PackUnreadable,
    faults_against_anchors,
    faults_against_book,
    faults_within,
    read_pack,
)
from ledger.ids import collection_stream
from ledger.store.anchors import Anchor
from streams.cli.app import err, out
from streams.evidence_page import document_in, faults_of_page
from streams.parts import AnyStore


def check_pack(
    path: Path, stores: Sequence[AnyStore], anchors: Sequence[Anchor], *, as_json: bool
) -> None:
    """Check the pack in a file, against a book where there are `stores`. Exit code 1: it is wrong.

    Errors: PackUnreadable.
    """
    document, faults = _within(path)
    unsaid: list[str] = []
    if not faults:
        store = _home_of(document, stores)
        logs = None if store is None else {log.name: log for log in (store.ledger, store.warnings)}
        if logs is not None:
            faults = faults_against_book(document, logs)
        by_anchor, unsaid = faults_against_anchors(document, anchors, logs)
        faults += by_anchor
    answer = {
        "pack": str(path),
        "case_id": document.get("case_id"),
        "facts": len(document.get("facts", ())),
        "against": ["itself", *(["book"] if stores else []), *(["anchors"] if anchors else [])],
        "faults": faults,
        "unsaid": unsaid,
    }
    if as_json:
        print(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode())
    else:
        _tell(answer, faults, unsaid)
    if faults or unsaid:
        sys.exit(1)


def _home_of(document: Document, stores: Sequence[AnyStore]) -> AnyStore | None:
    """The store that has the borrower of a pack, else the first: it will say what is not there."""
    borrower = collection_stream(document["subjects"]["borrower_id"])
    home = next((store for store in stores if store.ledger.stream(borrower)), None)
    return home or next(iter(stores), None)


def _within(path: Path) -> tuple[Document, list[str]]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise PackUnreadable(
            f"{path} cannot be read: {error.strerror}.",
            way_out="Name a file that `loanbell case pack` wrote.",
        ) from None
    if path.suffix != ".html":
        document = read_pack(raw)
        return document, faults_within(raw, document)
    document = document_in(raw)
    own = orjson.dumps(document, option=orjson.OPT_SORT_KEYS) + b"\n"
    return document, [*faults_within(own, document), *faults_of_page(raw, document)]


def _tell(answer: Document, faults: Sequence[str], unsaid: Sequence[str]) -> None:
    for fault in faults:
        err.tell("wrong:", fault, style="bold red")
    for anchor in unsaid:
        err.tell("not shown:", f"anchor {anchor} is between the facts of the pack.", style="bold")
        err.tell(
            "  way out:", "check against the book too, with --data or --database.", style="bold"
        )
    if not faults and not unsaid:
        against = ", ".join(answer["against"])
        out.print(f"{answer['facts']:,} facts of case {answer['case_id']} hold, against {against}")
