"""`check`, `anchor` and `rebuild`: whether facts and views are right, and views made anew."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.progress import Progress as Bar

from ledger.errors import LoanError, StoreUnavailable
from ledger.store import ChainFault, ChainReport, Checkpoint, FactLog, Log, Store
from ledger.store.anchors import Anchor, anchor_at, anchor_now, written
from projections.projector import Projector
from projections.rebuild import Progress, RebuildReport
from streams.cli.anchors import Promises, anchors_in, broken_promise, write_anchors
from streams.cli.app import BookOption, ConfigOption, DataOption, JsonOption, cli, err, out
from streams.cli.book import Book, ViewsFound, book_of, logs_of
from streams.cli.packs import check_pack
from streams.cli.render import amount, progress_bar, table
from streams.parts import views_of
from streams.settings import Settings

SHOWN = 20
"""Differences printed; the rest is counted."""


SinceOption = Annotated[
    Path | None,
    typer.Option(
        "--since",
        metavar="FILE",
        help="Walk the chains only from the anchor in FILE on: up to there they were checked.",
        rich_help_panel="Chains",
    ),
]
AnchorOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--anchor",
        metavar="FILE",
        help="Also prove that nothing changed that this anchor saw; may be given again.",
        rich_help_panel="Chains",
    ),
]
ResumeOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        help="Write how far the chains hold, if they do, as an anchor for the next --since.",
        rich_help_panel="Chains",
    ),
]
PackOption = Annotated[
    Path | None,
    typer.Option(
        "--pack",
        metavar="FILE",
        help="Check a pack of evidence instead; with --data or --database against that book too.",
        rich_help_panel="Evidence",
    ),
]
ChainsOnlyOption = Annotated[
    bool,
    typer.Option("--chains-only", help="Leave out books and views.", rich_help_panel="Chains"),
]


class UnknownView(LoanError):
    """The view named does not exist."""

    code = "unknown_view"


def opened(
    data: Path | None, *, read_only: bool, config: Path | None = None
) -> tuple[Settings, Store]:
    """Settings and the store of a data folder that exists: `data`, else what the settings name.

    Errors: StoreUnavailable.
    """
    settings = Settings.load({"data": data}, file=config)
    if not settings.ledger_db.exists():
        raise StoreUnavailable(
            f"There is no ledger in {settings.data}.",
            way_out="Name the folder that holds ledger.db with --data, or import something first.",
        )
    return settings, Store.open(settings.ledger_db, read_only=read_only)


@cli.command(rich_help_panel="Keep it right")
def check(
    data: DataOption = None,
    database: BookOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    since: SinceOption = None,
    anchor: AnchorOption = None,
    to: ResumeOption = None,
    chains_only: ChainsOnlyOption = False,
    pack: PackOption = None,
) -> None:
    """Verify the hash chains, that the books balance, and that every view equals its rebuild.

    Reads only: it may run beside `loanbell serve`. Exit code 1 names what is wrong.

    **Examples**

    - `loanbell check`: everything, from the first fact
    - `loanbell check --since last.anchor --out last.anchor --chains-only`: each night, only what is
      new (without `--since` the first time)
    - `loanbell check --anchor kept-by-the-auditor.anchor`: nobody rewrote what the auditor saw
    - `loanbell check --pack K1.html --data loanbell-data`: the evidence of a case is the book's
    - `loanbell check --database postgresql://…`: the logs and views of every partition, and the
      audit log that they share

    `loanbell anchor` makes such a file: keep it where nobody who can write the data can write.
    """
    if pack is not None:
        named = data is not None or database is not None
        book = book_of(data, database, config) if named else None
        _check_pack(pack, book, anchor or (), as_json=as_json)
        return
    starts = {} if since is None else {one.log: one.checkpoint for one in anchors_in(since)}
    kept = [one for file in anchor or () for one in anchors_in(file)]
    with book_of(data, database, config) as book, progress_bar() as bar:
        logs = book.logs()
        chains = [_verified(name, log, starts.get(name), bar) for name, log in logs.items()]
        sound = all(report.holds for report in chains)
        broken = [(one, broken_promise(logs, one)) for one in kept] if sound else []
        found = book.views() if sound and not chains_only else None
        if to is not None and sound and not any(fault for _, fault in broken):
            write_anchors(to, [_anchor(logs[report.log], report) for report in chains])
    if as_json:
        print(_as_json(chains, broken, found or ViewsFound()))
    else:
        _print_chains(chains, broken)
        if found is not None:
            _print_views(found)
    if not sound or any(fault for _, fault in broken) or (found is not None and found.wrong):
        sys.exit(1)


def _check_pack(pack: Path, book: Book | None, anchors: Sequence[Path], *, as_json: bool) -> None:
    kept = [one for file in anchors for one in anchors_in(file)]
    if book is None:
        check_pack(pack, (), kept, as_json=as_json)
        return
    with book:
        check_pack(pack, book.stores, kept, as_json=as_json)


def _anchor(log: FactLog, report: ChainReport) -> Anchor:
    return replace(anchor_at(log, report.checkpoint), log=report.log)


def _verified(name: str, log: FactLog, since: Checkpoint | None, bar: Bar) -> ChainReport:
    start = since.position if since is not None else 0
    task = bar.add_task(f"chain of {name}", total=max(0, log.last_position() - start))
    report = log.verify(
        progress=lambda position: bar.update(task, completed=position - start), since=since
    )
    bar.update(task, completed=report.facts)
    return replace(report, log=name)


def _print_chains(chains: list[ChainReport], broken: Promises) -> None:
    for report in chains:
        if report.fault is None:
            head = f"{report.checkpoint.chain.hex()[:16]}… at {report.checkpoint.position:,}"
            out.tell("holds", f"chain of {report.log}: {report.facts:,} facts, head {head}",
                     style="green")  # fmt: skip
        else:
            _print_fault(f"chain of {report.log}", report.fault)
    for anchor, fault in broken:
        if fault is None:
            out.tell("holds", f"anchor {anchor}", style="green")
        else:
            _print_fault(f"anchor {anchor}", fault)
    faults = [report.fault for report in chains] + [fault for _, fault in broken]
    found = [fault for fault in faults if fault is not None]
    if found and all(fault.index_only for fault in found):
        out.print("  way out: stop what writes there, then `loanbell rebuild index`")
    elif found:
        out.print("  way out: restore ledger.db from a copy taken before; views follow by rebuild")


def _print_fault(what: str, fault: ChainFault) -> None:
    place = f"position {fault.position:,} ({fault.stream or 'stream unknown'})"
    out.tell("BROKEN", f"{what} at {place}: {fault.what}", style="bold red")


def _print_views(found: ViewsFound) -> None:
    for currency, total in found.off:
        out.tell("OFF", f"books of {currency} by {amount(total, currency)}", style="bold red")
    if found.accounts is not None and not found.off:
        out.tell("holds", f"books: {found.accounts} accounts balance to zero", style="green")
    for difference in found.differences[:SHOWN]:
        out.tell("DIFFERS", str(difference), style="bold red")
    if len(found.differences) > SHOWN:
        out.print(f"  and {len(found.differences) - SHOWN:,} more rows")
    if found.differences:
        out.print("  way out: loanbell rebuild all")
    elif found.behind:
        text = (
            f"views: {found.behind:,} facts are not in them yet; what is there equals its rebuild"
        )
        out.tell("BEHIND", text, style="yellow")
        out.print("  way out: loanbell serve reads them in; beside it, check again in a moment")
    elif found.fault is None:
        out.tell("holds", "views: every row equals its rebuild from the facts", style="green")
    if found.fault is not None:
        out.tell("UNREAD", f"views: {found.fault.message}", style="bold red")
        out.print(f"  way out: {found.fault.way_out}")


def _as_json(chains: list[ChainReport], broken: Promises, found: ViewsFound) -> str:
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
            "anchors": [{"anchor": str(anchor), "fault": fault} for anchor, fault in broken],
            "books_off": [{"currency": currency, "minor": minor} for currency, minor in found.off],
            "differences": [str(difference) for difference in found.differences],
            "views_behind": found.behind,
            "views_fault": None if found.fault is None else str(found.fault),
        }
    ).decode()


@cli.command(rich_help_panel="Keep it right")
def anchor(
    data: DataOption = None,
    to: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Else standard output, a line a log."),
    ] = None,
) -> None:
    """Write where the logs stand and the hash of all their facts, for somebody else to keep.

    Whoever keeps it can prove later that nothing recorded by now was changed, taken away or put in:
    `loanbell check --anchor FILE`. It is short enough to print, mail or have stamped, and tells
    nothing about any borrower. Quick, for it believes the log; `check --out` verifies first.

    Example: `loanbell anchor >> /mnt/auditor/loanbell.anchor`, each evening (all lines count)
    """
    _, store = opened(data, read_only=True)
    with store:
        anchors = [anchor_now(log) for log in logs_of(store)]
    if to is None:
        print(written(anchors), end="")
    else:
        write_anchors(to, anchors)


@cli.command(rich_help_panel="Keep it right")
def rebuild(
    view: Annotated[str, typer.Argument(metavar="VIEW", help='A view by name, "all", or "index".')],
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Build a view anew from the facts, beside the live one, and swap it in at once.

    Control totals before and after are compared. Ctrl-C cancels and leaves the live view as it was.
    `index` is no view: it is the ledger's own index, made anew from facts that `check` found whole.
    """
    settings, store = opened(data, read_only=False, config=config)
    with store:
        if view == "index":
            store.ledger.reindex()
            store.warnings.reindex()
            if isinstance(store.audit, Log):
                store.audit.reindex()
            err.print("the index of all logs is built again")
            return
        projector = Projector.open(settings.views_db, store, views=views_of(settings))
        try:
            if view != "all" and view not in projector.views:
                raise UnknownView(
                    f"There is no view {view!r}.",
                    way_out=f"Views: all, {', '.join(projector.views)}; or index.",
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
