"""Attempts that can be killed: each in a child, forked from a process with the code loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

Attempt = Callable[..., int]
"""Runs once with its words as the order; the status with which the child ended."""
ROOT = Path(__file__).parents[2]
FORKING = """
import asyncio, json, os, signal, sys, time, traceback
{body}

def attempt(order):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            asyncio.run(run(order))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    start = time.monotonic()
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        if order["kill_after"] is not None and time.monotonic() - start > order["kill_after"]:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.001)

for line in sys.stdin:
    print(attempt(json.loads(line)), flush=True)
"""


@contextmanager
def _forking(body: str) -> Iterator[Attempt]:
    with subprocess.Popen(
        [sys.executable, "-c", FORKING.replace("{body}", body)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as server:  # fmt: skip
        assert server.stdin is not None
        assert server.stdout is not None

        def attempt(**order: Any) -> int:
            server.stdin.write(json.dumps({"kill_after": None, **order}) + "\n")
            server.stdin.flush()
            return int(server.stdout.readline())

        yield attempt
        server.stdin.close()


@pytest.fixture(scope="module")
def forking() -> Iterator[Callable[[str], Attempt]]:
    """`forking(body)`: attempts at `body`, Python that defines `async def run(order)`.

    A kill costs milliseconds, because the code is loaded once. `kill_after` seconds from its start
    an attempt is killed with SIGKILL; None lets it come to its end.
    """
    with ExitStack() as servers:
        yield lambda body: servers.enter_context(_forking(body))
