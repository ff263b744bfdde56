"""`loanbell`, the console command: parses words, calls the rooms, prints answers. Decides nothing.

`files`, `demo`, `intake` and `serve` make facts; `look` reads them; `score` learns from them;
`rules` and `replay` are about rule packs; `care` keeps them right.
"""

from streams.cli import care, demo, files, intake, look, replay, rules, score, serve
from streams.cli.app import main

__all__ = ["care", "demo", "files", "intake", "look", "main", "replay", "rules", "score", "serve"]
