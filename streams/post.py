"""The door to aiohttp: posts one body and says what was answered. Retries nothing.

It follows no redirect and no proxy, keeps no cookies, reads no body of an answer, and calls no
address that machines keep for themselves, whatever a name resolves to.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from ledger.errors import LoanError
from streams.health import THREADS
from streams.receivers import is_forbidden

KEPT_SECONDS = 2.0
"""An idle connection is closed before the receiver's own server would do it."""


class Unanswered(LoanError):
    """The receiver could not be reached, or gave no answer in time."""

    code = "unanswered"


class Reply(NamedTuple):
    """What a receiver answered: the status, and how long it asks us to wait, if it does."""

    status: int
    wait_seconds: float


_lookups = ThreadPoolExecutor(4, thread_name_prefix=THREADS + "names")
"""Threads of their own: a name server that hangs must not hold up what records."""


class _Resolver(AbstractResolver):
    """Looks names up, and keeps to addresses that may be called."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """See `AbstractResolver`."""
        look = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM, family=family)
        found = await asyncio.get_running_loop().run_in_executor(_lookups, look)
        allowed = [
            ResolveResult(
                hostname=host, host=str(address[0]), port=int(address[1]), family=kind,
                proto=protocol, flags=socket.AI_NUMERICHOST,
            )
            for kind, _, protocol, _, address in found
            if not is_forbidden(str(address[0]))
        ]  # fmt: skip
        if not allowed:
            raise OSError("it resolves to an address that is no receiver")
        return allowed

    async def close(self) -> None:
        """Nothing to let go of."""


class Post:
    """Connections to one receiver. They open with the first `send`; `close` ends them."""

    def __init__(self, *, timeout_seconds: float, ca_file: Path | None = None) -> None:
        self._timeout, self._ca = timeout_seconds, ca_file
        self._session: aiohttp.ClientSession | None = None

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Post `body`. Errors: Unanswered, which names no address."""
        try:
            async with self._opened().post(
                url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                return Reply(answer.status, _wait(answer.headers.get("Retry-After", "")))
        except TimeoutError:
            raise Unanswered(f"No answer within {self._timeout:g} s.") from None
        except (aiohttp.ClientError, OSError, ssl.SSLError) as error:
            raise Unanswered(f"{_cause(error)}.") from None

    async def close(self) -> None:
        """Let go of the receiver."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            tls = ssl.create_default_context(cafile=self._ca)
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                connector=aiohttp.TCPConnector(
                    ssl=tls, limit=1, keepalive_timeout=KEPT_SECONDS, resolver=_Resolver(),
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
            )  # fmt: skip
        return self._session


def _wait(text: str) -> float:
    """Retry-After in seconds; a date, or anything else, counts as nothing said."""
    return float(text) if text.isdecimal() and len(text) <= 6 else 0.0


def _cause(error: BaseException) -> str:
    """The kind of an error and the system's words for it; never the address."""
    system = getattr(error, "os_error", error)
    words = getattr(system, "strerror", None)
    return f"{type(error).__name__}: {words}" if isinstance(words, str) else type(error).__name__
