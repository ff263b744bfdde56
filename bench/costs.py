"""Where the time goes: the functions with most time of their own, by a profiler."""

from __future__ import annotations

import cProfile
import pstats
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

_Place = tuple[str, int, str]


class Cost(NamedTuple):
    """One function: its share of all own time in percent, and how often it was called."""

    place: str
    percent: float
    calls: int


def top_costs(work: Callable[[], object], *, most: int) -> list[Cost]:
    """The dearest functions of `work`, dearest first. The profiler slows calls down."""
    profiler = cProfile.Profile()
    profiler.enable()
    work()
    profiler.disable()
    entries: dict[_Place, tuple[int, int, float, float, Any]]
    entries = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    whole = sum(entry[2] for entry in entries.values())
    top = sorted(entries.items(), key=lambda item: -item[1][2])[:most]
    return [Cost(_named(where), 100 * entry[2] / whole, entry[1]) for where, entry in top]


def _named(where: _Place) -> str:
    file, line, name = where
    return f"{'/'.join(Path(file).parts[-2:])}:{line} {name}" if line else name
