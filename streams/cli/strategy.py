"""`strategy check`, `test`, `explain`, `compare`: treatments as data at hand, as rules are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.text import Text

from ledger.errors import MalformedMessage, UnknownEntity
from ledger.money import grouped
from projections.queries import Queries
from streams.cli.app import DataOption, JsonOption, cli, out
from streams.cli.look import queries
from streams.cli.render import table
from warning.packfile import RuleError
from warning.strategy import STRATEGIES, load_strategy, overlaps
from warning.strategytest import RowSeen, explain, load_tests, run_tests, situation
from warning.treatment import COLUMNS, NAMES, Situation, Strategy

strategy = typer.Typer(
    name="strategy", no_args_is_help=True, help="Check, test, explain and compare strategies."
)
cli.add_typer(strategy, rich_help_panel="Rules")
Files = Annotated[list[Path], typer.Argument(metavar="FILE…")]
DEFAULT = STRATEGIES / "sme-collections.toml"
TRUTH = {True: Text("holds", "green"), False: Text("fails", "red"), None: Text("unknown", "dim")}


@strategy.command()
def check(files: Files, as_json: JsonOption = False) -> None:
    """Read strategies and say what is in them, or what is wrong: file, line and word.

    A row that no case can reach, and a case that no row takes, are errors. Rows that hold for some
    same case are told: there the order of rows decides. Exit code 1 when one cannot be used.
    """
    told: list[dict[str, Any]] = []
    for file in files:
        try:
            found = load_strategy(file)
        except RuleError as error:
            wrong = {"line": error.line, "word": error.word, "error": error.why}
            told.append({"file": str(file), **wrong})
            if not as_json:
                out.tell("wrong", str(error), style="bold red")
            continue
        shared = [{"first": each.first, "second": each.second} for each in overlaps(found)]
        rows = [{"row": row.name, "treatment": row.treatment.code} for row in found.rows]
        told.append({"file": str(file), "strategy": found.label, "rows": rows, "overlaps": shared})
        if not as_json:
            _print_strategy(found, file, shared)
    if as_json:
        print(orjson.dumps(told).decode())
    if any("error" in each for each in told):
        sys.exit(1)


def _print_strategy(found: Strategy, file: Path, shared: list[dict[str, str]]) -> None:
    before: dict[str, list[str]] = {}
    for each in shared:
        before.setdefault(each["second"], []).append(each["first"])
    rows = [
        (
            row.name,
            _conditions(row.columns, row.when.text if row.when else ""),
            row.treatment.code,
            ", ".join(before.get(row.name, ())) or "–",
        )
        for row in found.rows
    ]
    title = f"{found.label}: {len(rows)} rows ({file})"
    out.print(table(title, ["row", "holds for", "treatment", "yields to"], rows))


def _conditions(columns: Any, when: str) -> str:
    said = [f"{name} {' or '.join(words)}" for name, words in columns.items()]
    return "; ".join([*said, *([when] if when else [])]) or "everything else"


@strategy.command("test")
def run(files: Files, as_json: JsonOption = False) -> None:
    """Run tests of strategies: cases, and the row and treatment that each must get.

    Exit code 1 when an expectation is not met.
    """
    failures: list[dict[str, Any]] = []
    count = 0
    for file in files:
        found, cases = load_tests(file)
        count += len(cases)
        for failure in run_tests(found, cases):
            failures.append(
                {
                    "file": str(file),
                    "test": failure.case,
                    "what": failure.what,
                    "expected": failure.expected,
                    "found": failure.found,
                }
            )
    if as_json:
        print(orjson.dumps({"tests": count, "failures": failures}).decode())
    else:
        for each in failures:
            out.tell("FAILED", f"{each['file']}: {each['test']}", style="bold red")
            out.print(f"  {each['what']}: expected {each['expected']}, found {each['found']}")
        failed = len({(each["file"], each["test"]) for each in failures})
        out.print(f"{count} tests, {failed} failed")
    if failures:
        sys.exit(1)


@strategy.command("explain")
def explain_case(
    given: Annotated[
        list[str], typer.Argument(metavar="CASE | WORD=VALUE…", help="dpd_days=12 tier=red")
    ],
    data: DataOption = None,
    file: Annotated[Path, typer.Option("--strategy", metavar="FILE")] = DEFAULT,
    as_json: JsonOption = False,
) -> None:
    """Say which row takes a case, and why the rows before it do not.

    A case is named by its id, or told in words and numbers. Of a recorded case, what the views hold
    of it is used: days past due, cause, stage, grade, open warnings.
    """
    chosen = load_strategy(file)
    if len(given) == 1 and "=" not in given[0]:
        with queries(data) as reads:
            seen = _recorded(chosen, reads, given[0])
    else:
        seen = _spoken(chosen, given)
    told = explain(chosen, seen)
    if as_json:
        print(orjson.dumps([_document(each) for each in told]).decode())
        return
    rows = [(("→ " if t.decides else "  ") + t.row.name, *_cells(t)) for t in told]
    out.print(table(f"{chosen.label}", ["row", "columns", "condition", "is"], rows))
    decided = next(each.row for each in told if each.decides)
    out.print(f"{decided.title.en}: {decided.treatment.code}", highlight=False)


def _spoken(chosen: Strategy, given: list[str]) -> Situation:
    words: dict[str, str] = {}
    numbers: dict[str, float] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if name in COLUMNS and equals:
            words[name] = value
        elif name in NAMES and equals:
            try:
                numbers[name] = float(value)
            except ValueError:
                raise MalformedMessage(f"{value!r} is no number.", way_out=f"{name}=12") from None
        else:
            raise MalformedMessage(
                f"{each[:60]!r} tells nothing of a case.",
                way_out=f"Columns: {', '.join(COLUMNS)}; numbers: `loanbell indicators`.",
            )
    return situation(chosen, words, numbers)


def _recorded(chosen: Strategy, reads: Queries, case_id: str) -> Situation:
    row = reads.case(case_id)
    if row is None:
        raise UnknownEntity(f"There is no case {case_id}.", way_out="`loanbell case` lists them.")
    loans = reads.loans(loan_id=row["loan_ids"][0]).rows
    grades = [grade for loan in row["loan_ids"] for grade in reads.grades(loan_id=loan).rows]
    worst = max(grades, key=lambda grade: int(grade["rank"]), default=None)
    grave = max((w["severity_rank"] for w in row["warnings"]), default=-1)
    words = {
        "tier": ("none", "watch", "yellow", "orange", "red")[grave + 1],
        "cause": row["cause"],
        "stage": row["stage"],
        "branch": row["branch"],
        "industry": loans[0]["industry"] if loans else "",
        "region": loans[0]["region"] if loans else "",
        "grade": worst["grade"] if worst else "",
        "arm": (row["arm"] or "").partition(".")[2],
    }
    return situation(chosen, words, {"dpd_days": float(row["dpd_days"])})


def _cells(told: RowSeen) -> tuple[Any, ...]:
    columns = ", ".join(name if held else f"not {name}" for name, held in told.columns.items())
    text = told.row.when.text if told.row.when else ""
    return (
        columns or "–",
        text or "–",
        TRUTH[told.condition if all(told.columns.values()) else False],
    )


def _document(told: RowSeen) -> dict[str, Any]:
    return {
        "row": told.row.name,
        "columns": told.columns,
        "condition": told.condition,
        "decides": told.decides,
        "treatment": told.row.treatment.code,
    }


@strategy.command()
def compare(
    trial: Annotated[str | None, typer.Argument(metavar="TRIAL")] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the arms of a trial: cure, roll and cost, with bounds at 95 %.

    Without a name: the trials that there are.
    """
    with queries(data) as reads:
        found: Any = reads.trials() if trial is None else reads.trial(trial)
    if as_json:
        print(orjson.dumps(found).decode())
    elif trial is None:
        out.print("\n".join(found) or "no trials", highlight=False)
    else:
        rows = [_arm(row) for row in found]
        columns = ["arm", "borrowers", "cured", "apart", "rolled", "apart", "cost", "apart"]
        out.print(table(f"trial {trial}", columns, rows) if rows else f"{trial}: nobody in it")


def _arm(row: dict[str, Any]) -> tuple[str, ...]:
    shares = [_bounded(row[n]) for n in ("cured", "cured_apart", "rolled", "rolled_apart")]
    costs = [f"{grouped(of['mean_minor'], name)} {name}" for name, of in row["cost"].items()]
    apart = [
        _apart(of["apart_minor"]["minor"], name)
        for name, of in row["cost"].items()
        if of["apart_minor"]
    ]
    return (row["arm"], f"{row['borrowers']:,}", *shares, ", ".join(costs), ", ".join(apart) or "–")


def _apart(minor: int, currency: str) -> str:
    return f"{'' if minor < 0 else '+'}{grouped(minor, currency)} {currency}"


def _bounded(found: dict[str, int] | None) -> str:
    if found is None:
        return "–"
    value, low, high = (found[name] / 10_000 for name in ("ppm", "low_ppm", "high_ppm"))
    return f"{value:.1f} % ({low:.1f} to {high:.1f})"
