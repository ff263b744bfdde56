"""The console command as a process: sockets and pipes that close, signals, full disks."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

LOANBELL = [sys.executable, "-c", "from streams.console import main; main()"]
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "COLUMNS": "200"}
ENVIRONMENT["PYTHONPATH"] = os.pathsep.join(sys.path)
HANG_UP = b"GET /v1/loans?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    """A server over `folder`: the process, its address, and what it said before."""
    process = subprocess.Popen(
        [*LOANBELL, "serve", "--port", "0", "--data", str(folder), *words],
        env=ENVIRONMENT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        said = [process.stderr.readline()]
        while " at " not in said[-1]:
            assert said[-1], said
            said.append(process.stderr.readline())
        yield process, said[-1].split(" at ")[1].strip(), said
    finally:
        process.kill()
        process.wait()


def test_a_client_that_hangs_up_does_not_end_the_server(tmp_path: Path) -> None:
    with serving(tmp_path) as (process, address, _):
        host, port = address.removeprefix("http://").split(":")
        for _ in range(5):
            with socket.create_connection((host, int(port))) as client:
                client.sendall(HANG_UP)
        time.sleep(0.5)
        assert process.poll() is None
        with urllib.request.urlopen(address + "/healthz", timeout=20) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def test_a_reader_that_has_enough_ends_a_printing_command_quietly() -> None:
    writing = subprocess.Popen(
        [*LOANBELL, "indicators", "--json"], env=ENVIRONMENT,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert writing.stdout is not None
    assert writing.stderr is not None
    writing.stdout.close()
    assert writing.stderr.read() == b""
    assert writing.wait(timeout=60) == 1


def test_a_full_output_is_named_without_a_traceback() -> None:
    with open("/dev/full", "wb") as full:
        shown = subprocess.run(
            [*LOANBELL, "regimes", "list"], env=ENVIRONMENT, stdout=full, stderr=subprocess.PIPE,
            text=True, check=False, timeout=60,
        )  # fmt: skip
    assert shown.returncode == 1
    assert shown.stderr.startswith("error: What is written cannot be used: No space left")
    assert "Traceback" not in shown.stderr


def test_a_folder_that_cannot_be_made_is_named_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    shown = subprocess.run(
        [*LOANBELL, "demo", "--data", "file/d", "--loans", "1"], env=ENVIRONMENT, cwd=tmp_path,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert shown.returncode == 1
    assert shown.stderr.startswith("error: file/d cannot be used: Not a directory.")
    assert "Traceback" not in shown.stderr


def test_what_is_piped_is_utf_8_whatever_the_locale() -> None:
    shown = subprocess.run(
        [*LOANBELL, "regimes", "list", "--json"], env={**ENVIRONMENT, "PYTHONIOENCODING": "ascii"},
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    titles = {regime["regime"]: regime["title"] for regime in json.loads(shown.stdout)}
    assert titles["cn-2023"].startswith("商业银行")


@pytest.mark.parametrize("after_seconds", [0.3, 1.5])
def test_ctrl_c_while_it_starts_ends_it_without_a_traceback(
    tmp_path: Path, after_seconds: float
) -> None:
    starting = subprocess.Popen(
        [*LOANBELL, "serve", "--port", "0", "--data", str(tmp_path)],
        env=ENVIRONMENT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(after_seconds)
    starting.send_signal(signal.SIGINT)
    _, said = starting.communicate(timeout=60)
    assert "Traceback" not in said
    assert starting.returncode in (0, 130, -signal.SIGINT)
