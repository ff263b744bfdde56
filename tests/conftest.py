"""Fixtures that several folders share. Kept small: what one file needs lives in that file."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

import httpx
import orjson
import pytest
from hypothesis import HealthCheck, settings


def _missing(what: str, way_out: str) -> NoReturn:
    reason = f"{what}: {way_out}"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (CI must not skip it)", pytrace=False)
    pytest.skip(reason)


# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("loanbell", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("loanbell")

SURVIVED: Counter[str] = Counter()


@pytest.fixture(scope="session")
def survived() -> Callable[..., None]:
    """`survived(kills=5)` when a book has come through them unharmed; told at the end."""

    def note(**faults: int) -> None:
        SURVIVED.update(faults)

    return note


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where files run side by side, a tester hands on what its books survived."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["survived"] = dict(SURVIVED)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What a tester handed on."""
    SURVIVED.update(getattr(node, "workeroutput", {}).get("survived", {}))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How many faults were survived, of which kind."""
    if SURVIVED:
        kinds = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in SURVIVED.items())
        terminalreporter.write_line(f"{SURVIVED.total():,} faults survived: {kinds}")


@pytest.fixture(scope="session")
def binary() -> Callable[[str, str], Path]:
    """`binary("promtool", "prometheus")` -> its path; else skip with the command that provides it.

    With CI=true a missing program fails the test instead.
    """

    def find(program: str, package: str) -> Path:
        path = shutil.which(program)
        if path is None:
            _missing(f"{program} is not installed", f"apt-get update && apt-get install {package}")
        return Path(path)

    return find


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """A private PostgreSQL, started once; `.create(name)` makes a database and gives its address.

    Without fsync: processes are killed here, machines are not.
    """
    from bench.services import PostgreSQL

    yield from _started(lambda: PostgreSQL(durable=False))


@pytest.fixture
def migrated(postgres: Any) -> Callable[..., str]:
    """`migrated(partitions=2)` -> the address of a new database with the present schema."""
    from ledger.store import migrate

    def make(partitions: int = 1) -> str:
        url: str = postgres.create(f"t{uuid4().hex}")
        migrate(url, partitions=partitions)
        return url

    return make


@pytest.fixture(scope="session")
def kafka() -> Iterator[Any]:
    """A private one-node Kafka broker, started once; `.url` is its address."""
    from bench.services import Kafka

    yield from _started(Kafka)


def _started(make: Callable[[], Any]) -> Iterator[Any]:
    from bench.services import ServiceMissing

    try:
        service = make()
    except ServiceMissing as error:
        _missing(error.message, error.way_out)
    with service:
        yield service


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """A loopback port that nobody listens on at this moment."""

    def pick() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            return port

    return pick


@dataclass
class Served:
    """A real node on a real file, serving HTTP on a loopback port from a thread of its own."""

    node: Any
    url: str
    client: httpx.Client
    loop: asyncio.AbstractEventLoop
    app: Any

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the node's loop and wait for what it gives."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=30)

    def settled(self) -> None:
        """Until everything sent was recorded, watched and projected."""
        self.wait(self.node.settled())


@pytest.fixture(scope="session")
def serving() -> Callable[..., AbstractContextManager[Served]]:
    """`with serving(folder, api={…}, **settings) as served:` runs a node until the block ends."""

    @contextmanager
    def serve(folder: Path, *, api: dict[str, Any] | None = None, **more: Any) -> Iterator[Served]:
        from streams.api import create_api
        from streams.settings import Settings
        from streams.wiring import Node

        node = Node.open(Settings(data=folder, port=0, closed_by="driver", **more))
        app = create_api(node, **(api or {}))
        port = node.serve(app)
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=url, timeout=30) as client:
            served = Served(node, url, client, loop, app)
            served.wait(node.start())
            try:
                served.settled()
                yield served
            finally:
                served.wait(node.stop())
                loop.call_soon_threadsafe(loop.stop)
                thread.join(timeout=10)
                node.close()

    return serve


@pytest.fixture
def served(serving: Callable[..., AbstractContextManager[Served]], tmp_path: Path) -> Iterator[Any]:
    """A node with an empty book."""
    with serving(tmp_path / "data") as running:
        yield running


class HttpReceiver:
    """Takes what is posted. `moods` say what it does next: a status, "hang up", seconds to wait
    before 204, or "later": 429 and to come back after a second; in the end it answers 204 at once.
    """

    def __init__(self, port: int = 0) -> None:
        self.moods: deque[Any] = deque()
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.tried: list[tuple[dict[str, str], bytes]] = []
        self._came = threading.Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                outer.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook?token=T-secret-url"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, handler: Any) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        request = ({name.lower(): value for name, value in handler.headers.items()}, body)
        mood = self.moods.popleft() if self.moods else 204
        self.tried.append(request)
        if mood == "hang up":
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True
            return
        if isinstance(mood, float):
            time.sleep(mood)
        status = mood if isinstance(mood, int) else 429 if mood == "later" else 204
        with self._came:
            if status < 300:
                self.taken.append(request)
            self._came.notify_all()
        handler.send_response(status)
        handler.send_header("Content-Length", "0")
        if mood == "later":
            handler.send_header("Retry-After", "1")
        if status == 302:
            handler.send_header("Location", f"http://127.0.0.1:{self.port}/elsewhere")
        handler.end_headers()

    def wait(self, count: int, seconds: float = 20.0) -> list[dict[str, Any]]:
        """The events taken, once there are so many."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.taken) >= count, seconds), len(self.taken)
        return self.events()

    def events(self) -> list[dict[str, Any]]:
        return [orjson.loads(body) for _, body in self.taken]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    """A receiver that takes everything unless told otherwise."""
    made = HttpReceiver()
    yield made
    made.close()


@pytest.fixture
def receiver_at() -> Callable[[int], HttpReceiver]:
    """A receiver on a given port."""
    return HttpReceiver
