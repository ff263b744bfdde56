"""The engine's books, as measures are read from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from warning.accounts import AccountBook
from warning.arrears import ArrearsBook
from warning.drawn import DrawnBook
from warning.dues import Cursor
from warning.history import History
from warning.loan_columns import LoanColumns
from warning.trading import TradingBook
from warning.windows import BoolArray, IntArray, RollingSums


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """All that measures are read from."""

    arrears: ArrearsBook
    history: History
    accounts: AccountBook
    columns: LoanColumns
    drawn: DrawnBook
    due_windows: dict[int, Cursor]
    paid: RollingSums
    bounced: RollingSums
    reported_due: RollingSums
    trading: TradingBook
    more: dict[str, Callable[[IntArray | slice], IntArray]]


def places(chosen: BoolArray) -> IntArray:
    """Where `chosen` is true."""
    return chosen.nonzero()[0]
