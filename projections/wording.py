"""Amounts and counts as people read them in reasons and stories."""

from __future__ import annotations

from ledger.money import grouped


def money_text(minor: int, currency: str) -> str:
    """Minor units -> "12,500.00 CNY"."""
    return f"{grouped(minor, currency)} {currency}"


def count_text(number: int, noun: str) -> str:
    """A number with its noun: "1 day", "3 days"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def share_text(part: int, whole: int) -> str:
    """A share in percent, cut after one digit: "12.4 %"; "0.0 %" of nothing."""
    permille = part * 1000 // whole if whole else 0
    return f"{permille // 10}.{permille % 10} %"
