"""Wrong ledgers must be noticed: each mutant of `mutants.txt` turns a hand-computed diary red.

A mutant is a copy of `ledger/` with one thing wrong: a sign, a day, an order, a rounding. All
diaries of tests/scenarios run against it, in a process of its own, until one fails. Here every
tenth mutant is tried; `python tests/mutation/test_mutants.py` tries them all and reports.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
EVERY = 10
TIMEOUT_SECONDS = 60
AT_ONCE = 2

RUN = """
import sys
from pathlib import Path
from ledger.scenario import run_scenario
here = Path(sys.argv[1])
for path in sorted([*here.glob("ledger_*.txt"), *here.glob("collection_*.txt")]):
    try:
        report = run_scenario(path.read_text(encoding="utf-8"), name=path.name)
    except Exception as error:
        sys.exit(f"{path.name}: {type(error).__name__}: {error}"[:200])
    if report.failures:
        failure = report.failures[0]
        found = f"{failure.expected}, {failure.actual}"
        sys.exit(f"{path.name}:{failure.number}: expected {found}"[:200])
"""


@dataclass(frozen=True)
class Mutant:
    """One wrong ledger."""

    file: str
    what: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


def mutants() -> Iterator[Mutant]:
    """All wrong ledgers of the list."""
    text = (HERE / "mutants.txt").read_text(encoding="utf-8")
    for block in text.split("\n== ")[1:]:
        head, *lines = block.strip("\n").splitlines()
        file, _, what = head.partition(": ")
        old, new = ("\n".join(line[1:] for line in lines if line[0] == sign) for sign in "-+")
        yield Mutant(file, what, old, new)


ALL = list(mutants())


def killed_by(mutant: Mutant | None) -> str:
    """The first diary that fails against `mutant`, or "" when all come true. None: no mutant."""
    with TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "ledger", Path(folder, "ledger"))
        if mutant is not None:
            path = Path(folder, "ledger", mutant.file)
            path.write_text(mutated(mutant), encoding="utf-8")
        command = [sys.executable, "-c", RUN, str(ROOT / "tests" / "scenarios")]
        environment = {**os.environ, "PYTHONPATH": folder}
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                cwd=folder,
                env=environment,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"no answer within {TIMEOUT_SECONDS} s"
    return "" if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def mutated(mutant: Mutant) -> str:
    """The text of the wrong file."""
    text = (ROOT / "ledger" / mutant.file).read_text(encoding="utf-8")
    found = text.count(mutant.old)
    assert found == 1, f"{mutant}: its old text stands {found} times in the file"
    return text.replace(mutant.old, mutant.new)


@pytest.mark.parametrize("mutant", ALL, ids=str)
def test_a_mutant_of_the_list_is_one_change_of_the_code_as_it_is(mutant: Mutant) -> None:
    compile(mutated(mutant), mutant.file, "exec")
    assert mutant.old != mutant.new


def test_the_ledger_as_it_is_survives() -> None:
    assert killed_by(None) == ""


@pytest.mark.parametrize("mutant", ALL[::EVERY], ids=str)
def test_a_wrong_ledger_is_noticed(mutant: Mutant) -> None:
    assert killed_by(mutant), "every diary comes true: write one that does not"


def main() -> int:
    """Try every mutant; 1 when one survives."""
    survived = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for mutant, killer in zip(ALL, pool.map(killed_by, ALL), strict=True):
            print(f"{'killed  ' if killer else 'SURVIVED'}  {mutant}\n          {killer}")
            survived += [] if killer else [mutant]
    print(f"{len(ALL)} mutants, {len(ALL) - len(survived)} killed, {len(survived)} survived")
    for mutant in survived:
        print(f"  survived: {mutant}")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
