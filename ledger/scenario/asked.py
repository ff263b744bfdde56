"""What a clause asks: a loan at the end of a day, and an answer with both sides."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.loan import Loan
from ledger.money import format_minor, parse_minor
from ledger.position import Position

Answer = tuple[object, object]
"""(expected, actual), comparable by == and readable by str."""


@dataclass(frozen=True, slots=True)
class LoanOn:
    """A loan at the end of a day."""

    loan: Loan
    day: int

    @property
    def position(self) -> Position:
        """Its money then, by all that is known now."""
        return self.loan.book.at(self.day)

    def minor(self, text: str) -> str:
        """An amount in the loan's currency, in canonical form: `5` and `5.00` are the same."""
        return self.show(parse_minor(text, self.loan.currency))

    def show(self, minor: int) -> str:
        """Minor units as decimal text."""
        return format_minor(minor, self.loan.currency)
