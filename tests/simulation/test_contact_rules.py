"""No sequence of requests, clocks, zones and agencies gets a contact through that a rule forbids.

An independent slow checker looks at every answer: what was allowed must not be forbidden by any
rule, what was not must be forbidden by the rule that is named, and the next allowed time must be
allowed. Everything goes through the service, as messages do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import collection_commands as c
from ledger.collection.rulefile import FOLDER, read_rules
from ledger.commands import ChangeStatus, ReceiveRepayment
from ledger.dates import date_of_us, start_of_day_us
from ledger.events import (
    ContactAllowed,
    ContactQueued,
    ContactRefused,
    ContactReported,
    PromisePart,
)
from ledger.scenario import read_diary
from ledger.service import Incoming, Ledger
from ledger.store import MemoryLog
from streams.parts import RegimeCore

HERE = Path(__file__).parent
MINUTE, HOUR = 60_000_000, 3_600_000_000
CHANNELS = ["sms", "app_push", "email", "call", "voice_bot", "letter", "visit"]
ZONES = [
    "Asia/Shanghai", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "America/Santiago",
    "America/St_Johns", "Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Beirut",
]  # fmt: skip
STARTS = ["2024-03-08", "2024-03-29", "2024-04-05", "2024-09-06", "2024-10-25", "2024-11-02"]
"""Shortly before clocks jump somewhere, forward or back; some jump at midnight."""
BOOK = """\
2024-01-01 open L1 300.00 CNY, method annuity, instalments 3
2024-01-01 disburse L1 300.00
2024-01-01 open L2 300.00 CNY, method annuity, instalments 3
2024-01-01 disburse L2 300.00
2024-01-01 case B1 K1, loans L1 L2
"""


def oracle_class() -> Any:
    """The slow checker beside this file, which is no package."""
    scope: dict[str, Any] = {"__name__": "contact_oracle"}
    exec(compile((HERE / "contact_oracle.py").read_text(encoding="utf-8"), "oracle", "exec"), scope)
    return scope["Oracle"], scope["shown"], scope["known_at"]


Oracle, shown, known_at = oracle_class()


class Office:
    """A book with one borrower, and what people try to do to them."""

    def __init__(self, texts: dict[str, str], start: date) -> None:
        self.texts = texts
        self.log = MemoryLog("ledger")
        rules = [read_rules(text, name=name) for name, text in texts.items()]
        self.ledger = Ledger(self.log, core=RegimeCore([], rules))
        self.now = start_of_day_us(start)
        self.count = 0
        for line in read_diary(BOOK, name="book").lines:
            assert line.command is not None
            assert self.send(line.command) == "accepted"

    def common(self) -> dict[str, Any]:
        self.count += 1
        return {
            "transaction_id": f"T{self.count}",
            "recorded_at_us": self.now,
            "value_date": date_of_us(self.now),
        }

    def said(self) -> dict[str, Any]:
        return self.common() | {"borrower_id": "B1", "by": "U1"}

    def send(self, command: Any) -> str:
        incoming = Incoming(command, None, b"{}", "test", 1, command.recorded_at_us,
                            command.transaction_id)  # fmt: skip
        (outcome,) = self.ledger.record([incoming]).outcomes
        return outcome.status

    def facts(self) -> list[Any]:
        return [item.fact for item in self.log.read(limit=100_000)]

    def ask(self, **asked: Any) -> tuple[Any, Any]:
        """Ask for a contact; the answer, and the checker that knew what was known before."""
        oracle = Oracle(self.texts, self.facts())
        command = c.RequestContact(
            **self.said(), case_id="K1", contact_id=f"C{self.count}", addressee="debtor",
            agency=None, queue=False, channel="call", loan_ids=("L1",),
        )  # fmt: skip
        assert self.send(replace(command, **asked)) == "accepted"
        return self.facts()[-1], oracle

    def tell(self, at_us: int, **asked: Any) -> None:
        """Tell of a contact that was made at `at_us`, and compare its verdict with the checker's.

        A finding about a loan counts by its last word alone, so the checker's is left aside.
        """
        oracle = Oracle(self.texts, known_at(self.facts(), at_us))
        said = self.said() | {"value_date": shown(at_us, oracle.zone).date()}
        command = c.ReportContact(
            **said, case_id="K1", contact_id=f"C{self.count}", made_at_us=at_us, seconds=0,
            cost_minor=0, currency="CNY", **asked,
        )  # fmt: skip
        assert self.send(command) == "accepted"
        (told,) = [f for f in self.facts() if getattr(f, "contact_id", "") == command.contact_id
                   and isinstance(f, ContactReported)]  # fmt: skip
        forbidden = oracle.forbids(told.channel, told.addressee, told.loan_ids, at_us)
        assert told.at_us == at_us
        if told.rule is None:
            assert forbidden <= {"bankruptcy_hold"}
        else:
            assert told.rule in forbidden | {"bankruptcy_hold"}

    def check(self, **asked: Any) -> Any:
        """Ask, and compare the answer with the checker's."""
        answer, oracle = self.ask(**asked)
        request = (answer.channel, answer.addressee, answer.loan_ids)
        forbidden = oracle.forbids(*request, answer.at_us)
        assert answer.zone == oracle.zone
        if isinstance(answer, ContactAllowed):
            assert forbidden == set()
            check_permission(answer, oracle)
            return answer
        assert answer.rule in forbidden
        queued = isinstance(answer, ContactQueued)
        following = answer.until_us if queued else answer.next_allowed_us
        if following is None:
            in_ten_years = answer.at_us + 3_650 * 24 * HOUR
            assert oracle.forbids(*request, in_ten_years) or not queued
            assert oracle.forbids(*request, in_ten_years)
            return answer
        assert following > answer.at_us
        assert oracle.forbids(*request, following) == set()
        check_none_before(oracle, request, answer.at_us, following)
        return answer


def check_permission(answer: ContactAllowed, oracle: Any) -> None:
    """A permission ends before the clock forbids it."""
    assert answer.at_us < answer.until_us <= answer.at_us + 15 * MINUTE
    for moment in range(answer.at_us, answer.until_us, MINUTE):
        assert list(oracle.by_clock(answer.channel, moment)) == []


def check_none_before(oracle: Any, request: Any, first: int, last: int) -> None:
    """Nothing earlier was allowed; where the clock falls back in between, quiet may end twice."""
    step = max(MINUTE, (last - first) // 12)
    moments = [*range(first, last, step), last - 1]
    offsets = [shown(moment, oracle.zone).utcoffset() for moment in [*moments, last]]
    if all(later >= sooner for sooner, later in pairwise(offsets)):
        assert all(oracle.forbids(*request, moment) for moment in moments)


def own_rules(draw: Any) -> str:
    """A rule set that somebody edited, quiet hours on half hours and limits of any size."""
    half_hours = [f"{hour:02}:{minute}" for hour in range(24) for minute in ("00", "30")]
    start = draw(st.sampled_from(half_hours))
    end = draw(st.sampled_from([text for text in half_hours if text != start]))
    some = st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=4, unique=True)
    per = st.sampled_from(["borrower", "debt"])
    mark = 'verified = false\nsource = "drawn"\n'
    parts = [
        'name = "own"\ntitle = "drawn"\nzone = "Europe/Berlin"\npermit_minutes = 15\n',
        f'[addressees]\nmay_be = ["debtor", "guarantor"]\n{mark}',
        f"[consent]\nneeded_for = {draw(st.sampled_from([[], ['app_push']]))}\n{mark}",
        f"[preference]\nbinds = {draw(st.sampled_from(['true', 'false']))}\n{mark}",
        f"[promise]\npauses = {draw(st.sampled_from(['true', 'false']))}\n{mark}",
        f'[[quiet_hours]]\nname = "quiet_hours"\nfrom = "{start}"\nto = "{end}"\n'
        f"channels = {draw(some)}\nunless_agreed = true\n{mark}",
        '[[rest_days]]\nname = "rest_day"\nholidays = [2024-03-31, 2024-11-04]\n'
        f'worked = [2024-04-06]\nweekmask = "1111110"\nchannels = {draw(some)}\n{mark}',
    ]
    for number in range(draw(st.integers(1, 3))):
        parts.append(
            f'[[cap]]\nname = "cap_{number}"\nchannels = {draw(some)}\nper = "{draw(per)}"\n'
            f"most = {draw(st.integers(1, 3))}\ndays = {draw(st.integers(1, 7))}\n{mark}"
        )
    parts.append(
        f'[[after_conversation]]\nname = "wait_a_while"\nchannels = {draw(some)}\n'
        f'per = "{draw(per)}"\ndays = {draw(st.integers(1, 7))}\n{mark}'
    )
    return "\n".join(parts)


@st.composite
def rule_texts(draw: Any) -> dict[str, str]:
    texts = {name: (FOLDER / f"{name}.toml").read_text(encoding="utf-8") for name in ("cn", "us")}
    texts["own"] = own_rules(draw)
    return texts


LOANS = st.sampled_from([("L1",), ("L2",), ("L1", "L2")])
ASKED = st.fixed_dictionaries(
    {
        "channel": st.sampled_from(["call", *CHANNELS]),
        "loan_ids": LOANS,
        "addressee": st.sampled_from(["debtor", "debtor", "debtor", "guarantor", "relative"]),
        "agency": st.sampled_from([None, "A1", "A2"]),
        "queue": st.booleans(),
        "by": st.sampled_from(["U1", "U2", "bot"]),
    }
)
WAITS = st.sampled_from([1, 5, 45, 90, 180, 400, 800, 1_500, 4_000, 10_000, -30, -1_000])
"""Minutes that the clock of the next sender is ahead, or behind."""
OTHERS = st.sampled_from(
    ["outcome", "outcome", "place", "consent", "hold", "lift", "promise", "repay", "bankrupt"]
)


def other(office: Office, kind: str, draw: Any) -> Iterator[Any]:
    """Something else happens to the borrower; what the book refuses changes nothing."""
    said = office.said()
    on, today = draw(st.booleans()), said["value_date"]
    channel = draw(st.sampled_from(CHANNELS))
    match kind:
        case "outcome":
            known = [f.contact_id for f in office.facts() if isinstance(f, ContactAllowed)]
            outcome: Any = draw(st.sampled_from(["no_answer", "right_party", "promised"]))
            yield c.RecordContactOutcome(
                **said, case_id="K1", contact_id=draw(st.sampled_from(["C0", *known[-2:]])),
                outcome=outcome, seconds=0, cost_minor=0, currency="CNY",
            )  # fmt: skip
        case "place":
            rule_set = draw(st.sampled_from([None, "cn", "us", "own"]))
            yield c.PlaceDebtor(**said, zone=draw(st.sampled_from(ZONES)), rule_set=rule_set)
        case "consent":
            night, best = draw(st.booleans()) and on, draw(st.integers(0, 5)) == 0 and on
            yield c.ChangeConsent(
                **said, channel=channel, allowed=on, preferred=best, at_night=night, reason=""
            )
        case "hold":
            until = today + timedelta(days=draw(st.integers(0, 4)))
            reason: Any = draw(st.sampled_from(["dispute", "hardship"]))
            yield c.HoldContact(**said, reason=reason, until=until if on else None, remark="")
        case "lift":
            for one in ("dispute", "hardship"):
                name: Any = one
                yield c.LiftContactHold(**office.said(), reason=name, remark="")
        case "promise":
            part = PromisePart(due_date=today + timedelta(days=2), amount_minor=500)
            later = PromisePart(due_date=today + timedelta(days=4), amount_minor=700)
            yield c.MakePromise(
                **said, case_id="K1", promise_id=f"P{office.count}", currency="CNY",
                loan_id=draw(st.sampled_from(["L1", "L2"])), parts=(part, later),
                tolerance_days=draw(st.integers(0, 1)), tolerance_bps=1_000,
            )  # fmt: skip
        case "repay":
            loan_id = draw(st.sampled_from(["L1", "L2"]))
            amount = draw(st.sampled_from([450, 540, 630]))
            fields = office.common()
            yield ReceiveRepayment(**fields, loan_id=loan_id, amount_minor=amount, currency="CNY")
        case _:
            yield ChangeStatus(
                **office.common(), loan_id="L2", finding="bankruptcy", active=on, reason=""
            )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_no_sequence_gets_a_contact_through_that_a_rule_forbids(data: Any) -> None:
    draw = data.draw
    office = Office(draw(rule_texts()), date.fromisoformat(draw(st.sampled_from(STARTS))))
    for _ in range(draw(st.integers(5, 22))):
        office.now += draw(WAITS) * MINUTE
        if draw(st.integers(0, 3)):
            office.check(**draw(ASKED))
        else:
            for command in other(office, draw(OTHERS), draw):
                office.send(command)


TOLD = st.fixed_dictionaries(
    {
        "channel": st.sampled_from(CHANNELS),
        "loan_ids": LOANS,
        "addressee": st.sampled_from(["debtor", "debtor", "debtor", "relative"]),
        "agency": st.sampled_from([None, "A1"]),
        "outcome": st.sampled_from(["no_answer", "right_party", "promised", "disputed"]),
    }
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_contact_told_afterwards_is_judged_by_what_was_known_when_it_was_made(data: Any) -> None:
    draw = data.draw
    cn = (FOLDER / "cn.toml").read_text(encoding="utf-8")
    office = Office({"cn": cn}, date.fromisoformat(draw(st.sampled_from(STARTS))))
    for _ in range(draw(st.integers(5, 22))):
        office.now += draw(WAITS) * MINUTE
        kind = draw(st.integers(0, 3))
        if kind > 1:
            ago = draw(st.sampled_from([0, 1, 30, 300, 800, 1_500, 4_000]))
            office.tell(office.now - ago * MINUTE, **draw(TOLD))
        elif kind:
            office.check(**draw(ASKED))
        else:
            for command in other(office, draw(OTHERS), draw):
                if not isinstance(command, c.PlaceDebtor) or command.rule_set in (None, "cn"):
                    office.send(command)


@pytest.mark.parametrize("zone", ZONES)
def test_who_asks_for_every_minute_of_a_changing_clock_is_answered_by_the_hour(zone: str) -> None:
    # From before to after the nights in which clocks jump, every 20 minutes by message (no cap is
    # reached: 4 a day are, so most answers are refusals by cap or by quiet hours).
    office = Office({"cn": (FOLDER / "cn.toml").read_text(encoding="utf-8")}, date(2024, 11, 2))
    office.send(c.PlaceDebtor(**office.said(), zone=zone, rule_set=None))
    for _ in range(100):
        office.now += 20 * MINUTE
        office.check(channel="sms")


def test_moving_the_debtor_to_another_zone_makes_no_day_shorter() -> None:
    # 08:00 to 08:02 in Shanghai, 00:00 UTC, three calls. At 13:00 UTC it is 08:00 of that day in
    # New York, where the three calls lie on the day before: they go on counting as of Shanghai.
    office = Office({"cn": (FOLDER / "cn.toml").read_text(encoding="utf-8")}, date(2024, 11, 6))
    for _ in range(3):
        assert isinstance(office.check(channel="call"), ContactAllowed)
        office.now += MINUTE
    office.now = start_of_day_us(date(2024, 11, 6)) + 13 * HOUR
    office.send(c.PlaceDebtor(**office.said(), zone="America/New_York", rule_set=None))
    answer = office.check(channel="call")
    assert isinstance(answer, ContactRefused)
    assert answer.rule == "calls_per_day"
