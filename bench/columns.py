"""A synthetic book of any size, written straight into the engine's columns.

A million loans told as facts would take minutes to build; here the dues and accounts of all loans
are laid out by numpy, and payments and movements enter day by day through the same vectorised steps
that facts end in. `tests/simulation/test_engine_bench_book.py` shows that the book is the one that
its facts would have given.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.random import Generator, default_rng

from ledger.dates import day_number
from warning.dues import UNMET
from warning.engine import Engine
from warning.windows import IntArray

FIRST = day_number(date(2024, 1, 1))
DUES = 24
STEP_DAYS = 30
AMOUNT = 100_000
MISSED = 0.03
"""Share of due days on which nothing is paid; such a loan stays behind from then on."""
MOVED = 0.3
"""Share of accounts that move on a day."""


class Flows(NamedTuple):
    """What a day brings: which accounts move by how much, and which loans pay."""

    movers: IntArray
    nets: IntArray
    payers: IntArray


@dataclass
class Book:
    """An engine, and the draws that feed it day by day."""

    engine: Engine
    first_due: IntArray
    balances: IntArray
    random: Generator

    def flows(self) -> Flows:
        """Draw what the open day brings."""
        loans, random = len(self.first_due), self.random
        movers = np.flatnonzero(random.random(loans) < MOVED)
        nets = random.integers(-20_000, 21_000, len(movers))
        since = self.engine.day - self.first_due
        due = np.flatnonzero((since >= 0) & (since % STEP_DAYS == 0) & (since < DUES * STEP_DAYS))
        return Flows(movers, nets, due[random.random(len(due)) >= MISSED])

    def take(self, flows: Flows) -> None:
        """Count a day's movements and payments in the engine."""
        engine, (movers, nets, payers) = self.engine, flows
        days = np.full(len(movers), engine.day)
        engine.accounts.take(movers, days, nets, np.maximum(nets, 0))
        if payers.size:
            count = len(payers)
            engine.book.take(payers, np.full(count, engine.day), np.full(count, AMOUNT))

    def day(self) -> None:
        """One day: what it brings arrives, then it closes."""
        self.take(self.flows())
        self.engine.advance(self.engine.day + 1)


def open_book(loans: int, *, seed: int, engine: Engine | None = None) -> Book:
    """`loans` loans of 24 instalments, each with an account of its own, on the first day.

    In a new `engine`, or in one that holds nothing yet.
    """
    random = default_rng(seed)
    engine = engine or Engine()
    engine.advance(FIRST)
    first_due = FIRST + random.integers(0, STEP_DAYS, loans)
    _lay_out_loans(engine, first_due)
    balances = random.integers(0, 500_000, loans)
    _lay_out_accounts(engine, balances)
    return Book(engine, first_due, balances, random)


def _lay_out_loans(engine: Engine, first_due: IntArray) -> None:
    book, loans = engine.book, len(first_due)
    for row in range(loans):
        book.row(f"L{row}")
    book.opened_day[:loans] = FIRST
    book.principal[:loans] = DUES * AMOUNT
    engine.columns.limit[:loans] = DUES * AMOUNT
    engine.columns.account[:loans] = np.arange(loans)
    arena = book.dues.arena
    arena.grow(loans * DUES)
    arena.day[: arena.rows] = (first_due[:, None] + STEP_DAYS * np.arange(DUES)).ravel()
    arena.cum[: arena.rows] = np.tile(AMOUNT * np.arange(1, DUES + 1), loans)
    arena.late[: arena.rows] = UNMET
    book.dues.start[:loans] = DUES * np.arange(loans)
    book.dues.length[:loans] = DUES
    book.version[:loans], book.schedule_day[:loans] = 1, FIRST
    book.first_days[0, :loans] = book.unmet_day[:loans] = first_due
    book.first_days[1, :loans] = first_due + STEP_DAYS
    for cursor in (book.cursor, *engine.due_windows.values()):
        cursor.day[:loans] = first_due


def _lay_out_accounts(engine: Engine, balances: IntArray) -> None:
    accounts = engine.accounts
    for row in range(len(balances)):
        accounts.row(f"A{row}")
    known = slice(len(balances))
    accounts.opened_day[known] = FIRST
    accounts.balance[known] = balances
    accounts.currency[known] = engine.columns.currency[known] = 0
    for held, window in zip(accounts.held, accounts.net.windows, strict=True):
        held[known] = balances * (window - 1)
