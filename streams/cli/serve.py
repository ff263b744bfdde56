"""`loanbell serve`: ingest over HTTP, the agents, warnings live, metrics: one process."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from ipaddress import ip_address
from typing import Annotated

import typer

from streams.api.app import create_api, hosts_of
from streams.cli.app import ConfigOption, DataOption, cli, err
from streams.logs import set_up
from streams.settings import Settings
from streams.wiring import Node


@cli.command(rich_help_panel="Make facts")
def serve(
    data: DataOption = None,
    host: Annotated[
        str | None, typer.Option("--host", help="Where to listen. Default: 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", help="0 takes a free one. Default: 8321.")
    ] = None,
    closed_by: Annotated[
        str | None,
        typer.Option("--closed-by", help="timer: by the clock; driver: by messages only."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Serve the HTTP API, live warnings, /metrics and /docs over a data folder.

    Business days close by the clock (23:59 of the configured zone), or by `business_day_closed`
    messages with `--closed-by driver`. It listens on 127.0.0.1 unless told otherwise: before it
    faces a network, put a proxy with TLS and sign-in in front. Ctrl-C stops it within 10 s; nothing
    that was accepted is lost.
    """
    settings = Settings.load(
        {"data": data, "host": host, "port": port, "closed_by": closed_by}, file=config
    )
    set_up(settings)
    asyncio.run(_served(settings))


async def _served(settings: Settings) -> None:
    asked = told_to_stop()  # before anything is opened: whoever stops it early stops it well
    node = Node.open(settings)
    port = node.serve(create_api(node, hosts=hosts_of(settings.host)))
    async with node:
        warn_of_strangers(settings.host)
        err.print(f"LoanBell over {settings.data} at {address(settings.host, port)}")
        err.print("  /docs  /v1/warnings/stream  /v1/grades  /metrics  /readyz     Ctrl-C stops it")
        stopping = asyncio.create_task(asked.wait())
        failing = asyncio.create_task(node.failed())
        await asyncio.wait([stopping, failing], return_when=asyncio.FIRST_COMPLETED)
        failing.cancel()
        err.print("stopping …")
    if node.failure is not None:
        raise node.failure


def address(host: str, port: int) -> str:
    """Where a browser finds it."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def warn_of_strangers(host: str) -> None:
    """Say so when others than this machine can reach what has no sign-in."""
    if host != "localhost" and not _is_loopback(host):
        text = f"{host} can be reached from other machines, and there is no sign-in: all who reach "
        text += "it may use it. Put a proxy with TLS and sign-in in front, or listen on 127.0.0.1."
        err.tell("warning:", text, style="bold yellow")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name: whom it reaches only the network knows
        return False


def told_to_stop() -> asyncio.Event:
    """Set when a person or the system asks the process to end."""
    asked = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows knows no handlers in the loop.
            asyncio.get_running_loop().add_signal_handler(name, asked.set)
    return asked
