"""The catalogue of the desk: every text in both languages, every text used, every use known."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

from ledger.events.collection import Trigger
from ledger.events.contact import Addressee
from streams.desk.words import Words, catalogue, language_of
from warning.asking import SENTENCES

ROOT = Path(__file__).resolve().parents[2] / "streams" / "desk"
CHINESE = re.compile("[\u4e00-\u9fff]")
USED = re.compile(r"""\b(?:t|say)\(\s*["']([a-z_]+\.[a-zA-Z0-9_]+)["']""")
NAMED = re.compile(
    r"""(?:\bname\(|\bwords\(|\.name\()\s*["']([a-z_]+)["']|state\([^)]*, '([a-z_]+)'"""
)
BUILT = re.compile(r"""\bt\(\s*'([a-z_]+)\.' ~|t\(key|f"(case|contact|proposal|warning)_\{""")


def sources() -> str:
    files = [*ROOT.glob("*.py"), *(ROOT / "templates").glob("*.html")]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_text_is_there_in_both_languages_with_the_same_fields() -> None:
    for key, (english, chinese) in catalogue().items():
        assert english.strip(), key
        assert chinese.strip(), key
        assert CHINESE.search(chinese), key
        assert not CHINESE.search(english), key
        assert fields(english) == fields(chinese), key


def test_every_text_that_a_page_asks_for_is_in_the_catalogue() -> None:
    asked = set(USED.findall(sources()))
    assert len(asked) > 200
    assert asked - catalogue().keys() == set()


def test_every_group_of_words_that_a_page_asks_for_has_words() -> None:
    groups = {name for found in NAMED.findall(sources()) for name in found if name}
    assert groups - {key.partition(".")[0] for key in catalogue()} == set()


def test_no_text_is_left_over() -> None:
    text = sources()
    groups = {name for found in NAMED.findall(text) for name in found if name}
    built = {found[0] for found in BUILT.findall(text) if found[0]} | {"done", "empty", "fact"}
    # Words that only some of the groups' members show: kinds of lines, and texts by a variable.
    groups |= built | {"warning", "rules", "field"}
    used = set(USED.findall(text))
    left = [key for key in catalogue() if key not in used and key.partition(".")[0] not in groups]
    assert left == []


def test_words_the_ledger_may_store_are_all_known() -> None:
    """Whatever a form offers, and a fact may hold, has a name in both languages."""
    from projections.warnings import SEVERITIES, STATE_AFTER, STATES
    from streams.desk import case_words as offered

    groups = {
        "severity": SEVERITIES, "state": ("open", *STATES), "change": STATE_AFTER,
        "warning": STATE_AFTER, "cause": offered.CAUSES, "stage": offered.STAGES,
        "channel": offered.CHANNELS, "outcome": offered.OUTCOMES,
        "close": offered.CLOSE_REASONS, "hold": offered.HOLD_REASONS,
        "legal": offered.LEGAL_STEPS, "signal": offered.SIGNALS,
        "trigger": get_args(Trigger), "addressee": get_args(Addressee),
        "case_reason": (*offered.CLOSE_REASONS, *offered.HOLD_REASONS),
        "treated": SENTENCES,
    }  # fmt: skip
    missing = [f"{g}.{w}" for g, words in groups.items() for w in words
               if f"{g}.{w}" not in catalogue()]  # fmt: skip
    assert missing == []


@pytest.mark.parametrize(
    ("reason", "english", "chinese"),
    [
        (
            "tier orange, cause cash_gap, grade special_mention, 12 days past due",
            "warning: orange · cause: cash gap · grade: special mention · 12 days past due",
            "预警：橙色 · 原因：资金周转 · 分类：关注 · 逾期 12 天",
        ),
        (
            "tier none, cause unknown, days past due unknown",
            "warning: none · cause: cause unknown · days past due unknown",
            "预警：无 · 原因：原因未明 · 逾期天数未知",
        ),
        ("31 days past due", "31 days past due", "逾期 31 天"),
        (
            "nothing overdue and no open warning for 5 days",
            "nothing overdue and no open warning for 5 days",
            "连续 5 天无逾期且无未结预警",
        ),
        ("31 days past due, we believe", None, None),
        ("", None, None),
    ],
)
def test_what_the_treat_agent_did_is_explained_in_the_language_of_the_page(
    reason: str, english: str | None, chinese: str | None
) -> None:
    from streams.desk.telling import treated

    for language, said in (("en", english), ("zh", chinese)):
        change = {"actor": "treat", "details": {"reason": "cured", "remark": reason, "x": 1}}
        told = {"reason": "cured", "remark": said or reason, "x": 1}
        assert treated(change, Words(language)) == told
        by_hand = change | {"actor": "li.na"}
        assert treated(by_hand, Words(language)) == change["details"]


def test_a_word_that_nobody_listed_is_shown_as_it_is_stored() -> None:
    assert Words("zh").name("grade", "watch_list") == "watch list"
    with pytest.raises(KeyError):
        Words("en").say("no.such")


@pytest.mark.parametrize(
    ("cookie", "accepted", "spoken"),
    [
        ("zh", "en", "zh"),
        ("fr", "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, "fr-FR, en-GB;q=0.8", "en"),
        (None, "", "en"),
        (None, "de", "en"),
    ],
)
def test_the_language_is_the_chosen_one_else_the_browsers(
    cookie: str | None, accepted: str, spoken: str
) -> None:
    assert language_of(cookie, accepted) == spoken


def test_the_desk_can_be_imported_before_the_api_that_serves_it() -> None:
    """In either order: they name each other, and only one may do so when it is imported."""
    import subprocess
    import sys

    code = "import streams.desk.desk; from streams.api import create_api; assert create_api"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
