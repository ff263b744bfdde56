"""`loanbell replay`: what other rules would have rung over the facts of this book."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.progress import Progress as Bar

from ledger.store import FactLog, Recorded
from streams.cli.app import ConfigOption, DataOption, JsonOption, cli, out
from streams.cli.care import opened
from streams.cli.render import SEVERITIES, progress_bar, table
from streams.parts import model_at, pack_of
from streams.settings import calendar_of
from streams.watching import facts_of
from warning.rules import load_pack
from warning.scored_pack import judged_alike
from warning.whatif import Difference, Ring, compare, rehearse, volumes

PAGE = 10_000
LISTED = 10


@cli.command(rich_help_panel="Read")
def replay(
    rules: Annotated[Path, typer.Option("--rules", metavar="FILE", help="The other rule pack.")],
    data: DataOption = None,
    config: ConfigOption = None,
    score: Annotated[
        Path | None,
        typer.Option("--score", metavar="FILE", help="Another score beside the other rules."),
    ] = None,
    by_loan: Annotated[
        bool, typer.Option("--by-loan", help="Pair warnings by loan, for packs with other names.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what other rules would have rung, beside the present ones, over the same facts.

    Both packs live through the whole ledger without what people did; nothing is recorded. Shown:
    warnings that only the other pack rings, those it misses, those it rings earlier or later, and
    what reaches each officer. The other rules are judged beside the score in force, unless another
    one is named.
    """
    settings, store = opened(data, read_only=True, config=config)
    present = pack_of(settings)
    other = judged_alike(load_pack(rules), present, model_at(score) if score else None)
    with store, progress_bar() as bar:
        task = bar.add_task("replaying both packs", total=store.ledger.last_position())
        told: Callable[[int], None] = teller(bar, task)
        rings = rehearse(
            [present, other],
            every(store.ledger),
            calendar=calendar_of(settings),
            facts_of=facts_of(store.ledger),
            progress=told,
        )
    difference = compare(*rings, by="loan" if by_loan else "rule")
    names = (f"{present.name} (present)", f"{other.name} ({rules.name})")
    if as_json:
        print(_as_json(difference, rings))
    else:
        _print(difference, rings, names)


def teller(bar: Bar, task: Any) -> Callable[[int], None]:
    """Moves a bar on to the position told."""
    return lambda position: bar.update(task, completed=position)


def every(log: FactLog) -> Iterator[Recorded]:
    """All facts of a log, in order."""
    position = 0
    while page := log.read(after=position, limit=PAGE):
        yield from page
        position = page[-1].position


def _print(difference: Difference, rings: list[list[Ring]], names: tuple[str, str]) -> None:
    counted = [Counter[str](ring.severity for ring in book) for book in rings]
    rows = [(s, *(f"{counts[s]:,}" for counts in counted)) for s in SEVERITIES]
    rows.append(("all", *(f"{len(book):,}" for book in rings)))
    out.print(table("Warnings by gravest severity", ["severity", *names], rows))
    columns = ["", *names]
    out.print(table("Warnings by rule", columns, _side_by_side(rings, attrgetter("rule"))))
    out.print(table("Warnings an officer and month", columns, _per_officer(rings)))
    moved = (
        ("earlier", difference.earlier),
        ("later", difference.later),
        ("same", difference.same),
    )
    summary = [("only the other rings", len(difference.rung), "")]
    summary.append(("only the present rings", len(difference.missed), ""))
    for word, pairs in moved:
        days = sorted(abs(pair.days) for pair in pairs)
        middle = f"{days[len(days) // 2]} days in the middle" if days and word != "same" else ""
        summary.append((f"both, the other {word}", len(pairs), middle))
    out.print(table("Difference", ["", "warnings", ""], summary))
    _examples("Only the other rings", difference.rung)
    _examples("Only the present rings", difference.missed)


def _side_by_side(rings: list[list[Ring]], key: Callable[[Ring], str]) -> list[tuple[str, ...]]:
    """Warnings of both packs by `key`, the most frequent of either first."""
    left, right = (Counter(map(key, book)) for book in rings)
    words = sorted(left.keys() | right.keys(), key=lambda w: (-max(left[w], right[w]), w))
    return [(word, f"{left[word]:,}", f"{right[word]:,}") for word in words]


def _per_officer(rings: list[list[Ring]]) -> list[tuple[str, ...]]:
    """What reaches each officer a month, muted warnings left out; the busiest first."""
    a_month = volumes(rings)
    officers = sorted(
        a_month[0].keys() | a_month[1].keys(),
        key=lambda officer: (-max(each.get(officer, 0.0) for each in a_month), officer),
    )
    rows = [(o, *(f"{each.get(o, 0.0):.1f}" for each in a_month)) for o in officers[:LISTED]]
    if len(officers) > LISTED:
        rows.append((f"and {len(officers) - LISTED:,} more", "", ""))
    middle = [sorted(each.get(o, 0.0) for o in officers) for each in a_month]
    rows.append(("in the middle", *(f"{m[len(m) // 2]:.1f}" if m else "0.0" for m in middle)))
    return rows


def _examples(title: str, rings: Iterable[Ring]) -> None:
    rows = [(ring.rang, ring.severity, ring.loan_id, ring.rule, ring.reason) for ring in rings]
    if rows:
        columns = ["rang", "severity", "loan", "rule", "reason"]
        out.print(table(f"{title} (first {min(LISTED, len(rows))})", columns, rows[:LISTED]))


def _as_json(difference: Difference, rings: list[list[Ring]]) -> str:
    return orjson.dumps(
        {
            "present": len(rings[0]),
            "other": len(rings[1]),
            "rung": difference.rung,
            "missed": difference.missed,
            "earlier": difference.earlier,
            "later": difference.later,
            "same": len(difference.same),
            "officers_a_month": dict(zip(("present", "other"), volumes(rings), strict=True)),
            "rules": {
                "present": Counter(ring.rule for ring in rings[0]),
                "other": Counter(ring.rule for ring in rings[1]),
            },
        }
    ).decode()
