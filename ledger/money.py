"""Money as whole minor units with a currency. No floats, no silent rounding, no exchange.

Does not format for people beyond plain decimal text, and does not convert between currencies.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import floor

from ledger.errors import CurrencyMismatch, InvalidAmount, InvariantBroken

# Minor-unit exponents of ISO 4217 (2018 edition with amendments); two digits unless listed.
_EXPONENT_0 = frozenset(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split()
)
_EXPONENT_3 = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
_EXPONENT_2 = frozenset(
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD "
    "CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD "
    "GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD "
    "MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP "
    "PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS "
    "TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW ZWL".split()
)
_EXPONENTS = (
    dict.fromkeys(_EXPONENT_0, 0) | dict.fromkeys(_EXPONENT_3, 3) | dict.fromkeys(_EXPONENT_2, 2)
)
_AMOUNT = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.([0-9]{1,6}))?", re.ASCII)

MAX_MINOR = 10**15
"""No single amount may exceed this: ten trillion yuan."""
MAX_TOTAL_MINOR = 10**16
"""All amounts ever recorded on one account, borrower or loan (its greatest schedule counts once)
may not exceed this. Its balance times the 360 days of a window is then at most 3.6 * 10**18, within
the 9.2 * 10**18 of int64."""
MAX_BOOK_MINOR = 4 * 10**18
"""When all amounts ever recorded in one currency are more than this, a book takes no more in it.
It is passed by one message at most, so every sum over loans or accounts stays below 5 * 10**18,
however many there are: 10**7 of them with 4 * 10**11 each, four billion yuan."""


class Rounding(StrEnum):
    """How a fraction of a minor unit is rounded; the caller always names one."""

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"
    DOWN = "down"
    UP = "up"


def exponent(currency: str) -> int:
    """Digits after the point of `currency` (ISO 4217). Unknown code: `CurrencyMismatch`."""
    try:
        return _EXPONENTS[currency]
    except KeyError:
        raise CurrencyMismatch(
            f"Unknown currency {currency!r}.", way_out="Use an ISO 4217 code such as CNY or EUR."
        ) from None


def parse_minor(text: str, currency: str) -> int:
    """Decimal text -> minor units: `parse_minor("12.5", "EUR") == 1250`.

    Errors: InvalidAmount for anything but plain digits, or digits finer than the minor unit;
    CurrencyMismatch for an unknown currency.
    """
    match = _AMOUNT.fullmatch(text)
    digits = exponent(currency)
    if match is None:
        raise InvalidAmount(
            f"{text[:40]!r} is not an amount.",
            way_out='Send a decimal string such as "1250.00", without separators or exponent.',
        )
    fraction = match[1] or ""
    if len(fraction) > digits and fraction[digits:].strip("0"):
        raise InvalidAmount(
            f"{text} is finer than the minor unit of {currency}.",
            way_out=f"Send at most {digits} digits after the point.",
        )
    whole = text.partition(".")[0]
    minor = int(whole + fraction[:digits].ljust(digits, "0"))
    if abs(minor) > MAX_MINOR:
        raise InvalidAmount(
            f"{text} {currency} is larger than the book can hold.",
            way_out=f"Send at most {grouped(MAX_MINOR, currency)} at once.",
        )
    return minor


def format_minor(minor: int, currency: str) -> str:
    """Minor units -> decimal text: `format_minor(1250, "EUR") == "12.50"`."""
    digits = exponent(currency)
    sign = "-" if minor < 0 else ""
    whole, rest = divmod(abs(minor), 10**digits)
    return f"{sign}{whole}.{rest:0{digits}d}" if digits else f"{sign}{whole}"


def grouped(minor: int, currency: str) -> str:
    """Minor units as people read them: `grouped(3782114, "CNY") == "37,821.14"`; not to parse."""
    whole, point, rest = format_minor(abs(minor), currency).partition(".")
    return f"{'-' if minor < 0 else ''}{int(whole):,}{point}{rest}"


def round_ratio(numerator: int, denominator: int, *, rounding: Rounding) -> int:
    """numerator/denominator (above zero) minor units -> whole minor units, by the named mode.

    Ties of half up go away from zero, as do all of up; down goes towards zero.
    """
    low, rest = divmod(numerator, denominator)
    if rest == 0:
        return low
    negative = numerator < 0
    if rounding is Rounding.DOWN:
        return low + 1 if negative else low
    if rounding is Rounding.UP:
        return low if negative else low + 1
    if 2 * rest != denominator:
        return low + (2 * rest > denominator)
    if rounding is Rounding.HALF_EVEN:
        return low + (low % 2)
    return low if negative else low + 1


def split(total_minor: int, weights: Sequence[int]) -> list[int]:
    """Divide `total_minor` in proportion to `weights`; the parts always add up to the whole.

    Largest remainder first, earlier part first on a tie. Errors: InvalidAmount when there is no
    positive weight or one is negative; InvariantBroken should the parts not give back the whole.
    """
    scale = sum(weights)
    if scale <= 0 or min(weights) < 0:
        raise InvalidAmount("Weights to split by must not be negative, and one must be positive.")
    exact = [Fraction(total_minor * weight, scale) for weight in weights]
    parts = [floor(share) for share in exact]
    rest = total_minor - sum(parts)
    order = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for i in order[:rest]:
        parts[i] += 1
    if sum(parts) != total_minor:
        raise InvariantBroken(f"split lost money: {parts} of {total_minor}")
    return parts


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in one currency. `minor` is whole minor units (cents, fen)."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise InvalidAmount("Money is whole minor units: pass an int.")
        exponent(self.currency)

    @classmethod
    def parse(cls, text: str, currency: str) -> Money:
        """Decimal text -> Money; errors as `parse_minor`."""
        return cls(parse_minor(text, currency), currency)

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def split(self, weights: Sequence[int]) -> list[Money]:
        """Parts in proportion to `weights` that add up to the whole."""
        return [Money(part, self.currency) for part in split(self.minor, weights)]

    def __str__(self) -> str:
        return f"{format_minor(self.minor, self.currency)} {self.currency}"

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"Cannot add {other.currency} to {self.currency}.")
        return other.minor
