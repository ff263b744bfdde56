"""Connections that say nothing: they are closed, never too many, and nobody else waits."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from streams import web
from streams.app import AddressInUse, listen

LOANBELL = [sys.executable, "-c", "from streams.cli import main; main()"]
Serving = Callable[..., AbstractContextManager[Any]]


def connected(url: str) -> socket.socket:
    port = int(url.rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), timeout=10)


@contextmanager
def many(url: str, count: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(connected(url)) for _ in range(count)]


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def is_open(connection: socket.socket) -> bool:
    connection.settimeout(0.2)
    try:
        while connection.recv(4096):
            pass
    except TimeoutError:
        return True
    return False


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1"])
def test_a_host_that_is_not_of_this_machine_is_told_to_be_the_cause(host: str) -> None:
    with pytest.raises(AddressInUse) as told:
        listen(host, 0)
    assert told.value.way_out.startswith("Name an address of this machine")


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\nHost: local",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HTTP/1.1\r\n",
    ],
)
def test_a_connection_without_a_whole_next_head_is_closed_after_a_while(
    serving: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(web, "HEAD_SECONDS", 0.5)
    with serving(tmp_path) as served, connected(served.url) as connection:
        began = time.monotonic()
        connection.sendall(said)
        while connection.recv(4096):
            pass
        assert 0.5 <= time.monotonic() - began < 4  # uvicorn's own timeout would take 5 s


def test_a_head_that_drips_is_closed_as_well(
    serving: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "HEAD_SECONDS", 0.5)
    with serving(tmp_path) as served, connected(served.url) as connection:
        began = time.monotonic()
        connection.settimeout(0.05)
        while time.monotonic() - began < 5:
            try:
                connection.sendall(b"G")
                assert is_closed(connection)
                break
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                break
        assert time.monotonic() - began < 4


def test_of_too_many_connections_the_longest_silent_goes_and_who_asks_is_answered(
    serving: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "MOST_CONNECTIONS", 8)
    with serving(tmp_path) as served, connected(served.url) as stream:
        stream.sendall(b"GET /v1/warnings/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in stream.recv(4096)
        with many(served.url, 30) as silent:
            assert httpx.get(served.url + "/healthz").status_code == 200
            # 8 may be open: the stream, and of the others the last 7; a further one asked.
            assert all(is_closed(connection) for connection in silent[:22])
            assert is_open(stream)


def test_a_body_that_never_comes_gives_way_too(
    serving: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "MOST_CONNECTIONS", 4)
    head = b"POST /v1/transactions HTTP/1.1\r\nHost: localhost\r\n"
    head += b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    with serving(tmp_path) as served, many(served.url, 4) as owing:
        for connection in owing:
            connection.sendall(head)
        time.sleep(0.2)
        assert httpx.get(served.url + "/healthz").status_code == 200
        assert is_closed(owing[0])


def test_where_nothing_can_be_accepted_one_line_says_so_and_other_errors_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    others: list[str] = []
    loop = asyncio.new_event_loop()
    handle = web._calm(lambda _, context: others.append(context["message"]))
    for _ in range(1_000):
        error = OSError(24, "Too many open files")
        message = "socket.accept() out of system resource"
        handle(loop, {"message": message, "exception": error})
    handle(loop, {"message": "Task was destroyed"})
    loop.close()
    assert [record.getMessage() for record in caplog.records] == [
        "connections wait, none can be accepted: [Errno 24] Too many open files"
    ]
    assert others == ["Task was destroyed"]


def test_so_many_connections_that_files_run_out_neither_silence_it_nor_fill_its_log(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    words = ["serve", "--data", str(tmp_path / "data"), "--port", "0", "--closed-by", "driver"]
    with log.open("wb") as err:
        process = subprocess.Popen(
            ["/bin/sh", "-c", 'ulimit -n 128; exec "$@"', "sh", *LOANBELL, *words], stderr=err
        )
    try:
        url = _address(log)
        with many(url, 200):
            for _ in range(10):
                assert httpx.get(url + "/healthz", timeout=5).status_code == 200
                assert httpx.get(url + "/v1/loans", timeout=5).status_code == 200
    finally:
        process.terminate()
        assert process.wait(20) == 0
    assert "Traceback" not in log.read_text()
    assert log.stat().st_size < 5_000


def _address(log: Path) -> str:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = re.search(r"http://127\.0\.0\.1:\d+", log.read_text())
        if found is not None and _is_up(found[0]):
            return found[0]
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def _is_up(url: str) -> bool:
    try:
        return httpx.get(url + "/readyz").status_code == 200
    except httpx.TransportError:
        return False
