"""`loanbell scenario`: facts and expectations, written down, run against the ledger's rules."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer

from ledger.errors import LoanError
from ledger.scenario import DiaryUnreadable, Report, run_scenario, run_table, vocabulary
from streams.cli.app import JsonOption, cli, explain, out


def _words(wanted: bool) -> None:
    if wanted:
        print(vocabulary.text())
        raise typer.Exit


@cli.command(rich_help_panel="Keep it right")
def scenario(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Diaries, or tables (.csv), to run.")
    ],
    as_json: JsonOption = False,
    words: Annotated[
        bool,
        typer.Option(
            "--words", callback=_words, is_eager=True, help="Print every word of a diary, and stop."
        ),
    ] = False,
) -> None:
    """Run scenario diaries: what happened, line by line, and what must hold then.

    Nothing is stored and no data folder is needed: each diary starts from an empty book. Printed is
    each expectation that failed, with its line and what was found instead. Exit code 1 when one
    failed or a diary could not be read.

    **A diary**

    ```
    # An instalment is late, then paid and valued in time; then the payment bounces.
    2024-01-01 open L1 1200.00 EUR, method annuity, instalments 12, rate 12
    2024-01-01 disburse L1 1200.00
    2024-02-05 expect L1 dpd 4, arrears 106.62
    2024-02-09 repay L1 106.62, valued 2024-02-01, as R1
    2024-02-09 expect L1 dpd 0, split R1 interest 12.00 principal 94.62
    2024-02-10 reverse L1 R1, reason bounced
    2024-02-10 expect L1 dpd 9, outstanding 1200.00
    2024-02-10 refused still_owed: close L1 repaid
    2024-02-10 expect books assets:clearing -1200.00 EUR
    ```

    - The date is the day of recording; `valued DATE` is when it counts, `as ID` names it
    - `refused RULE:` before what happens: that rule must refuse it
    - `expect LOAN on DATE, …` asks for an earlier day by all that is known now
    - `loanbell scenario --words` prints all that may happen and be expected

    **The same as a table**, in a file that ends in .csv

    ```
    date,fact,loan,dpd,arrears,outstanding
    2024-01-01,"open L1 1200.00 EUR, method annuity, instalments 12, rate 12",,,,
    2024-01-01,disburse L1 1200.00,L1,0,0.00,1200.00
    2024-02-05,,L1,4,106.62,1200.00
    ```

    A word that is not understood is named with its line, and how such a line is written.
    """
    done = [_run(path) for path in files]
    ran = [report for report in done if isinstance(report, Report)]
    if as_json:
        print(orjson.dumps([_document(path, one) for path, one in zip(files, done, strict=True)])
              .decode())  # fmt: skip
    else:
        for one in done:
            _print(one)
        out.print(_summary(ran, unreadable=len(done) - len(ran)))
    if len(ran) < len(done) or any(report.failures for report in ran):
        sys.exit(1)


def _run(path: Path) -> Report | LoanError:
    """What came of a diary, or why it could not be run."""
    try:
        run = run_table if path.suffix.lower() == ".csv" else run_scenario
        report = run(path.read_text(encoding="utf-8-sig"), name=str(path))
    except OSError as error:
        reason = error.strerror or str(error)
        return DiaryUnreadable(f"{path}: {reason}.", way_out="Name text files that can be read.")
    except UnicodeDecodeError as error:
        return DiaryUnreadable(
            f"{path}: byte {error.start} is not UTF-8.", way_out="Save the diary as UTF-8 text."
        )
    except LoanError as error:
        return error
    if not report.checks:
        return DiaryUnreadable(
            f"{path}: nothing happens in it.", way_out="loanbell scenario --help shows a diary."
        )
    return report


def _print(one: Report | LoanError) -> None:
    if isinstance(one, LoanError):
        explain(one)
        return
    for failure in one.failures:
        out.print(f"{one.name}:{failure.number}: {failure.text}")
        out.print(f"    expected {failure.expected}, found {failure.actual}")


def _summary(ran: list[Report], *, unreadable: int) -> str:
    checks = sum(report.checks for report in ran)
    failed = sum(len(report.failures) for report in ran)
    told = f"{_count(len(ran), 'diary', 'diaries')}, {_count(checks, 'check', 'checks')}"
    missed = f", {unreadable} not run" if unreadable else ""
    return f"{told}, {failed} failed{missed}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _document(path: Path, one: Report | LoanError) -> dict[str, object]:
    if isinstance(one, LoanError):
        return {"file": str(path), "error": one.message, "way_out": one.way_out}
    return {
        "file": str(path),
        "checks": one.checks,
        "failures": [
            {"line": f.number, "text": f.text, "expected": f.expected, "found": f.actual}
            for f in one.failures
        ],
    }
