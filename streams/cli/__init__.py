"""`loanbell`, the console command: parses words, calls the rooms, prints answers. Decides nothing.

`files`, `demo`, `intake` and `serve` make facts; `look` reads them; `score` learns from them;
`answer` is what people do about warnings; `rules` and `replay` are about rule packs; `care` keeps
them right.
"""

from streams.cli import answer, care, demo, files, intake, look, replay, rules, score, serve
from streams.cli.app import main

__all__ = [
    "answer",
    "care",
    "demo",
    "files",
    "intake",
    "look",
    "main",
    "replay",
    "rules",
    "score",
    "serve",
]
