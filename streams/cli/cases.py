"""`loanbell worklist`, `case` and `team`: cases as the people who work them read them."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
import typer

from ledger.errors import UnknownEntity
from projections.queries import CaseFilter
from projections.read_team import COUNTS, RATES
from streams.cli.app import DataOption, JsonOption, cli, out
from streams.cli.look import DayOption, queries
from streams.cli.render import amount, pairs, table
from streams.cli.screen import one_line

OfficerOption = Annotated[str | None, typer.Option("--officer", metavar="ID")]
BranchOption = Annotated[str | None, typer.Option("--branch", metavar="BRANCH")]
TeamOption = Annotated[str | None, typer.Option("--team", metavar="TEAM")]


@cli.command(rich_help_panel="Collect")
def worklist(
    data: DataOption = None,
    officer: OfficerOption = None,
    team: TeamOption = None,
    branch: BranchOption = None,
    on: DayOption = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000)] = 25,
    zh: Annotated[bool, typer.Option("--zh", help="Reasons in Chinese.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the open cases of an officer, team or branch, what matters most today first."""
    with queries(data) as reads:
        page = reads.worklist(
            owner_id=officer,
            team=team,
            branch=branch,
            on=None if on is None else on.date(),
            limit=limit,
            language="zh" if zh else "en",
        )
    if as_json:
        print(orjson.dumps(page.rows).decode())
        return
    rows = [
        (
            str(row["rank"]),
            row["case_id"],
            row["borrower_id"],
            f"{row['dpd_days']}",
            amount(row["arrears_minor"], row["currency"]),
            row["segment"] or "–",
            _next(row["suggestion"]),
            one_line("; ".join(why["text"] for why in row["why"][:3])),
        )
        for row in page.rows
    ]
    columns = ["rank", "case", "borrower", "days", "arrears", "segment", "next", "why now"]
    out.print(table(f"{len(rows)} cases", columns, rows) if rows else "no open cases")


def _next(suggestion: dict[str, Any] | None) -> str:
    if suggestion is None:
        return "–"
    if suggestion["date"] is None:
        return str(suggestion["next_step"])
    return f"{suggestion['channel']} {suggestion['date']}"


@cli.command(rich_help_panel="Collect")
def team(
    data: DataOption = None,
    by: Annotated[str, typer.Option(help="officer or team")] = "officer",
    since: DayOption = None,
    until: DayOption = None,
    behind: Annotated[
        tuple[str, str] | None, typer.Option(metavar="FIGURE NAME", help="The cases behind it.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show figures of officers or teams: as they are, and adjusted for the mix of segments."""
    first = None if since is None else since.date()
    last = None if until is None else until.date()
    with queries(data) as reads:
        if behind is not None:
            found = reads.behind(*behind, by=by, since=first, until=last)
        else:
            found = reads.team(by=by, since=first, until=last)
    if as_json:
        print(orjson.dumps(found).decode())
    elif behind is not None:
        rows = [(r["reference"], r["segment"], f"{r['part']:,}", f"{r['whole']:,}") for r in found]
        out.print(table(f"{behind[0]} of {behind[1]}", ["case", "segment", "part", "of"], rows))
    else:
        columns = [by, *COUNTS, *RATES, "recovered", "cost of 100"]
        title = "rates: plain / adjusted for the mix of segments"
        out.print(table(title, columns, [_figures(row, by) for row in found]))


def _figures(row: dict[str, Any], by: str) -> tuple[str, ...]:
    money = row["money"].items()
    return (
        str(row[by]),
        *(f"{row[name]:,}" for name in COUNTS),
        *(_rate(row[name]) for name in RATES),
        ", ".join(amount(of["recovered_minor"], name) for name, of in money) or "–",
        ", ".join(_price(of["cost_ppm"], name) for name, of in money) or "–",
    )


def _rate(found: dict[str, Any] | None) -> str:
    if found is None or found["rate_ppm"] is None:
        return "–"
    return f"{found['rate_ppm'] / 10_000:.0f} / {found['adjusted_ppm'] / 10_000:.0f} %"


def _price(ppm: int | None, currency: str) -> str:
    return "–" if ppm is None else f"{ppm / 10_000:.2f} {currency}"


case = typer.Typer(name="case", no_args_is_help=True, help="Read cases.")
cli.add_typer(case, rich_help_panel="Collect")


@case.command("list")
def list_cases(
    data: DataOption = None,
    officer: OfficerOption = None,
    team: TeamOption = None,
    branch: BranchOption = None,
    closed: Annotated[bool, typer.Option("--closed", help="Closed ones too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1_000)] = 50,
    as_json: JsonOption = False,
) -> None:
    """List cases, newest first."""
    wanted = CaseFilter(owner_id=officer, team=team, branch=branch, open=None if closed else True)
    with queries(data) as reads:
        found = reads.cases(wanted, limit=limit).rows
    if as_json:
        print(orjson.dumps(found).decode())
        return
    rows = [
        (
            row["case_id"],
            row["borrower_id"],
            str(row["opened_date"]),
            row["stage"] if row["open"] else f"closed: {row['close_reason']}",
            row["cause"],
            row["owner_id"],
            row["segment"] or "–",
        )
        for row in found
    ]
    columns = ["case", "borrower", "opened", "stage", "cause", "owner", "segment"]
    out.print(table(f"{len(rows)} cases", columns, rows))


@case.command("show")
def show_case(
    case_id: Annotated[str, typer.Argument(metavar="CASE")],
    data: DataOption = None,
    zh: Annotated[bool, typer.Option("--zh", help="Reasons in Chinese.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show a case: where it stands, why now, and everything that was done."""
    with queries(data) as reads:
        row = reads.case(case_id, language="zh" if zh else "en")
    if row is None:
        raise UnknownEntity(f"There is no case {case_id}.", way_out="`loanbell case list`.")
    if as_json:
        print(orjson.dumps(row).decode())
        return
    currency = row["currency"]
    shown = {
        "borrower, loans": f"{row['borrower_id']}, {', '.join(row['loan_ids'])}",
        "owner": f"{row['owner_id']}, {row['team']}, {row['branch']}",
        "stage, cause": f"{row['stage']}, {row['cause']}",
        "past due": f"{row['dpd_days']} days, {amount(row['arrears_minor'], currency)}",
        "treatment": f"{row['segment']}: {row['treatment']}" if row["segment"] else "–",
        "next": _next(row["suggestion"]),
        "came in, cost": f"{amount(row['recovered_minor'], currency)}, "
        f"{amount(row['cost_minor'], currency)}",
        "why now": one_line("; ".join(f"{w['text']} ({w['points']})" for w in row["why"])) or "–",
    }
    out.print(pairs(f"case {case_id}", shown))
    rows = [
        (str(each["value_date"]), each["change"], each["actor"] or "", each["event_id"])
        for each in row["history"]
    ]
    out.print(table("what was done", ["date", "what", "by", "fact"], rows))
