"""A loan's story in Chinese: every kind of fact, with every number of the English sentence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from ledger import codec
from ledger.dates import start_of_day_us
from ledger.events import (
    ChargeApplied,
    FigureReported,
    LoanClosed,
    LoanRevised,
    LoanStatusChanged,
    RecoveryReversed,
    RepaymentDesignated,
    RepaymentReceived,
    RepaymentReversed,
)
from ledger.store import Recorded
from ledger.terms import Component, Method, Split
from projections import story_zh
from projections.story import _TELL, fact_lines

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
CHINESE = re.compile("[\u4e00-\u9fff]")
NUMBER = re.compile(r"\d[\d,.-]*\d|\d")


def goldens() -> Iterator[Any]:
    """Every stored fact that a story tells."""
    for path in sorted(GOLDEN.glob("*.json")):
        topic = path.name.removesuffix(".json").removesuffix(".edge")
        fact = codec.decode(topic, path.read_bytes())
        if type(fact) in _TELL:
            yield pytest.param(fact, id=path.name)


def test_the_same_kinds_of_facts_are_told_in_both_languages() -> None:
    assert story_zh.TELL.keys() == _TELL.keys()


@pytest.mark.parametrize("fact", [*goldens()])
def test_a_fact_is_told_in_chinese_with_all_its_numbers(fact: Any) -> None:
    _, tell = _TELL[type(fact)]
    english, chinese = tell(fact, "CNY"), story_zh.TELL[type(fact)](fact, "CNY")
    assert CHINESE.search(chinese)
    assert chinese.endswith("。")
    assert Counter(NUMBER.findall(english)) - Counter(NUMBER.findall(chinese)) == Counter()


def test_every_word_that_such_a_fact_may_hold_has_a_name() -> None:
    kinds: tuple[tuple[type, str], ...] = (
        (LoanStatusChanged, "finding"),
        (LoanClosed, "reason"),
        (RepaymentReversed, "reason"),
        (RecoveryReversed, "reason"),
        (ChargeApplied, "kind"),
        (LoanRevised, "kind"),
        (RepaymentDesignated, "effect"),
        (FigureReported, "figure"),
    )
    words = {word for kind, name in kinds for word in get_args(get_type_hints(kind)[name])}
    words |= {*get_args(Component), *get_args(Method)} - {"hold"}
    assert words - {"hold"} - story_zh.WORDS.keys() == set()
    assert len(words) > 25


def test_a_payment_that_came_to_light_late_says_so() -> None:
    """1,000.00 of 29 March, of which 900.00 principal and 100.00 interest, known on 3 April."""
    fact = RepaymentReceived(
        loan_id="L1", amount_minor=100_000,
        split=Split(principal_minor=90_000, interest_minor=10_000), transaction_id="R1",
        value_date=date(2024, 3, 29), recorded_at_us=start_of_day_us(date(2024, 4, 3)),
    )  # fmt: skip
    (line,) = fact_lines([Recorded(1, "loan:L1", 1, fact)], "CNY", language="zh")
    assert line.text == (
        "还款 1,000.00 CNY：利息 100.00 CNY，本金 900.00 CNY。于 2024-04-03 入账。"
    )
