"""`loanbell`, the console command: parses words, calls the rooms, prints answers. Decides nothing.

`files`, `demo`, `intake` and `serve` make facts, `answer` those about warnings; `look`, `grade`,
`portfolio`, `report`, `replay` and `export` read them, `evidence` packs those of a case; `care` and
`scenario` keep them right; `people` are users and tokens, `trail` is who saw and did what;
`regimes` are what loans are graded by, `rules` what rings; `score` learns from the facts;
`webhooks` looks after who is told; `scale` runs the same agents on Kafka and PostgreSQL.

A module adds its commands to `app.cli` when it is imported. Only the one that is asked for is:
Faust, Kafka and the web server take seconds to import, and most commands need none of them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import typer

from streams.cli import app

MODULES = {
    "files": ("generate",),
    "demo": ("demo",),
    "intake": ("import",),
    "serve": ("serve",),
    "answer": ("answer",),
    "care": ("check", "anchor", "rebuild"),
    "scenario": ("scenario",),
    "regimes": ("regimes",),
    "look": ("watch", "loan", "refusals", "status"),
    "export": ("export",),
    "grade": ("grade",),
    "portfolio": ("portfolio",),
    "replay": ("replay",),
    "report": ("report",),
    "rules": ("indicators", "rules"),
    "strategy": ("strategy",),
    "cases": ("worklist", "case", "team"),
    "evidence": ("case",),
    "score": ("fit", "evaluate", "score"),
    "people": ("users", "tokens"),
    "trail": ("audit", "erase"),
    "webhooks": ("webhooks",),
    "schemas": ("schemas",),
    "scale": ("worker", "api", "send", "migrate", "topics"),
}
"""The commands of each module, in the order of the help."""


def commands(words: Sequence[str] = ()) -> typer.Typer:
    """The console command with the command that `words` begin with; else, or for help, with all."""
    command = words[0] if words else ""
    asked = [module for module, names in MODULES.items() if command in names]
    for module in asked or MODULES:
        import_module(f"streams.cli.{module}")
    return app.cli


def main() -> None:
    """Run the console command. Exit codes: see `app.main`."""
    commands(sys.argv[1:])
    app.main()
