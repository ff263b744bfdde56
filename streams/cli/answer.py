"""`loanbell answer`: what a person does about a warning, from the console.

Beside a running `loanbell serve` the folder is taken: then the same actions go over HTTP.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ledger.store import Recorded
from streams.cli.app import ConfigOption, DataOption, cli, out
from streams.settings import Settings
from streams.wiring import Node
from warning.actions import (
    AcknowledgeWarning,
    FindFalse,
    StartAction,
    SuppressWarning,
    WarningAction,
)

answer = typer.Typer(name="answer", no_args_is_help=True, help="Answer a warning.")
cli.add_typer(answer, rich_help_panel="Answer")
WarningId = Annotated[str, typer.Argument(metavar="WARNING", help="Its id, as `watch` tells it.")]
Actor = Annotated[str, typer.Option("--actor", help="Who does it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept for ever.")]


@answer.command()
def acknowledge(
    warning: WarningId,
    actor: Actor,
    note: Annotated[str, typer.Option("--note")] = "",
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Say that somebody has seen it; nobody else is told of it until it becomes graver."""
    _do(AcknowledgeWarning(warning_id=warning, actor=actor, note=note), data, config)


@answer.command()
def start(
    warning: WarningId,
    actor: Actor,
    action: Annotated[str, typer.Option("--action", help="What is done; kept for ever.")],
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Say what is done about it."""
    _do(StartAction(warning_id=warning, actor=actor, action=action), data, config)


@answer.command()
def dismiss(
    warning: WarningId,
    actor: Actor,
    reason: Reason,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Say that it is a false alarm: over, and its rule quiet until the cause has been gone once."""
    _do(FindFalse(warning_id=warning, actor=actor, reason=reason), data, config)


@answer.command()
def suppress(
    warning: WarningId,
    actor: Actor,
    reason: Reason,
    until: Annotated[datetime, typer.Option("--until", formats=["%Y-%m-%d"], metavar="DATE")],
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Silence it to the end of a day, up to the severity it has now."""
    wanted = SuppressWarning(warning_id=warning, actor=actor, reason=reason, until=until.date())
    _do(wanted, data, config)


def _do(action: WarningAction, data: Path | None, config: Path | None) -> None:
    settings = Settings.load({"data": data, "closed_by": "driver"}, file=config)
    for item in asyncio.run(_acted(settings, action)):
        out.print(f"recorded {item.event_id}", markup=False)


async def _acted(settings: Settings, action: WarningAction) -> list[Recorded]:
    async with Node.open(settings) as node:
        recorded = await node.act(action)
        await node.settled()
        return recorded
