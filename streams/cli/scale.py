"""`loanbell worker`, `topics create`, `migrate`: the same agents on Kafka and PostgreSQL."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from ledger.store import migrate as migrate_to
from ledger.store.migrations import LATEST
from streams.api.app import create_reading_api, hosts_of
from streams.api.worker import create_worker_api
from streams.app import WebServer, listen
from streams.books import Books
from streams.cli.app import ConfigOption, cli, err, out
from streams.cli.serve import (
    OpenOption,
    SignInOption,
    UrlOption,
    address,
    refuse_strangers,
    say_who_may,
    told_to_stop,
    warn_of_strangers,
)
from streams.kafka import Producer, create_topics
from streams.logs import set_up
from streams.parts import database_of
from streams.readers import on_disk, pieces, survey
from streams.sender import Sender
from streams.settings import Settings
from streams.topics import TOPICS, TRANSACTIONS_TOPIC
from streams.worker import Worker

PANEL = "Scale out"

topics = typer.Typer(no_args_is_help=True, help="Kafka topics.")
cli.add_typer(topics, name="topics", rich_help_panel=PANEL)

BrokerOption = Annotated[
    str | None, typer.Option("--broker", help="kafka://host:port,… (LOANBELL_BROKER).")
]
DatabaseOption = Annotated[
    str | None,
    typer.Option("--database", help="postgresql://user@host:port/name (LOANBELL_DATABASE)."),
]


@cli.command(rich_help_panel=PANEL)
def worker(
    broker: BrokerOption = None,
    database: DatabaseOption = None,
    host: Annotated[str | None, typer.Option("--host", help="For /metrics and probes.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="0 takes a free one.")] = None,
    closed_by: Annotated[
        str | None, typer.Option("--closed-by", help="timer or driver, as for `serve`.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Record, watch, grade and publish the partitions that Kafka gives to this worker.

    Start as many as there are partitions; they share them out, and take over from one another.
    It serves /healthz, /readyz, /metrics and /v1/status. Ctrl-C stops it within 10 s.
    """
    given = {"broker": broker, "database": database, "host": host, "port": port}
    settings = Settings.load({**given, "closed_by": closed_by}, file=config)
    set_up(settings)
    asyncio.run(_work(settings))


async def _work(settings: Settings) -> None:
    stopping = asyncio.create_task(told_to_stop().wait())
    running = Worker(settings)
    listener = listen(settings.host, settings.port)
    web = WebServer(create_worker_api(running), listener)
    port = listener.getsockname()[1]
    async with running:
        await web.start()
        warn_of_strangers(settings.host)
        place = address(settings.host, port)
        err.print(f"LoanBell worker of group {settings.group} at {place}")
        while not stopping.done() and running.crashed is None:
            await asyncio.wait([stopping], timeout=0.5)
        err.print("stopping …")
        await web.stop()
    if running.crashed is not None:
        raise running.crashed


@cli.command(rich_help_panel=PANEL)
def api(
    database: DatabaseOption = None,
    broker: BrokerOption = None,
    host: Annotated[str | None, typer.Option("--host", help="Where to listen.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="0 takes a free one.")] = None,
    sign_in: SignInOption = None,
    open_: OpenOption = False,
    public_url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Serve what all partitions hold: loans, their stories, warnings live, grades, portfolio.

    Where a broker is named it also takes transactions and what people do about warnings, and sends
    them through the topic to the partition's worker; else it only reads. As many as wanted may run.
    Sign-in is as for `serve`; users and the audit trail are in the database, and all share them.
    """
    given = {
        "database": database, "broker": broker, "host": host, "port": port,
        "public_url": public_url, "sign_in": "open" if open_ else sign_in,
    }  # fmt: skip
    settings = Settings.load(given, file=config)
    refuse_strangers(settings)
    set_up(settings)
    asyncio.run(_read(settings))


async def _read(settings: Settings) -> None:
    stopping = asyncio.create_task(told_to_stop().wait())
    books = await asyncio.to_thread(Books.open, settings)
    listener = listen(settings.host, settings.port)
    producer = Producer(settings) if settings.broker else None
    app = create_reading_api(books, hosts=hosts_of(settings.host), producer=producer)
    web, feeding = WebServer(app, listener), asyncio.create_task(app.state.feed.run())
    await web.start()
    port = listener.getsockname()[1]
    place = address(settings.host, port)
    does = "reads" if producer is None else "reads and sends"
    err.print(f"LoanBell {does} at {place}  /docs  /v1/status  /metrics")
    say_who_may(settings)
    await stopping
    app.state.feed.close()
    await web.stop()
    feeding.cancel()
    await asyncio.wait([feeding])
    if producer is not None:
        await producer.stop()
    await asyncio.to_thread(books.close)


@topics.command("create")
def create(
    partitions: Annotated[int, typer.Option("--partitions", min=1, help="Fixed for ever.")],
    replicas: Annotated[int, typer.Option("--replicas", min=1, help="Copies of each.")] = 3,
    broker: BrokerOption = None,
    config: ConfigOption = None,
) -> None:
    """Make the topics that are missing."""
    settings = Settings.load({"broker": broker}, file=config)
    wanted = {settings.topic(name): words for name, words in TOPICS.items()}
    made = asyncio.run(create_topics(settings, wanted, partitions=partitions, replicas=replicas))
    for name in wanted:
        out.print(f"{name}: {'made' if name in made else 'there already'}")


@cli.command(rich_help_panel=PANEL)
def send(
    files: Annotated[list[Path], typer.Argument(help="JSON lines or CSV, as for `import`.")],
    partitions: Annotated[int, typer.Option("--partitions", min=1, help="As for the topics.")],
    broker: BrokerOption = None,
    config: ConfigOption = None,
) -> None:
    """Send files to the workers: each message to its borrower's partition, in order.

    Closes of business days go to every partition, behind what was sent before them. Sending a file
    again is safe: its transaction ids are known then.
    """
    settings = Settings.load({"broker": broker}, file=config)
    sent = asyncio.run(_send(settings, files, partitions))
    out.print(f"{sent:,} messages sent")


async def _send(settings: Settings, files: list[Path], partitions: int) -> int:
    producer = Producer(settings)
    sender = Sender(producer, settings.topic(TRANSACTIONS_TOPIC), partitions)
    try:
        for file in files:
            with on_disk(file) as path:
                found = pieces(path, is_csv=survey(path).is_csv)
                await sender.send(piece.body or piece.found for piece in found)
        await sender.flush()
    finally:
        await producer.stop()
    return sender.sent


@cli.command(rich_help_panel=PANEL)
def migrate(
    database: DatabaseOption = None,
    partitions: Annotated[
        int | None, typer.Option("--partitions", help="As for the topics; wanted the first time.")
    ] = None,
    to: Annotated[int, typer.Option("--to", help="A version of the schema.")] = LATEST,
    config: ConfigOption = None,
) -> None:
    """Bring the schema of PostgreSQL to the version of this LoanBell, or back to an earlier one.

    All steps happen in one transaction; steps back never take facts away.
    """
    settings = Settings.load({"database": database}, file=config)
    done = migrate_to(database_of(settings), partitions=partitions, to=to)
    for line in done:
        out.print(line)
    out.print(f"schema {to}" + ("" if done else ": nothing to do"))
