"""A real Chromium for each file of tests: of Playwright a process holds one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]


@pytest.fixture(scope="module")
def browser(binary: Callable[[str, str], Path]) -> Iterator[Any]:
    """Headless Chromium that can reach 127.0.0.1 and nothing else."""
    chromium = binary("chromium", "chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=str(chromium), args=ARGUMENTS)
        yield opened
        opened.close()
