"""`loanbell export`: the books of a period, for accounting programs that others wrote."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated

import typer

from ledger.store import Store
from projections.export import Export, Period, Written
from projections.journals import JOURNALS
from streams.cli.app import DataOption, cli, err
from streams.cli.care import opened
from streams.cli.files import NotWritable, replacing
from streams.cli.render import progress_bar

PAGE = 10_000


class Format(StrEnum):
    """The formats that can be written, by the program that reads them."""

    hledger = "hledger"
    beancount = "beancount"


FromOption = Annotated[
    datetime | None,
    typer.Option(
        "--from",
        formats=["%Y-%m-%d"],
        metavar="DATE",
        help="First value date; what was before becomes the opening balances.",
        rich_help_panel="Which facts",
    ),
]
ToOption = Annotated[
    datetime | None,
    typer.Option(
        "--to",
        formats=["%Y-%m-%d"],
        metavar="DATE",
        help="Last value date, included.",
        rich_help_panel="Which facts",
    ),
]
CurrencyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--currency",
        metavar="CODE",
        help="Only this one, such as CNY; may be given again. Without it: all.",
        rich_help_panel="Which facts",
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Else standard output; .gz compresses it."),
]


@cli.command(rich_help_panel="Read")
def export(
    form: Annotated[Format, typer.Option("--format", help="The program that will read it.")],
    data: DataOption = None,
    from_: FromOption = None,
    to: ToOption = None,
    currency: CurrencyOption = None,
    out: OutOption = None,
) -> None:
    """Write the double entry of any period, so that an auditor can add it up without LoanBell.

    One transaction a fact that moved money, on its value date: the fact's id as code, loan,
    transaction and day of recording as tags. Accounts and currencies are declared. Balances before
    the period are an opening transaction of the day before; the file ends by stating the balances
    it must come to, which are those of the trial balance. The same facts give the same bytes.

    **Examples**

    - `loanbell export --format hledger --out books.journal`, then
      `hledger -f books.journal check --strict ordereddates` and `hledger -f books.journal balance`
    - `loanbell export --format hledger --from 2024-01-01 --to 2024-03-31 --currency CNY |
      hledger -f - register tag:loan=L000107`
    - `loanbell export --format beancount --out books.beancount`, then `bean-check books.beancount`

    Reads only: it may run beside `loanbell serve`. It reads the facts, not the views.
    """
    period = Period(from_.date() if from_ else None, to.date() if to else None)
    _, store = opened(data, read_only=True)
    with store, _writable(out), TemporaryFile() as draft:
        export = Export(JOURNALS[form], draft, period=period, currencies=currency or ())
        _take_all(export, store)
        if out is None:
            written = export.write(sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            with replacing(out) as file:
                written = export.write(file)
    err.print(_summary(written, period, out))


@contextmanager
def _writable(out: Path | None) -> Iterator[None]:
    """Errors: NotWritable for what the system refuses while a file is written."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise NotWritable(
            f"{out or 'Standard output'} cannot be written: {error.strerror or error}.",
            way_out="Name a file with --out in a folder that you may write to and has room; "
            "waiting texts need as much room in the folder for temporary files (TMPDIR).",
        ) from error


def _take_all(export: Export, store: Store) -> None:
    """Every fact that is there now; what is recorded meanwhile belongs to the next export."""
    last, position = store.ledger.last_position(), 0
    with progress_bar() as bar:
        task = bar.add_task("exporting", total=last)
        while position < last:
            page = store.ledger.read(after=position, limit=min(PAGE, last - position))
            export.take(page)
            position = page[-1].position
            bar.update(task, completed=position)


def _summary(written: Written, period: Period, out: Path | None) -> str:
    if not written.currencies:
        return f"no money moved {period}: the file has no transactions"
    return (
        f"{written.transactions:,} transactions {period} in {', '.join(written.currencies)}"
        f"{'' if out is None else f', in {out}'}"
    )
