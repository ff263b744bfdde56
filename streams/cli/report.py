"""`loanbell report`: the portfolio as one page of pictures."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from projections.queries import Ask
from streams.cli.app import DataOption, cli, err
from streams.cli.look import DayOption, queries
from streams.cli.portfolio import conditions
from streams.parts import pack_of
from streams.pictures import report as drawn
from streams.settings import Settings


class Language(StrEnum):
    """Languages of the page."""

    EN = "en"
    ZH = "zh"


@cli.command(rich_help_panel="Read")
def report(
    data: DataOption = None,
    out_file: Annotated[Path, typer.Option("--out", "-o", help="The page to write.")] = Path(
        "report.html"
    ),
    as_of: DayOption = None,
    where: Annotated[
        list[str] | None,
        typer.Option(help="Only loans of this, as branch=HQ; may be repeated."),
    ] = None,
    regime: Annotated[str | None, typer.Option(help="Grades by this regime.")] = None,
    language: Annotated[
        Language, typer.Option(help="The language shown at first; the page has both.")
    ] = Language.EN,
) -> None:
    """Draw the portfolio: one page for screen and print, that needs no network.

    Ageing over time, roll rates, vintages, grade migration, warnings and their lead time,
    concentration, provisions and the watch list, as known at the close of the day.
    """
    day = None if as_of is None else as_of.date()
    ask = Ask(as_of=day, where=conditions(where or []), regime=regime)
    pack = pack_of(Settings.load({"data": data}))
    with queries(data) as reads:
        page = drawn(reads, ask, language=language.value, pack=pack)
    out_file.write_text(page, encoding="utf-8")
    err.print(f"{out_file}: {len(page.encode()):,} bytes; open it in any browser")
