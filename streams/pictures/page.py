"""The page: style, head and foot around a chapter for each currency, in one file of its own."""

from __future__ import annotations

from html import escape
from importlib.resources import files

from projections.queries import Ask, Queries
from streams.pictures.chapter import Chapter
from streams.pictures.words import LANGUAGES, WORDS, both
from warning.pack import Pack

_NAMES = {"en": "English", "zh": "中文"}


def report(queries: Queries, ask: Ask, *, language: str = "en", pack: Pack | None = None) -> str:
    """The report as HTML: everything inside, in both languages, `language` shown at first.

    A chapter for each currency, the one with most loans first. `pack` tells reasons of warnings in
    both languages; without it they stand as they were recorded. Errors: as `Queries.figure`, and
    ValueError for a language that it does not have.
    """
    if language not in LANGUAGES:
        raise ValueError(f"The report has {', '.join(LANGUAGES)}, not {language!r}.")
    chapters = [
        Chapter(queries, _of(ask, currency), pack) for currency in _currencies(queries, ask)
    ]
    as_of = queries.figure("par", ask).as_of
    status = queries.status()
    facts = max((view["ledger_position"] for view in status["views"]), default=0)
    regime = ask.regime or queries.regimes()[0]["regime"]
    style = (files("streams.pictures") / "page.css").read_text("utf-8")
    choice = "".join(
        f'<label for="{each}" lang="{each}">{_NAMES[each]}</label>' for each in LANGUAGES
    )
    switches = "".join(
        f'<input type="radio" name="language" id="{each}" aria-label="{_NAMES[each]}"'
        f"{' checked' if each == language else ''}>"
        for each in LANGUAGES
    )
    title = escape(" / ".join(WORDS["title"]))
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{title} {as_of}</title>'
        f"<style>{style}</style></head>"
        f"<body>{switches}<header><h1>{both('title')}</h1>"
        f'<span class="day">{both("as_of", day=as_of)}</span><nav class="choice">{choice}</nav>'
        f'<p class="known">{both("known")}</p></header>'
        f"<main>{''.join(chapter.html() for chapter in chapters) or both('nothing')}</main>"
        f"<footer><p>{both('made', facts=f'{facts:,}', regime=regime)}</p></footer></body></html>\n"
    )


def _currencies(queries: Queries, ask: Ask) -> list[str]:
    loans: dict[str, int] = {}
    for row in queries.figure("ageing", ask).rows:
        loans[row["currency"]] = loans.get(row["currency"], 0) + row["loans"]
    return sorted(loans, key=lambda currency: (-loans[currency], currency))


def _of(ask: Ask, currency: str) -> Ask:
    where = {**ask.where, "currency": currency}
    return Ask(as_of=ask.as_of, where=where, regime=ask.regime)
