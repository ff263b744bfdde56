"""`loanbell grade`: one loan's grade by any regime, on any day, and why."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
import typer
from rich.text import Text

from ledger.errors import UnknownEntity
from projections.queries import Queries
from projections.regime_file import load
from streams.cli.app import DataOption, JsonOption, cli, out
from streams.cli.look import DayOption, queries
from streams.cli.render import grade as coloured
from streams.cli.render import pairs


@cli.command(rich_help_panel="Read")
def grade(
    loan_id: Annotated[str, typer.Argument(metavar="LOAN")],
    data: DataOption = None,
    regime: Annotated[
        list[str] | None,
        typer.Option(
            "--regime",
            "-r",
            help="A regime by name, or a .toml file; may be repeated. Default: those of the book.",
        ),
    ] = None,
    as_of: DayOption = None,
    known_on: DayOption = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="All that asks for the grade, and every change.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Grade a loan anew from the facts, as corrected, side by side in several regimes.

    `--as-of DATE` looks at a past day by all that is known now, or at a coming one as if nothing
    else happened; `--known-on DATE` leaves out what was learned later. A regime need not be one
    that the book is graded by: try a file of your own. What was said at the time is told by
    `loanbell loan`.
    """
    days = {
        "as_of": None if as_of is None else as_of.date(),
        "known_on": None if known_on is None else known_on.date(),
    }
    with queries(data) as reads:
        found = [_regraded(reads, loan_id, name, days) for name in regime or _known(reads)]
    if as_json:
        print(orjson.dumps(found).decode())
        return
    for graded in found:
        _print(graded, explain=explain)


def _known(reads: Queries) -> list[str]:
    return [row["regime"] for row in reads.regimes()]


def _regraded(reads: Queries, loan_id: str, name: str, days: dict[str, Any]) -> dict[str, Any]:
    known = name in _known(reads)
    found = reads.regraded(loan_id, regime=name if known else load(name), **days)
    if found is None:
        raise UnknownEntity(
            f"The book has no loan {loan_id}.", way_out="loanbell status tells how many it has."
        )
    return found


def _print(graded: dict[str, Any], *, explain: bool) -> None:
    reason = graded["reason"]
    supposed = " (if nothing else happens)" if graded["projected"] else ""
    shown: dict[str, Any] = {
        "grade": coloured(graded["grade"]) if graded["grade"] else "not graded by then",
        "at the close of": f"{graded['judged_date'] or 'no day yet'}{supposed}",
    }
    if reason is not None:
        shown["since"] = reason["since_date"]
        shown["because"] = reason["reason"]
        shown["rule"] = f"{reason['rule']}, {reason['article']} ({reason['mark']})"
        shown["facts"] = ", ".join(reason["causes"]) or "–"
    out.print(pairs(f"{graded['loan_id']} by {graded['version']}", shown))
    if explain:
        _print_reasons(graded)


def _print_reasons(graded: dict[str, Any]) -> None:
    out.print("\nWhat asks for a grade on that day", style="bold")
    for asking in graded["asking"]:
        line = Text("  ")
        line.append_text(coloured(asking["asks_for"]))
        line.append(f"  {asking['rule']}: {asking['text']}")
        out.print(line)
        facts = f"; facts {', '.join(asking['causes'])}" if asking["causes"] else ""
        source = f"{asking['article']}, {asking['mark']}: {asking['source']}{facts}"
        out.print(f"    {source}", style="dim")
    if not graded["asking"]:
        out.print("  nothing: the best grade")
    out.print("\nEvery change, as corrected", style="bold")
    for change in graded["changes"]:
        line = Text(f"  {change['since_date']} ")
        line.append_text(coloured(change["grade"]))
        line.append(f"  {change['reason']} ({change['article']}, {change['mark']})")
        out.print(line)
    out.print()
