"""`python -m bench.datasets [NAME …] [--json FILE]`: stream whole real sets through the one path.

Each set runs in a node of its own on a fresh data folder, from bytes to grades. The table gives for
each: source rows, messages, seconds, rate, what was refused and why, rows that gave no message and
why, warnings by severity, and the grades of the loans open at the last close.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench.datasets.catalogue import SETS, source
from bench.datasets.source import Tally
from bench.drive import Driven, drive_all
from bench.machine import describe

Row = dict[str, Any]


def stream(name: str, *, seed: int, console: Console) -> Row:
    """Stream set `name` through a fresh node; returns its figures by name."""
    with tempfile.TemporaryDirectory(prefix=f"loanbell-{name}-") as scratch:
        folder = Path(scratch)
        found = source(name, scratch=folder, seed=seed)
        if found.notice:
            console.print(f"[yellow]{found.notice}[/yellow]")
        tally = Tally()
        driven = _shown(found.messages(tally), folder / "data", name, tally, console)
    return {
        "set": name,
        "title": found.data.title,
        "stand_in": bool(found.notice),
        "rows": tally.rows,
        "rows_without_message": dict(tally.aside),
        "assumed": dict(tally.assumed),
        "messages": driven.sent.messages,
        "seconds": driven.seconds,
        "messages_per_second": driven.rate,
        "outcomes": dict(driven.sent.outcomes),
        "refused": dict(driven.sent.refused),
        "warnings": driven.warnings,
        "loans": driven.loans,
        "grades": driven.grades,
    }


def _shown(lines: Any, folder: Path, name: str, tally: Tally, console: Console) -> Driven:
    """Drive the lines with a line of progress."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} messages"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(name, total=None)
        return drive_all(
            lines,
            folder,
            source=name,
            calendar="weekends",
            report=lambda sent: progress.update(task, completed=sent.messages),
        )


def table(rows: list[Row]) -> Table:
    """The figures for people, one line a set."""
    shown = Table(title="Real sets through the whole path", title_justify="left")
    shown.add_column("set")
    for column in ("rows", "messages", "seconds", "messages/s"):
        shown.add_column(column, justify="right")
    for column in ("refused", "no message", "warnings", "grades of open loans"):
        shown.add_column(column)
    for row in rows:
        shown.add_row(
            row["set"] + (" (stand-in)" if row["stand_in"] else ""),
            f"{row['rows']:,}",
            f"{row['messages']:,}",
            f"{row['seconds']:.1f}",
            f"{row['messages_per_second']:,.0f}",
            _counts(row["refused"]) + _resent(row["outcomes"]),
            _counts(row["rows_without_message"]),
            _counts(row["warnings"]),
            _counts(row["grades"]),
        )
    return shown


def _counts(counts: dict[str, int]) -> str:
    return "\n".join(f"{name} {count:,}" for name, count in counts.items()) or "none"


def _resent(outcomes: dict[str, int]) -> str:
    duplicates = outcomes.get("duplicate", 0)
    return f"\n(resent, changed nothing: {duplicates:,})" if duplicates else ""


def main(arguments: list[str] | None = None) -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.datasets", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SETS))
    parser.add_argument("--seed", type=int, default=7, help="seed of the stand-ins (7)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write machine and figures")
    chosen = parser.parse_args(arguments)
    unknown = sorted(set(chosen.names) - set(SETS))
    if unknown:
        parser.error(f"no set named {', '.join(unknown)}; there are {', '.join(SETS)}")
    console = Console(width=None if sys.stdout.isatty() else 160)
    machine = describe()
    for key, value in machine.items():
        console.print(f"{key:>16}  {value}", highlight=False)
    rows = [stream(name, seed=chosen.seed, console=console) for name in chosen.names or SETS]
    console.print(table(rows))
    if chosen.json:
        report = {"machine": machine, "sets": rows}
        chosen.json.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
