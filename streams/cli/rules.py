"""`rules check`, `test`, `explain`, `pending`, and `indicators`: the rule language at hand."""

from __future__ import annotations

import sys
from datetime import date, datetime
from math import isnan
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.text import Text

from ledger.errors import LoanError
from ledger.events import BusinessDayClosed
from ledger.ids import CALENDAR_STREAM, warning_stream
from ledger.store import FactLog, Recorded, Store
from streams.cli.app import ConfigOption, DataOption, JsonOption, cli, out
from streams.cli.care import opened
from streams.cli.render import SEVERITY_STYLE, pairs, progress_bar, table
from streams.cli.replay import every, teller
from streams.parts import pack_of
from streams.settings import Settings, calendar_of
from streams.watching import facts_of
from warning.catalogue_page import as_documents, as_markdown
from warning.explain import Explanation, Part, Past, explain, lived_through, no_close
from warning.pack import SEVERITIES, Pack, Rule
from warning.packfile import RuleError
from warning.rules import load_pack
from warning.ruletest import Failure, load_tests, run_tests
from warning.waiting import Pending, pending_in

rules = typer.Typer(name="rules", no_args_is_help=True, help="Check, test and explain rule packs.")
cli.add_typer(rules, rich_help_panel="Rules")
Files = Annotated[list[Path], typer.Argument(metavar="FILE…")]
TRUTH = {True: Text("holds", "green"), False: Text("fails", "red"), None: Text("unknown", "dim")}


class NotFound(LoanError):
    """The pack has no such rule."""

    code = "unknown_rule"


@rules.command()
def check(files: Files, as_json: JsonOption = False) -> None:
    """Read rule packs and say what is in them, or what is wrong: file, line and word.

    Exit code 1 when one of them cannot be used.
    """
    told: list[dict[str, Any]] = []
    for file in files:
        try:
            pack = load_pack(file)
        except RuleError as error:
            told.append({"file": str(file), "line": error.line, "word": error.word})
            told[-1]["error"] = error.why
            if not as_json:
                out.tell("wrong", str(error), style="bold red")
            continue
        told.append({"file": str(file), "pack": pack.label, "rules": list(map(_about, pack.rules))})
        if not as_json:
            _print_pack(pack, file)
    if as_json:
        print(orjson.dumps(told).decode())
    if any("error" in each for each in told):
        sys.exit(1)


def _about(rule: Rule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "severities": [SEVERITIES[step.rank - 1] for step in rule.steps],
        "for": rule.for_days,
        "keep_for": rule.keep_for_days,
        "reads": list(rule.names),
        "source": rule.source,
        "mark": rule.mark,
    }


def _print_pack(pack: Pack, file: Path) -> None:
    rows = [
        (
            rule.name,
            " → ".join(SEVERITIES[step.rank - 1] for step in rule.steps),
            f"{rule.for_days} / {rule.keep_for_days}",
            rule.mark,
            rule.source,
        )
        for rule in pack.rules
    ]
    title = f"{pack.label}: {len(rows)} rules ({file})"
    out.print(table(title, ["rule", "severities", "for / keep", "source read", "source"], rows))


@rules.command("test")
def run(files: Files, as_json: JsonOption = False) -> None:
    """Run tests of rules: series of indicators, and what must be open on which day.

    In the manner of `promtool test rules`; the format is told in warning/packs/README.md. Exit code
    1 when an expectation is not met.
    """
    failures: list[tuple[Path, Failure]] = []
    cases = 0
    for file in files:
        found = load_tests(file)
        cases += len(found.cases)
        failures += [(file, failure) for failure in run_tests(found)]
    if as_json:
        document = {"tests": cases, "failures": [_failed(*each) for each in failures]}
        print(orjson.dumps(document).decode())
    else:
        for file, failure in failures:
            told, expected = _failed(file, failure), failure.expected
            out.tell("FAILED", f"{file}: {failure.case}", style="bold red")
            wanted = expected.reason or told["expected"]
            out.print(f"  {expected.day} {expected.rule} about {expected.loan}: ", end="")
            out.print(f"expected {wanted}, found {failure.found}")
        out.print(f"{cases} tests, {len({(f, e.case) for f, e in failures})} failed")
    if failures:
        sys.exit(1)


def _failed(file: Path, failure: Failure) -> dict[str, Any]:
    expected = failure.expected
    muted = {True: ", muted", False: ", not muted", None: ""}[expected.muted]
    return {
        "file": str(file),
        "test": failure.case,
        "date": expected.day,
        "rule": expected.rule,
        "loan": expected.loan,
        "expected": expected.state + muted,
        "found": failure.found,
    }


@rules.command("explain")
def explain_rule(
    rule: Annotated[str, typer.Argument(metavar="RULE")],
    loan: Annotated[str, typer.Argument(metavar="LOAN")],
    day: Annotated[datetime, typer.Argument(metavar="DATE", formats=["%Y-%m-%d"])],
    data: DataOption = None,
    config: ConfigOption = None,
    pack: Annotated[
        Path | None, typer.Option("--rules", metavar="FILE", help="Another pack than the present.")
    ] = None,
    corrected: Annotated[
        bool, typer.Option("--corrected", help="By all facts known now, not by those of that day.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say why a rule rang about a loan at the close of a day, or why it did not.

    Each part of its conditions with what it read, and whether it held, failed or was unknown. The
    whole ledger is lived through to that close, so that peers and other warnings are right too.
    """
    settings, store = opened(data, read_only=True, config=config)
    chosen = load_pack(pack) if pack else pack_of(settings)
    known = [each.name for each in chosen.rules]
    if rule not in known:
        raise NotFound(f"{chosen.label} has no rule {rule}.", way_out=f"Rules: {', '.join(known)}.")
    with store:
        past = _lived(settings, store, chosen, day, corrected=corrected)
        recorded = _recorded(store.warnings, loan, rule, past.day.isoformat())
    told = explain(past, chosen.rule(rule), loan)
    if as_json:
        print(orjson.dumps(_as_document(told, recorded, corrected=corrected)).decode())
    else:
        _print_explanation(told, recorded, corrected=corrected, language=chosen.language)


@rules.command(name="pending")
def list_pending(
    day: Annotated[datetime, typer.Argument(metavar="DATE", formats=["%Y-%m-%d"])],
    data: DataOption = None,
    config: ConfigOption = None,
    pack: Annotated[
        Path | None, typer.Option("--rules", metavar="FILE", help="Another pack than the present.")
    ] = None,
    corrected: Annotated[
        bool, typer.Option("--corrected", help="By all facts known now, not by those of that day.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List what waited to ring at the close of a day: its condition held, but not for long enough.

    As it was recorded then. By another pack, or corrected, the whole ledger is lived through to
    that close.
    """
    settings, store = opened(data, read_only=True, config=config)
    chosen = load_pack(pack) if pack else pack_of(settings)
    with store:
        if pack is None and not corrected:
            closed, waits = _on_record(settings, store, day.date())
            by = "on record"
        else:
            past = _lived(settings, store, chosen, day, corrected=corrected)
            closed, waits = past.day, past.watch.pending()
            by = f"by {chosen.label}"
    rows = [(each.loan_id, each.rule, each.since.isoformat(), each.days, each.of) for each in waits]
    names = ("loan_id", "rule", "since", "business_days", "of")
    if as_json:
        print(orjson.dumps([dict(zip(names, row, strict=True)) for row in rows]).decode())
        return
    title = f"Pending at the close of {closed}, {by}"
    columns = [name.replace("_", " ") for name in names]
    out.print(table(title, columns, [tuple(map(str, row)) for row in rows]))


def _on_record(settings: Settings, store: Store, day: date) -> tuple[date, list[Pending]]:
    """The last close on or before `day`, and what was pending then. Errors: UnknownEntity."""
    closes = (item.fact.value_date for item in store.ledger.stream(CALENDAR_STREAM)
              if type(item.fact) is BusinessDayClosed)  # fmt: skip
    closed = max((each for each in closes if each <= day), default=None)
    if closed is None:
        raise no_close(day)
    facts = (item.fact for item in every(store.warnings))
    return closed, pending_in(facts, closed, calendar=calendar_of(settings))


def _lived(settings: Settings, store: Store, pack: Pack, day: datetime, *, corrected: bool) -> Past:
    with progress_bar() as bar:
        task = bar.add_task("living through the ledger", total=store.ledger.last_position())
        return lived_through(
            pack,
            every(store.ledger),
            day.date(),
            calendar=calendar_of(settings),
            facts_of=facts_of(store.ledger),
            corrected=corrected,
            progress=teller(bar, task),
        )


def _recorded(log: FactLog, loan: str, rule: str, last: str) -> list[Recorded]:
    """What is on record about the rule and the loan up to that day."""
    ids: set[str] = set()
    found = []
    for item in log.stream(warning_stream(loan)):
        if getattr(item.fact, "rule", "") == rule:
            ids.add(item.fact.warning_id)
        if item.fact.warning_id in ids and item.fact.value_date.isoformat() <= last:
            found.append(item)
    return found


def _as_document(told: Explanation, recorded: list[Recorded], *, corrected: bool) -> dict[str, Any]:
    return {
        "rule": told.rule.name,
        "loan_id": told.loan_id,
        "closed_date": told.day,
        "axis": "corrected" if corrected else "known then",
        "state": told.state,
        "reason": told.reason,
        "conditions": told.conditions,
        "recorded": [
            {
                "event_id": each.event_id,
                "what": type(each.fact).__name__,
                "date": each.fact.value_date,
            }
            for each in recorded
        ],
    }


def _print_explanation(
    told: Explanation, recorded: list[Recorded], *, corrected: bool, language: str
) -> None:
    axis = "by all facts known now" if corrected else "as was known then"
    shown = {
        "rule": told.rule.title.in_language(language),
        "source": f"{told.rule.source} ({told.rule.mark})",
        "at the close of": f"{told.day}, {axis}",
        "state": Text(told.state, SEVERITY_STYLE.get(told.state, "")),
        "sentence": told.reason,
    }
    out.print(pairs(f"{told.rule.name} about {told.loan_id}", shown))
    for word, parts in told.conditions.items():
        rows = [_row(part) for part in parts]
        out.print(table(word, ["part", "is", "read"], rows))
    for item in recorded:
        what = type(item.fact).__name__.removeprefix("Warning")
        out.print(f"on record: {item.fact.value_date} {what} ({item.event_id})")


def _row(part: Part) -> tuple[Any, ...]:
    read = ", ".join(f"{name} = {_number(value)}" for name, value in part.readings.items())
    return ("  " * part.depth + part.text, TRUTH[part.holds], read)


def _number(value: float) -> str:
    return "unknown" if isnan(value) else f"{value:.4f}".rstrip("0").rstrip(".")


@cli.command(rich_help_panel="Rules")
def indicators(
    as_json: JsonOption = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="The page of the docs.")] = False,
) -> None:
    """List every indicator: unit, window, meaning, when it is unknown, source.

    These are the words that rules may use.
    """
    if as_json:
        print(orjson.dumps(as_documents()).decode())
        return
    if markdown:
        print(as_markdown(), end="")
        return
    rows = [
        (each["name"], each["unit"], each["window"], each["meaning"], each["unknown"])
        for each in as_documents()
    ]
    columns = ["indicator", "unit", "window", "meaning", "unknown when"]
    out.print(table(f"{len(rows)} indicators", columns, rows))
