"""`loanbell case pack`: the evidence of a case, as a page and as a document. And its check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger.dates import now_us
from ledger.evidence import Document, evidence_of, written
from streams.cli.app import ConfigOption, DataOption, err
from streams.cli.care import opened
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
    config: ConfigOption = None,
) -> None:
    """Write the evidence of a case: every fact of its borrower, each with its proof.

    A page that needs nothing else, and the same as JSON. `loanbell check --pack FILE` verifies
    either; with `--data` against the book, with `--anchor` against what somebody else keeps.
    Reads only: it may run beside `loanbell serve`.

    Example: `loanbell case pack K-2024.7 --out evidence/`
    """
    _, store = opened(data, read_only=True, config=config)
    with store:
        document = evidence_of(store.ledger, store.warnings, case_id, made_us=now_us())
    for path, content in _files(case_id, to, document):
        with replacing(path) as file:
            file.write(content)
        err.print(f"{path}: {len(document['facts']):,} facts, {len(content):,} bytes")


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
