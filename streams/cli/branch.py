"""`loanbell demo --desk`: a branch that lives, and the people who may sign in to it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import date

from ledger.dates import add_months
from projections.queries import Queries, WarningFilter
from streams.api.app import create_api, hosts_of
from streams.cli.app import err, out
from streams.cli.render import progress_bar, table
from streams.cli.serve import address, told_to_stop
from streams.drive import send_all
from streams.generate.portfolio import portfolio
from streams.identity import passwords
from streams.identity.directory import Directory, Tables, User
from streams.identity.draws import short_id
from streams.living import CLOSE, LivingDays
from streams.parts import people_place
from streams.settings import Settings
from streams.wiring import Node

MONTHS_AHEAD = 24
"""How long the branch lives on behind what is loaded."""
OFFICERS = 3
Words = tuple[str, str, str]
"""A sign-in: name, roles, branches."""


def live(settings: Settings, size: Mapping[str, int], *, day_seconds: float) -> None:
    """Load a portfolio of `size`, open the desk over it, and let the days go on until Ctrl-C.

    `size`: loans, months (of the past) and seed.
    """
    loans, months, seed = size["loans"], size["months"], size["seed"]
    world = portfolio(loans=loans, months=months + MONTHS_AHEAD, seed=seed)
    today = add_months(world.start, months)
    asyncio.run(_live(settings, world.messages(), today, loans * months * 17, day_seconds))


async def _live(
    settings: Settings, lines: Iterator[bytes], today: date, about: int, day_seconds: float
) -> None:
    asked = told_to_stop()
    node = Node.open(settings)
    days = LivingDays(node, lines, seconds=day_seconds)
    port = node.serve(create_api(node, hosts=hosts_of(settings.host), now_us=days.now_us))
    async with node:
        with progress_bar() as bar:
            task = bar.add_task("loading the past", total=about)
            await send_all(
                node, until(lines, today), source="demo", accepted_us=0,
                report=lambda sent: bar.update(task, completed=sent.messages),
            )  # fmt: skip
            await node.settled()
            bar.update(task, completed=about)
        password = short_id()
        people = await asyncio.to_thread(_people, settings, node.queries, password)
        _print(address(settings.host, port), people, password, day_seconds)
        days.closed = lambda day: err.print(f"  {day} is closed", style="dim")
        await _until_stopped(node, days, asked)
    if node.failure is not None:
        raise node.failure


async def _until_stopped(node: Node, days: LivingDays, asked: asyncio.Event) -> None:
    living = asyncio.create_task(days.run())
    stopping = asyncio.create_task(asked.wait())
    failing = asyncio.create_task(node.failed())
    waiting = {living, stopping, failing}
    while waiting:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if living in done and living.exception() is None and stopping not in done:
            err.print("the generated days are over; the desk stays open")
            continue
        break
    err.print("stopping …")
    for task in (living, stopping, failing):
        task.cancel()
    await asyncio.gather(living, stopping, failing, return_exceptions=True)


def until(lines: Iterator[bytes], today: date) -> Iterator[bytes]:
    """The messages up to and with the close of the last business day before `today`."""
    mark = b'"value_date":"'
    for line in lines:
        yield line
        if CLOSE in line:
            at = line.index(mark) + len(mark)
            if (today - date.fromisoformat(line[at : at + 10].decode())).days <= 1:
                return


def _people(settings: Settings, queries: Queries, password: str) -> list[Words]:
    """Users for the branch where most is to be done, and for the bank; all with one password."""
    open_ = queries.warnings(WarningFilter(state="open"), limit=1_000).rows
    count = Counter(row["officer_id"] for row in open_)
    officers = [officer for officer, _ in count.most_common()] or ["officer"]
    first = queries.loans(officer_id=officers[0], limit=1).rows
    branch = first[0]["branch"] if first else "branch"
    here = [each for each in officers if _is_of(queries, each, branch)][:OFFICERS] or officers[:1]
    own = frozenset({branch})
    wanted: list[tuple[str, set[str], frozenset[str] | None]] = [
        (name, {"officer"}, own) for name in here
    ]
    wanted += [
        ("manager", {"collections_manager"}, own),
        ("risk", {"risk_manager"}, None),
        ("auditor", {"auditor", "supervisor"}, None),
    ]
    stored = passwords.hashed(password)
    tables = Tables.open(people_place(settings))
    with closing(tables):
        people = Directory(tables)
        for name, roles, branches in wanted:
            people.add(
                User(
                    user_id=name, name=name, roles=frozenset(roles), branches=branches,
                    password=stored,
                ),
                by="demo",
            )  # fmt: skip
    return [
        (name, ", ".join(sorted(roles)).replace("_", " "), branch if branches else "all branches")
        for name, roles, branches in wanted
    ]


def _is_of(queries: Queries, officer: str, branch: str) -> bool:
    return bool(queries.loans(officer_id=officer, branch=branch, limit=1).rows)


def _print(where: str, people: list[Words], password: str, day_seconds: float) -> None:
    out.print(f"\nThe desk is open at {where}/desk", style="bold", highlight=False)
    out.print(table("Sign in as", ["name", "roles", "branches"], people))
    out.print(f"Password of all of them: {password}", highlight=False)
    err.print(f"A business day passes every {day_seconds:g} s. Ctrl-C stops it.")


__all__ = ["live", "until"]
