"""Each command is imported alone, and none is forgotten."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

SEEN = """
import json, sys
from typer.main import get_command
from streams.cli import commands
cli = commands(sys.argv[1:])
heavy = [name for name in ("faust", "aiokafka", "fastapi") if name in sys.modules]
print(json.dumps([sorted(get_command(cli).commands), heavy]))
"""


def seen(*words: str) -> Any:
    """The commands there are, and what was imported for them, after `words`."""
    made = subprocess.run(
        [sys.executable, "-c", SEEN, *words], capture_output=True, text=True, check=True
    )
    return json.loads(made.stdout)


def test_the_list_of_modules_names_every_command_that_they_add() -> None:
    from streams.cli import MODULES

    commands, _ = seen()
    assert commands == sorted({name for names in MODULES.values() for name in names})


def test_a_command_that_reads_imports_no_agents_and_no_server() -> None:
    commands, heavy = seen("status")
    assert "status" in commands
    assert heavy == []


def test_an_unknown_command_and_help_know_all_commands() -> None:
    assert seen("--help") == seen("statsu") == seen()
