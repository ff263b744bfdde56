"""What does the desk cost: live streams of 200 officers on one process, and its pages?

A book of generated loans is loaded up to a day on which warnings ring; the process that serves it
is `loanbell serve`, apart from this one. 200 sessions, one an officer of one branch each, listen
to it as open pages do. Then the days go on, and each event's delay runs from the moment the
message of the close is sent until a listener has it: recording, judging and committing included.
Pages are fetched one after the other by one who sees the whole bank; their weight is what a browser
fetches each time, beside style and script once. Nothing of it comes from elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import gzip
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bench.drive import drive_all
from bench.latency import percentile
from ledger.dates import now_us
from projections.queries import Queries
from streams.cli.branch import until
from streams.desk.assets import assets
from streams.generate import portfolio
from streams.identity import passwords
from streams.identity.directory import Directory, Tables, Token, User
from streams.identity.draws import secret, short_id
from streams.identity.service import Identity
from streams.living import CLOSE
from streams.parts import people_place
from streams.settings import Settings

OFFICERS = 200
DAYS = 8
ROUNDS = 25
STYLE = ("desk.css", "desk.js", "bell.svg")
COOKIE = "loanbell"
DAY_US = 86_400_000_000


def run(*, seed: int, quick: bool) -> list[dict[str, Any]]:
    """Memory and delay of 200 live streams; time and weight of each page."""
    loans, officers, days, rounds = (120, 20, 4, 3) if quick else (400, OFFICERS, DAYS, ROUNDS)
    world = portfolio(loans=loans, months=12, seed=seed)
    lines = world.messages()
    with tempfile.TemporaryDirectory(prefix="loanbell-desk-") as folder:
        data = Path(folder) / "data"
        drive_all(until(lines, date(2024, 10, 15)), data, source="bench")
        sessions, token = _people(Settings.load({"data": data}, environ={}), officers)
        with _served(data) as (port, pid):
            note = f"{loans:,} loans"
            results = _pages(port, sessions[0], rounds, note)
            core = _Core(port, token)
            results += asyncio.run(_streams(port, pid, sessions[1:], core, lines, days, note))
    return results


def _people(settings: Settings, count: int) -> tuple[list[str], str]:
    """Sessions of a risk manager and of officers of one branch each; a token of the core system."""
    queries = Queries.open(settings.views_db)
    branches = sorted({row["branch"] for row in queries.loans(limit=1_000).rows})
    queries.close()
    tables = Tables.open(people_place(settings))
    people, stored, token = Directory(tables), passwords.hashed(short_id()), secret()
    users = [
        User(
            user_id=f"officer{n}", name=f"Officer {n}", roles=frozenset({"officer"}),
            branches=frozenset({branches[n % len(branches)]}), password=stored,
        )
        for n in range(count)
    ]  # fmt: skip
    whole = User(
        user_id="risk", name="Risk", roles=frozenset({"risk_manager"}), branches=None,
        password=stored,
    )  # fmt: skip
    core = User(user_id="core", name="core", roles=frozenset({"publisher"}), branches=None)
    for user in (*users, whole, core):
        people.add(user, by="bench")
    made = Token(
        token_id=short_id(), user_id="core", scopes=frozenset({"transactions"}), made_us=now_us(),
        expires_us=now_us() + DAY_US, revoked_us=None,
    )  # fmt: skip
    people.add_token(made, token, by="bench")
    tables.close()
    identity = Identity(people_place(settings), "required")
    try:
        return [identity.begin(user) for user in (whole, *users)], token
    finally:
        identity.close()


@contextlib.contextmanager
def _served(data: Path) -> Iterator[tuple[int, int]]:
    """`loanbell serve` in a process of its own: its port and its process id."""
    command = [sys.executable, "-c", "from streams.console import main; main()", "serve"]
    words = ["--data", str(data), "--port", "0", "--closed-by", "driver"]
    with subprocess.Popen([*command, *words], stderr=subprocess.PIPE, text=True) as process:
        try:
            port = _port_of(process)
            _ready(port)
            yield port, process.pid
        finally:
            process.terminate()
            process.communicate(timeout=30)


def _port_of(process: subprocess.Popen[str]) -> int:
    for line in process.stderr or ():
        if " at http://127.0.0.1:" in line:
            return int(line.rpartition(":")[2])
    raise RuntimeError("The server ended before it listened.")


def _ready(port: int) -> None:
    while True:
        with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=30)) as asked:
            asked.request("GET", "/readyz")
            if asked.getresponse().status == 200:
                return
        time.sleep(0.1)


# -- pages ---------------------------------------------------------------------------------------


def _pages(port: int, session: str, rounds: int, note: str) -> list[dict[str, Any]]:
    asked = HTTPConnection("127.0.0.1", port, timeout=60)
    warning = _first(asked, session, "/desk/warnings", "/desk/warnings/", 36)
    loan = _first(asked, session, "/desk/warnings", "/desk/loans/", 7)
    borrower = _first(asked, session, f"/desk/loans/{loan}", "/desk/borrowers/", 7)
    pages = {
        "my day": "/desk", "warnings": "/desk/warnings", "warning": f"/desk/warnings/{warning}",
        "loan": f"/desk/loans/{loan}", "loan, as of": f"/desk/loans/{loan}?as_of=2024-06-28",
        "borrower": f"/desk/borrowers/{borrower}", "portfolio": "/desk/portfolio",
        "team": "/desk/team", "rules": "/desk/rules",
    }  # fmt: skip
    style = sum(len(assets()[name].content) for name in STYLE)
    results = [_row("pages", "style and script, once", style / 1_000, "kB", ", ".join(STYLE))]
    for name, path in pages.items():
        times, body = [], b""
        for _ in range(rounds):
            began = time.perf_counter()
            body = _get(asked, session, path)
            times.append(1_000 * (time.perf_counter() - began))
        weight = f"{len(body) / 1_000:.0f} kB, {len(gzip.compress(body)) / 1_000:.0f} kB packed"
        results.append(_row("pages", f"{name}, first", times[0], "ms", weight))
        for percent in (50, 99):
            value = percentile(times[1:], percent)
            results.append(_row("pages", f"{name}, p{percent}", value, "ms", f"{weight}; {note}"))
    asked.close()
    return results


def _get(asked: HTTPConnection, session: str, path: str) -> bytes:
    asked.request("GET", path, headers={"Cookie": f"{COOKIE}={session}", "Accept": "text/html"})
    answer = asked.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path} answered {answer.status}.")
    return body


def _first(asked: HTTPConnection, session: str, path: str, link: str, length: int) -> str:
    """The id in the first link of a page that leads to `link`."""
    text = _get(asked, session, path).decode()
    at = text.index(f'href="{link}') + len(f'href="{link}')
    return text[at : at + length]


# -- streams -------------------------------------------------------------------------------------


async def _streams(
    port: int,
    pid: int,
    sessions: list[str],
    core: _Core,
    lines: Iterator[bytes],
    days: int,
    note: str,
) -> list[dict[str, Any]]:
    before = _memory(pid)
    heard: list[list[tuple[int, float]]] = [[] for _ in sessions]
    readers = [
        asyncio.create_task(_listen(port, session, heard[n])) for n, session in enumerate(sessions)
    ]
    await asyncio.sleep(2)
    open_ = _memory(pid)
    sent = []
    gc.disable()
    for _ in range(days):
        sent.append(await core.live_a_day(lines))
        await asyncio.sleep(1.5)
    gc.enable()
    after = _memory(pid)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    delays = [
        1_000 * (at - max(moment for moment in sent if moment <= at))
        for one in heard
        for _, at in one
        if any(moment <= at for moment in sent)
    ]
    told = f"{len(delays):,} events heard; {note}"
    streams = f"{len(sessions)} live streams"
    return [
        _row(streams, "memory before", before, "MB", "of the serving process"),
        _row(streams, "memory of all streams", open_ - before, "MB", f"{len(sessions)} open"),
        _row(streams, "memory after the days", after, "MB", f"{days} days closed"),
        *(
            _row(streams, f"close sent to event heard, p{percent}",
                 percentile(delays, percent), "ms", told)
            for percent in (50, 99)
        ),
    ]  # fmt: skip


async def _listen(port: int, session: str, heard: list[tuple[int, float]]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET /desk/live HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {COOKIE}={session}\r\n\r\n".encode()
    )
    try:
        while line := await reader.readline():
            if line.startswith(b"event: warning"):
                heard.append((len(heard), time.perf_counter()))
    finally:
        writer.close()


class _Core:
    """The core system: sends each day's messages, then its close."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._token = port, token

    async def live_a_day(self, lines: Iterator[bytes]) -> float:
        """Send a day; returns the moment at which its close was sent."""
        day = []
        for line in lines:
            if CLOSE in line:
                break
            day.append(line)
        await asyncio.to_thread(self._post, b"\n".join(day))
        began = time.perf_counter()
        await asyncio.to_thread(self._post, line)
        return began

    def _post(self, body: bytes) -> None:
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/x-ndjson",
        }
        with contextlib.closing(HTTPConnection("127.0.0.1", self._port, timeout=60)) as asked:
            asked.request("POST", "/v1/transactions", body=body, headers=headers)
            answer = asked.getresponse()
            told = answer.read()
            if answer.status >= 400 and b"all_refused" not in told:
                raise RuntimeError(told[:300].decode(errors="replace"))


def _memory(pid: int) -> float:
    """Megabytes that a process holds."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return (
        next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS")) / 1e3
    )


def _row(question: str, measure: str, value: float, unit: str, note: str) -> dict[str, Any]:
    return {
        "question": question, "measure": measure, "value": value, "unit": unit, "note": note,
    }  # fmt: skip
