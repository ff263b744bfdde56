"""`check` and `rebuild`: whether facts and views are right, and views anew from the facts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.progress import Progress as Bar

from ledger.errors import LoanError, StoreUnavailable
from ledger.store import ChainReport, FactLog, Store
from projections.projector import Projector
from projections.queries import Queries
from projections.rebuild import Difference, Progress, RebuildReport
from streams.cli.app import DEFAULT_DATA, ConfigOption, DataOption, JsonOption, cli, err, out
from streams.cli.render import amount, progress_bar, table
from streams.parts import views_of
from streams.settings import Settings

SHOWN = 20
"""Differences printed; the rest is counted."""


class UnknownView(LoanError):
    """The view named does not exist."""

    code = "unknown_view"


def opened(data: Path, *, read_only: bool, config: Path | None = None) -> tuple[Settings, Store]:
    """Settings and the store of a data folder that exists. Errors: StoreUnavailable."""
    settings = Settings.load({"data": data}, file=config)
    if not settings.ledger_db.exists():
        raise StoreUnavailable(
            f"There is no ledger in {data}.",
            way_out="Name the folder that holds ledger.db with --data, or import something first.",
        )
    return settings, Store.open(settings.ledger_db, read_only=read_only)


@cli.command(rich_help_panel="Keep it right")
def check(
    data: DataOption = DEFAULT_DATA, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Verify the hash chains, that the books balance, and that every view equals its rebuild.

    Reads only: it may run beside `loanbell serve`. Exit code 1 names what is wrong. The heads it
    prints are anchors: keep one elsewhere, and nobody can rewrite history unseen.
    """
    settings, store = opened(data, read_only=True, config=config)
    with store, progress_bar() as bar:
        chains = [_verified(log, bar) for log in (store.ledger, store.warnings)]
        sound = all(report.holds for report in chains)
        differences = _differences(settings, store) if sound else []
    balances = Queries.open(settings.views_db).trial_balance() if sound else []
    off = [row for row in _totals(balances) if row[1]]
    if as_json:
        print(_as_json(chains, off, differences))
    else:
        _print_check(chains, balances, off, differences, sound=sound)
    if not sound or off or differences:
        sys.exit(1)


def _verified(log: FactLog, bar: Bar) -> ChainReport:
    task = bar.add_task(f"chain of {log.name}", total=log.last_position())
    report = log.verify(progress=lambda position: bar.update(task, completed=position))
    bar.update(task, completed=report.facts)
    return report


class OtherRules(LoanError):
    """The views were judged by other rules than the settings name."""

    code = "other_rules"


def _same_rules(settings: Settings) -> None:
    """Errors: OtherRules, before anything is compared by rules that the views do not follow."""
    reads = Queries.open(settings.views_db)
    try:
        stored = {view["view"]: view["rules_version"] for view in reads.status()["views"]}
    finally:
        reads.close()
    for view in (factory() for factory in views_of(settings)):
        if stored.get(view.name, view.rules_version) != view.rules_version:
            raise OtherRules(
                f"The view {view.name} follows {stored[view.name]}; the settings name "
                f"{view.rules_version}.",
                way_out="Check under the settings that wrote it (LOANBELL_REGIME, --config), or "
                "start `loanbell serve`, which grades all of history by the new rules.",
            )


def _differences(settings: Settings, store: Store) -> list[Difference]:
    _same_rules(settings)
    projector = Projector.open(settings.views_db, store, views=views_of(settings))
    try:
        return projector.check()
    finally:
        projector.close()


def _totals(balances: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Debits less credits by currency: 0 when the books balance."""
    totals: dict[str, int] = {}
    for row in balances:
        totals[row["currency"]] = totals.get(row["currency"], 0) + row["balance_minor"]
    return sorted(totals.items())


def _print_check(
    chains: list[ChainReport],
    balances: list[dict[str, Any]],
    off: list[tuple[str, int]],
    differences: list[Difference],
    *,
    sound: bool,
) -> None:
    for report in chains:
        if report.fault is None:
            out.print(
                f"[green]holds[/green]  chain of {report.log}: {report.facts:,} facts, "
                f"head {report.checkpoint.chain.hex()[:16]}… at {report.checkpoint.position:,}"
            )
        else:
            fault = report.fault
            out.print(
                f"[bold red]BROKEN[/bold red] chain of {report.log} at position "
                f"{fault.position:,} ({fault.stream or 'stream unknown'}): {fault.what}"
            )
    if not sound:
        out.print("  way out: restore ledger.db from a copy taken before; views follow by rebuild")
        return
    for currency, total in off:
        out.print(f"[bold red]OFF[/bold red]    books of {currency} by {amount(total, currency)}")
    if not off:
        out.print(f"[green]holds[/green]  books: {len(balances)} accounts balance to zero")
    for difference in differences[:SHOWN]:
        out.print("[bold red]DIFFERS[/bold red]", end=" ")
        out.print(str(difference), markup=False)
    if len(differences) > SHOWN:
        out.print(f"  and {len(differences) - SHOWN:,} more rows")
    if differences:
        out.print("  way out: loanbell rebuild all")
    else:
        out.print("[green]holds[/green]  views: every row equals its rebuild from the facts")


def _as_json(
    chains: list[ChainReport], off: list[tuple[str, int]], differences: list[Difference]
) -> str:
    return orjson.dumps(
        {
            "chains": [
                {
                    "log": report.log,
                    "facts": report.facts,
                    "head": report.checkpoint.chain.hex(),
                    "position": report.checkpoint.position,
                    "fault": report.fault,
                }
                for report in chains
            ],
            "books_off": [{"currency": currency, "minor": minor} for currency, minor in off],
            "differences": [str(difference) for difference in differences],
        }
    ).decode()


@cli.command(rich_help_panel="Keep it right")
def rebuild(
    view: Annotated[str, typer.Argument(metavar="VIEW", help='A view by name, or "all".')],
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
) -> None:
    """Build a view anew from the facts, beside the live one, and swap it in at once.

    Control totals before and after are compared. Ctrl-C cancels and leaves the live view as it was.
    """
    settings, store = opened(data, read_only=False, config=config)
    with store:
        projector = Projector.open(settings.views_db, store, views=views_of(settings))
        try:
            if view != "all" and view not in projector.views:
                raise UnknownView(
                    f"There is no view {view!r}.",
                    way_out=f"Views: all, {', '.join(projector.views)}.",
                )
            with progress_bar() as bar:
                report = projector.rebuild(view, progress=_shown(bar, view))
        finally:
            projector.close()
    _print_rebuild(report)


def _shown(bar: Bar, view: str) -> Callable[[Progress], None]:
    task = bar.add_task(f"rebuilding {view}", total=None)

    def show(progress: Progress) -> None:
        bar.update(task, completed=progress.done, total=progress.total)

    return show


def _print_rebuild(report: RebuildReport) -> None:
    rate = report.facts / report.seconds if report.seconds else 0.0
    err.print(
        f"{report.outcome}: {', '.join(report.views)} from {report.facts:,} facts in "
        f"{report.seconds:.1f} s ({rate:,.0f}/s)"
    )
    if report.differing:
        rows = [(t.table, t.measure, f"{t.before:,}", f"{t.after:,}") for t in report.differing]
        out.print(table("Control totals that changed", ["table", "measure", "was", "is"], rows))
    else:
        out.print(f"all {len(report.totals)} control totals agree with the view replaced")
    if report.books:
        out.print(f"all {len(report.books)} totals agree with the trial balance and among views")
