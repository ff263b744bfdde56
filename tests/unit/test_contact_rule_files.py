"""Contact rules are data: what comes along, what may be edited, and every way to write it wrong."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from ledger.collection.contacts import request_contact, usual_rules
from ledger.collection.rulefile import FOLDER, ContactRulesUnreadable, load_rules, read_rules
from ledger.collection.state import Case, Collection
from ledger.collection_commands import RequestContact
from ledger.dates import Calendar, date_of_us
from ledger.decide import decide, state_of
from ledger.errors import RuleRefused
from ledger.loan import Loan
from ledger.scenario import read_diary
from streams.parts import contact_rules_of
from streams.settings import CALENDARS, Settings, SettingsError

CN = (FOLDER / "cn.toml").read_text(encoding="utf-8")


def test_the_sets_that_come_along_say_of_each_part_where_it_is_from() -> None:
    rules = usual_rules()
    assert list(rules) == ["cn", "us"]
    for name, each in rules.items():
        assert each.name == name
        assert all(mark.source for mark in each.marks)
        assert {mark.part for mark in each.marks} >= {"addressees", "consent", "promise"}
    # Only what was read at its source counts as verified.
    assert [mark.part for mark in rules["cn"].marks if mark.verified] == []
    assert [mark.part for mark in rules["us"].marks if mark.verified] == [
        "inconvenient_hours", "calls_in_seven_days", "days_after_conversation",
    ]  # fmt: skip


def test_the_chinese_limits_are_those_of_the_guideline() -> None:
    rules = usual_rules()["cn"]
    (quiet,) = rules.quiet
    assert (quiet.from_minute, quiet.to_minute, quiet.unless_agreed) == (22 * 60, 8 * 60, True)
    calls = next(cap for cap in rules.caps if cap.name == "calls_per_day")
    assert (calls.most, calls.days, calls.per_debt) == (3, 1, False)
    assert rules.addressees == {"debtor"}


def test_the_american_limits_are_those_of_regulation_f() -> None:
    rules = usual_rules()["us"]
    (quiet,), (wait,) = rules.quiet, rules.waits
    assert (quiet.from_minute, quiet.to_minute) == (21 * 60, 8 * 60)
    calls = next(cap for cap in rules.caps if cap.name == "calls_in_seven_days")
    assert (calls.most, calls.days, calls.per_debt) == (7, 7, True)
    assert (wait.days, wait.per_debt) == (7, True)
    assert rules.zone is None


def test_the_holidays_are_those_of_the_calendar_that_comes_along() -> None:
    calendar = Calendar.read(CALENDARS / "cn.txt")
    (rest,) = usual_rules()["cn"].rests
    assert (rest.holidays, rest.worked) == (calendar.holidays, calendar.working)


def test_the_digest_names_the_file_so_that_an_edited_value_shows() -> None:
    edited = CN.replace("most = 3", "most = 2")
    rules = read_rules(edited, name="own.toml")
    assert rules.digest == sha256(edited.encode()).hexdigest() != usual_rules()["cn"].digest
    assert rules.caps[0].most == 2


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("most = 3", "most = 0", "rules.toml: [[cap]] 1 has most = 0, not 1 to 10000"),
        ("most = 3", 'most = "3"', "[[cap]] 1 has most = '3', which is no int"),
        ("most = 3", "mst = 3", "[[cap]] 1 lacks most"),
        ("most = 3", "most = 3\nextra = 1", "[[cap]] 1 has 'extra', which nobody knows"),
        ('per = "borrower"', 'per = "day"', "neither borrower nor debt"),
        ('["call", "voice_bot"]\nmost', '["fax"]\nmost', "'fax' in channels, which is not one of"),
        ('from = "22:00"', 'from = "22h"', "has from = '22h', which is not written as it must be"),
        ('to = "08:00"', 'to = "22:00"', "begins when it ends"),
        ('name = "calls_per_day"', 'name = "quiet_hours"', "is called 'quiet_hours', as another"),
        ('weekmask = "1111111"', 'weekmask = "0000000"', "rests on all days of the week"),
        ("2024-01-01, ", '"2024-01-01", ', "'2024-01-01' in holidays, which is no date"),
        ('zone = "Asia/Shanghai"', 'zone = "Asia/Atlantis"', "which is no IANA time zone"),
        ("permit_minutes = 15", "permit_minutes = 15\nnonsense = 1", "has 'nonsense', which no"),
        ("[promise]", "[promises]", "lacks promise"),
        ("pauses = true", "pauses = 1", "[promise] has pauses = 1, which is no bool"),
        ('may_be = ["debtor"]', 'may_be = "debtor"', "which is no list"),
        ('title = "', 'title = "\n', "Illegal character"),
        ("verified = false\nsource = \"house: who", 'source = "house: who', "lacks verified"),
    ],
)  # fmt: skip
def test_what_is_written_wrong_is_named(old: str, new: str, complaint: str) -> None:
    assert old in CN
    with pytest.raises(ContactRulesUnreadable) as unreadable:
        read_rules(CN.replace(old, new, 1), name="rules.toml")
    assert complaint in unreadable.value.message
    assert unreadable.value.message.startswith("rules.toml")


def test_a_part_without_a_source_is_refused() -> None:
    start = CN.index('source = "house: who')
    text = CN[:start] + 'source = " "' + CN[CN.index("\n", start) :]
    with pytest.raises(ContactRulesUnreadable, match=r"\[promise\] has no source"):
        read_rules(text, name="rules.toml")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContactRulesUnreadable, match="cannot be read"):
        load_rules(tmp_path / "none.toml")


def test_the_settings_name_the_rules_of_the_book_first(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(CN.replace('name = "cn"', 'name = "own"'), encoding="utf-8")
    settings = Settings.load({"contact_rules": f"us,{own}"}, environ={})
    assert [rules.name for rules in contact_rules_of(settings)] == ["us", "own"]
    for wrong in ("cn,cn", " , "):
        with pytest.raises(SettingsError, match="none, or two of one name"):
            contact_rules_of(Settings.load({"contact_rules": wrong}, environ={}))


def test_under_rules_that_assume_no_zone_nobody_is_reached_before_they_were_placed() -> None:
    line = read_diary(
        "2024-03-01 open L1 300.00 USD, method annuity, instalments 3", name="d"
    ).lines
    assert line[0].command is not None
    loan = state_of(decide(None, line[0].command))
    assert isinstance(loan, Loan)
    collection = Collection("B1")
    collection.cases["K1"] = Case("K1", ("L1",), "unknown", "early", "U1", "T", "B", line[0].day)
    at = line[0].command.recorded_at_us
    command = RequestContact(
        transaction_id="T1", value_date=date_of_us(at), recorded_at_us=at, borrower_id="B1",
        by="U1", case_id="K1", contact_id="C1", loan_ids=("L1",), channel="call",
        addressee="debtor", agency=None, queue=False,
    )  # fmt: skip
    us = {"us": usual_rules()["us"]}
    with pytest.raises(RuleRefused) as refused:
        request_contact(collection, command, {"L1": loan}, rule_sets=us)
    assert refused.value.rule == "zone_unknown"
    assert "debtor_placed" in refused.value.way_out
