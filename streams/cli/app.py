"""The command's frame: help, common options, and how an error reaches a person."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ledger.errors import InvariantBroken, LoanError
from warning.packfile import RuleError

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

cli = typer.Typer(
    name="loanbell",
    rich_markup_mode="markdown",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@cli.callback()
def loanbell() -> None:
    """An event-sourced loan ledger that rings the bell before the loan goes bad.

    Transactions come in (file, HTTP), become immutable facts, drive rolling delinquency indicators,
    ring graded early warnings and move risk grades. One process, no broker; everything lies in one
    data folder.

    **Start here**

    - `loanbell demo`: a seeded SME portfolio through the whole path, with a report
    - `loanbell serve --data loanbell-demo`: HTTP API, live warnings, /metrics, /docs
    - `loanbell import transactions.jsonl`: your own transactions

    Exit codes: 0 done, 1 refused or failed, 2 wrong words, 3 the books would be wrong.
    """


DataOption = Annotated[
    Path,
    typer.Option(
        "--data",
        "-d",
        envvar="LOANBELL_DATA",
        help="The data folder: ledger.db (facts) and views.db (what is read).",
        rich_help_panel="Where",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        envvar="LOANBELL_CONFIG",
        help="A TOML file of settings; variables LOANBELL_* and options go before it.",
        rich_help_panel="Where",
    ),
]
DEFAULT_DATA = Path("loanbell-data")


def explain(error: LoanError) -> None:
    """Say what went wrong and the way out, on standard error."""
    err.print("[bold red]error:[/bold red]", end=" ")
    err.print(error.message, markup=False)
    if error.way_out:
        err.print("  [bold]way out:[/bold]", end=" ")
        err.print(error.way_out, markup=False)


def main() -> None:
    """Run the console command. Exit code 1: refused or failed; 2: wrong words; 3: books broken."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        cli()
    except LoanError as error:
        explain(error)
        sys.exit(1)
    except RuleError as error:
        err.print("[bold red]error:[/bold red] the rule pack cannot be used:", end=" ")
        err.print(str(error), markup=False)
        sys.exit(1)
    except InvariantBroken as error:
        err.print("[bold red]stopped, the books would be wrong:[/bold red]", end=" ")
        err.print(str(error), markup=False)
        err.print("  [bold]way out:[/bold] keep the data folder as it is, run `loanbell check`.")
        sys.exit(3)
    except KeyboardInterrupt:
        err.print("stopped; nothing that was accepted is lost, run the same command to go on")
        os._exit(130)
