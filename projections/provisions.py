"""Provision rates by regime and grade: data with a source and a mark, never code.

A file has one table a regime: `source`, `mark` (verified or unverified) and `rates`, each grade's
share of the outstanding principal as a decimal in quotes, as "0.25".
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
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
    """Rates of one regime, in parts of a million by grade, and where they come from."""

    regime: str
    source: str
    mark: str
    ppm: Mapping[str, int]

    def of(self, grade: str) -> int:
        """The rate of a grade. Errors: RatesError when the file has none."""
        if grade not in self.ppm:
            raise RatesError(
                f"There is no provision rate for {grade} in {self.regime}.",
                way_out=f"Name it under [{self.regime}.rates] in a rates file.",
            )
        return self.ppm[grade]


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
    ppm = {grade: _ppm(f"{where}, {regime}.{grade}", v) for grade, v in table["rates"].items()}
    return Rates(regime, str(table["source"]), table["mark"], ppm)


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
