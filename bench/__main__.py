"""`python -m bench [NAME …] [--quick] [--size N] [--seed N] [--json FILE]`: measure, and tell.

Each bench module answers one question by `run(*, seed, quick)`, a list of dicts with question,
measure, value, unit and note. `--quick` takes small sizes, to see that everything runs; figures to
quote come without it.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from inspect import signature
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

import bench
from bench.machine import describe
from ledger.dates import today

Result = dict[str, Any]


def names() -> list[str]:
    """The questions there are: every module of this package that defines a `run`."""
    folder = Path(bench.__path__[0])
    return sorted(
        module.name
        for module in iter_modules(bench.__path__)
        if not module.ispkg and "\ndef run(" in (folder / f"{module.name}.py").read_text("utf-8")
    )


def measure(
    chosen: list[str], *, seed: int, quick: bool, size: int | None, console: Console
) -> list[Result]:
    """Run the chosen modules one after the other, each on an otherwise quiet process."""
    results: list[Result] = []
    given: dict[str, Any] = {"seed": seed, "quick": quick}
    for name in chosen:
        console.print(f"[dim]{name} …[/dim]")
        work = import_module(f"bench.{name}").run
        sized = size is not None and "size" in signature(work).parameters
        found = work(**given, size=size) if sized else work(**given)
        results += [{"bench": name, **row} for row in found]
    return results


def table(results: list[Result]) -> Table:
    """The results as a table for people."""
    shown = Table(box=None, pad_edge=False)
    for column in ("bench", "question", "measure"):
        shown.add_column(column)
    shown.add_column("value", justify="right")
    shown.add_column("unit")
    shown.add_column("note")
    for row in results:
        cells = (row[key] for key in ("bench", "question", "measure", "value", "unit", "note"))
        shown.add_row(*(_shown(cell) for cell in cells))
    return shown


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def main(arguments: list[str] | None = None) -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names()))
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run?")
    parser.add_argument("--size", type=int, help="loans or messages, where a bench counts them")
    parser.add_argument("--seed", type=int, default=7, help="seed of everything drawn (7)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write machine and results")
    chosen = parser.parse_args(arguments)
    unknown = sorted(set(chosen.names) - set(names()))
    if unknown:
        parser.error(f"no bench named {', '.join(unknown)}; there are {', '.join(names())}")
    console = Console(width=None if sys.stdout.isatty() else 160)
    machine = describe() | {"seed": str(chosen.seed), "date": today().isoformat()}
    for key, value in machine.items():
        console.print(f"{key:>16}  {value}", highlight=False)
    results = measure(
        chosen.names or names(),
        seed=chosen.seed,
        quick=chosen.quick,
        size=chosen.size,
        console=console,
    )
    console.print(table(results))
    if chosen.json:
        report = {"machine": machine, "quick": chosen.quick, "results": results}
        chosen.json.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
