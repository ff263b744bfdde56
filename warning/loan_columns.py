"""What the engine keeps of a loan beside its dues: line, account, names by code."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from warning.windows import DayArray, Growing, IntArray


class LoanColumns(Growing):
    """One row a loan. `parts` counts the part-paid due days in (t-360, t)."""

    limit: IntArray
    parts: DayArray
    account: DayArray
    officer: DayArray
    branch: DayArray
    industry: DayArray
    region: DayArray
    currency: NDArray[np.int16]

    def __init__(self) -> None:
        super().__init__()
        self.add_column("limit", np.int64)
        self.add_column("parts", np.int32)
        for name in ("account", "officer", "branch", "industry", "region"):
            self.add_column(name, np.int32, fill=-1)
        self.add_column("currency", np.int16, fill=-1)


def code_of(codes: dict[str, int], word: str) -> int:
    """The number of a word, a new one when it is not known yet."""
    return codes.setdefault(word, len(codes))


def is_newest(since: dict[int, tuple[int, str]], row: int, key: tuple[int, str]) -> bool:
    """Of two changes the one valued later holds; of one day, the greater transaction id."""
    if key < since.get(row, key):
        return False
    since[row] = key
    return True
