"""Several regimes over one book: each by its own rules, each day by the rules of that day."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.commands import OverrideGrade
from projections.projector import Projector
from projections.read_grades import UnknownGrade, UnknownRegime
from projections.regime import RegimeError
from projections.regime_file import FOLDER, load
from projections.views import all_views

LATE = {"2024-01-31": 1_000_000, "2030-01-31": 1_000_000}


def graded(diary: Any, loan_id: str) -> dict[str, str]:
    """A loan's grade in every regime of the book."""
    found = {}
    for regime in diary.asked.regimes():
        (row,) = diary.asked.grades(loan_id=loan_id, regime=regime["regime"]).rows
        found[regime["regime"]] = row["grade"]
    return found


@pytest.mark.parametrize(
    ("closed", "day_0", "day_1"),
    [
        ("2024-01-31", "normal", "sma_0"),  # day 0 and day 1
        ("2024-03-01", "special_mention", "sma_1"),  # 30 and 31
        ("2024-04-30", "special_mention", "npa"),  # 90 and 91
        ("2024-05-01", "substandard", "npa"),  # 91 and 92
    ],
)
def test_both_conventions_of_the_first_day_stand_side_by_side(
    diary_by: Any, closed: str, day_0: str, day_1: str
) -> None:
    """Due on 31 January 2024: in China that is day 0, in India day 1."""
    diary = diary_by("cn-2023", "irac-in")
    diary.loan("L1", "2024-01-01", LATE)
    diary.close(closed)
    assert graded(diary, "L1") == {"cn-2023": day_0, "irac-in": day_1}


def test_the_first_regime_is_the_main_one_and_all_are_told_with_their_grades(diary_by: Any) -> None:
    diary = diary_by("ifrs9", "cn-2023", "us-call-report")
    diary.loan("L1", "2024-01-01", LATE)
    diary.close("2024-05-01")
    assert graded(diary, "L1") == {
        "ifrs9": "stage_3",
        "cn-2023": "substandard",
        "us-call-report": "past_due_90",
    }
    assert diary.current("L1")["regime"] == "ifrs9"
    assert [row["regime"] for row in diary.asked.regimes()] == [
        "ifrs9",
        "cn-2023",
        "us-call-report",
    ]
    first = diary.asked.regimes()[0]["grades"][0]
    assert first == {"grade": "stage_1", "local": "Stage 1", "performing": True}
    (books,) = diary.asked.portfolio()["currencies"]
    assert {row["grade"] for row in books["grades"]} == {"stage_3"}
    history = diary.asked.grade_history("L1", regime="us-call-report")
    assert [row["grade"] for row in history] == ["past_due_90"]


def test_a_payer_of_every_month_defaults_by_the_one_percent_paradox(diary_by: Any) -> None:
    """Known paradox: one instalment stays in arrears while the exposure melts under it.

    110 instalments of 600.00 EUR on the 15th. February 2024 is missed; from March on 600.00 come on
    the 20th of every month, and meet the oldest due. So 600.00 are past due all the time, 1,200.00
    from the 16th to the 19th. On 20 December 2024 the exposure is 66,000.00 - 10 x 600.00 =
    60,000.00: 600.00 are exactly 1 %, not more. On 20 January it is 59,400.00 and 600.00 are more
    than 1 %: what began on 16 January never stops again, and 16 April is its day 91.
    """
    diary = diary_by("eba-dod")
    months = [(2024 + (n + 1) // 12, (n + 1) % 12 + 1) for n in range(110)]
    dues = {f"{year}-{month:02d}-15": 60_000 for year, month in months}
    diary.loan("L1", "2024-01-15", dues, currency="EUR")
    diary.close("2024-02-16")
    for year, month in months[1:14]:
        for day in (16, 19, 20):
            on = f"{year}-{month:02d}-{day}"
            if day == 20:
                diary.pay("L1", on, 60_000, currency="EUR")
            diary.close(on)
    diary.close("2025-04-15")
    row = diary.current("L1")
    assert (row["grade"], row["rule"]) == ("overdue", "past_due")
    diary.close("2025-04-16")
    row = diary.current("L1")
    assert (row["grade"], row["rule"], row["dpd_days"]) == ("default", "past_due", 32)
    assert row["reason"] == (
        "Arrears have been material for 91 days, more than 90: 1,200.00 EUR of the borrower's "
        "58,200.00 EUR (2.0 %), more than 500.00 EUR and more than 1 %."
    )
    anew = diary.asked.regraded("L1", regime="eba-dod")
    assert anew["changes"][-1]["since_date"] == date(2025, 4, 16)


def test_rules_change_between_two_days_and_every_loan_is_judged_by_the_new_ones(
    diary_by: Any, tmp_path: Path
) -> None:
    """From 1 March 2024 on 60 days are substandard, not 90, and misuse of funds is, too."""
    text = (FOLDER / "cn-2023.toml").read_text(encoding="utf-8")
    old = '[[past_due]]\nover_days = 90\ngrade = "substandard"\n'
    assert old in text
    new = old.replace("90", "60") + "since = 2024-04-01\n" + origin("Art. 11b")
    text = text.replace(old, new + old + "until = 2024-03-31\n")
    cause = '[[causes]]\nfinding = "misuse_of_funds"\ngrade = "special_mention"\n'
    assert cause in text
    harder = cause.replace("special_mention", "substandard") + 'label = "funds were misused"\n'
    harder += "since = 2024-04-01\n" + origin("Art. 10b")
    text = text.replace(cause, harder + cause + "until = 2024-03-31\n")
    (tmp_path / "cn-2024.toml").write_text(text, encoding="utf-8")
    diary = diary_by(tmp_path / "cn-2024.toml")
    diary.loan("L1", "2024-01-01", LATE)
    diary.loan("M1", "2024-01-01", {"2030-01-31": 1_000_000}, borrower="B2")
    diary.find("M1", "2024-01-02", "misuse_of_funds")
    diary.close("2024-03-31")  # 60 days past due, 31 January + 60
    assert (diary.grade("L1"), diary.grade("M1")) == ("special_mention", "special_mention")
    diary.close("2024-04-01")
    assert (diary.grade("L1"), diary.current("L1")["article"]) == ("substandard", "Art. 11b")
    assert (diary.grade("M1"), diary.current("M1")["article"]) == ("substandard", "Art. 10b")
    # A late fact derives the past anew, by the rules of each day.
    diary.pay("L1", "2024-02-15", 1_000_000, known="2024-04-02")
    diary.close("2024-04-02")
    assert diary.grade("L1") == "normal"
    assert diary.current("L1")["reason"].startswith("By what is known now it was 0 days past due")


def origin(article: str) -> str:
    return f'article = "{article}"\nsource = "test"\nmark = "unverified"\n\n'


def test_an_unknown_regime_or_grade_is_refused_with_those_there_are(diary_by: Any) -> None:
    diary = diary_by("cn-2023", "ifrs9")
    diary.loan("L1", "2024-01-01", LATE)
    diary.close("2024-05-01")
    with pytest.raises(UnknownRegime) as refused:
        diary.asked.grades(regime="eba-dod")
    assert "Graded by: cn-2023, ifrs9;" in refused.value.way_out
    with pytest.raises(UnknownRegime):
        diary.asked.grade_history("L1", regime="cn-1998")
    with pytest.raises(UnknownGrade) as refused_grade:
        diary.asked.grades(regime="ifrs9", grade="substandard")
    assert refused_grade.value.way_out == "One of stage_1, stage_2, stage_3."
    with pytest.raises(RegimeError, match="no regime 'cn-1998'"):
        all_views("cn-2023", "cn-1998")
    with pytest.raises(RegimeError, match="named twice"):
        [factory() for factory in all_views("cn-2023", "cn-2023")]


def test_adding_a_regime_grades_all_of_history_by_it_at_the_next_start(diary_by: Any) -> None:
    diary = diary_by("cn-2023")
    diary.loan("L1", "2024-01-01", LATE)
    diary.close("2024-03-02")
    diary.close("2024-05-01")
    before = diary.changes("L1")
    diary.projector.close()
    diary.projector = Projector.open(diary.views, diary.store, views=all_views("cn-2023", "ifrs9"))
    diary.projector.catch_up()
    assert diary.changes("L1") == before
    history = diary.asked.grade_history("L1", regime="ifrs9")
    assert [(row["since_date"].isoformat(), row["grade"]) for row in history] == [
        ("2024-03-02", "stage_2"),
        ("2024-05-01", "stage_3"),
    ]


def test_a_grade_that_a_regime_lost_stops_the_rebuild_and_leaves_the_views_as_they_were(
    diary_by: Any, tmp_path: Path
) -> None:
    diary = diary_by("cn-2023")
    diary.loan("L1", "2024-01-01", {"2030-01-31": 1_000_000})
    people = {"requested_by": "Li Na", "approved_by": "Wang Fang", "until": date(2024, 12, 31)}
    said = {"regime": "cn-2023", "grade": "doubtful", "reason": "the owner left", **people}
    diary.write(OverrideGrade, "2024-01-02", loan_id="L1", **said)
    diary.close("2024-01-02")
    row = diary.current("L1")
    assert (row["grade"], row["rule"], row["causes"]) == ("doubtful", "override", ["loan:L1@4"])
    assert row["reason"] == (
        "Set by Li Na, approved by Wang Fang, until 2024-12-31: the owner left."
    )
    text = (FOLDER / "cn-2023.toml").read_text(encoding="utf-8").replace("doubtful", "dubious")
    (tmp_path / "renamed.toml").write_text(text, encoding="utf-8")
    other = Projector.open(
        diary.views, diary.store, views=all_views(str(tmp_path / "renamed.toml"))
    )
    with pytest.raises(RegimeError) as refused:
        other.catch_up()
    other.close()
    assert "loan:L1@4 sets the grade 'doubtful', which cn-2023 does not have." in str(refused.value)
    assert diary.current("L1") == row


def test_a_loan_is_graded_by_a_regime_that_the_book_is_not_graded_by(diary_by: Any) -> None:
    diary = diary_by("cn-2023")
    diary.loan("L1", "2024-01-01", LATE)
    diary.close("2024-03-02")
    found = diary.asked.regraded("L1", regime=load("ifrs9"))
    assert (found["grade"], found["judged_date"]) == ("stage_2", date(2024, 3, 2))
    (asking,) = found["asking"]
    assert asking["text"] == "31 days past due, more than 30; arrears 10,000.00 CNY."
    assert (asking["asks_for"], asking["mark"]) == ("stage_2", "verified")
    assert asking["causes"] == ["loan:L1@3"], "the schedule; nothing was ever paid"
    assert diary.asked.regraded("NONE", regime="cn-2023") is None


def test_a_coming_day_is_judged_as_if_nothing_else_happened(diary_by: Any) -> None:
    diary = diary_by("cn-2023")
    diary.loan("L1", "2024-01-01", LATE)
    diary.close("2024-03-02")
    found = diary.asked.regraded("L1", as_of=date(2024, 5, 1))
    assert (found["grade"], found["projected"]) == ("substandard", True)
    found = diary.asked.regraded("L1", as_of=date(2024, 4, 30))
    assert (found["grade"], found["projected"]) == ("special_mention", True)
    found = diary.asked.regraded("L1", as_of=date(2024, 3, 1))
    assert (found["grade"], found["judged_date"]) == (None, None), "no day was closed by then"


def test_history_is_told_as_it_was_said_and_as_it_should_have_been(diary_by: Any) -> None:
    """A payment of 20 April becomes known on 20 May, when substandard had been said on 1 May."""
    diary = diary_by("cn-2023")
    diary.loan("L1", "2024-01-01", LATE)
    for day in ("2024-02-01", "2024-04-20", "2024-05-01"):
        diary.close(day)
    diary.pay("L1", "2024-04-20", 1_000_000, known="2024-05-20")
    diary.close("2024-05-20")
    assert [change[:2] for change in diary.changes("L1")] == [
        ("2024-02-01", "special_mention"),
        ("2024-05-01", "substandard"),
        ("2024-05-20", "normal"),
    ]
    corrected = diary.asked.regraded("L1")["changes"]
    assert [(row["since_date"].isoformat(), row["grade"]) for row in corrected] == [
        ("2024-02-01", "special_mention"),
        ("2024-04-20", "normal"),
    ]
    then = diary.asked.regraded("L1", as_of=date(2024, 5, 1), known_on=date(2024, 5, 2))
    assert then["grade"] == "substandard", "what the rules gave by what was known on 2 May"
    assert diary.asked.regraded("L1", as_of=date(2024, 5, 1))["grade"] == "normal"
