"""How facts, warnings and figures look in a terminal. Knows colours and widths, no rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from ledger.money import format_minor
from streams.cli.app import err

SEVERITY_STYLE = {"watch": "cyan", "yellow": "yellow", "orange": "dark_orange", "red": "bold red"}
SEVERITIES = tuple(SEVERITY_STYLE)
GRADE_STYLE = {
    "normal": "green",
    "special_mention": "yellow",
    "substandard": "dark_orange",
    "doubtful": "red",
    "loss": "bold red",
    "performing": "green",
    "overdue": "yellow",
    "default": "red",
    "stage_1": "green",
    "stage_2": "yellow",
    "stage_3": "red",
    "standard": "green",
    "sma_0": "yellow",
    "sma_1": "yellow",
    "sma_2": "dark_orange",
    "npa": "red",
    "current": "green",
    "past_due_30_89": "yellow",
    "past_due_90": "dark_orange",
    "non_accrual": "red",
    "charge_off": "bold red",
}
"""Styles of the grades of shipped regimes; a grade of one's own is printed plain."""


class RateColumn(ProgressColumn):
    """Finished steps a second."""

    def render(self, task: Task) -> Text:
        """The task's speed, or a dash before there is one."""
        return Text(f"{task.speed:,.0f}/s" if task.speed else "–", style="cyan")


def progress_bar() -> Progress:
    """A bar with count, rate and time left; on standard error, so that output can be piped."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        RateColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=False,
    )


def file_bar() -> Progress:
    """A bar over a file's bytes, with a note of what was found in them."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeRemainingColumn(),
        console=err,
    )


def severity(name: str) -> Text:
    """A severity in its own colour."""
    return Text(f"{name:<6}", style=SEVERITY_STYLE.get(name, ""))


def grade(name: str) -> Text:
    """A risk grade in its own colour."""
    return Text(name, style=GRADE_STYLE.get(name, ""))


def amount(minor: int | None, currency: str) -> str:
    """Money with thousands separators for reading: 1,234,567.00 CNY."""
    if minor is None:
        return "–"
    whole, point, rest = format_minor(minor, currency).partition(".")
    return f"{int(whole):,}{point}{rest} {currency}" if whole != "-0" else f"-0.{rest} {currency}"


def share(ratio: float | None) -> str:
    """A ratio as a percentage, or a dash where there is none."""
    return "–" if ratio is None else f"{100 * ratio:.2f} %"


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """A plain table; numbers to the right."""
    drawn = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    kept = [[cell if isinstance(cell, Text) else str(cell) for cell in row] for row in rows]
    for index, column in enumerate(columns):
        numeric = all(_numeric(row[index]) for row in kept) and bool(kept)
        drawn.add_column(column, justify="right" if numeric else "left", header_style="dim")
    for row in kept:
        drawn.add_row(*row)
    return drawn


def pairs(title: str, values: Mapping[str, Any]) -> Table:
    """Names and values, a line each."""
    drawn = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    drawn.add_column("", style="dim")
    drawn.add_column("")
    for name, value in values.items():
        drawn.add_row(name, value if isinstance(value, Text) else str(value))
    drawn.show_header = False
    return drawn


def _numeric(cell: str | Text) -> bool:
    plain = cell.plain if isinstance(cell, Text) else cell
    return plain.replace(",", "").replace(".", "").replace("-", "").replace("%", "").strip(
        " –"
    ).isdigit() or plain in {"–", ""}
