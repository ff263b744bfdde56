"""How a node stands, for people, probes and metrics. `wiring` fills it in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from ledger.errors import LoanError
from ledger.store import LEDGER_LOG

State = Literal["opened", "starting", "ready", "blocked", "stopping", "stopped", "failed"]

THREADS = "loanbell-"
"""How the names of the agents' threads begin; one that lives may still be busy."""

REASONS: dict[State, str] = {
    "opened": "It was not started.",
    "starting": "Its agents are reading what the store has.",
    "stopping": "It is stopping.",
    "stopped": "It was stopped.",
}
"""Why a node in this state is not ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a node stands.

    `reason` says why it is not ready; "blocked": the store did not take the last commit.
    `lags` maps (agent, log) to the facts it has yet to read.
    `closed_through` is the last closed business day, `business_date` the open one; None before the
    first close. `days_behind` counts business days that the timer leaves open because there are too
    many of them.
    """

    state: State
    reason: str
    positions: Mapping[str, int]
    lags: Mapping[tuple[str, str], int]
    closed_through: date | None
    business_date: date | None
    days_behind: int
    waiting: int

    @property
    def ready(self) -> bool:
        """Whether it takes transactions and its agents have caught up with the store."""
        return self.state == "ready"


def lags_of(
    ends: Mapping[str, int], watched: int, projected: Mapping[str, int]
) -> dict[tuple[str, str], int]:
    """(agent, log) -> the facts it has yet to read, from where the logs end and it has read to."""
    lags = {("watch", LEDGER_LOG): max(0, ends[LEDGER_LOG] - watched)}
    for name, read in projected.items():
        lags["project", name] = max(0, ends[name] - read)
    return lags


def told(error: BaseException) -> str:
    """An error for logs and probes: our own errors by their text, which names ids alone.

    Of any other only its type and the line that raised it: its text may hold a borrower's data.
    """
    if isinstance(error, LoanError):
        return str(error)
    trace, place = error.__traceback__, ""
    while trace is not None:
        place = f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return type(error).__name__ + place
