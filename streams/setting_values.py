"""Values of settings in their types: each reader takes what was given, or says what would do.

Errors of every reader: ValueError with the way out.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo


def text(value: Any) -> str:
    """Words that are not empty."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("Give a word that is not empty")
    return value


def path(value: Any) -> Path:
    """A path, ~ expanded."""
    return value if isinstance(value, Path) else Path(text(value)).expanduser()


def whole(low: int, high: int) -> Callable[[Any], int]:
    """A reader of whole numbers in a range."""

    def read(value: Any) -> int:
        digits = isinstance(value, str) and value.strip().isdecimal()
        if isinstance(value, bool) or not (isinstance(value, int) or digits):
            raise ValueError(f"Give a whole number from {low:,} to {high:,}")
        if not low <= int(value) <= high:
            raise ValueError(f"Give a whole number from {low:,} to {high:,}")
        return int(value)

    return read


def seconds(value: Any) -> float:
    """0.1 to 600 seconds."""
    try:
        seconds = float(value)
    except (ValueError, TypeError):
        raise ValueError("Give seconds, such as 10") from None
    if not 0.1 <= seconds <= 600:
        raise ValueError("Give 0.1 to 600 seconds")
    return seconds


def weekmask(value: Any) -> str:
    """Seven digits from Monday to Sunday."""
    words = text(value)
    if len(words) != 7 or set(words) - {"0", "1"} or "1" not in words:
        raise ValueError('Give seven digits from Monday to Sunday, such as "1111100"')
    return words


def clock_time(value: Any) -> time:
    """A time of day without a zone."""
    try:
        moment = value if isinstance(value, time) else time.fromisoformat(text(value))
    except ValueError:
        raise ValueError(
            "Give a time of day such as 23:59 (in TOML with or without quotes)"
        ) from None
    if moment.tzinfo is not None:
        raise ValueError("Give a time of day such as 23:59, and the zone as time_zone")
    return moment


def zone(value: Any) -> str:
    """A zone of the IANA list."""
    try:
        return ZoneInfo(text(value)).key
    except (KeyError, ValueError):
        raise ValueError("Give a zone of the IANA list such as Asia/Shanghai or UTC") from None


def one_of(*words: str) -> Callable[[Any], str]:
    """A reader of one of some words."""

    def read(value: Any) -> str:
        if value not in words:
            raise ValueError(f"Give one of {', '.join(words)}")
        return str(value)

    return read


def address(*schemes: str) -> Callable[[Any], str]:
    """A reader of addresses that begin as told."""

    def read(value: Any) -> str:
        words = text(value)
        if not words.startswith(schemes):
            raise ValueError(f"Give an address such as {schemes[0]}host:port")
        return words

    return read
