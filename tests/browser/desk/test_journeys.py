"""What people do at the desk all day, in real browsers: warnings, cases, contacts, promises."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytestmark = pytest.mark.service


def row(page: Any, loan_id: str) -> Any:
    """The line of a loan in a list."""
    return page.locator("tbody tr", has=page.locator(f'a[href="/desk/loans/{loan_id}"]'))


def said(page: Any) -> str:
    """What the page says of the form just sent: that it is done, or why not."""
    text: str = page.locator("p.done, [role=alert]").first.inner_text()
    return text


def open_case(bank: Any, user: str, loan_id: str) -> Any:
    """A page that shows the case just opened about a loan."""
    page = bank.page(user, path=f"/desk/loans/{loan_id}")
    page.get_by_role("button", name="Open a case").click()
    assert said(page) == "The case is opened."
    return page


def test_from_the_bell_to_the_money(bank: Any) -> None:
    """A warning rings while the list is open; it becomes a case, a call, a promise, and is paid."""
    page = bank.page("officer", path="/desk/warnings")
    page.locator(".live.on").wait_for()
    assert row(page, "L4").count() == 0
    # L4's first instalment fell due on Monday, the 4th: one day past due when Tuesday is closed.
    bank.send(*bank.opened(4, "2024-03-04"))
    bank.close_days("2024-03-05", "2024-03-05")
    bank.clock[0] = bank.us("2024-03-06T02:00:00+00:00")
    rung = row(page, "L4")
    rung.wait_for()
    assert "1 days past due." in rung.inner_text()

    rung.get_by_role("button", name="Acknowledge").click()
    assert said(page) == "The warning is acknowledged."
    assert "acknowledged" in row(page, "L4").inner_text()
    row(page, "L4").get_by_role("link", name="An instalment is late").click()
    page.get_by_role("button", name="Open a case").click()
    assert said(page) == "The case is opened."
    case_path = page.url.partition("?")[0]

    # 10:00 in Shanghai on a Wednesday: no rule forbids a call.
    reach = page.locator("#reach tr", has_text="Call")
    assert "allowed now" in reach.inner_text()
    reach.get_by_role("button", name="Call").click()
    assert said(page) == "The contact is allowed. Note what comes of it."
    page.get_by_role("button", name="promised").click()
    assert said(page) == "The outcome is noted."
    page.get_by_text("Note a promise to pay").first.click()
    page.locator("input[name=due_1]").fill("2024-03-07")
    assert page.locator("input[name=amount_1]").input_value() == "1000.00"
    page.get_by_role("button", name="Note a promise to pay").click()
    assert "The promise is noted" in said(page)
    # The promise pauses outreach, so a second call is for later.
    assert "a promise runs" in page.locator("#reach tr", has_text="Call").inner_text()

    bank.send(bank.repayment("L4", "1000.00", "2024-03-07"))
    bank.close_days("2024-03-06", "2024-03-08")
    bank.clock[0] = bank.us("2024-03-11T02:00:00+00:00")
    page.goto(case_path)
    promises = page.locator("section", has=page.get_by_role("heading", name="Promises"))
    assert "kept" in promises.inner_text()
    assert "1,000.00 paid" in promises.inner_text()
    tiles = page.locator("dl.tiles").inner_text()
    assert "1,000.00" in tiles  # recovered
    page.locator("#acts").get_by_text("Close the case").first.click()
    page.locator("select[name=close_reason]").select_option("paid")
    page.locator('form[action$="/close"] textarea').fill("paid as promised")
    page.get_by_role("button", name="Close the case").click()
    assert said(page) == "The case is closed."
    assert page.locator("h1 + .state").inner_text() == "closed"
    # What was done before may still be told; nothing else is to be done.
    assert page.locator("#acts form").count() == 1
    assert page.locator('#acts form[action$="/contacted"]').count() == 1


def test_a_warning_is_suppressed_with_a_reason_that_is_asked_for(bank: Any) -> None:
    warning = bank.warning("L0")
    page = bank.page("officer", path=f"/desk/warnings/{warning['warning_id']}")
    page.locator("summary", has_text="Suppress").click()
    form = page.locator('form[action$="/suppress"]')
    form.locator("textarea").evaluate("field => field.required = false")
    bank.expected(422)
    form.get_by_role("button", name="Suppress").click()
    assert "A reason is wanted" in page.locator("[role=alert]").inner_text()
    form = page.locator('form[action$="/suppress"]')
    assert form.is_visible()  # what was tried stays open
    form.locator("textarea").fill("restructuring agreed")
    form.locator("input[name=until]").fill("2024-03-29")
    form.get_by_role("button", name="Suppress").click()
    assert said(page) == "The warning is suppressed."
    assert page.locator("h1 ~ .state").inner_text() == "suppressed"
    history = page.locator(".timeline").inner_text()
    assert "restructuring agreed" in history
    assert "officer" in history
    # It was sealed before it became a fact: the log itself does not say it.
    kept = bank.served.node.queries.warning(warning["warning_id"])["history"][-1]["reason"]
    assert kept.startswith("sealed:v1:B0:")


def test_a_grade_is_overridden_by_two_people_and_never_by_one(bank: Any) -> None:
    page = bank.page("officer", path="/desk/loans/L2")
    page.locator("summary", has_text="Set the grade").click()
    form = page.locator("form", has=page.locator('input[value="grade_override"]'))
    form.locator("select[name=grade]").select_option("substandard")
    form.locator("input[name=until]").fill("2024-06-28")
    form.locator("textarea").fill("the tenant has left")
    form.get_by_role("button", name="Propose").click()
    assert "waits for a second person" in said(page)
    page.goto(f"{bank.served.url}/desk/proposals")
    line = page.locator("tbody tr", has_text="the tenant has left")
    assert "You proposed it" in line.inner_text()
    assert line.get_by_role("button", name="Approve").count() == 0

    risk = bank.page("risk", path="/desk/proposals")
    risk.locator("tbody tr", has_text="the tenant has left").get_by_role(
        "button", name="Approve"
    ).click()
    assert said(risk) == "Approved and carried out.", risk.locator("tbody").inner_text()
    bank.close_days("2024-03-11", "2024-03-11")
    risk.goto(f"{bank.served.url}/desk/loans/L2")
    assert "substandard" in risk.locator("dl.tiles").inner_text()
    story = risk.locator(".timeline").inner_text()
    assert "by officer, approved by risk" in story


def test_two_officers_at_one_case_do_not_overwrite_each_other(bank: Any) -> None:
    first = open_case(bank, "officer", "L0")
    case_path = first.url.partition("?")[0]
    second = bank.page("second", path=case_path.removeprefix(bank.served.url))
    bank.expected(409)
    for page, cause in ((first, "cash_gap"), (second, "dispute")):
        page.locator("#acts summary", has_text="Change the cause").click()
        form = page.locator('form[action$="/cause"]')
        form.locator("select").select_option(cause)
        form.locator("textarea").fill(f"they say it is a {cause}")
        form.get_by_role("button").click()
    assert said(first) == "The cause is changed."
    assert "Somebody else changed this case" in second.locator("p.noted").inner_text()
    assert "officer" in second.locator("[role=alert]").inner_text()
    kept = second.locator('form[action$="/cause"] textarea')
    assert kept.input_value() == "they say it is a dispute"
    second.locator('form[action$="/cause"] select').select_option("dispute")
    second.locator('form[action$="/cause"]').get_by_role("button").click()
    assert said(second) == "The cause is changed."
    assert second.locator(".head .soft").inner_text().startswith("dispute")


def test_a_form_that_is_sent_twice_counts_once(bank: Any) -> None:
    page = open_case(bank, "officer", "L6")
    page.locator("#acts summary", has_text="Write a note").click()
    form = page.locator('form[action$="/note"]')
    form.locator("textarea").fill("rang twice")
    sent = form.evaluate(
        "form => [form.action, new URLSearchParams(new FormData(form)).toString()]"
    )
    post = """([url, body]) => fetch(url, {method: "POST", body, redirect: "manual", headers:
        {"Content-Type": "application/x-www-form-urlencoded"}}).then(answer => answer.type)"""
    assert [page.evaluate(post, sent) for _ in range(2)] == ["opaqueredirect"] * 2
    page.reload()
    assert page.get_by_text("rang twice", exact=True).count() == 1


def test_contact_rules_answer_with_a_rule_and_a_time(bank: Any) -> None:
    """22:30 in Shanghai is quiet: a call may be queued for 08:00, and is not made."""
    before = bank.clock[0]
    bank.clock[0] = bank.us("2024-03-12T14:30:00+00:00")
    page = open_case(bank, "officer", "L8")
    reach = page.locator("#reach tr", has_text="Call")
    assert "from 2024-03-13 08:00" in reach.inner_text()
    assert "quiet hours" in reach.inner_text()
    reach.get_by_role("button", name="Queue").click()
    assert said(page) == "The contact waits for the next allowed time."
    assert "Contact waits" in page.locator(".timeline").inner_text()
    bank.clock[0] = before


def test_what_a_borrower_allows_decides_how_they_are_reached(bank: Any) -> None:
    """A call is allowed on Tuesday at 10:00; once consent is withdrawn, it is not, at any time."""
    page = open_case(bank, "second", "L2")
    reach = page.locator("#reach tr", has_text="Call")
    assert "allowed now" in reach.inner_text()
    page.locator("#acts summary", has_text="Note what the borrower allows").click()
    form = page.locator('form[action$="/consent"]')
    form.locator("select[name=channel]").select_option("call")
    form.locator("select[name=allowed]").select_option("no")
    form.get_by_label("preferred").check()
    bank.expected(409)
    form.get_by_role("button").click()
    assert "cannot be liked best" in page.locator("[role=alert]").inner_text()
    form = page.locator('form[action$="/consent"]')
    assert form.locator("select[name=allowed]").input_value() == "no"  # what was tried stays
    form.get_by_label("preferred").uncheck()
    form.locator("textarea").fill("wrote so on the 4th")
    form.get_by_role("button").click()
    assert said(page) == "What the borrower allows is noted."
    reach = page.locator("#reach tr", has_text="Call")
    assert "consent was withdrawn" in reach.inner_text()
    assert "not allowed" in reach.inner_text()
    line = page.locator(".timeline li", has_text="Consent")
    assert "Call · may not be used · wrote so on the 4th" in line.inner_text()
    page.get_by_role("button", name="中文").click()
    assert "电话 · 不得使用" in page.locator(".timeline li", has_text="联系授权").inner_text()


def test_a_call_from_the_car_is_noted_afterwards_and_a_breach_is_a_breach(bank: Any) -> None:
    """Tuesday, 10:00 in Shanghai. At 9:15 a call was fine; yesterday at 22:30 it was quiet."""
    before = bank.clock[0]
    bank.send(*bank.opened(12))
    bank.clock[0] = bank.us("2024-03-12T02:00:00+00:00")
    page = open_case(bank, "officer", "L12")

    def note(made: str, outcome: str) -> None:
        page.locator("#acts summary", has_text="Note a contact already made").click()
        form = page.locator('form[action$="/contacted"]')
        assert "Asia/Shanghai" in form.inner_text()
        form.locator("input[name=made]").fill(made)
        form.locator("select[name=outcome]").select_option(outcome)
        form.get_by_role("button").click()

    note("2024-03-12T09:15", "right_party")
    assert said(page) == "The contact is recorded. It was within the rules."
    note("2024-03-11T22:30", "no_answer")
    assert "counts as a breach" in said(page)
    lines = page.locator(".timeline li", has_text="Contact made")
    told = "Call · made 2024-03-11 22:30 · breach of the rule: quiet hours"
    assert told in lines.nth(0).inner_text()
    assert "breach" not in lines.nth(1).inner_text()
    contacts = page.locator("dl.tiles > div", has_text="Contacts").locator("dd").inner_text()
    assert contacts.split() == ["2", "1", "reached"]

    page.locator("#acts summary", has_text="Note a contact already made").click()
    page.locator('form[action$="/contacted"] input[name=made]').evaluate(
        "field => { field.removeAttribute('max'); field.value = '2024-03-12T10:30'; }"
    )
    bank.expected(422)
    page.locator('form[action$="/contacted"]').get_by_role("button").click()
    assert "after it was reported" in said(page)
    bank.clock[0] = before


def test_an_officer_is_exempted_by_two_others_also_when_the_case_is_closed(bank: Any) -> None:
    page = open_case(bank, "officer", "L10")
    case_path = page.url.partition("?")[0]
    assert page.locator("#exemption").count() == 0  # an officer does not propose it
    page.locator("#acts summary", has_text="Close the case").click()
    page.locator('form[action$="/close"] textarea').fill("nothing to be had")
    page.get_by_role("button", name="Close the case").click()
    assert said(page) == "The case is closed."

    manager = bank.page("manager", path=case_path.removeprefix(bank.served.url))
    manager.locator("#exemption summary").click()
    form = manager.locator("#exemption form")
    assert form.locator("select").input_value() == "officer"
    form.locator("input[name=reference]").fill("file 12")
    form.locator("textarea").fill("every visit was made in time")
    form.get_by_role("button").click()
    assert "waits for a second person" in said(manager)

    risk = bank.page("risk", path="/desk/proposals")
    line = risk.locator("tbody tr", has_text="every visit was made in time")
    assert "Exempt the officer" in line.inner_text()
    assert "officer · file 12" in line.inner_text()
    line.get_by_role("button", name="Approve").click()
    assert said(risk) == "Approved and carried out.", risk.locator("tbody").inner_text()
    risk.goto(case_path)
    told = risk.locator(".timeline li", has_text="Exempted").inner_text()
    assert "officer file 12 · every visit was made in time" in told
    assert "manager, approved by risk" in told


def test_an_officer_of_another_branch_sees_and_may_do_nothing_here(bank: Any) -> None:
    page = bank.page("southern", path="/desk/warnings")
    assert row(page, "L0").count() == 0
    assert row(page, "L1").count() == 1
    for path in ("/desk/loans/L0", "/desk/borrowers/B0", "/desk/find?q=L0"):
        bank.expected(404)
        page.goto(bank.served.url + path)
        assert page.get_by_role("heading", level=1).inner_text() in (
            "There is no such thing in the book",
            "Nothing has that id",
        )


def test_the_auditor_reads_who_saw_whom_and_changes_nothing(bank: Any) -> None:
    bank.page("officer", path="/desk/borrowers/B2")
    page = bank.page("auditor", path="/desk/audit?person=officer&borrower=B2")
    lines = page.locator("tbody tr")
    assert lines.count() >= 1
    assert re.search(r"saw\s+borrower page", lines.first.inner_text())
    page.goto(f"{bank.served.url}/desk/warnings/{bank.warning('L1')['warning_id']}")
    assert page.get_by_role("button", name="Acknowledge").count() == 0
