"""The Faust app of an embedded node: agents on in-process channels, no broker.

The door to Faust's app, and with `agents` the only module that knows Faust. Channels carry whole
batches as values; they are bounded, so a slow agent slows its senders. Durability is not their
business: what an agent has not yet read when the process dies, it reads from the store at start.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import faust
from faust.app.base import BootStrategy
from mode import Service

from ledger.errors import LoanError
from streams.web import Server

T = TypeVar("T")
Body = Callable[["Inbox"], Awaitable[None]]
"""What an agent does with its inbox, for as long as the node runs."""

_NO_BROKER = "kafka://127.0.0.1:9"
"""Faust wants a broker's address; nothing ever connects to it."""


class AddressInUse(LoanError):
    """The HTTP address cannot be listened on."""

    code = "address_in_use"


class _NoBroker(BootStrategy):
    enable_kafka = False
    enable_sensors = False


class _EmbeddedApp(faust.App):
    BootStrategy = _NoBroker

    async def on_first_start(self) -> None:
        """Faust makes folders for its tables here; we keep none."""


class Inbox:
    """What an agent reads: values of its channel, one by one or as many as wait."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def batches(self, *, most: int, size: Callable[[Any], int]) -> AsyncIterator[list[Any]]:
        """Lists of values, in order: the next one and what waits behind it.

        A list ends when the sizes of its values add up to `most`. Nothing is waited for that is
        not there yet, so a lone value goes through at once.
        """
        queue = self._stream.channel.queue
        async for value in self._stream:
            values, total = [value], size(value)
            while total < most and not queue.empty():
                values.append(queue.get_nowait())
                total += size(values[-1])
            yield values


class EmbeddedApp:
    """A Faust app without a broker. Make channels and agents, then `start`.

    `web` is an ASGI app and the socket to serve it on, from `start` to `stop`. Faust's own web
    server, which would listen on every address, is never started.
    """

    def __init__(self, name: str, *, web: tuple[Any, socket.socket] | None = None) -> None:
        self._app = _EmbeddedApp(
            name,
            broker=_NO_BROKER,
            autodiscover=False,
            stream_wait_empty=False,
            web_enabled=web is not None,
        )
        if web is not None:
            self._app.web_server(WebServer(*web))

    def channel(self, *, waiting: int) -> Any:
        """A channel in which at most `waiting` values wait; `put` waits for room."""
        return self._app.channel(maxsize=waiting)

    def agent(self, name: str, channel: Any, body: Body) -> None:
        """Run `body` over `channel`, alone: one agent, one at a time."""

        async def run(stream: Any) -> None:
            await body(Inbox(stream))

        self._app.agent(channel, name=name, concurrency=1)(run)

    async def start(self) -> None:
        """Start the agents in the running loop. Without `resume` they would wait for ever."""
        await self._app.start()
        self._app.flow_control.resume()

    async def stop(self) -> None:
        """Stop the agents and the web server; what waits in channels is dropped."""
        await self._app.stop()


async def delivered(put: Coroutine[Any, Any, None], answer: asyncio.Future[T]) -> T:
    """Put a question into a channel and wait for its answer, even one that comes before the room.

    A node that stops answers what still waits for room; nobody reads the channel by then.
    """
    putting = asyncio.ensure_future(put)
    either: set[asyncio.Future[Any]] = {putting, answer}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return await answer
    finally:
        putting.cancel()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Errors: AddressInUse with a way out."""
    try:
        socket.getaddrinfo(host, port)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        nowhere = isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
        raise AddressInUse(
            f"Cannot listen on {host} port {port}: {error.strerror or error}.",
            way_out="Name an address of this machine, such as 127.0.0.1 (--host, LOANBELL_HOST)."
            if nowhere
            else "Stop what listens there, or choose another port (--port, LOANBELL_PORT).",
        ) from None
    # asyncio does this itself only for sockets it makes; without it answers wait 40 ms for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class WebServer(Service):
    """uvicorn on the node's own loop, over a socket that listens already."""

    def __init__(self, asgi: Any, listener: socket.socket) -> None:
        super().__init__()
        self._listener = listener
        self._server = Server(asgi)
        self._served: asyncio.Future[None] | None = None

    async def on_start(self) -> None:
        self._served = self.add_future(self._server.serve(sockets=[self._listener]))

    async def on_stop(self) -> None:
        self._server.should_exit = True
        if self._served is not None:
            await asyncio.wait([self._served], timeout=3)
        self._listener.close()
