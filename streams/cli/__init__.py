"""`loanbell`, the console command: parses words, calls the rooms, prints answers. Decides nothing.

`files`, `demo`, `intake` and `serve` make facts; `look` reads them; `care` keeps them right;
`scale` runs the same agents on Kafka and PostgreSQL.
"""

from streams.cli import care, demo, files, intake, look, replay, scale, serve
from streams.cli.app import main

__all__ = ["care", "demo", "files", "intake", "look", "main", "replay", "scale", "serve"]
