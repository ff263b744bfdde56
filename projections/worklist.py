"""Why a case stands where it does in an officer's list of the day: points, each with its reason.

Pure: a case's row, its borrower's open warnings and a day in, a rank and its reasons out. The rank
is the sum of the points of the reasons shown, so an officer can check it by hand. Reads nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ledger.money import format_minor
from warning.buckets import BUCKET_ENDS
from warning.pack import SEVERITIES

Row = Mapping[str, Any]
"""A row of `cases`, by column."""

WARNED = {"watch": 40, "yellow": 100, "orange": 250, "red": 400}
"""Points of the gravest open warning."""
UNANSWERED = 60
EXPIRED = 500
BROKEN = {"broken": 600, "partial": 450}
PROMISE_DUE = 300
PROMISE_WAITS = -300
LEGAL_OVERDUE = 1_000
LEGAL_SOON = 350
LEGAL_SOON_DAYS = 14
CONTACT_DUE = 200
CONTACT_LATE = ((7, 100), (3, 50))
"""Days late from which on a contact weighs so much more."""
QUEUED_FREE = 220
ROLLS_SOON = 180
ROLLS_SOON_DAYS = 3
UNTOUCHED = 150
HELD = -2_000
A_DIGIT = 12
"""Points for each digit of the arrears in whole units of the currency, up to eight."""
MOST_DIGITS = 8


class Why(NamedTuple):
    """One reason: its code, its points, and the number or word it speaks of."""

    code: str
    points: int
    about: int | str


TEXTS: Mapping[str, tuple[str, str]] = {
    "legal_overdue": ("legal deadline passed {about} days ago", "诉讼期限已过 {about} 天"),
    "legal_soon": ("legal deadline in {about} days", "诉讼期限还有 {about} 天"),
    "promise_broken": ("promise broken", "承诺未履行"),
    "promise_partial": ("promise kept in part", "承诺部分履行"),
    "promise_due": ("promised money is due today", "承诺还款今日到期"),
    "promise_waits": ("promised money is due in {about} days", "承诺还款 {about} 天后到期"),
    "warning_expired": ("a warning went unanswered past its time", "预警超时未处理"),
    "warning": ("open warning: {about}", "未解除预警:{about}"),
    "unanswered": ("a warning waits for an answer", "预警待处理"),
    "contact_due": ("contact due, {about} days late", "应联系,已迟 {about} 天"),
    "queued_free": ("a contact that waited may go out now", "排队联系现可发出"),
    "rolls_soon": ("next bucket in {about} days", "{about} 天后进入下一逾期档"),
    "untouched": ("nobody has tried to reach the borrower yet", "尚未联系客户"),
    "amount": ("size of the arrears", "欠款金额"),
    "held": ("contacts are held: {about}", "暂停联系:{about}"),
}
"""English and Chinese for each code."""


SEVERITY_ZH = {"watch": "关注", "yellow": "黄色", "orange": "橙色", "red": "红色"}
HOLD_ZH = {
    "dispute": "争议",
    "bankruptcy": "破产",
    "represented": "已委托律师",
    "hardship": "生活困难",
    "deceased": "死亡",
    "investigation": "调查中",
}
_ZH = SEVERITY_ZH | HOLD_ZH


def said(why: Why, language: str) -> str:
    """A reason in words, in "en" or "zh"."""
    chinese = language == "zh"
    about = str(why.about)
    if chinese:
        about = " ".join(_ZH.get(word, word) for word in about.split())
    return TEXTS[why.code][chinese].format(about=about)


def reasons(case: Row, today: int) -> list[Why]:
    """What the ledger tells of an open case, on the open day `today`."""
    found = [*_legal(case, today), *_promise(case, today), *_contact(case, today)]
    left = _days_to_next_bucket(int(case["dpd_days"]))
    if left is not None and left <= ROLLS_SOON_DAYS:
        found.append(Why("rolls_soon", ROLLS_SOON, left))
    if case["arrears_minor"] > 0:
        whole, _, _ = format_minor(case["arrears_minor"], case["currency"]).partition(".")
        digits = min(len(whole), MOST_DIGITS)
        found.append(Why("amount", A_DIGIT * digits, case["arrears_minor"]))
    if case["holds"]:
        found.append(Why("held", HELD, case["holds"]))
    return found


class Signs(NamedTuple):
    """A borrower's open warnings that call for somebody: how many, the gravest rank (from 0), and
    whether one expired or waits for an answer."""

    number: int
    gravest: int
    expired: bool
    unanswered: bool


def signs_of(open_warnings: Sequence[Row]) -> Signs | None:
    """What rows of open warnings come to; None without any."""
    if not open_warnings:
        return None
    states = {row["state"] for row in open_warnings}
    gravest = max(int(row["severity_rank"]) for row in open_warnings)
    return Signs(len(open_warnings), gravest, "expired" in states, "raised" in states)


def warned(signs: Signs | None) -> list[Why]:
    """What the borrower's open warnings add."""
    if signs is None:
        return []
    severity = SEVERITIES[signs.gravest]
    found = [Why("warning", WARNED[severity], severity)]
    if signs.expired:
        found.append(Why("warning_expired", EXPIRED, ""))
    if signs.unanswered:
        found.append(Why("unanswered", UNANSWERED, ""))
    return found


def rank(whys: Sequence[Why]) -> int:
    """The sum of the points."""
    return sum(why.points for why in whys)


def _legal(case: Row, today: int) -> list[Why]:
    due = case["legal_due_day"]
    if due is None:
        return []
    if due < today:
        return [Why("legal_overdue", LEGAL_OVERDUE, today - due)]
    soon = due - today <= LEGAL_SOON_DAYS
    return [Why("legal_soon", LEGAL_SOON, due - today)] if soon else []


def _promise(case: Row, today: int) -> list[Why]:
    state, due = case["promise_state"], case["promise_due_day"]
    if state in BROKEN:
        return [Why(f"promise_{state}", BROKEN[state], "")]
    if state == "open" and due is not None:
        if due <= today:
            return [Why("promise_due", PROMISE_DUE, "")]
        return [Why("promise_waits", PROMISE_WAITS, due - today)]
    return []


def _contact(case: Row, today: int) -> list[Why]:
    found = []
    due = case["next_contact_day"]
    if due is not None and due <= today:
        late = today - due
        more = next((points for days, points in CONTACT_LATE if late >= days), 0)
        found.append(Why("contact_due", CONTACT_DUE + more, late))
    if not case["contacts_made"]:
        found.append(Why("untouched", UNTOUCHED, ""))
    return found


def _days_to_next_bucket(dpd: int) -> int | None:
    """Days until more days past due than the end of its bucket; None when nothing is overdue."""
    if dpd <= 0:
        return None
    return next((end + 1 - dpd for end in BUCKET_ENDS if end >= dpd), None)
