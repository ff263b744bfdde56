"""`loanbell demo`: a seeded portfolio through the whole path, and what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from ledger.errors import LoanError
from ledger.store.lock import WriterLock
from streams.cli.app import ConfigOption, cli, err, out
from streams.cli.files import SeedOption
from streams.cli.look import print_portfolio, print_story
from streams.cli.render import SEVERITIES, pairs, progress_bar, severity, share, table
from streams.drive import Sent, send_all
from streams.generate.portfolio import Portfolio, portfolio
from streams.report import PortfolioReport, portfolio_report
from streams.settings import Settings
from streams.wiring import Node

MARK = "demo.json"
TRUTH = "truth.jsonl"
DATABASES = ("ledger.db", "views.db", "users.db", "keys.db")
DEMO_LOANS, DEMO_MONTHS = 2_000, 18
DESK_LOANS, DESK_MONTHS = 400, 12
DAY_SECONDS = 6.0
STRATEGY = "sme-collections"
WAYS = """\
# Written by `loanbell demo --desk`: borrowers that are none answer what goes out by itself.
bank = "LoanBell"
language = "zh"

[[way]]
kind = "simulator"
channels = ["sms", "app_push", "email", "voice_bot", "letter"]
"""
STORY_LINES = 45
DEMO_DATA = Path("loanbell-demo")


class NotADemo(LoanError):
    """The folder holds a book that no demo made."""

    code = "not_a_demo"


@cli.command(rich_help_panel="Make facts")
def demo(
    loans: Annotated[
        int | None,
        typer.Option("--loans", min=1, help="How many loans.", show_default="2000; a desk 400"),
    ] = None,
    months: Annotated[
        int | None,
        typer.Option("--months", min=1, help="Months of life.", show_default="18; a desk 12"),
    ] = None,
    seed: SeedOption = 7,
    data: Annotated[
        Path, typer.Option("--data", "-d", help="Where; an earlier demo there is replaced.")
    ] = DEMO_DATA,
    desk: Annotated[
        bool, typer.Option("--desk", help="Open a living branch in the browser instead.")
    ] = False,
    port: Annotated[
        int | None, typer.Option("--port", help="With --desk: where; 0 takes a free one.")
    ] = None,
    day_seconds: Annotated[
        float, typer.Option("--day-seconds", min=0.5, help="With --desk: how long a day takes.")
    ] = DAY_SECONDS,
    config: ConfigOption = None,
) -> None:
    """Stream a seeded SME portfolio through the whole path, and report what came of it.

    The same agents as live use: schema, ledger, indicators, rules, grades, views. The generator
    knows which loans default and when, so the report can say how early the bell rang.

    With --desk a smaller portfolio is loaded and the desk opened over it: its days go on, warnings
    ring, and officers sign in and act. Address and sign-ins are printed; Ctrl-C stops it.
    """
    if desk:
        size = {"loans": loans or DESK_LOANS, "months": months or DESK_MONTHS, "seed": seed}
        _open_desk(size, data, port, day_seconds, config)
        return
    loans, months = loans or DEMO_LOANS, months or DEMO_MONTHS
    settings = Settings.load({"data": data, "closed_by": "driver"}, file=config)
    world = portfolio(loans=loans, months=months, seed=seed)
    _make_room(data, {"loans": loans, "months": months, "seed": seed})
    began = time.monotonic()
    sent, report = asyncio.run(_streamed(settings, world))
    seconds = time.monotonic() - began
    with (data / TRUTH).open("wb") as file:
        file.writelines(orjson.dumps(fate) + b"\n" for fate in world.truth())
    _print(sent, report, seconds)
    _print_next(data, report)


def _open_desk(
    size: dict[str, int], data: Path, port: int | None, day_seconds: float, config: Path | None
) -> None:
    """A living branch over a folder of its own."""
    from streams.cli.branch import live  # noqa: PLC0415  # the web server: the report needs none

    ways = data / "ways.toml"
    words = {"data": data, "port": port, "closed_by": "driver", "sign_in": "required"}
    settings = Settings.load({**words, "strategy": STRATEGY, "outbound": ways}, file=config)
    _make_room(data, size)
    ways.write_text(WAYS, encoding="utf-8")
    live(settings, size, day_seconds=day_seconds)


def _make_room(data: Path, told: dict[str, int]) -> None:
    """Mark the folder as a demo's, and remove an earlier one, as its only writer.

    Errors: StoreUnavailable when another process writes there; NotADemo when the folder holds what
    no demo made.
    """
    data.mkdir(parents=True, exist_ok=True)
    lock = WriterLock(data / "lock")
    try:
        foreign = [name for name in (DATABASES[0], TRUTH) if (data / name).exists()]
        if foreign and not _is_demo(data / MARK):
            raise NotADemo(
                f"{data} holds a {foreign[0]} that is not a demo's.",
                way_out="Name another folder with --data; nothing was touched.",
            )
        (data / MARK).write_bytes(orjson.dumps(told))
        for name in DATABASES:
            for suffix in ("", "-wal", "-shm"):
                (data / (name + suffix)).unlink(missing_ok=True)
    finally:
        lock.release()


def _is_demo(mark: Path) -> bool:
    """Whether the file is what a demo writes, and not somebody's that has its name."""
    try:
        told = orjson.loads(mark.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return False
    return isinstance(told, dict) and told.keys() == {"loans", "months", "seed"}


async def _streamed(settings: Settings, world: Portfolio) -> tuple[Sent, PortfolioReport]:
    with progress_bar() as bar:
        task = bar.add_task("messages", total=world.count)

        def show(sent: Sent) -> None:
            bar.update(task, completed=sent.messages, total=max(world.count, sent.messages))

        async with Node.open(settings) as node:
            lines: Iterator[bytes] = world.messages()
            sent = await send_all(node, lines, source="demo", accepted_us=0, report=show)
            bar.update(task, total=sent.messages)
            await node.settled()
            truth = await asyncio.to_thread(world.truth)
            report = await asyncio.to_thread(
                portfolio_report, node.store.ledger, node.store.warnings, node.queries, truth
            )
    return sent, report


def _print(sent: Sent, report: PortfolioReport, seconds: float) -> None:
    quality = report.quality
    rate = sent.messages / seconds
    out.print(
        pairs(
            "Recorded",
            {
                "messages": f"{sent.messages:,} in {seconds:.0f} s ({rate:,.0f}/s, bytes to grade)",
                "events": f"{report.facts:,} in the ledger, {report.warnings_facts:,} of warnings",
                "duplicates": f"{sent.outcomes['duplicate']:,}, which changed nothing",
                "refused": f"{sent.outcomes['refused']:,}: {_counted(sent.refused)}",
            },
        )
    )
    rows = [(severity(name), f"{report.warnings.get(name, 0):,}") for name in SEVERITIES]
    out.print(table("Warnings, each at its gravest", ["severity", "warnings"], rows))
    out.print(
        pairs(
            "How early the bell rang (default: more than 90 days past due)",
            {
                "loans that defaulted": f"{quality.defaults:,}, rung before: {quality.rung:,}",
                "first warning to default": f"{_days(quality.median_lead_days)} in the median, "
                f"{_days(quality.p10_lead_days)} or more for nine in ten",
                "rung 60 days or more before": share(quality.share_60_days),
                "rung before the first missed due": share(quality.share_before_first_missed),
                "false alarms": f"{quality.false_alarms:,}, "
                f"{quality.false_per_100_loans_month or 0:.2f} a month per 100 loans",
            },
        )
    )
    for books in report.portfolio:
        print_portfolio(books)
    if report.sample is not None:
        out.print(f"\nThe story of loan {report.sample}", style="bold")
        shown = _shortened(report.story)
        print_story(shown)
        if len(shown) < len(report.story):
            out.print(f"… {len(report.story) - len(shown)} more lines", style="dim")


def _counted(counts: Any) -> str:
    return ", ".join(f"{count:,} {code}" for code, count in counts.most_common())


def _days(days: float | None) -> str:
    return "–" if days is None else f"{days:.0f} days"


def _shortened(story: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first lines: opening, slide, warnings, grades."""
    return story[:STORY_LINES]


def _print_next(data: Path, report: PortfolioReport) -> None:
    sample = report.sample or "L000001"
    out.print("\nNext", style="bold")
    for command, what in (
        (f"loanbell loan {sample} --data {data}", "the whole story, and where it stands"),
        (f"loanbell watch --once --data {data}", "every warning that ever rang"),
        (f"loanbell status --data {data}", "the book, its views and positions"),
        (f"loanbell check --data {data}", "hash chains, books, every view against the facts"),
        (f"loanbell serve --data {data} --closed-by driver", "HTTP API, /docs, /metrics"),
    ):
        out.print(f"  {command}", highlight=False)
        out.print(f"      {what}", style="dim")
    err.print("one data folder holds it all; delete it when you are done", style="dim")
