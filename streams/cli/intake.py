"""`loanbell import`: files of transactions through the agents, resumable, with what was refused."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress as Bar

from streams.cli.app import ConfigOption, DataOption, cli, err, out
from streams.cli.render import file_bar, table
from streams.files import ImportReport, import_file
from streams.readers import on_disk
from streams.settings import Settings
from streams.wiring import Node

LISTED = 10
"""Refused messages listed in a summary."""


@cli.command("import", rich_help_panel="Make facts")
def import_files(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="JSON lines or CSV, plain or .gz.")
    ],
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Read transactions from files, through the same agents as live use.

    Stopped or killed, the same command goes on where its last commit ended; a file that was read
    whole changes nothing when read again. A message that cannot be taken is refused with its reason
    and kept with its original bytes (`loanbell refusals`); the rest goes on, and the exit code is
    0: each message has its answer on record. It is 1 when a file as a whole cannot be read; the
    files before it are read then. A pipe, such as /dev/stdin, is read to its end first, as JSON
    lines.

    The messages are those of `POST /v1/transactions`; their schema stands at /docs of
    `loanbell serve`. A CSV has a column for each field, nested ones as `terms.method`.
    """
    settings = Settings.load({"data": data, "closed_by": "driver"}, file=config)
    reports: list[ImportReport] = []
    try:
        asyncio.run(_import(settings, files, reports))
    finally:  # what was read before a file that cannot be read is on record, and is told
        for report in reports:
            _summarise(report, settings.data)


async def _import(settings: Settings, files: list[Path], reports: list[ImportReport]) -> None:
    with file_bar() as bar:
        async with Node.open(settings) as node:
            for path in files:
                reports.append(await _one(node, path, bar))
            waiting = bar.add_task("watching and projecting", total=None, note="")
            await node.settled()
            bar.update(waiting, total=1, completed=1)


async def _one(node: Node, path: Path, bar: Bar) -> ImportReport:
    task = bar.add_task(f"importing {path.name}", total=None, note="")

    def show(report: ImportReport) -> None:
        counts = report.counts
        closed = f", closed {report.closed_through}" if report.closed_through else ""
        bar.update(
            task,
            completed=report.read_bytes,
            total=report.content_bytes,
            note=f"{sum(counts.values()):,} messages, {counts['refused']:,} refused{closed}",
        )

    most = node.settings.batch_messages
    with on_disk(path) as place:
        report = await import_file(node, place, batch_messages=most, progress=show)
    report.path = path
    return report


def _summarise(report: ImportReport, data: Path) -> None:
    counts = report.counts
    if report.resumed_after_line and not counts:
        err.print(f"{report.path}: all {report.resumed_after_line:,} lines were read before")
        return
    if report.resumed_after_line:
        err.print(f"{report.path}: went on after line {report.resumed_after_line:,}")
    out.print(
        f"{report.path}: {counts['accepted']:,} accepted, {counts['duplicate']:,} duplicates, "
        f"{counts['refused']:,} refused; {report.days_closed:,} business days closed by their dates"
    )
    if not report.refused:
        return
    rows = [(code, f"{count:,}") for code, count in report.refused.most_common()]
    out.print(table("Refused, by reason", ["reason", "messages"], rows))
    listed = [
        (f"{reject.line:,}", reject.transaction_id or "–", f"{reject.reason} {reject.way_out}")
        for reject in report.rejects[:LISTED]
    ]
    out.print(table("Where they lie", ["line", "transaction", "why, and the way out"], listed))
    if counts["refused"] > LISTED:
        out.print(f"all of them, with their original bytes: loanbell refusals --data {data}")
