"""Grace, the reset of the material count, and the shorter wait before a cure: data of a regime."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.change_commands import PauseDelinquency
from projections.regime_file import load
from projections.regime_text import sentence

LATE, SOUND = "2024-01-31", "2030-01-31"
REGIME = """
regime = "mine"
title = "Mine"
title_en = "Mine"
effective_from = 2024-01-01
[counting]
due_date_counts = 0
ORIGIN
[[grades]]
name = "good"
local = "good"
performing = true
[[grades]]
name = "late"
local = "late"
performing = true
[[grades]]
name = "bad"
local = "bad"
performing = false
"""
DAYS = """
[[past_due]]
over_days = 0
grade = "late"
ORIGIN
[[past_due]]
over_days = 90
grade = "bad"
ORIGIN
[pauses]
count = "stand_still"
review = "look."
ORIGIN
"""
MATERIAL = """
[[past_due]]
counter = "material"
over_days = 30
grade = "bad"
ORIGIN
[materiality]
absolute = { EUR = "100.00" }
over_percent = 1
per = "loan"
ORIGIN
"""
CURE = """
[cure]
periods = 2
months = 6
ORIGIN
"""

Written = Callable[..., Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """The regime with the given tables, and a key more in one of them, as a file."""

    def write(tables: str, *, key: str = "", under: str = "") -> Path:
        text = REGIME + tables
        if key:
            assert text.count(f"{under}\n") == 1
            text = text.replace(f"{under}\n", f"{under}\n{key}\n")
        path = tmp_path / "mine.toml"
        origin = 'article = "1"\nsource = "s"\nmark = "verified"'
        path.write_text(text.replace("ORIGIN", origin), encoding="utf-8")
        return path

    return write


def changes(diary: Any, loan_id: str) -> list[tuple[str, str]]:
    """(date, grade) of every change, the same if graded anew."""
    said = [(since, grade) for since, grade, _ in diary.changes(loan_id)]
    anew = diary.asked.regraded(loan_id)["changes"]
    assert [(row["since_date"].isoformat(), row["grade"]) for row in anew] == said
    return said


@pytest.mark.parametrize(
    ("key", "late", "bad"),
    [
        ("", "2024-02-01", "2024-05-01"),  # 31 January + 1; + 91: 29 + 31 + 30 + 1
        ("grace_days = 0", "2024-02-01", "2024-05-01"),
        ("grace_days = 5", "2024-02-06", "2024-05-06"),  # five days later each
    ],
)
def test_days_of_grace_come_off_the_days_past_due(
    diary_by: Any, written: Written, key: str, late: str, bad: str
) -> None:
    diary = diary_by(written(DAYS, key=key, under="[counting]"))
    diary.loan("L1", "2024-01-01", {LATE: 1_000_000, SOUND: 1}, currency="EUR")
    for on in ("01-31", "02-01", "02-05", "02-06", "04-30", "05-01", "05-05", "05-06"):
        diary.close(f"2024-{on}")
        if f"2024-{on}" == bad:
            said = "91 days past due, more than 90; arrears 10,000.00 EUR."
            assert diary.current("L1")["reason"] == said
    assert changes(diary, "L1") == [("2024-01-31", "good"), (late, "late"), (bad, "bad")]


def test_days_of_grace_and_paused_days_both_come_off_and_never_below_none(
    diary_by: Any, written: Written
) -> None:
    """Paused on 2 and 3 February: on the 6th 6 - 5 - 2 = -1 day, so none; on the 8th the first."""
    diary = diary_by(written(DAYS, key="grace_days = 5", under="[counting]"))
    diary.loan("L1", "2024-01-01", {LATE: 1_000_000, SOUND: 1}, currency="EUR")
    until = date(2024, 2, 4)
    diary.write(PauseDelinquency, "2024-02-02", loan_id="L1", until=until, reason="suspended")
    diary.close("2024-02-06")
    assert diary.current("L1")["reason"] == "First grade: nothing past due and no finding."
    diary.close("2024-02-07")
    diary.close("2024-02-08")
    assert changes(diary, "L1") == [("2024-02-06", "good"), ("2024-02-08", "late")]


def test_a_payment_that_becomes_known_later_is_judged_with_the_days_of_grace(
    diary_by: Any, written: Written
) -> None:
    diary = diary_by(written(DAYS + CURE, key="grace_days = 5", under="[counting]"))
    diary.loan("L1", "2024-01-01", {LATE: 1_000_000, SOUND: 1}, currency="EUR")
    diary.close("2024-02-05")
    diary.close("2024-05-01")
    # A cent changes nothing: 91 days without grace, 86 with it, so there is nothing to cure.
    diary.pay("L1", "2024-02-03", 1, known="2024-05-02", currency="EUR")
    diary.close("2024-05-02")
    assert diary.grade("L1") == "late"
    diary.close("2024-05-06")
    assert diary.grade("L1") == "bad"
    # Paid on the last day of grace: it never was late, and has nothing to be cured of.
    diary.pay("L1", "2024-02-05", 999_999, known="2024-05-07", currency="EUR")
    diary.close("2024-05-07")
    assert diary.grade("L1") == "good"
    said = "By what is known now it was 0 days past due on 2024-05-06. "
    assert diary.current("L1")["reason"].startswith(said)


@pytest.mark.parametrize(
    ("key", "cured"),
    [("", "2024-12-18"), ("grace_days = 5", "2024-11-07")],
)
def test_a_due_date_met_within_the_days_of_grace_does_not_stop_a_cure(
    diary_by: Any, written: Written, key: str, cured: str
) -> None:
    """All paid on 7 May: six months end on 7 November. The due of 15 June is paid on the 18th: late
    without grace, so that they begin anew and end on 18 December."""
    diary = diary_by(written(DAYS + CURE, key=key, under="[counting]"))
    dues = [LATE, "2024-06-15", "2024-07-15", "2024-08-15", SOUND]
    diary.loan("L1", "2024-01-01", dict.fromkeys(dues, 100), currency="EUR")
    diary.close("2024-01-31")
    diary.close("2024-05-06")
    for on, amount in (("05-07", 100), ("06-17", 0), ("06-18", 100), ("06-19", 200)):
        if amount:
            diary.pay("L1", f"2024-{on}", amount, currency="EUR")
        diary.close(f"2024-{on}")
    for on in ("11-06", "11-07", "12-17", "12-18"):
        diary.close(f"2024-{on}")
    assert changes(diary, "L1")[1:] == [("2024-05-06", "bad"), (cured, "good")]


def test_observation_starts_anew_from_the_missed_due_date_itself_despite_grace(
    diary_by: Any, written: Written
) -> None:
    """15 March is missed and paid on the 25th: two months from the 15th, not from the 20th."""
    observation = '[observation]\nfinding = "restructured"\nperiods = 1\nmonths = 2\n'
    grades = 'grade = "late"\nagain_grade = "bad"\nORIGIN\n'
    path = written(DAYS + observation + grades, key="grace_days = 5", under="[counting]")
    diary = diary_by(path)
    dues = ["2024-02-15", "2024-03-15", "2024-04-15", SOUND]
    diary.loan("L1", "2024-01-15", dict.fromkeys(dues, 100), currency="EUR")
    diary.find("L1", "2024-01-20", "restructured")
    for on, amount in (("02-15", 100), ("03-24", 0), ("03-25", 100), ("04-15", 100)):
        if amount:
            diary.pay("L1", f"2024-{on}", amount, currency="EUR")
        diary.close(f"2024-{on}")
    diary.close("2024-05-14")
    diary.close("2024-05-15")
    assert changes(diary, "L1") == [("2024-02-15", "late"), ("2024-05-15", "good")]


@pytest.mark.parametrize("daily", [True, False])
@pytest.mark.parametrize(
    ("key", "again", "below"),
    [
        ("", "2024-03-22", None),  # from 21 February on: 9 days of it, and 22
        ('resets_at = "below_limits"', "2024-03-22", None),
        ('resets_at = "no_arrears"', "2024-03-02", "2024-03-02"),  # from the 1st on: 29, and 2
    ],
)
def test_the_material_count_goes_on_below_the_limits_where_only_paid_arrears_reset_it(
    diary_by: Any, written: Written, key: str, again: str, below: str | None, daily: bool
) -> None:
    """200.00 unpaid from 1 February on, 150.00 paid on the 10th. AGAIN: 100.00 more from the 21st.
    BELOW: 50.00 remain. PAID: they are paid on the 20th, and 200.00 more unpaid from the 26th."""
    diary = diary_by(written(MATERIAL, key=key, under="[materiality]"))
    more = {"AGAIN": {"2024-02-20": 10_000}, "BELOW": {}, "PAID": {"2024-02-25": 20_000}}
    for loan_id, dues in more.items():
        due = {LATE: 20_000, **dues, SOUND: 80_000}
        diary.loan(loan_id, "2024-01-01", due, currency="EUR", borrower=loan_id)
    if daily:
        diary.close_through("2024-01-31", "2024-02-09")
    for loan_id in more:
        diary.pay(loan_id, "2024-02-10", 15_000, currency="EUR")
    if daily:
        diary.close_through("2024-02-10", "2024-02-19")
    diary.pay("PAID", "2024-02-20", 5_000, currency="EUR")
    if daily:
        diary.close_through("2024-02-20", "2024-03-27")
    else:
        for on in ("01", "02", "21", "22", "26", "27"):
            diary.close(f"2024-03-{on}")
    first = ("2024-01-31" if daily else "2024-03-01", "good")
    assert changes(diary, "AGAIN") == [first, (again, "bad")]
    assert changes(diary, "BELOW") == [first, *([(below, "bad")] if below else [])]
    # From 26 February on, in either way: 4 days of it, and 27.
    assert changes(diary, "PAID") == [first, ("2024-03-27", "bad")]


def test_arrears_that_count_below_the_limits_are_said_to_and_corrected_by_a_late_payment(
    diary_by: Any, written: Written
) -> None:
    path = written(MATERIAL, key='resets_at = "no_arrears"', under="[materiality]")
    diary = diary_by(path)
    diary.loan("L1", "2024-01-01", {LATE: 20_000, SOUND: 80_000}, currency="EUR")
    diary.pay("L1", "2024-02-10", 15_000, currency="EUR")
    diary.close("2024-03-01")
    diary.close("2024-03-02")
    # 1,000.00 - 150.00 = 850.00 owed; 50.00 / 850.00 = 5.88 %, told as 5.8.
    assert diary.current("L1")["reason"] == (
        "Arrears have been material for 31 days, more than 30: 50.00 EUR of the loan's "
        "850.00 EUR (5.8 %), not yet paid since they were more than 100.00 EUR and more than 1 %."
    )
    diary.pay("L1", "2024-02-15", 5_000, known="2024-03-03", currency="EUR")
    diary.close("2024-03-03")
    assert diary.grade("L1") == "good"
    (limits,) = load(path).latest.materiality
    assert sentence(load(path), limits) == (
        "arrears are material over 100.00 EUR and over 1 % of what the loan owes, and from then "
        "until all are paid"
    )


def test_a_rule_that_counts_until_all_is_paid_counts_from_before_its_own_first_day(
    diary_by: Any, written: Written
) -> None:
    """50.00 stay below the limits: nothing counts on 29 February; on 1 March it is day 30 by the
    rule then in force, which no fact of that day tells, and day 31 on the 2nd."""
    tables = MATERIAL.split("[materiality]")
    rules = [f"[[materiality]]{tables[1]}{dates}" for dates in ("until = 2024-02-29\n", "")]
    path = written(f"{tables[0]}{rules[0]}{rules[1]}since = 2024-03-01\nresets_at = 'no_arrears'")
    diary = diary_by(path)
    diary.loan("L1", "2024-01-01", {LATE: 20_000, SOUND: 80_000}, currency="EUR")
    diary.pay("L1", "2024-02-10", 15_000, currency="EUR")
    for on in ("2024-02-29", "2024-03-01", "2024-03-02"):
        diary.close(on)
    assert changes(diary, "L1") == [("2024-02-29", "good"), ("2024-03-02", "bad")]


@pytest.mark.parametrize(
    ("key", "monthly", "yearly"),
    [
        ("", "2024-11-17", None),  # six months; the second yearly due date is years away
        ('whichever_is = "longer"', "2024-11-17", None),
        ('whichever_is = "shorter"', "2024-07-16", "2024-11-17"),  # 15 June and 15 July are met
    ],
)
def test_a_cure_waits_for_the_longer_or_the_shorter_of_due_dates_and_months(
    diary_by: Any, written: Written, key: str, monthly: str, yearly: str | None
) -> None:
    """Due on 15 February, unpaid for 91 days on 16 May, all paid on the 17th."""
    diary = diary_by(written(DAYS + CURE, key=key, under="[cure]"))
    months = [f"2024-{month:02d}-15" for month in range(2, 13)]
    diary.loan("M1", "2024-01-15", dict.fromkeys(months, 100), currency="EUR", borrower="B1")
    years = {"2024-02-15": 100, "2025-02-15": 100}
    diary.loan("Y1", "2024-01-15", years, currency="EUR", borrower="B2")
    diary.close("2024-02-15")
    diary.close("2024-05-16")
    diary.pay("M1", "2024-05-17", 1_100, currency="EUR")  # and all that is to come
    diary.pay("Y1", "2024-05-17", 100, currency="EUR")
    for on in ("05-17", "07-15", "07-16", "11-16", "11-17"):
        diary.close(f"2024-{on}")
        if on == "07-15":
            reason = diary.asked.regraded("M1", as_of=date(2024, 7, 15))["asking"][0]["text"]
    last = "or waits until 2024-11-17, whichever is sooner."
    if "shorter" not in key:
        last = "and waits until 2024-11-17 at least."
    needs = "Nothing is past due since 2024-05-17; an upgrade needs 2 due dates met "
    assert reason == needs + last
    held = [("2024-02-15", "good"), ("2024-05-16", "bad")]
    assert changes(diary, "M1") == [*held, (monthly, "good")]
    assert changes(diary, "Y1") == [*held, *([(yearly, "good")] if yearly else [])]


def test_the_sentence_of_a_cure_says_which_of_the_two_is_waited_for(written: Written) -> None:
    said = []
    for key in ("", 'whichever_is = "shorter"'):
        regime = load(written(DAYS + CURE, key=key, under="[cure]"))
        said.append(sentence(regime, regime.latest.cure[0]))
    start = "bad or worse: upgraded to good at best after 2 due dates"
    end = "6 months without arrears and causes"
    assert said == [f"{start} and {end}", f"{start} or {end}"]
