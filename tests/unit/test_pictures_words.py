"""Words of the report: everything that the project names itself is there in both languages."""

from __future__ import annotations

import re

import pytest

from projections.regime_file import load, shipped
from streams.generate.world import BRANCHES, INDUSTRIES, PRODUCTS
from streams.pictures.words import WORDS, both, fitted

CHINESE = re.compile("[\u4e00-\u9fff]")
OURS = (
    *(industry.name for industry in INDUSTRIES),
    *(product.code for product in PRODUCTS),
    *{region for _, region in BRANCHES},
)


@pytest.mark.parametrize("name", shipped())
def test_every_grade_of_a_shipped_regime_has_words(name: str) -> None:
    assert [grade.name for grade in load(name).grades if grade.name not in WORDS] == []


def test_industries_products_and_regions_of_ours_are_in_chinese() -> None:
    assert len(OURS) > 15
    assert [name for name in OURS if name not in WORDS] == []
    assert [name for name in OURS if not CHINESE.search(WORDS[name][1])] == []
    assert [name for name in OURS if CHINESE.search(WORDS[name][0])] == []


def test_a_name_that_is_not_ours_stands_for_itself_and_is_escaped() -> None:
    assert both("Fish & <Chips>") == "Fish &amp; &lt;Chips&gt;"
    assert fitted("Fish & <Chips>", 100, 10).count("Fish &amp; &lt;Chips&gt;</tspan>") == 2


def test_each_language_is_as_large_as_fits() -> None:
    """Fifteen letters of 0.53 em in 60 units are 7.5 units large; two characters take the most."""
    drawn = fitted("special_mention", 60, 10)
    assert re.findall(r'lang="(\w+)" font-size="([\d.]+)"', drawn) == [
        ("en", "7.5"),
        ("zh", "10.0"),
    ]
