"""Amounts and counts as people read them in reasons and stories."""

from __future__ import annotations

from ledger.money import format_minor


def money_text(minor: int, currency: str) -> str:
    """Minor units -> "12,500.00 CNY"."""
    plain = format_minor(minor, currency)
    sign, digits = ("-", plain[1:]) if plain.startswith("-") else ("", plain)
    whole, point, rest = digits.partition(".")
    return f"{sign}{int(whole):,}{point}{rest} {currency}"


def count_text(number: int, noun: str) -> str:
    """A number with its noun: "1 day", "3 days"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def percent_text(ppm: int) -> str:
    """Parts per million in percent, without idle digits: "52.5 %"."""
    digits = f"{ppm // 10_000}.{ppm % 10_000:04d}".rstrip("0").rstrip(".")
    return f"{digits} %"


def share_text(part: int, whole: int) -> str:
    """A share in percent, cut after one digit: "12.4 %"; "0.0 %" of nothing."""
    permille = part * 1000 // whole if whole else 0
    return f"{permille // 10}.{permille % 10} %"
