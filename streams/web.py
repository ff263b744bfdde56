"""Connections of the HTTP server: how many there may be, and how long one may keep us waiting.

Whoever only connects costs a file descriptor each: without bounds, a few hundred of them would
silence the server. Knows nothing of requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 15.0
"""A connection whose next request has no whole head by then is closed."""
MOST_CONNECTIONS = 512
"""At once, where the process may open files enough; else half of the files that it may."""
_QUEUE = 512
"""Connections that the system holds for us until they are accepted."""
_AT_ONCE = 16
"""Accepted before any of them is looked at: so many may exceed the bound for a moment."""
_TOLD_EVERY_SECONDS = 60.0

log = logging.getLogger("loanbell.http")


def most_connections() -> int:
    """How many connections there may be, so that the databases keep files to open."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if files < 0 else min(MOST_CONNECTIONS, files // 2)


class Connection(H11Protocol):
    """One connection. When there are too many, the client that owes us most goes."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count it, and begin to wait for a head."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._look = self.loop.call_later(HEAD_SECONDS, self._close_if_silent)
        if len(self.connections) > most_connections():
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """It ended."""
        self._look.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """From now on we wait for the next head."""
        self._since = self.loop.time()
        super().on_response_complete()

    @property
    def _between(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def _owes(self) -> bool:
        """Whether it is the client's turn: to send a head, or the rest of a body."""
        return not self.transport.is_closing() and (self._between or self.cycle.more_body)

    def _close_if_silent(self) -> None:
        silent = self.loop.time() - self._since if self._between else 0.0
        if silent >= HEAD_SECONDS:
            self.transport.close()
        else:
            self._look = self.loop.call_later(HEAD_SECONDS - silent, self._close_if_silent)

    def _make_room(self) -> None:
        """Cut off the connection whose client has let us wait for longest."""
        others: Any = self.connections
        open_ = [other for other in others if not other.transport.is_closing()]
        if len(open_) > most_connections():
            owing = [other for other in open_ if other._owes]
            min(owing, key=lambda other: other._since, default=self).transport.abort()


class Server(uvicorn.Server):
    """uvicorn's server over `Connection`s, which accepts few at once and leaves signals alone."""

    def __init__(self, asgi: Any) -> None:
        super().__init__(
            uvicorn.Config(
                asgi,
                http=Connection,
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                loop="none",
                backlog=_AT_ONCE,
                timeout_graceful_shutdown=2,
            )
        )
        self.capture_signals = contextlib.nullcontext  # type: ignore[assignment]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; the system's queue stays longer than what is accepted at once."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_calm(loop.get_exception_handler()))
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(_QUEUE)


Handler = Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object]


def _calm(otherwise: Handler | None) -> Handler:
    """Says now and then that nothing can be accepted, where asyncio writes a trace each time."""
    told = float("-inf")

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal told
        if "socket.accept()" not in context.get("message", ""):
            (otherwise or type(loop).default_exception_handler)(loop, context)
        elif loop.time() - told >= _TOLD_EVERY_SECONDS:
            told = loop.time()
            error = context.get("exception")
            log.warning("connections wait, none can be accepted: %s", error)

    return handle
