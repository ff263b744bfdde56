"""`loanbell webhooks`: the receivers of warnings over HTTP, as an operator looks after them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from ledger.dates import now_us
from ledger.errors import UnknownEntity
from streams.cli.app import ConfigOption, DataOption, JsonOption, NotUsable, cli, out
from streams.cli.render import table
from streams.deliveries import tracked_standing
from streams.parts import secret_in, stores_to_read
from streams.post import Post, Unanswered
from streams.receivers import Receiver, receivers_in
from streams.settings import Settings, SettingsError
from streams.sinks import trial_of

webhooks = typer.Typer(
    no_args_is_help=True, help="Receivers of webhooks and alerts: list, test and resume them."
)
cli.add_typer(webhooks, name="webhooks", rich_help_panel="Keep it right")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="As in the file of receivers.")]
DatabaseOption = Annotated[
    str | None, typer.Option("--database", help="Scaled out: LOANBELL_DATABASE.")
]
SECONDS = 15.0


@webhooks.command("list")
def list_(
    data: DataOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show each receiver: how many facts it has yet to be told of, and whether it is parked.

    It reads what is tracked beside the facts, whether `serve` or workers run or not. Addresses are
    shown without their paths, which may hold a token.
    """
    settings = Settings.load({"data": data, "database": database}, file=config)
    receivers = _receivers(settings)
    stores = stores_to_read(settings)
    try:
        found = [tracked_standing(each, stores) for each in receivers]
    finally:
        for store in stores:
            store.close()
    if as_json:
        print(orjson.dumps(found).decode())
        return
    shown = [
        (one["receiver"], one["kind"], one["place"], one["feed"],
         f"{one['behind_facts']:,}", _state(one))
        for one in found
    ]  # fmt: skip
    out.print(table("Receivers", ["name", "kind", "at", "told of", "behind", "state"], shown))


def _state(one: dict[str, Any]) -> str:
    if one["parked"]:
        return f"parked in partition {', '.join(map(str, one['parked']))}"
    return "delivering" if one["begun"] else "not begun"


@webhooks.command()
def resume(
    name: NameArgument,
    skip: Annotated[
        bool,
        typer.Option("--skip", help="Leave out for ever the event it is stuck at."),
    ] = False,
    at: Annotated[
        str | None,
        typer.Option("--at", help="Where `serve` or `api` listens; default: as in the settings."),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", help="Where people sign in: a token of scope `operate`."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Send to a parked receiver again, from where it stopped; to a failing one at once.

    Asks the running `loanbell serve` (scaled out: `loanbell api`, which tells all workers).
    """
    settings = Settings.load({}, file=config)
    place = at or f"http://{settings.host}:{settings.port}"
    url = f"{place.rstrip('/')}/v1/webhooks/{name}/resume?skip={str(skip).lower()}"
    token = {} if token_file is None else {"Authorization": f"Bearer {secret_in(token_file)}"}
    status = asyncio.run(_asked(url, token))
    if status == 404:
        raise UnknownEntity(
            f"There is no receiver {name} there.", way_out="`loanbell webhooks list` names them."
        )
    if status in (401, 403):
        raise NotUsable(
            "People sign in there, and this was not allowed.",
            way_out="Give --token-file with a token of scope `operate` of an operator "
            "(`loanbell tokens`).",
        )
    if status // 100 != 2:
        raise NotUsable(f"{place} answered {status}.", way_out="See its log and GET /readyz.")
    out.print(f"{name} is resumed")


async def _asked(url: str, headers: dict[str, str]) -> int:
    post = Post(timeout_seconds=SECONDS)
    try:
        return (await post.send(url, headers, b"")).status
    except Unanswered as error:
        raise NotUsable(
            f"LoanBell does not answer there: {error}",
            way_out="Start `loanbell serve` or `loanbell api`, or name its address with --at.",
        ) from None
    finally:
        await post.close()


@webhooks.command("test")
def try_out(name: NameArgument, config: ConfigOption = None) -> None:
    """Send a receiver one signed event of type receiver.tested.v1, and say what it answered.

    An Alertmanager is sent an empty list of alerts. Nothing is tracked.
    """
    receivers = {each.name: each for each in _receivers(Settings.load({}, file=config))}
    if name not in receivers:
        raise UnknownEntity(
            f"There is no receiver {name}.", way_out=f"Known: {', '.join(receivers) or 'none'}."
        )
    asyncio.run(_tested(receivers[name]))


async def _tested(receiver: Receiver) -> None:
    post = Post(timeout_seconds=receiver.timeout_seconds, ca_file=receiver.ca_file)
    started = time.perf_counter()
    try:
        reply = await post.send(*trial_of(receiver, now_us()))
    except Unanswered as error:
        raise NotUsable(
            f"{receiver.name} did not take it: {error}", way_out=f"Is {receiver.place} right?"
        ) from None
    finally:
        await post.close()
    took = f"in {(time.perf_counter() - started) * 1_000:.0f} ms"
    if not 200 <= reply.status < 300:
        raise NotUsable(
            f"{receiver.name} answered {reply.status} {took}.",
            way_out="It must answer 2xx to what it takes; does it know the secret?",
        )
    out.print(f"{receiver.name} answered {reply.status} {took}")


def _receivers(settings: Settings) -> list[Receiver]:
    if settings.webhooks is None:
        raise SettingsError(
            "No file of receivers is named.", way_out="Set webhooks or LOANBELL_WEBHOOKS."
        )
    path: Path = settings.webhooks
    return receivers_in(path)
