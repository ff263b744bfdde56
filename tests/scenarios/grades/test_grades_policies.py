"""Parameters that a bank sets: pauses that stand still, a transition, cures by class."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.change_commands import PauseDelinquency, ResumeDelinquency
from projections.regime_file import FOLDER, load

LATE, SOUND = "2024-01-31", "2030-01-31"


@pytest.fixture
def changed(tmp_path: Path) -> Callable[..., Path]:
    """A shipped regime with some of its text replaced, as a file."""

    def write(name: str, *changes: tuple[str, str]) -> Path:
        text = (FOLDER / f"{name}.toml").read_text(encoding="utf-8")
        for before, after in changes:
            assert text.count(before) == 1, before
            text = text.replace(before, after)
        path = tmp_path / f"{name}-changed.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def pause(diary: Any, loan_id: str, on: str, until: str, **more: Any) -> None:
    until_date = date.fromisoformat(until)
    diary.write(PauseDelinquency, on, loan_id=loan_id, until=until_date, reason="suspended", **more)


def test_paused_days_do_not_count_where_the_regime_lets_them_stand_still(
    diary_by: Any, changed: Callable[..., Path]
) -> None:
    """Paused from 10 February to 9 March 2024: 20 and 9 days, 29 in all. Day 91 is 1 May without
    them, and 30 May with them."""
    still = changed("eba-dod", ('count = "go_on"', 'count = "stand_still"'))
    diary = diary_by(still)
    diary.loan("L1", "2024-01-01", {LATE: 1_000_000, SOUND: 1_000_000}, currency="EUR")
    pause(diary, "L1", "2024-02-10", "2024-03-10")
    diary.close("2024-02-09")
    diary.close("2024-05-29")
    assert (diary.grade("L1"), diary.current("L1")["rule"]) == ("overdue", "past_due")
    diary.close("2024-05-30")
    row = diary.current("L1")
    assert (row["grade"], row["rule"]) == ("default", "past_due")
    assert row["reason"].startswith("Arrears have been material for 91 days, more than 90")
    anew = diary.asked.regraded("L1", regime=load(still))
    assert (anew["grade"], anew["changes"][-1]["since_date"]) == ("default", date(2024, 5, 30))


def test_a_pause_that_becomes_known_later_undoes_a_default_that_never_was(
    diary_by: Any, changed: Callable[..., Path]
) -> None:
    still = changed("eba-dod", ('count = "go_on"', 'count = "stand_still"'))
    diary = diary_by(still)
    diary.loan("L1", "2024-01-01", {LATE: 1_000_000, SOUND: 1_000_000}, currency="EUR")
    diary.close("2024-05-01")
    assert diary.grade("L1") == "default"
    pause(diary, "L1", "2024-02-10", "2024-03-10", known="2024-05-02")
    diary.close("2024-05-02")
    assert diary.grade("L1") == "overdue"
    # It had been lifted on 11 February, as becomes known: one day, and 2 May was day 91.
    diary.write(ResumeDelinquency, "2024-02-11", known="2024-05-03", loan_id="L1")
    diary.close("2024-05-03")
    assert diary.grade("L1") == "default"


def test_where_the_count_goes_on_a_pause_asks_a_person_to_look(diary_by: Any) -> None:
    diary = diary_by("eba-dod")
    diary.loan("L1", "2024-01-01", {LATE: 1_000_000, SOUND: 1_000_000}, currency="EUR")
    pause(diary, "L1", "2024-02-10", "2024-05-10")
    diary.close("2024-02-09")
    assert "review" not in [reason["rule"] for reason in diary.asked.regraded("L1")["asking"]]
    diary.close("2024-05-01")
    assert diary.grade("L1") == "default", "day 91, paused or not"
    review = diary.asked.regraded("L1")["asking"][-1]
    assert (review["rule"], review["asks_for"]) == ("review", "performing")
    assert review["text"] == (
        "Paused until 2024-05-10: look whether the obligor is unlikely to pay."
    )
    diary.close("2024-05-10")
    assert "review" not in [reason["rule"] for reason in diary.asked.regraded("L1")["asking"]]


def test_a_transition_spares_older_loans_until_its_last_day(
    diary_by: Any, changed: Callable[..., Path]
) -> None:
    """The order came on 1 July 2023; older claims had until the end of 2025."""
    diary = diary_by(changed("cn-2023", ("enabled = false\nopened", "enabled = true\nopened")))
    for borrower, opened in (("OLD", "2023-06-30"), ("NEW", "2023-07-01")):
        diary.loan(f"BAD-{borrower}", opened, {LATE: 1_000_000}, borrower=borrower)
        diary.loan(f"GOOD-{borrower}", opened, {SOUND: 1_000_000}, borrower=borrower)
        diary.loan(f"EASED-{borrower}", opened, {SOUND: 1_000_000}, borrower=f"{borrower}-2")
        diary.find(f"EASED-{borrower}", "2024-02-01", "restructured")
    diary.close("2024-05-01")
    diary.close("2025-12-31")
    assert (diary.grade("GOOD-NEW"), diary.grade("EASED-NEW")) == ("substandard", "special_mention")
    assert (diary.grade("GOOD-OLD"), diary.grade("EASED-OLD")) == ("normal", "normal")
    assert diary.grade("BAD-OLD") == "loss", "days past due are spared to nobody"
    diary.close("2026-01-01")
    assert (diary.grade("GOOD-OLD"), diary.grade("EASED-OLD")) == ("substandard", "special_mention")
    assert diary.current("GOOD-OLD")["article"] == "Art. 7"


def test_without_the_transition_older_loans_are_graded_by_the_order_at_once(diary_by: Any) -> None:
    diary = diary_by("cn-2023")
    diary.loan("BAD", "2023-06-30", {LATE: 1_000_000})
    diary.loan("GOOD", "2023-06-30", {SOUND: 1_000_000})
    diary.close("2024-05-01")
    assert diary.grade("GOOD") == "substandard"


def test_a_cure_speaks_of_the_classes_that_it_names_alone(
    diary_by: Any, changed: Callable[..., Path]
) -> None:
    """Six months for firms, none for retail: paid on 2 May, one is normal at once."""
    own = 'applies_to = ["other"]\narticle = "Art. 14"'
    path = changed("cn-2023", ('article = "Art. 14"', own))
    diary = diary_by(path)
    diary.loan("FIRM", "2024-01-01", {LATE: 1_000_000, SOUND: 1}, borrower="B1")
    diary.loan("CARD", "2024-01-01", {LATE: 1_000_000, SOUND: 1}, borrower="B2", product="mortgage")
    diary.close("2024-05-01")
    assert (diary.grade("FIRM"), diary.grade("CARD")) == ("substandard", "substandard")
    diary.pay("FIRM", "2024-05-02", 1_000_000)
    diary.pay("CARD", "2024-05-02", 1_000_000)
    diary.close("2024-05-02")
    assert (diary.grade("FIRM"), diary.grade("CARD")) == ("substandard", "normal")


@pytest.mark.parametrize(
    ("closed", "rate_ppm", "provision_minor"),
    [
        ("2024-05-01", 0, 0),  # the day of the default
        ("2026-04-30", 0, 0),  # the last day of the second year
        ("2026-05-01", 350_000, 350_000),  # 35 % of 10,000.00
        ("2027-04-30", 350_000, 350_000),
        ("2027-05-01", 1_000_000, 1_000_000),
    ],
)
def test_the_backstop_grows_by_whole_years_of_being_non_performing(
    diary_by: Any, closed: str, rate_ppm: int, provision_minor: int
) -> None:
    """Non-performing from 1 May 2024 on; a loan that performs beside it has nothing to hold."""
    diary = diary_by("eba-dod")
    diary.loan("BAD", "2024-01-01", {LATE: 1_000_000}, currency="EUR", borrower="B1")
    diary.loan("GOOD", "2024-01-01", {SOUND: 3_000_000}, currency="EUR", borrower="B2")
    for day in sorted({"2024-01-31", "2024-05-01", closed}):
        diary.close(day)
    columns = ("grade", "loans", "outstanding_minor", "rate_ppm", "provision_minor")
    rows = [tuple(row[c] for c in columns) for row in diary.asked.figure("provisions").rows]
    assert rows == [
        ("performing", 1, 3_000_000, 0, 0),
        ("default", 1, 1_000_000, rate_ppm, provision_minor),
    ]
