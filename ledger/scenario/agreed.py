"""The clauses of `open` that say what was agreed, read into terms. Decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from ledger.scenario.words import Unclear, Words, on_or_off, one_of, ppm
from ledger.terms import (
    LEGAL_ORDER,
    Component,
    Convention,
    DayCount,
    Direction,
    Grace,
    Level,
    Method,
    Penalty,
    Recognition,
    Roll,
    RoundingMode,
    Terms,
)

_GRACE = {
    "principal": "principal_instalments",
    "interest": "interest_instalments",
    "interest-free": "interest_free_instalments",
    "days": "arrears_days",
}
_PENALTY: dict[str, tuple[str, Callable[[str], Any]]] = {
    "penalty": ("markup_ppm", ppm),
    "penalty-spread": ("spread_ppm", ppm),
    "misuse": ("misuse_markup_ppm", ppm),
    "compound": ("compound", on_or_off),
}


def terms_of(words: Words) -> Terms:
    """The terms that the clauses of a line name; what they do not name is as by default."""
    months, days = words.take("every", _every, (1, 0))
    return Terms(
        method=words.take("method", one_of(Method), "given"),
        instalments=words.take("instalments", int, 0),
        period_months=months,
        period_days=days,
        first_due_date=words.take("first-due", date.fromisoformat),
        rate_ppm=words.take("rate", ppm, 0),
        day_count=words.take("day-count", one_of(DayCount), "30/360"),
        allocation=words.take("order", _order, LEGAL_ORDER),
        instalment_unit_minor=words.take("unit", words.minor, 1),
        month_end=words.take("month-end", on_or_off, False),
        level=words.take("level", one_of(Level), "exact"),
        rounding=words.take("rounding", one_of(RoundingMode), "half_up"),
        down_payment_ppm=words.take("down-payment", ppm, 0),
        revolving=words.take("revolving", on_or_off, False),
        grace=words.take("grace", _grace, Grace()),
        roll=_roll(words),
        penalty=_penalty(words),
        recognition=words.take("recognition", one_of(Recognition), "received"),
        suspend_after_days=words.take("suspend-after", int, 90),
        direction=words.take("direction", one_of(Direction), "component"),
        principal_first_after_days=words.take("principal-first-after", int),
    )


def _every(text: str) -> tuple[int, int]:
    """`3`, `3 months`, `14 days` or `2 weeks` as (months, days)."""
    count, _, unit = text.partition(" ")
    match unit.removesuffix("s"):
        case "" | "month":
            return int(count), 0
        case "week":
            return 1, 7 * int(count)
        case "day":
            return 1, int(count)
    raise Unclear(f"{text!r} is no period: write 3 months, 2 weeks or 10 days")


def _order(text: str) -> tuple[Component, ...]:
    read = one_of(Component)
    return tuple(read(word) for word in text.split())


def _grace(text: str) -> Grace:
    parts = text.split()
    if len(parts) % 2 or not set(parts[::2]) <= _GRACE.keys():
        raise Unclear(f"{text!r} is no grace: write {' N '.join(_GRACE)} N, or some of them")
    named = {_GRACE[name]: int(count) for name, count in zip(parts[::2], parts[1::2], strict=True)}
    return Grace(**named)


def _roll(words: Words) -> Roll | None:
    """`roll following moves-interest, holidays DATE DATE, worked DATE, weekmask 1111100`."""
    text = words.take("roll")
    if text is None:
        return None
    convention, _, rest = text.partition(" ")
    if rest not in ("", "moves-interest"):
        raise Unclear(f"{rest!r} is not moves-interest")
    return Roll(
        convention=one_of(Convention)(convention),
        weekmask=words.take("weekmask", default="1111100"),
        holidays=words.take("holidays", _dates, ()),
        worked=words.take("worked", _dates, ()),
        moves_interest=bool(rest),
    )


def _dates(text: str) -> tuple[date, ...]:
    return tuple(date.fromisoformat(word) for word in text.split())


def _penalty(words: Words) -> Penalty | None:
    """One as soon as any of its clauses is there."""
    named = {name: words.take(clause, read) for clause, (name, read) in _PENALTY.items()}
    said = {name: value for name, value in named.items() if value is not None}
    return Penalty(**said) if said else None
