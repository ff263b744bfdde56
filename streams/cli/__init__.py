"""`loanbell`, the console command: parses words, calls the rooms, prints answers. Decides nothing.

`files`, `demo`, `intake` and `serve` make facts, `answer` those about warnings; `look`, `grade`,
`portfolio`, `report`, `replay` and `export` read them; `care` and `scenario` keep them right;
`regimes` are what loans are graded by, `rules` what rings; `score` learns from the facts; `scale`
runs the same agents on Kafka and PostgreSQL.
"""

from streams.cli import (
    answer,
    care,
    demo,
    export,
    files,
    grade,
    intake,
    look,
    portfolio,
    regimes,
    replay,
    report,
    rules,
    scale,
    scenario,
    score,
    serve,
)
from streams.cli.app import main

__all__ = [
    "answer",
    "care",
    "demo",
    "export",
    "files",
    "grade",
    "intake",
    "look",
    "main",
    "portfolio",
    "regimes",
    "replay",
    "report",
    "rules",
    "scale",
    "scenario",
    "score",
    "serve",
]
