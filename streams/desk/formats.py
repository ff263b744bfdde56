"""Numbers, days and moments as the pages write them. The same in both languages, and sortable."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup

from ledger.money import format_minor, grouped

NONE = "–"
"""What stands where nothing is known."""


PART_ENDS = "\x1f"


def parted(text: Markup) -> Markup:
    """The parts that a template ended by `PART_ENDS`, with a mark between them; escaped already."""
    parts = (part.strip() for part in text.split(PART_ENDS))
    return Markup(" · ").join(part for part in parts if part)


def money(minor: int | None, currency: str) -> str:
    """Minor units with separators, without the currency: "12,345.67"."""
    return NONE if minor is None else grouped(minor, currency)


def plain_money(minor: int | None, currency: str) -> str:
    """Minor units as a form's field takes them: "12345.67"."""
    return "" if minor is None else format_minor(minor, currency)


def whole_money(minor: int | None, currency: str) -> str:
    """Money to the whole unit, for tables of many: "12,346"."""
    return NONE if minor is None else grouped(minor, currency).partition(".")[0]


def percent(share: float | None, digits: int = 1) -> str:
    """A share as a percentage."""
    return NONE if share is None else f"{100 * share:,.{digits}f} %"


def rate(ppm: int | None) -> str:
    """Parts per million as a percentage: 50800 -> "5.08 %"."""
    return NONE if ppm is None else f"{ppm / 10_000:.2f} %"


def moment(us: int | None, zone: str = "UTC") -> str:
    """Microseconds of UTC in a zone, to the minute: "2024-03-31 09:05"."""
    if us is None:
        return NONE
    seconds, rest = divmod(us, 1_000_000)
    told = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)
    return told.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


def days_between(earlier: date | None, later: date | None) -> int | None:
    """Whole days from one to the other; None when either is unknown."""
    return None if earlier is None or later is None else (later - earlier).days


def number(value: float | None) -> str:
    """A reading: whole as it is, else to three digits."""
    if value is None:
        return NONE
    return f"{int(value):,}" if value == int(value) else f"{value:,.3g}"


def reading(value: float | None, indicator: str, currency: str) -> str:
    """An indicator's value by the unit that its name ends in."""
    if value is None:
        return NONE
    if indicator.endswith("_minor"):
        return money(round(value), currency)
    return percent(value, 0) if "_ratio" in indicator and "(" not in indicator else number(value)
