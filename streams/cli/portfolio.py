"""`loanbell portfolio`: every figure of the portfolio as a table, CSV, Parquet or JSON."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from ledger.errors import MalformedMessage
from projections.figure_files import as_csv, as_parquet
from projections.queries import Ask, Figure, figure_names
from streams.cli.app import DataOption, JsonOption, cli, err, out
from streams.cli.look import DayOption, queries
from streams.cli.render import amount, share, table

NAMES = ", ".join(figure_names())


@cli.command(rich_help_panel="Read")
def portfolio(
    figure: Annotated[str, typer.Argument(metavar="FIGURE", help=NAMES)] = "par",
    data: DataOption = None,
    as_of: DayOption = None,
    since: DayOption = None,
    by: Annotated[
        str | None,
        typer.Option(help="Cut by branch, officer, industry, product, region or borrower."),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(help="Only loans of this, as branch=HQ; may be repeated."),
    ] = None,
    regime: Annotated[str | None, typer.Option(help="Grades by this regime.")] = None,
    rates: Annotated[
        Path | None, typer.Option(help="Provision rates; see projections/provisions.toml.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write CSV to this file, - for output.")] = None,
    parquet: Annotated[Path | None, typer.Option(help="Write Parquet to this file.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a figure of the portfolio, as of any business day, cut by anything.

    `--as-of` is any day: its last close counts, and what was known at it. `--since` is the day to
    compare with (roll, flow, migration: a month before) or to begin at (trend, cure, funnel,
    lead_time: a year before).
    """
    ask = Ask(
        as_of=_day(as_of), since=_day(since), by=by, where=conditions(where or []), regime=regime
    )
    with queries(data) as reads:
        found = reads.figure(figure, ask, rates=rates)
    if parquet is not None:
        parquet.write_bytes(as_parquet(found))
        err.print(f"{len(found.rows):,} rows to {parquet}")
    if csv is not None and str(csv) != "-":
        csv.write_text(as_csv(found), encoding="utf-8", newline="")
        err.print(f"{len(found.rows):,} rows to {csv}")
    elif csv is not None:
        sys.stdout.write(as_csv(found))
    if as_json:
        print(orjson.dumps(found).decode())
    elif csv is None and parquet is None:
        print_figure(found)


def _day(moment: Any) -> date | None:
    return None if moment is None else moment.date()


def conditions(words: list[str]) -> dict[str, str]:
    """`branch=HQ` -> {"branch": "HQ"}. Errors: MalformedMessage."""
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not value:
            raise MalformedMessage(
                f"{word[:60]!r} is no condition.", way_out="Write it as --where branch=HQ."
            )
        found[name] = value
    return found


def print_figure(figure: Figure) -> None:
    """A figure as a table for people: money and shares as one reads them."""
    span = f" since {figure.since}" if figure.since is not None else ""
    title = f"{figure.name.replace('_', ' ')}, {figure.as_of}{span}"
    columns = [column.removesuffix("_minor").replace("_", " ") for column in figure.columns]
    rows = [[_cell(column, row) for column in figure.columns] for row in figure.rows]
    out.print(table(title, columns, rows) if rows else f"{title}: no loans")


def _cell(column: str, row: dict[str, Any]) -> str:
    value = row[column]
    if value is None:
        return "–"
    if column.endswith("_minor"):
        return amount(value, row["currency"]).removesuffix(f" {row['currency']}")
    if isinstance(value, float):
        return f"{value:,.1f}" if column.startswith("mean_") else share(value)
    return f"{value:,}" if isinstance(value, int) else str(value)
