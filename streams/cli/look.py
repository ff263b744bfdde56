"""Commands that only read: watch, loan, warnings refused at the door, status."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Annotated, Any

import orjson
import typer
from rich.text import Text

from ledger.events import WarningEscalated, WarningRaised
from ledger.store import FactLog, Recorded
from streams.cli.app import DEFAULT_DATA, DataOption, JsonOption, cli, out
from streams.cli.care import opened
from streams.cli.render import SEVERITY_STYLE, severity

PAGE = 1_000
SECONDS_BETWEEN_LOOKS = 0.5


@cli.command(rich_help_panel="Read")
def watch(
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
    after: Annotated[
        int | None,
        typer.Option("--after", help="Position in the warnings log; 0 tells all of history."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Print what is there, then end.")] = False,
) -> None:
    """Tail the warnings: raised, escalated, acknowledged, resolved, withdrawn, as they come.

    Starts with what is new (`--after 0`: with all of history). It reads the data folder beside a
    running `loanbell serve`; over the network, read `/v1/warnings/stream`.
    """
    _, store = opened(data, read_only=True)
    with store:
        start = store.warnings.last_position() if after is None and not once else after or 0
        for item in _tail(store.warnings, start, once=once):
            print(_json_line(item)) if as_json else out.print(_line(item))


def _tail(log: FactLog, position: int, *, once: bool) -> Iterator[Recorded]:
    while True:
        page = log.read(after=position, limit=PAGE)
        yield from page
        if page:
            position = page[-1].position
        elif once:
            return
        else:
            time.sleep(SECONDS_BETWEEN_LOOKS)


def _line(item: Recorded) -> Text:
    fact = item.fact
    happened = type(fact).__name__.removeprefix("Warning").lower()
    line = Text(f"{fact.value_date} ")
    if isinstance(fact, WarningRaised | WarningEscalated):
        line.append_text(severity(fact.severity))
        line.append(f" {happened:<12} {fact.loan_id}  ")
        line.append(fact.reason, style=SEVERITY_STYLE[fact.severity])
    else:
        line.append(f"       {happened:<12} {fact.loan_id}  ", style="dim")
        line.append(getattr(fact, "reason", "") or getattr(fact, "note", ""), style="dim")
    return line


def _json_line(item: Recorded) -> str:
    kind = type(item.fact).__name__
    document: dict[str, Any] = {"position": item.position, "event_id": item.event_id, "type": kind}
    return orjson.dumps(document | {"fact": item.fact}).decode()
