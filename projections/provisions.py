"""Provision rates by regime and grade: data with a source and a mark, never code.

A file has one table a regime: `source`, `mark` (verified or unverified) and `rates`, each grade's
share of the outstanding principal as a decimal in quotes, as "0.25", or a calendar of shares by
whole years of being non-performing. Or it has `none`: why nobody prescribes any.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from importlib.resources import files
from pathlib import Path
from typing import Any

from ledger.errors import LoanError

SHIPPED = "provisions.toml"
_MILLION = 1_000_000
_KEYS = {"source", "mark", "rates"}


class RatesError(LoanError):
    """Provision rates are missing or cannot be used."""

    code = "provision_rates"


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates of one regime, and where they come from.

    `steps` by grade: (whole years of being non-performing, parts of a million from then on), the
    first from year 0, in order.
    """

    regime: str
    source: str
    mark: str
    steps: Mapping[str, Sequence[tuple[int, int]]]

    def of(self, grade: str) -> Sequence[tuple[int, int]]:
        """The steps of a grade. Errors: RatesError when the file has none."""
        if grade not in self.steps:
            raise RatesError(
                f"There is no provision rate for {grade} in {self.regime}.",
                way_out=f"Name it under [{self.regime}.rates] in a rates file.",
            )
        return self.steps[grade]


def rates_of(regime: str, file: Path | None = None) -> Rates:
    """The rates of a regime, from `file` or as shipped. Errors: RatesError."""
    where = str(file or SHIPPED)
    try:
        text = (files("projections") / SHIPPED if file is None else file).read_text("utf-8")
        tables = tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise RatesError(
            f"{where} cannot be read as rates: {error}.", way_out="It is TOML in UTF-8."
        ) from error
    table = tables.get(regime)
    if not isinstance(table, dict):
        raise RatesError(
            f"{where} has no provision rates for {regime}.",
            way_out=f"Regimes there: {', '.join(sorted(tables)) or 'none'}. "
            "Write your own file and name it with --rates.",
        )
    if set(table) == {"none"}:
        raise RatesError(
            f"Nobody prescribes provision rates for {regime}: {table['none']}.",
            way_out="Write the bank's own into a file and name it with --rates.",
        )
    return _checked(regime, table, where)


def _checked(regime: str, table: Mapping[str, Any], where: str) -> Rates:
    wrong = sorted(_KEYS ^ table.keys())
    if wrong:
        raise RatesError(
            f"{where}, [{regime}]: {wrong[0]} is missing or unknown.",
            way_out="A regime has source, mark and rates.",
        )
    if table["mark"] not in ("verified", "unverified") or not isinstance(table["rates"], dict):
        raise RatesError(
            f"{where}, [{regime}]: mark is {table['mark']!r}.",
            way_out='mark is "verified" or "unverified"; rates is a table.',
        )
    steps = {grade: _steps(f"{where}, {regime}.{grade}", v) for grade, v in table["rates"].items()}
    return Rates(regime, str(table["source"]), table["mark"], steps)


def _steps(where: str, value: object) -> tuple[tuple[int, int], ...]:
    """The steps of a share or a calendar. Errors: RatesError."""
    calendar = value if isinstance(value, dict) else {"0": value}
    if "0" not in calendar or not all(years.isdecimal() for years in calendar):
        raise RatesError(
            f"{where} is {value!r}.",
            way_out='A calendar names whole years, 0 among them: { 0 = "0", 2 = "0.35" }.',
        )
    return tuple(sorted((int(years), _ppm(where, share)) for years, share in calendar.items()))


def _ppm(where: str, value: object) -> int:
    """A share in parts of a million. Errors: RatesError."""
    try:
        share = Decimal(value) if isinstance(value, str) else Decimal("NaN")
    except InvalidOperation:
        share = Decimal("NaN")
    ppm = share * _MILLION
    if not share.is_finite() or not 0 <= share <= 1 or ppm != int(ppm):
        raise RatesError(
            f"{where} is {value!r}.",
            way_out='A share from "0" to "1", in quotes, with at most six decimals.',
        )
    return int(ppm)
