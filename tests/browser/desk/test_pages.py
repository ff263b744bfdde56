"""What holds for the pages themselves: time axes, languages, keys, no script, no markup of others.

Each test works on loans of its own; the book is that of the folder's `conftest`.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

pytestmark = pytest.mark.service
CHINESE = re.compile("[\u4e00-\u9fff]")
EVERY_PAGE = (
    "/desk", "/desk/warnings", "/desk/cases", "/desk/loans", "/desk/loans/L10",
    "/desk/borrowers/B10", "/desk/portfolio", "/desk/team", "/desk/proposals", "/desk/rules",
)  # fmt: skip
PASSWORD = "four words nobody said"
NASTY = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


def tile(page: Any, label: str) -> str:
    """The value of a figure above a loan."""
    text: str = page.locator("dl.tiles > div", has_text=label).locator("dd").inner_text()
    return text


def test_sliders_move_a_loan_along_both_time_axes(bank: Any) -> None:
    """L10 owes 1,000.00 since 15 February. On 1 March (recorded on 8 March) 400.00 came in.

    As of 1 March by all that is known: 600.00 in arrears. By what was known on 5 March: 1,000.00.
    """
    paid = bank.repayment("L10", "400.00", "2024-03-01")
    bank.clock[0] = bank.us("2024-03-08T05:00:00+00:00")
    bank.send({**paid, "sent_at": "2024-03-08T04:00:00Z"})
    bank.close_days("2024-03-05", "2024-03-08")
    page = bank.page("officer", path="/desk/loans/L10")
    assert tile(page, "Arrears") == "600.00"
    days = page.locator("input[type=range]")
    assert days.count() == 2
    # 46 days from 15 January, the opening, to 1 March; 50 to 5 March.
    days.nth(0).fill("46")
    page.locator("#then[data-shown$='as_of=2024-03-01']").wait_for()
    assert tile(page, "Arrears") == "600.00"
    days.nth(1).fill("50")
    page.locator("#then[data-shown$='known_on=2024-03-05']").wait_for()
    assert tile(page, "Arrears") == "1,000.00"
    assert "by what was known on 2024-03-05" in page.locator("p.noted").inner_text()
    assert page.url.endswith("?as_of=2024-03-01&known_on=2024-03-05")
    page.reload()  # what the address says is what a colleague sees who is sent it
    assert tile(page, "Arrears") == "1,000.00"
    assert "Repayment of 400.00" not in page.locator(".timeline").inner_text()


def test_the_language_is_switched_and_kept(bank: Any) -> None:
    page = bank.page("officer", path="/desk/warnings?severity=yellow")
    assert not CHINESE.search(page.locator("main").inner_text())
    page.get_by_role("button", name="中文").click()
    assert page.url.endswith("/desk/warnings?severity=yellow")
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    assert "分期逾期" in page.locator("tbody").inner_text()  # the rule's own Chinese title
    assert re.search(r"逾期 \d+ 天。", page.locator("tbody").inner_text())
    page.goto(bank.served.url + "/desk/loans/L8")
    facts = page.locator(".timeline .k-fact .note").all_inner_texts()
    assert len(facts) >= 3  # opened, its schedule, paid out
    assert all(CHINESE.search(told) for told in facts)
    assert any("放款 12,000.00 CNY。" in told for told in facts)
    for path in EVERY_PAGE:
        page.goto(bank.served.url + path)
        assert CHINESE.search(page.locator("h1").inner_text() + page.locator("nav").inner_text())
        assert not re.search(r"\b[a-z]+\.[a-z_]+\b(?!\.)", page.locator("h1").inner_text())
    page.get_by_role("button", name="English").click()
    assert page.locator("html").get_attribute("lang") == "en"


def test_a_browser_that_asks_for_chinese_gets_it_from_the_sign_in_on(bank: Any) -> None:
    page = bank.page(path="/desk", locale="zh-CN")
    assert page.url.endswith("/sign-in?goal=/desk")
    assert page.get_by_role("button", name="登录").is_visible()
    page.fill("input[name=user]", "officer")
    page.fill("input[name=password]", "not the password")
    bank.expected(401)
    page.get_by_role("button", name="登录").click()
    assert page.locator("[role=alert]").is_visible()
    page.fill("input[name=user]", "officer")
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="登录").click()
    page.wait_for_url("**/desk")
    assert page.locator("h1").inner_text() == "今日工作"
    page.locator(".menu summary").click()
    page.get_by_role("button", name="退出").click()
    page.wait_for_url("**/sign-in")


def test_a_day_can_be_worked_with_the_keyboard_alone(bank: Any) -> None:
    page = bank.page("officer", path="/desk/warnings")
    press = page.keyboard.press
    press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    press("j")
    press("j")
    press("k")
    chosen = page.locator('tr[aria-selected="true"]')
    assert chosen.count() == 1
    first = page.locator("tbody tr").first.get_attribute("id")
    assert chosen.get_attribute("id") == first
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    press("a")
    page.locator("p.done").wait_for()
    assert page.locator(f"#{first}").locator(".state").inner_text() == "acknowledged"
    press("j")
    press("o")
    page.wait_for_url("**/desk/warnings/*")
    press("/")
    page.keyboard.type("l10")
    press("Enter")
    page.wait_for_url("**/desk/loans/L10")


@pytest.mark.parametrize("scripts", [True, False])
def test_what_people_write_is_text_and_nothing_else(bank: Any, scripts: bool) -> None:
    """Also without script the main actions work, and nothing that was written becomes markup."""
    loan = "L0" if scripts else "L2"
    page = bank.page("officer", path=f"/desk/loans/{loan}", java_script_enabled=scripts)
    page.get_by_role("button", name="Open a case").click()
    for action, field in (("note", "note"), ("cause", "reason")):
        form = page.locator(f'form[action$="/{action}"]')
        page.locator(
            "#acts summary", has=page.locator(f"xpath=../form[contains(@action,'/{action}')]")
        )
        page.locator("details.act", has=form).locator("summary").first.click()
        form.locator(f"textarea[name={field}]").fill(NASTY)
        if action == "cause":
            form.locator("select").select_option("technical")
        form.get_by_role("button").click()
        assert page.locator("p.done").is_visible()
    told = page.locator(".timeline .note").all_inner_texts()
    assert told.count(NASTY) == 2, told
    assert page.locator(".timeline img, .timeline script").count() == 0
    assert "owned" not in page.title()
    warning = bank.warning(loan)["warning_id"]
    page.goto(f"{bank.served.url}/desk/warnings/{warning}")
    page.locator("summary", has_text="Start action").click()
    page.locator('form[action$="/start"] textarea').fill(NASTY)
    page.locator('form[action$="/start"] button').click()
    assert NASTY in page.locator(".timeline").inner_text()
    assert page.locator("main img").count() == 0
    bank.expected(404)
    page.goto(f"{bank.served.url}/desk/find?q=%3Cimg%20src%3Dx%3E")
    assert "<img src=x>" in page.locator("main").inner_text()


def test_every_page_is_whole_at_1280_and_on_paper_and_says_so_when_it_is_empty(bank: Any) -> None:
    page = bank.page("officer")
    for path in EVERY_PAGE:
        page.goto(bank.served.url + path)
        assert page.locator("h1").count() == 1, path
        for media in ("screen", "print"):
            page.emulate_media(media=media)
            over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert over <= 0, f"{path} is {over} pixels too wide on {media}"
        assert page.locator("header.bar").is_hidden()  # print
        page.emulate_media(media="screen")
        unnamed = page.evaluate(
            """() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea')]
                 .filter(field => !field.labels.length && !field.getAttribute('aria-label'))
                 .map(field => field.outerHTML)"""
        )
        assert unnamed == [], path
    page.goto(f"{bank.served.url}/desk/warnings?rule=late&severity=red")
    assert page.get_by_text("No warning matches.").is_visible()
    assert page.get_by_text("Clear the filters").is_visible()


def test_other_rules_are_rehearsed_over_the_history_and_nothing_is_recorded(bank: Any) -> None:
    page = bank.page("risk", path="/desk/rules/what-if")
    before = bank.served.node.store.warnings.last_position()
    text = page.locator("textarea")
    pack = text.input_value()
    text.fill(pack.replace('dpd_days >= 1"', 'dpd_days >= nonsense"'))
    bank.expected(422)
    page.get_by_role("button", name="Rehearse").click()
    assert "nonsense" in page.locator("[role=alert]").inner_text()
    page.locator("textarea").fill(pack.replace('dpd_days >= 1"', 'dpd_days >= 9000"'))
    page.get_by_role("button", name="Rehearse").click()
    page.get_by_text("Warnings by rule").wait_for(timeout=30_000)
    there = len(bank.served.node.queries.warnings(limit=1_000).rows)
    tiles = page.locator("dl.tiles").inner_text().split()
    assert tiles[:4] == ["present", str(there), "other", "0"]
    assert bank.served.node.store.warnings.last_position() == before


def test_pages_may_run_nothing_but_their_own_files(bank: Any) -> None:
    page = bank.page("officer", path="/desk/loans/L6")
    answer = page.request.get(f"{bank.served.url}/desk/loans/L6")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    text = answer.text()
    assert not re.search(r"<script(?![^>]* src=)|\son[a-z]+=|\sstyle=|javascript:", text)
    linked = re.findall(r'(?:src|href)="([^"#?]+)', text)
    assert [link for link in linked if not link.startswith("/desk")] == []
    style = next(link for link in linked if link.endswith(".css"))
    kept = page.request.get(bank.served.url + style).headers["cache-control"]
    assert kept == "public, max-age=31536000, immutable"
