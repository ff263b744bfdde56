"""The command's frame: help, common options, and how an error reaches a person."""

from __future__ import annotations

import os
import sys
import threading
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from ledger.errors import InvariantBroken, LoanError
from streams.cli.screen import err, out
from streams.health import THREADS
from streams.settings import Settings

__all__ = [
    "INTERRUPTED",
    "BookOption",
    "ConfigOption",
    "DataOption",
    "JsonOption",
    "NotUsable",
    "cli",
    "err",
    "explain",
    "main",
    "not_usable",
    "out",
]

INTERRUPTED = 130
"""The exit code of Ctrl-C."""


class NotUsable(LoanError):
    """A file, folder or output of this machine that cannot be read or written."""

    code = "not_usable"


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

    Exit codes: 0 done, 1 the command was refused or failed, 2 wrong words, 3 the books would be
    wrong. Messages refused by `import` are its answers, no failure.
    """


BookOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        help="All partitions of a scaled-out book instead: LOANBELL_DATABASE.",
        rich_help_panel="Where",
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        "-d",
        envvar="LOANBELL_DATA",
        help="The data folder: ledger.db (facts) and views.db (what is read).",
        show_default=str(Settings().data),
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


def explain(error: LoanError) -> None:
    """Say what went wrong and the way out, on standard error."""
    err.tell("error:", error.message, style="bold red")
    if error.way_out:
        err.tell("  way out:", error.way_out, style="bold")


def main() -> None:
    """Run the console command. Exit code 1: refused or failed; 2: wrong words; 3: books broken."""
    _speak_utf8()
    try:
        _explained()
    except SystemExit as ended:
        if any(thread.name.startswith(THREADS) for thread in threading.enumerate()):
            _leave(ended.code)  # else Python waits for what a stop did not wait for
        raise


def _leave(code: object) -> None:
    """End the process, whatever its threads do: the store survives any end."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def _explained() -> None:
    """The command; an error reaches a person as words and an exit code."""
    try:
        _run()
    except LoanError as error:
        explain(error)
        sys.exit(1)
    except InvariantBroken as error:
        err.tell("stopped, the books would be wrong:", str(error), style="bold red")
        err.tell("  way out:", "keep the data folder as it is; `loanbell check`.", style="bold")
        sys.exit(3)
    except OSError as error:
        _give_up_output()
        if not isinstance(error, BrokenPipeError):  # else whoever reads us has read enough
            explain(not_usable(error, "What is written"))
        sys.exit(1)


def _run() -> None:
    """The command itself; what it printed has left the process when this ends.

    SIGPIPE stays ignored: a client that hangs up must not end a server.
    """
    try:
        cli()
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            err.print("stopped; nothing that was accepted is lost, run the same command to go on")
            _leave(INTERRUPTED)  # threads may be busy for long
        raise
    finally:
        sys.stdout.flush()


def not_usable(error: OSError, what: str | Path) -> NotUsable:
    """What the system refused, as an answer; `what` is named where the error names no file."""
    return NotUsable(
        f"{error.filename or what} cannot be used: {error.strerror or error}.",
        way_out="Name a file or folder that this user may read and write, on a disk with room.",
    )


def _speak_utf8() -> None:
    """Files and pipes get UTF-8, as JSON must be; a terminal gets ? for what it cannot show."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            terminal = stream.isatty()
            stream.reconfigure(encoding=None if terminal else "utf-8", errors="replace")


def _give_up_output() -> None:
    """Nothing more can be written to standard output, not even at the end of the process."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
