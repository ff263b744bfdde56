"""`loanbell generate`: a seeded portfolio, written as a file that `loanbell import` reads."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import orjson
import typer

from ledger.errors import LoanError
from streams.cli.app import cli, err
from streams.cli.render import progress_bar
from streams.generate.portfolio import DEFAULT_START, Portfolio, portfolio

LoansOption = Annotated[int, typer.Option("--loans", min=1, help="How many loans.")]
MonthsOption = Annotated[int, typer.Option("--months", min=1, help="How many months of life.")]
SeedOption = Annotated[
    int, typer.Option("--seed", min=0, help="The same seed gives the same bytes on any machine.")
]


class NotWritable(LoanError):
    """The file could not be written; what was there before is untouched."""

    code = "not_writable"


@cli.command(rich_help_panel="Make facts")
def generate(
    to: Annotated[
        Path, typer.Argument(metavar="FILE", help="The file to write; .gz compresses it.")
    ],
    loans: LoansOption = 2_000,
    months: MonthsOption = 18,
    seed: SeedOption = 7,
    start: Annotated[
        datetime, typer.Option("--start", formats=["%Y-%m-%d"], help="The first day.")
    ] = datetime(DEFAULT_START.year, DEFAULT_START.month, DEFAULT_START.day),  # noqa: DTZ001
    truth: Annotated[
        Path | None,
        typer.Option("--truth", help="Also write what really became of each loan (JSON lines)."),
    ] = None,
) -> None:
    """Write a seeded SME portfolio as JSON lines, in the schema that `import` and HTTP take.

    Settlement accounts with daily movements, seasonal turnover, borrowers who slide into trouble in
    several ways, backdated and bounced payments, repeats, and a few messages that must be refused.

    Example: `loanbell generate sme.jsonl.gz --loans 500 --truth truth.jsonl`
    """
    world = portfolio(loans=loans, months=months, seed=seed, start=start.date())
    written = write_messages(world, to)
    err.print(f"{written:,} messages in {to}; read them in with: loanbell import {to}")
    if truth is not None:
        with replacing(truth) as file:
            for fate in world.truth():
                file.write(orjson.dumps(fate) + b"\n")
        err.print(f"what became of each loan: {truth}")


def write_messages(world: Portfolio, to: Path) -> int:
    """Write every message of `world`, a line each; how many they were."""
    written = 0
    with replacing(to) as file, progress_bar() as bar:
        task = bar.add_task("generating", total=world.count)
        for written, message in enumerate(world.messages(), start=1):
            file.write(message + b"\n")
            if written % 5_000 == 0:
                bar.update(task, completed=written, total=max(world.count, written))
        bar.update(task, completed=written, total=written)
    return written


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes its name only when it is whole; a device or a pipe is written directly.

    Errors: NotWritable.
    """
    special = path.exists() and not path.is_file()
    draft = path if special else path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with draft.open("wb") as plain, _packed(plain, path) as file:
                yield file
            if not special:
                os.replace(draft, path)
        finally:
            if not special:
                draft.unlink(missing_ok=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise NotWritable(
            f"{path} cannot be written: {error.strerror or error}.",
            way_out="Name a file in a folder that you may write to and has room.",
        ) from error


@contextmanager
def _packed(plain: BinaryIO, path: Path) -> Iterator[BinaryIO]:
    if path.suffix != ".gz":
        yield plain
        return
    with gzip.GzipFile("", "wb", fileobj=plain, compresslevel=6, mtime=0) as packed:
        yield packed  # type: ignore[misc]  # GzipFile writes like any binary file
