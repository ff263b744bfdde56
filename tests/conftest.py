"""Fixtures that several folders share. Kept small: what one file needs lives in that file."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest


def _missing(what: str, way_out: str) -> NoReturn:
    reason = f"{what} is not installed: {way_out}"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (CI must not skip it)", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def binary() -> Callable[[str, str], Path]:
    """`binary("promtool", "prometheus")` -> its path; else skip with the command that provides it.

    With CI=true a missing program fails the test instead.
    """

    def find(program: str, package: str) -> Path:
        path = shutil.which(program)
        if path is None:
            _missing(program, f"apt-get update && apt-get install {package}")
        return Path(path)

    return find


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """A loopback port that nobody listens on at this moment."""

    def pick() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            return port

    return pick
