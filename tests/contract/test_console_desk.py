"""`loanbell demo --desk`: a branch that lives, whom one can sign in to, and that stops well."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

COMMAND = [sys.executable, "-c", "from streams.console import main; main()", "demo", "--desk"]
SIZE = ["--loans", "20", "--months", "3", "--port", "0", "--day-seconds", "0.5"]


def until(process: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    """The first printed line that has `pattern`."""
    for line in process.stdout or ():
        found = re.search(pattern, line)
        if found:
            return found
    raise AssertionError(f"it ended before it said {pattern}")


def test_a_living_branch_opens_goes_on_and_stops(tmp_path: Path) -> None:
    words = [*COMMAND, *SIZE, "--data", str(tmp_path / "demo")]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        where = until(process, r"open at (http://127\.0\.0\.1:\d+)/desk").group(1)
        manager = until(process, r"^(manager) ").group(1)
        password = until(process, r"Password of all of them: (\w+)").group(1)
        closed = until(process, r"(\d{4}-\d{2}-\d{2}) is closed").group(1)
        with httpx.Client(base_url=where, follow_redirects=True, timeout=30) as browser:
            form = browser.get("/desk", headers={"Accept": "text/html"}).text
            token = re.search(r'name="csrf_token" value="([^"]+)"', form)
            assert token is not None
            fields = {"user": manager, "password": password, "csrf_token": token.group(1)}
            day = browser.post("/sign-in", data={**fields, "goal": "/desk"})
            assert "My day" in day.text
            later = until(process, r"(\d{4}-\d{2}-\d{2}) is closed").group(1)
            assert later > closed
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=20)[0]
        assert process.returncode == 0, rest
        assert "stopping" in rest
        assert time.monotonic() - began < 15


def test_a_demo_opens_no_desk_over_a_book_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"somebody's")
    told = subprocess.run(
        [*COMMAND, *SIZE, "--data", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert told.returncode == 1
    assert "not a demo's" in told.stderr
    assert (tmp_path / "ledger.db").read_bytes() == b"somebody's"
