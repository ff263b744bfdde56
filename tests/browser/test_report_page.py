"""The report in a real browser that can reach nothing: all drawn, both languages, fit for print."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bench.drive import drive_all
from streams.cli import commands
from streams.generate import portfolio

pytestmark = pytest.mark.service
PICTURES = ["ageing", "roll", "vintage", "migration", "funnel", "lead"]
CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder: 160 loans over 14 months, with late payers, warnings and defaults."""
    folder = tmp_path_factory.mktemp("report") / "data"
    drive_all(portfolio(loans=160, months=14, seed=5).messages(), folder, source="report")
    return folder


def written(book: Path, out: Path, *words: str) -> str:
    result = CliRunner().invoke(commands(), ["report", "-d", str(book), "-o", str(out), *words])
    assert result.exit_code == 0, result.exception
    return out.read_text(encoding="utf-8")


@pytest.fixture
def page(book: Path, browser: Any, tmp_path: Path) -> Iterator[Any]:
    """The page, opened as a file. Fails at the end if it complained or asked for anything."""
    file = tmp_path / "report.html"
    written(book, file)
    opened = browser.new_page(viewport={"width": 1240, "height": 900})
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    wanted = file.as_uri()
    opened.on(
        "request",
        lambda asked: asked.url in (wanted, "data:,") or complaints.append(asked.url),
    )
    opened.goto(wanted)
    yield opened
    opened.close()
    assert complaints == []


def test_the_watch_list_says_why_in_both_languages(book: Path, tmp_path: Path) -> None:
    text = written(book, tmp_path / "report.html")
    listed = re.search(r'<figure[^>]*id="watchlist".*?</figure>', text, re.S)
    assert listed is not None
    lines = re.findall(r"<tr>.*?</tr>", listed.group().partition("<tbody>")[2], re.S)
    for line in lines:
        english, chinese = (
            re.findall(rf'<span class="{language}" lang="{language}">([^<]*)</span>', line)[-1]
            for language in ("en", "zh")
        )
        assert not CHINESE.search(english), line
        assert CHINESE.search(chinese), line
        # Both tell of the same readings; what one writes in words, the other may in digits.
        numbers = [Counter(re.findall(r"\d[\d,.]*\d|\d", said)) for said in (english, chinese)]
        assert numbers[0] - numbers[1] == Counter(), line
    assert len(lines) == 15


def test_the_page_is_one_file_that_names_no_other(book: Path, tmp_path: Path) -> None:
    text = written(book, tmp_path / "report.html")
    linked = re.findall(r"""(?:src|href)=["']([^"']*)|url\(([^)]*)\)|@import""", text)
    assert linked == [("data:,", "")]
    assert "<script" not in text
    assert len(text.encode()) < 300_000


def test_every_picture_is_drawn_and_has_shapes(page: Any) -> None:
    for name in PICTURES:
        drawn = page.locator(f"figure#{name} svg")
        assert drawn.count() == 1, name
        assert drawn.is_visible()
        shapes = page.locator(f"figure#{name} svg :is(rect, polyline)").count()
        assert shapes >= 5, name
        assert drawn.get_attribute("aria-label")
    assert page.locator("figure#concentration svg").count() == 4
    assert page.locator("figure#grades tbody tr").count() >= 3
    assert page.locator("figure#watchlist tbody tr").count() >= 3
    assert page.locator("dl.tiles dd").count() == 6
    assert "NaN" not in page.content()


def test_a_click_changes_the_language_of_everything(page: Any) -> None:
    assert page.locator("h1").inner_text() == "Loan book"
    assert not CHINESE.search(page.locator("main").inner_text())
    page.get_by_text("中文").click()
    assert page.locator("h1").inner_text() == "贷款组合报告"
    shown = page.locator("figure h3").all_inner_texts()
    assert len(shown) == 9
    assert all(CHINESE.search(title) for title in shown)
    assert "不良贷款率" in page.locator("dl.tiles").inner_text()
    assert page.locator("figure#funnel svg").locator("tspan.en").first.is_hidden()
    industries = page.locator("figure#concentration svg").first
    shown = industries.locator("tspan.zh").all_text_contents()
    assert len(shown) >= 5
    assert all(CHINESE.search(industry) for industry in shown)
    assert industries.locator("tspan.en").first.is_hidden()


def test_nothing_sticks_out_on_screen_telephone_or_paper(page: Any) -> None:
    for width, media in [(1240, "screen"), (390, "screen"), (711, "print")]:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(media=media)
        over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert over <= 0, f"{over} pixels too wide at {width} on {media}"
        outside = page.evaluate(
            """() => [...document.querySelectorAll('svg text')].filter(text => {
                 const own = text.getBoundingClientRect();
                 const svg = text.closest('svg').getBoundingClientRect();
                 return own.width && (own.left < svg.left - 1 || own.right > svg.right + 1);
               }).map(text => text.textContent)"""
        )
        assert outside == [], f"cut off at {width}"
    assert len(page.pdf(format="A4", print_background=True)) > 20_000
    assert page.locator("header .choice").is_hidden()


def test_the_tiles_say_what_the_figures_say(page: Any, book: Path) -> None:
    from projections.queries import Queries

    queries = Queries.open(book / "views.db")
    par = {row["over_days"]: row for row in queries.figure("par").rows}
    npl = queries.figure("npl").rows[0]
    shown = page.locator("dl.tiles dd").all_inner_texts()
    assert shown[1] == f"{npl['loans']:,}"
    assert shown[2] == f"{100 * par[30]['ratio']:.1f} %"
    assert shown[3] == f"{100 * npl['ratio']:.1f} %"
    assert shown[5] == f"{len(queries.figure('watchlist').rows):,}"
    queries.close()


def test_a_page_in_chinese_as_of_a_day_for_one_branch(
    browser: Any, book: Path, tmp_path: Path
) -> None:
    from projections.queries import Ask, Queries

    queries = Queries.open(book / "views.db")
    branch = queries.figure("concentration", Ask(by="branch")).rows[0]["branch"]
    queries.close()
    file = tmp_path / "zh.html"
    words = ["--language", "zh", "--as-of", "2024-06-15", "--where", f"branch={branch}"]
    written(book, file, *words)
    opened = browser.new_page(java_script_enabled=False)
    opened.goto(file.as_uri())
    assert opened.locator("h1").inner_text() == "贷款组合报告"
    assert "2024-06-14" in opened.locator("header").inner_text()  # the 15th was a Saturday
    opened.close()


def test_a_book_where_nothing_is_late_still_makes_a_page(
    browser: Any, book: Path, tmp_path: Path
) -> None:
    """The first close: nothing past due, nothing rang, nothing moved."""
    file = tmp_path / "first.html"
    written(book, file, "--as-of", "2024-01-05")
    opened = browser.new_page()
    opened.goto(file.as_uri())
    assert opened.get_by_text("Nothing to show.").count() >= 3
    assert "NaN" not in opened.content()
    opened.close()
