"""`loanbell`, the console command: parses words, calls the rooms, prints answers. Decides nothing.

`files`, `demo`, `intake` and `serve` make facts; `look` reads them; `care` keeps them
right; `regimes` are what they are graded by.
"""

from streams.cli import care, demo, files, intake, look, regimes, replay, serve
from streams.cli.app import main

__all__ = ["care", "demo", "files", "intake", "look", "main", "regimes", "replay", "serve"]
