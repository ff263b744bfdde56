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
from streams.identity.service import Identity
from streams.logs import set_up
from streams.parts import people_place
from streams.settings import Settings, SettingsError
from streams.wiring import Node

SignInOption = Annotated[
    str | None,
    typer.Option("--sign-in", help="auto: once there is a user; required: always; open: never."),
]
OpenOption = Annotated[
    bool, typer.Option("--open", help="Let whoever reaches it use it: a proxy has a sign-in.")
]
UrlOption = Annotated[
    str | None,
    typer.Option("--public-url", help="How browsers reach it through its proxy: https://…"),
]


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
    sign_in: SignInOption = None,
    open_: OpenOption = False,
    public_url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Serve the HTTP API, live warnings, /metrics and /docs over a data folder.

    Business days close by the clock (23:59 of the configured zone), or by `business_day_closed`
    messages with `--closed-by driver`. Once there is a user (`loanbell users add`) everybody has to
    sign in. It listens on 127.0.0.1 unless told otherwise: before it faces a network, put a proxy
    with TLS in front and name its address with --public-url. Ctrl-C stops it within 10 s; nothing
    that was accepted is lost.
    """
    settings = Settings.load(
        {
            "data": data, "host": host, "port": port, "closed_by": closed_by,
            "sign_in": "open" if open_ else sign_in, "public_url": public_url,
        },
        file=config,
    )  # fmt: skip
    set_up(settings)
    asyncio.run(_served(settings))


async def _served(settings: Settings) -> None:
    asked = told_to_stop()  # before anything is opened: whoever stops it early stops it well
    refuse_strangers(settings)
    node = Node.open(settings)
    port = node.serve(create_api(node, hosts=hosts_of(settings.host)))
    async with node:
        err.print(f"LoanBell over {settings.data} at {address(settings.host, port)}")
        err.print("  /docs  /v1/warnings/stream  /v1/grades  /metrics  /readyz     Ctrl-C stops it")
        say_who_may(settings)
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


def is_open(settings: Settings) -> bool:
    """Whether nobody has to sign in, as things are."""
    identity = Identity(people_place(settings), settings.sign_in)
    try:
        return not identity.required
    finally:
        identity.close()


def refuse_strangers(settings: Settings) -> None:
    """Errors: SettingsError when other machines could use what nobody has to sign in to."""
    if settings.sign_in != "open" and not is_loopback(settings.host) and is_open(settings):
        raise SettingsError(
            f"{settings.host} can be reached from other machines, and there is no user yet.",
            way_out="Add one (loanbell users add), listen on 127.0.0.1, or say --open if a proxy "
            "with a sign-in of its own stands in front.",
        )


def say_who_may(settings: Settings) -> None:
    """Say whether people have to sign in, and warn where strangers need not."""
    if not is_open(settings):
        err.print("sign-in is required: /sign-in, or Authorization: Bearer with an API token")
        if not is_loopback(settings.host) and not settings.public_url.startswith("https://"):
            text = "browsers send the cookie of a sign-in over TLS alone: put a proxy with TLS in "
            err.tell("warning:", text + "front, named with --public-url.", style="bold yellow")
    elif is_loopback(settings.host):
        err.print("open to everybody on this machine; `loanbell users add` makes sign-in required")
    else:
        warn_of_strangers(settings.host)


def warn_of_strangers(host: str) -> None:
    """Say so when others than this machine can reach what has no sign-in."""
    if not is_loopback(host):
        text = f"{host} can be reached from other machines, and there is no sign-in: all who reach "
        text += "it may use it. Put a proxy with TLS and sign-in in front, or listen on 127.0.0.1."
        err.tell("warning:", text, style="bold yellow")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it."""
    return host == "localhost" or _is_loopback(host)


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
