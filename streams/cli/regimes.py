"""`loanbell regimes`: the grading regimes there are, and what is wrong with one's own."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import orjson
import typer

from projections.regime import Regime
from projections.regime_file import faults, load, shipped
from projections.regime_text import sentence
from streams.cli.app import JsonOption, cli, err, explain, out
from streams.cli.render import pairs, table

regimes = typer.Typer(help="Grading regimes: list them, read one, check your own.")
cli.add_typer(regimes, name="regimes", rich_help_panel="Keep it right")


@regimes.command("list")
def list_regimes(as_json: JsonOption = False) -> None:
    """List the regimes that come with LoanBell: copy one, change it, check it, name its path."""
    known = [(name, load(name)) for name in shipped()]
    if as_json:
        print(orjson.dumps([_summary(regime) for _, regime in known]).decode())
        return
    rows = [
        (
            name,
            regime.title_en,
            str(regime.effective_from),
            " ".join(grade.name for grade in regime.grades),
            _marks(regime),
        )
        for name, regime in known
    ]
    out.print(table("Regimes", ["name", "title", "from", "grades", "verified"], rows))


@regimes.command("show")
def show_regime(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A shipped name, or a file.")],
) -> None:
    """Show every rule of a regime with its dates, article, mark and source."""
    regime = load(name)
    shown = {
        "title": f"{regime.title} ({regime.title_en})",
        "version": regime.version,
        "in force from": regime.effective_from,
        "grades": ", ".join(f"{grade.name} {grade.local}" for grade in regime.grades),
        "an unmet due date": "is day 1" if regime.due_date_counts else "is day 0",
    }
    if regime.grace_days:
        shown["days of grace"] = regime.grace_days
    out.print(pairs(regime.name, shown))
    for edition in regime.editions:
        out.print(f"\nIn force from {edition.since}", style="bold")
        for rule in edition.rules:
            origin = rule.origin
            out.print(f"  {sentence(regime, rule)}")
            mark = f"    {origin.article}, {origin.mark}: {origin.source}"
            out.print(mark, style="dim")


@regimes.command("check")
def check_regime(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A .toml file, or a shipped name.")],
    as_json: JsonOption = False,
) -> None:
    """Say what is wrong with a regime file: file, line, key, word, and what is accepted.

    Exit code 1 when it cannot be used. One fault of every table is told at once.
    """
    found = faults(file)
    if as_json:
        listed = [{"fault": fault.message, "way_out": fault.way_out} for fault in found]
        print(orjson.dumps({"file": file, "faults": listed}).decode())
    else:
        for fault in found:
            explain(fault)
    if found:
        sys.exit(1)
    if not as_json:
        regime = load(file)
        rules = sum(len(edition.rules) for edition in regime.editions)
        err.print(f"{regime.version} can be used: {rules} rules, {_marks(regime)} verified")


def _marks(regime: Regime) -> str:
    marks = [rule.origin.mark for rule in regime.latest.rules]
    return f"{marks.count('verified')} of {len(marks)}"


def _summary(regime: Regime) -> dict[str, Any]:
    return {
        "regime": regime.name,
        "version": regime.version,
        "title": regime.title,
        "title_en": regime.title_en,
        "effective_from": regime.effective_from,
        "grades": [
            {"grade": grade.name, "local": grade.local, "performing": grade.performing}
            for grade in regime.grades
        ],
        "rules": [
            {
                "rule": sentence(regime, rule),
                "since": rule.since,
                "until": rule.until,
                "article": rule.origin.article,
                "source": rule.origin.source,
                "mark": rule.origin.mark,
            }
            for edition in regime.editions
            for rule in edition.rules
        ],
    }
