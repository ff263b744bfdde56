"""What other rules would have rung, as a risk manager reads it: a real change, in both languages.

In the book of this folder ten loans have been late since 15 February 2024, a Thursday; closes are
known up to 4 March. The present rule rings from one day past due on: at the close of the 16th.
"""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.service
PRESENT = 'when = "dpd_days >= 1"'
DEEP = """
[[rule]]
name = "deep"
title = { en = "Ten days late", zh = "逾期十天" }
source = "this test"
mark = "unverified"
when = "dpd_days >= 10"
severity = "red"
reason = { en = "{dpd_days} days past due: too deep.", zh = "逾期 {dpd_days} 天，过深。" }
"""


def ask(bank: Any, page: Any, pack: str) -> None:
    """Rehearse a pack, and wait for the answer."""
    page.goto(bank.served.url + "/desk/rules/what-if")
    page.locator("textarea").fill(pack)
    page.locator("form.stack button.first").click()
    page.locator("dl.tiles").wait_for()


def tiles(page: Any) -> list[str]:
    """Present, other; only the other, only the present, earlier, later, the same day."""
    found: list[str] = page.locator("dl.tiles dd").all_inner_texts()
    return found


def section(page: Any, title: str) -> Any:
    return page.locator("section", has=page.get_by_role("heading", name=title))


def test_rules_that_ring_later_and_more_are_told_in_the_language_of_who_asks(bank: Any) -> None:
    page = bank.page("risk", path="/desk/rules/what-if")
    present = page.locator("textarea").input_value()
    ask(bank, page, present.replace(PRESENT, 'when = "dpd_days >= 3"') + DEEP)
    # Ten loans: each rings once now; then once later by the same rule, and once by the new one.
    assert tiles(page) == ["10", "20", "10", "0", "0", "10", "0"]
    assert page.locator("h1").inner_text() == "One rule"
    assert (
        "rehearsal 1: one-rule v1 · beside the present one-rule v1"
        in page.locator(".head").inner_text()
    )
    by_rule = section(page, "Warnings by rule").locator("tbody tr").all_inner_texts()
    assert [line.split("\t") for line in by_rule] == [
        ["Ten days late", "0", "10"], ["An instalment is late", "10", "10"],
    ]  # fmt: skip
    # 10 days past due on Sunday, the 25th: Monday's close is the first to see it, with 11.
    new = section(page, "Only the other rings").locator("tbody tr").first.inner_text()
    assert new.split() == "2024-02-26 red L0 Ten days late 11 days past due: too deep.".split()
    # 3 days past due on Sunday, the 18th: seen on Monday, with 4, three days after the 16th.
    moved = section(page, "Ring on another day").locator("tbody tr").first.inner_text()
    assert moved.split()[:5] == ["2024-02-16", "2024-02-19", "+3", "yellow", "L0"]
    assert "4 days past due." in moved

    page.get_by_role("link", name="Change these rules again").click()
    assert "dpd_days >= 3" in page.locator("textarea").input_value()
    assert "rehearsal 1: one-rule v1" in section(page, "Recent rehearsals").inner_text()


def test_a_rehearsal_that_is_asked_for_in_chinese_is_chinese_throughout(bank: Any) -> None:
    page = bank.page("risk", path="/desk/rules/what-if", locale="zh-CN")
    head = page.locator("textarea").input_value().partition("[[rule]]")[0]
    ask(bank, page, head + DEEP)
    # The present rule is gone: its ten rings are missed, ten others are new.
    assert tiles(page) == ["10", "10", "10", "10", "0", "0", "0"]
    assert page.locator("h1").inner_text() == "一条规则"
    new = section(page, "仅假设规则发出").locator("tbody tr").first.inner_text()
    assert new.split() == ["2024-02-26", "红色", "L0", "逾期十天", "逾期", "11", "天，过深。"]
    missed = section(page, "仅现行规则发出").locator("tbody tr").first.inner_text()
    assert missed.split() == ["2024-02-16", "黄色", "L0", "分期逾期", "逾期", "1", "天。"]
    assert "days past due" not in page.locator("main").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
