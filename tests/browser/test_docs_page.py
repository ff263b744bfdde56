"""`/docs` in a real browser that can reach nothing else: all is drawn, nothing complained of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.service


@pytest.fixture
def page(browser: Any, served: Any) -> Iterator[Any]:
    """The drawn page. Fails at the end if it logged an error or asked another machine."""
    opened = browser.new_page(locale="en-GB")
    complaints: list[str] = []

    def listen(message: Any) -> None:
        refused = "/v1/" in message.location["url"]  # a status that the test itself asked for
        if not refused:
            complaints.append(f"{message.type}: {message.text}")

    opened.on("console", listen)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "request",
        lambda request: request.url.startswith(served.url) or complaints.append(request.url),
    )
    opened.goto(f"{served.url}/docs")
    opened.wait_for_selector("body[data-ready=yes]", timeout=10_000)
    yield opened
    opened.close()
    assert complaints == []


def test_every_operation_problem_and_schema_is_drawn(page: Any, served: Any) -> None:
    document = served.client.get("/openapi.json").json()
    drawn = page.locator("section.operation").evaluate_all("all => all.map(one => one.id)")
    described = [
        operation["operationId"]
        for operations in document["paths"].values()
        for operation in operations.values()
    ]
    assert sorted(drawn) == sorted(described)
    assert page.locator("[id^=problem-]").count() == len(document["x-problems"])
    assert page.locator("[id^=schema-]").count() == len(document["components"]["schemas"])
    assert page.locator("#list_warnings").get_by_text("severity", exact=True).first.is_visible()
    unknown = page.locator("a[href^='#']").evaluate_all(
        "all => all.map(a => a.hash.slice(1)).filter(id => !document.getElementById(id))"
    )
    assert unknown == []


def test_a_transaction_can_be_tried_from_the_page(page: Any, served: Any) -> None:
    section = page.locator("#post_transactions")
    section.get_by_text("Try it").click()
    section.locator("select").select_option(label="loan · application/json")
    section.get_by_role("button", name="Send").click()
    output = section.locator(".try pre")
    output.get_by_text('"status": "accepted"').wait_for(timeout=10_000)
    assert output.inner_text().startswith("200 OK")
    assert served.node.store.ledger.last_position() == 1
    section.locator("textarea").fill("<img src=x onerror=alert(1)>")
    section.get_by_role("button", name="Send").click()
    output.get_by_text("bad_json").first.wait_for(timeout=10_000)


def test_the_stream_can_be_listened_to_and_stopped_from_the_page(page: Any, served: Any) -> None:
    section = page.locator("#stream_warnings")
    section.get_by_text("Try it").click()
    section.get_by_role("button", name="Listen").click()
    section.get_by_role("button", name="Stop").click()
    assert section.get_by_role("button", name="Listen").is_visible()


def test_the_page_speaks_chinese_filters_and_opens_at_a_problem(page: Any, served: Any) -> None:
    page.get_by_role("button", name="中文").click()
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    assert page.get_by_text("错误目录").first.is_visible()
    page.locator("#nav input").fill("portfolio")
    assert page.locator("#nav a .method").count() == 1
    page.goto(f"{served.url}/docs#problem-transaction_conflict")
    page.reload()
    page.wait_for_selector("body[data-ready=yes]")
    row = page.locator("#problem-transaction_conflict")
    assert row.evaluate("row => row.getBoundingClientRect().top < innerHeight")


def test_the_page_may_run_nothing_but_its_own_script(served: Any) -> None:
    answer = served.client.get("/docs")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in answer.text.replace("http-equiv", "")
    for name in ("docs.css", "docs.js"):
        assert "https://" not in served.client.get(f"/docs/{name}").text
