"""A seeded portfolio of loans to small enterprises, as a core system's messages.

`portfolio(...)` gives the messages in order of `sent_at` and, apart from them, the truth about each
loan, which the ledger never reads. Nothing here knows indicators, rules or warnings.
"""

from streams.generate.portfolio import DEFAULT_START, Portfolio, PortfolioImpossible, portfolio
from streams.generate.truth import LoanTruth

__all__ = ["DEFAULT_START", "LoanTruth", "Portfolio", "PortfolioImpossible", "portfolio"]
