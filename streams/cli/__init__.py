"""`loanbell`, the console command: parses words, calls the rooms, prints answers. Decides nothing.

`files`, `demo`, `intake` and `serve` make facts; `look`, `replay` and `export` read them; `care`
and `scenario` keep them right; `scale` runs the same agents on Kafka and PostgreSQL.
"""

from streams.cli import care, demo, export, files, intake, look, replay, scale, scenario, serve
from streams.cli.app import main

__all__ = [
    "care",
    "demo",
    "export",
    "files",
    "intake",
    "look",
    "main",
    "replay",
    "scale",
    "scenario",
    "serve",
]
