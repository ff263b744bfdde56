"""The world of the generated portfolio: industries with their seasons, products, branches.

Plain tables. The levels are plausible round figures chosen for the demonstration, not statistics;
only the shapes are meant: factories rest at the Spring Festival, shops peak before it, farmers sell
after the harvest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

CURRENCY = "CNY"


@dataclass(frozen=True, slots=True)
class Industry:
    """One industry. `season` is January to December in 1/1000 of an ordinary month.

    `festival` is the turnover around the Spring Festival, `before_festival` in the three weeks
    that lead to it; `trading_days` in a month with money coming in; `weekend` whether it trades
    then.
    """

    name: str
    weight: int
    season: tuple[int, ...]
    before_festival: int
    festival: int
    trading_days: int
    weekend: bool
    peak_month: int


INDUSTRIES = (
    Industry(
        "manufacturing", 22, (950, 700, 1050, 1050, 1050, 1050, 1000, 980, 1060, 1000, 1060, 1100),
        1000, 150, 13, False, 9,
    ),
    Industry(
        "wholesale", 18, (1150, 750, 950, 980, 1000, 1000, 950, 950, 1100, 950, 1100, 1150),
        1350, 200, 16, False, 9,
    ),
    Industry(
        "retail", 16, (1250, 950, 900, 920, 980, 1020, 930, 930, 1020, 1020, 1080, 1050),
        1500, 700, 24, True, 12,
    ),
    Industry(
        "catering", 10, (1100, 1050, 920, 980, 1050, 980, 1000, 1020, 980, 1060, 920, 1000),
        1250, 900, 26, True, 12,
    ),
    Industry(
        "construction", 9, (800, 450, 950, 1100, 1150, 1150, 1050, 1000, 1150, 1100, 1150, 1300),
        1300, 60, 6, False, 4,
    ),
    Industry(
        "transport", 8, (1000, 650, 1020, 1020, 1040, 1040, 1000, 1000, 1060, 1000, 1120, 1120),
        1150, 250, 17, False, 9,
    ),
    Industry(
        "agriculture", 7, (700, 500, 650, 750, 900, 1150, 850, 900, 1550, 1900, 1450, 900),
        1300, 300, 7, False, 9,
    ),
    Industry(
        "tourism", 4, (850, 1150, 700, 1050, 1250, 900, 1350, 1350, 850, 1500, 600, 600),
        700, 1500, 20, True, 7,
    ),
    Industry(
        "technology", 6, (850, 750, 1000, 1000, 1000, 1100, 1000, 1000, 1050, 950, 1050, 1350),
        900, 300, 7, False, 6,
    ),
)  # fmt: skip

SPRING_FESTIVALS = (
    date(2020, 1, 25),
    date(2021, 2, 12),
    date(2022, 2, 1),
    date(2023, 1, 22),
    date(2024, 2, 10),
    date(2025, 1, 29),
    date(2026, 2, 17),
    date(2027, 2, 6),
    date(2028, 1, 26),
    date(2029, 2, 13),
    date(2030, 2, 3),
)
"""First day of the lunar year; outside these years the season tables alone apply."""


@dataclass(frozen=True, slots=True)
class Product:
    """One product on offer. `terms` are the numbers of instalments it is sold with."""

    code: str
    weight: int
    method: Literal["annuity", "equal_principal", "interest_only", "bullet"]
    terms: tuple[int, ...]
    period_months: int
    rate_ppm: tuple[int, int]
    turnover_permille: tuple[int, int]


PRODUCTS = (
    Product("working-capital", 38, "annuity", (12, 12, 18, 24), 1, (36_000, 68_000), (600, 1600)),
    Product("equipment", 20, "equal_principal", (24, 36), 1, (38_000, 62_000), (1200, 3200)),
    Product("credit-quick", 18, "annuity", (6, 12), 1, (55_000, 98_000), (200, 800)),
    Product("interest-first", 14, "interest_only", (12, 12, 18), 1, (34_500, 58_000), (500, 1200)),
    Product("seasonal", 10, "bullet", (1,), 6, (38_000, 60_000), (300, 900)),
)
"""`rate_ppm` and `turnover_permille` are ranges; principal is a multiple of monthly turnover."""

REFERENCE_RATE_CUTS = (
    (date(2024, 7, 22), 1_000),
    (date(2024, 10, 21), 2_500),
    (date(2025, 5, 20), 1_000),
)
"""Days on which China's one-year loan prime rate fell, and by how many parts per million: from
3.45 % to 3.35, 3.10 and 3.00 %. Written from memory (unverified); floating loans follow it."""

BRANCHES = (
    ("HZ-XIHU", "Zhejiang"),
    ("HZ-BINJIANG", "Zhejiang"),
    ("NB-YINZHOU", "Zhejiang"),
    ("SU-GUSU", "Jiangsu"),
    ("SU-WUJIANG", "Jiangsu"),
    ("NJ-JIANGNING", "Jiangsu"),
    ("HF-SHUSHAN", "Anhui"),
    ("WH-JINGHU", "Anhui"),
)
OFFICERS_A_BRANCH = 5
