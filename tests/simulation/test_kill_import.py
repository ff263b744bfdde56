"""An import killed with SIGKILL at random moments ends with the same bytes as an undisturbed one.

Each attempt draws its own batch size and moment of death from the seed. Compared are
all tables of both databases, hash chains included. More of it:

    LOANBELL_TEST_SEEDS=20 LOANBELL_TEST_KILLS=60 pytest tests/simulation/test_kill_import.py
"""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streams.generate.portfolio import portfolio

BODY = """
from pathlib import Path
from projections.queries import WarningFilter
from streams import wiring
from streams.files import import_file
from streams.settings import Settings
from warning.actions import AcknowledgeWarning

OPEN = WarningFilter(state="open")
wiring.now_us = lambda: 1_800_000_000_000_000  # people act at the same moment in every run

async def run(order):
    given = {"data": order["data"], "closed_by": "driver", "calendar": "weekends"}
    given["pack"] = order["pack"]
    sizes = {"batch_messages": order["batch"], "project_facts": order["batch"] * 2}
    node = wiring.Node.open(Settings.load(given | sizes, environ={}))
    async with node:
        if order["file"]:
            file = Path(order["file"])
            await import_file(node, file, batch_messages=order["batch"], accepted_us=1)
        await node.settled()
        if order["acknowledge"]:
            for row in node.queries.warnings(OPEN, limit=order["acknowledge"]).rows:
                action = AcknowledgeWarning(warning_id=row["warning_id"], actor="officer")
                await node.act(action)
            await node.settled()
"""

EAGER = """
name = "eager"
title = "Eager: short days, so that warnings are raised, graver, answered, resolved and withdrawn"

[[rule]]
name = "arrears"
title = "Arrears"
source = "this test"
when = "dpd_days >= 1"
until = "dpd_days == 0"
keep_for = 2
severity = { watch = "always", orange = "dpd_days >= 20", red = "dpd_days >= 40" }
on = ["loan.repayment_reversed", "loan.repayment_received"]
expires_after = 5
reason = "{dpd_days} {arrears} {currency}"

[[rule]]
name = "bounced"
title = "Bounced debit"
source = "this test"
when = "bounced_debits_30d > 0"
severity = "yellow"
on = ["account.debit_returned"]
reason = "{bounced_debits_30d}"

[[rule]]
name = "grown"
title = "A loan of more than ten days: stays open, so that people have something to answer"
source = "this test"
when = "loan_age_days > 10"
severity = { watch = "always", yellow = "loan_age_days > 60" }
reason = "{loan_age_days}"
"""

KILLS = int(os.environ.get("LOANBELL_TEST_KILLS", "12"))
SEEDS = (
    [int(os.environ["LOANBELL_TEST_SEED"])]
    if "LOANBELL_TEST_SEED" in os.environ
    else list(range(1, 1 + int(os.environ.get("LOANBELL_TEST_SEEDS", "2"))))
)
Runner = Callable[..., int]


@pytest.fixture(scope="module")
def runner(forking: Callable[[str], Runner]) -> Runner:
    return forking(BODY)


def attempt(runner: Runner, **order: Any) -> bool:
    """One attempt in a child of its own; True when it came to its end, False when it was killed."""
    status = runner(**order)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the import itself failed"
    return not os.WIFSIGNALED(status)


@pytest.fixture(scope="module", params=SEEDS)
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def files(seed: int, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A portfolio with repeats, backdated and bounced payments and garbage, in two halves."""
    folder = tmp_path_factory.mktemp(f"portfolio-{seed}")
    messages = list(portfolio(loans=24, months=7, seed=seed).messages())
    half = len(messages) // 2
    halves = [folder / "first.jsonl", folder / "second.jsonl"]
    halves[0].write_bytes(b"\n".join(messages[:half]) + b"\n")
    halves[1].write_bytes(b"\n".join(messages[half:]) + b"\n")
    return halves


def contents(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of both databases but snapshots, which are taken as time allows."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for name in ("ledger.db", "views.db"):
        with sqlite3.connect(folder / name) as database:
            query = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
            tables = {table for (table,) in database.execute(query)} - {"snapshots"}
            for table in sorted(tables):
                rows = database.execute(f'SELECT * FROM "{table}"').fetchall()
                found[f"{name} {table}"] = sorted(rows, key=repr)
    return found


def test_an_import_killed_at_random_moments_gives_the_same_bytes_as_an_undisturbed_one(
    runner: Runner, files: list[Path], seed: int, tmp_path: Path
) -> None:
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    (tmp_path / "eager.toml").write_text(EAGER)
    pack = "sme-early" if seed % 2 else str(tmp_path / "eager.toml")
    for at, file in enumerate([*files, None]):
        order = {"data": str(calm), "pack": pack, "file": str(file or ""), "batch": 700}
        assert attempt(runner, **order, kill_after=None, acknowledge=5 if at == 0 else 0)

    draw = random.Random(seed)
    kills = 0
    for at, file in enumerate(files):
        left, done = KILLS // 2, False
        while not done:
            after = draw.uniform(0.03, 0.9) if left else None
            done = attempt(
                runner, data=str(killed), pack=pack, file=str(file), kill_after=after,
                batch=draw.choice([7, 60, 311, 2_000]), acknowledge=0,
            )  # fmt: skip
            kills += not done
            left -= left > 0
        if at == 0:
            attempt(
                runner, data=str(killed), pack=pack, file="", kill_after=None, batch=50,
                acknowledge=5,
            )  # fmt: skip

    expected, found = contents(calm), contents(killed)
    replay = f"LOANBELL_TEST_SEED={seed} LOANBELL_TEST_KILLS={KILLS} pytest {__file__}"
    assert kills >= KILLS // 3, f"only {kills} kills struck; replay: {replay}"
    assert found.keys() == expected.keys()
    for table, rows in expected.items():
        if rows != found[table]:
            pairs = zip(rows, found[table], strict=False)
            first = next(((a, b) for a, b in pairs if a != b), (len(rows), len(found[table])))
            pytest.fail(f"{table} differs after {kills} kills: {first}; replay: {replay}")
