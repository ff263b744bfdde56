"""`loanbell`, the console command: parses words, calls the rooms, prints answers. Decides nothing.

`files`, `demo`, `intake` and `serve` make facts; `look`, `grade`, `portfolio` and `report` read
them; `care` keeps them right; `regimes` are what they are graded by.
"""

from streams.cli import (
    care,
    demo,
    files,
    grade,
    intake,
    look,
    portfolio,
    regimes,
    replay,
    report,
    serve,
)
from streams.cli.app import main

__all__ = [
    "care", "demo", "files", "grade", "intake", "look", "main", "portfolio", "regimes", "replay",
    "report",
    "serve",
]  # fmt: skip
