"""`loanbell case pack`: the evidence of a case, as a page and as a document. And its check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger.dates import now_us
from ledger.errors import UnknownEntity
from ledger.evidence import Document, evidence_of, written
from streams.cli.app import BookOption, ConfigOption, DataOption, err
from streams.cli.book import Book, book_of
from streams.cli.cases import case
from streams.cli.files import replacing
from streams.evidence_page import page_of


@case.command()
def pack(
    case_id: Annotated[str, typer.Argument(metavar="CASE", help="Its id.")],
    to: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="DIR|FILE",
            help="A folder for both, or a file: .html for the page, .json for the document.",
        ),
    ] = Path(),
    data: DataOption = None,
    database: BookOption = None,
    config: ConfigOption = None,
) -> None:
    """Write the evidence of a case: every fact of its borrower, each with its proof.

    A page that needs nothing else, and the same as JSON. `loanbell check --pack FILE` verifies
    either; with `--data` or `--database` against the book, with `--anchor` against what somebody
    else keeps. Reads only: it may run beside `loanbell serve`.

    Example: `loanbell case pack K-2024.7 --out evidence/`
    """
    with book_of(data, database, config) as book:
        document = _evidence(book, case_id)
    for path, content in _files(case_id, to, document):
        with replacing(path) as file:
            file.write(content)
        err.print(f"{path}: {len(document['facts']):,} facts, {len(content):,} bytes")


def _evidence(book: Book, case_id: str) -> Document:
    """From the partition in which the case's borrower lives. Errors: UnknownEntity."""
    found: list[Document] = []
    missing: UnknownEntity | None = None
    for store in book.stores:
        try:
            found.append(evidence_of(store.ledger, store.warnings, case_id, made_us=now_us()))
        except UnknownEntity as unknown:
            missing = missing or unknown
    if len(found) == 1:
        return found[0]
    if found:
        raise UnknownEntity(
            f"There is a case {case_id} in more than one partition.",
            way_out="Give cases ids that are unique in the book.",
        )
    raise missing or UnknownEntity(f"There is no case {case_id}.", way_out="Name one that is.")


def _files(case_id: str, to: Path, document: Document) -> list[tuple[Path, bytes]]:
    if to.suffix == ".html":
        return [(to, page_of(document))]
    if to.suffix == ".json":
        return [(to, written(document))]
    to.mkdir(parents=True, exist_ok=True)
    return [
        (to / f"{case_id}.html", page_of(document)),
        (to / f"{case_id}.json", written(document)),
    ]
