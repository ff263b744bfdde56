"""Cases as the views tell of them: rows, the list of the day, and figures of officers, by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from ledger.commands import Command
from ledger.scenario import read_diary
from ledger.service import Incoming, Ledger
from ledger.store import MemoryStore
from projections.projector import Projector
from projections.queries import CaseFilter, Queries

STORY = """\
2024-01-01 open L1 300.00 CNY, method given, officer U1, branch N
2024-01-01 schedule L1
    2024-02-01 principal 100.00 interest 0.00
    2024-03-01 principal 100.00 interest 0.00
    2024-04-01 principal 100.00 interest 0.00
2024-01-01 disburse L1 300.00
2024-02-05 end-of-day
2024-02-06 case B1 K1, loans L1, owner U1, team T1, branch N, trigger missed_payment, stage early
2024-02-06 strategy B1 K1 mine v1, segment early, treatment call;0/3/8;soft;call;none;5, arm bot.a
2024-02-06 contact B1 K1 C1 call, utc 02:00, by U1
2024-02-06 outcome B1 K1 C1 promised, seconds 120, cost 1.50, currency CNY, by U1
2024-02-06 promise B1 K1 P1 L1, parts 2024-02-10 60.00, by U1
2024-02-09 repay L1 60.00, as R1
2024-02-12 end-of-day
2024-02-13 contact B1 K1 C2 call, utc 15:00, by U2
2024-02-14 hand-over B1 K1 U2, team T1, branch N, reason holiday
2024-02-15 repay L1 40.00
2024-02-16 end-of-day
"""
LATE = """\
2024-02-20 repay L1 10.00, valued 2024-02-12
2024-02-21 end-of-day
"""
REVERSED = """\
2024-02-20 reverse L1 R1
2024-02-21 end-of-day
"""
CLOSED = "2024-02-22 close-case B1 K1 cured\n2024-02-23 end-of-day\n"

Told = Callable[[str], Queries]


def commands(text: str) -> list[Command]:
    lines = read_diary(text, name="story").lines
    return [line.command for line in lines if line.command is not None]


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    """The views of a diary. That they equal their rebuild is shown by `test_views_of_diaries`."""
    opened = []

    def tell(text: str) -> Queries:
        store = MemoryStore()
        batch = [
            Incoming(c, None, b"", "diary", n, c.recorded_at_us, c.transaction_id)
            for n, c in enumerate(commands(text), start=1)
        ]
        outcomes = Ledger(store.ledger).record(batch).outcomes
        assert [o.reason for o in outcomes if o.status == "refused"] == []
        place = tmp_path / f"views{len(opened)}.db"
        projector = Projector.open(place, store)
        projector.catch_up()
        projector.close()
        opened.append(Queries.open(place, store))
        return opened[-1]

    yield tell
    for queries in opened:
        queries.close()


def test_a_case_tells_what_was_done_and_what_came_of_it(told: Told) -> None:
    case = told(STORY + LATE).case("K1")
    assert case is not None
    # Due on the 1st, not paid by the close of the 5th: 4 days, the bucket of 1 to 30.
    assert (case["bucket_at_open"], case["bucket_worst"], case["bucket"]) == (1, 1, 0)
    # 60.00 and 40.00 meet the 100.00 of February; the close of the 16th is the first to see it.
    assert (case["cured_date"], case["rolled_date"]) == (date(2024, 2, 16), None)
    assert (case["contacts_made"], case["reached"], case["last_outcome"]) == (1, 1, "promised")
    # 60.00 + 40.00 + 10.00; 1.50 for the call.
    assert (case["recovered_minor"], case["cost_minor"]) == (11_000, 150)
    assert [
        (row["value_date"], row["amount_minor"], row["owner_id"]) for row in case["payments"]
    ] == [
        (date(2024, 2, 9), 6_000, "U1"),
        (date(2024, 2, 12), 1_000, "U1"),  # known on the 20th, and it was U1's day
        (date(2024, 2, 15), 4_000, "U2"),
    ]
    assert [(row["owner_id"], row["from_date"], row["until_date"]) for row in case["owners"]] == [
        ("U1", date(2024, 2, 6), date(2024, 2, 14)),
        ("U2", date(2024, 2, 14), None),
    ]
    assert [row["change"] for row in case["history"]] == [
        *("case.opened", "case.strategy_assigned", "contact.allowed", "contact.outcome_recorded"),
        *("promise.made", "contact.refused", "case.handed_over"),
    ]


AT_NIGHT = "made 2024-02-19T15:00, valued 2024-02-19, utc 09:00, by U2, cost 1.00, currency CNY"
MADE = f"""\
2024-02-20 contacted B1 K1 C3 call right_party, {AT_NIGHT}
2024-02-20 contacted B1 K1 C4 sms delivered, made 2024-02-20T02:00, utc 09:01, by U2
2024-02-21 end-of-day
"""


def test_a_contact_that_nobody_asked_for_counts_and_so_does_its_breach(told: Told) -> None:
    """C3 was made at 23:00 in Shanghai, which is quiet; C4 at 10:00. U2 was refused C2 before."""
    reads = told(STORY + MADE)
    case = reads.case("K1")
    assert case is not None
    assert (case["contacts_made"], case["reached"]) == (3, 2)  # C1, C3, C4; C1 and C3 spoke to them
    assert (case["last_channel"], case["last_outcome"]) == ("sms", "delivered")
    assert case["cost_minor"] == 150 + 100
    asked = {row["contact_id"]: row for row in case["contacts"]}
    assert [
        (asked[name]["state"], asked[name]["rule"], asked[name]["breach"]) for name in ("C3", "C4")
    ] == [("done", "quiet_hours", 1), ("done", None, 0)]
    assert asked["C3"]["asked_date"] == date(2024, 2, 19)
    _, second = reads.team(since=date(2024, 2, 1))
    assert (second["officer"], second["breaches"]) == ("U2", 2)
    assert (second["right_party"]["part"], second["right_party"]["whole"]) == (1, 2)


def test_a_contact_is_recorded_when_its_case_is_closed_by_then(told: Told) -> None:
    late = (
        "2024-02-24 contacted B1 K1 C5 call no_answer, made 2024-02-21T03:00, valued 2024-02-21\n"
    )
    case = told(STORY + LATE + CLOSED + late).case("K1")
    assert case is not None
    assert (case["open"], case["contacts_made"]) == (0, 2)
    assert [row["change"] for row in case["history"]][-3:] == [
        "case.closed", "contact.reported", "contact.outcome_recorded",
    ]  # fmt: skip


def test_a_promise_is_kept_when_its_money_came_in_time_and_broken_when_it_is_taken_back(
    told: Told,
) -> None:
    (kept,) = told(STORY).promises(borrower_id="B1").rows
    # 60.00 of 60.00 on the 9th; 40.00 more came on the 15th.
    assert (kept["state"], kept["decided_date"], kept["paid_minor"]) == (
        *("kept", date(2024, 2, 9)),
        10_000,
    )
    assert (kept["first_due_date"], kept["amount_minor"]) == (date(2024, 2, 10), 6_000)
    (broken,) = told(STORY + REVERSED).promises(borrower_id="B1").rows
    # Without the 60.00 nothing was paid by the 10th.
    assert (broken["state"], broken["decided_date"], broken["paid_minor"]) == (
        *("broken", date(2024, 2, 10)),
        4_000,
    )


def test_what_was_taken_back_is_no_recovery(told: Told) -> None:
    case = told(STORY + REVERSED).case("K1")
    assert case is not None
    assert case["recovered_minor"] == 4_000
    assert [row["amount_minor"] for row in case["payments"]] == [0, 4_000]
    # 60.00 of February's 100.00 are open again: 20 days past due at the close of the 21st.
    assert (case["dpd_days"], case["arrears_minor"]) == (20, 6_000)


def test_figures_count_for_whoever_had_the_case_on_the_day(told: Told) -> None:
    reads = told(STORY + LATE)
    first, second = reads.team(since=date(2024, 2, 1))
    assert (first["officer"], second["officer"]) == ("U1", "U2")
    for figure in ("right_party", "promise", "kept"):
        assert (first[figure]["part"], first[figure]["whole"]) == (1, 1)
        assert second[figure] is None
    # U1 had it when it was opened, U2 when it was cured.
    assert (first["opened"], second["opened"]) == (1, 0)
    assert (first["cure"], second["cure"]["part"], second["cure"]["whole"]) == (None, 1, 1)
    assert (first["caseload"], second["caseload"]) == (0, 1)
    # 23:00 in Shanghai is quiet: U2 was refused, and that counts.
    assert (first["breaches"], second["breaches"]) == (0, 1)
    # 60.00 and 10.00 were U1's, 40.00 U2's; 1.50 over 70.00 is 2.1428 %.
    assert first["money"] == {
        "CNY": {"recovered_minor": 7_000, "cost_minor": 150, "cost_ppm": 21_428}
    }
    assert second["money"] == {"CNY": {"recovered_minor": 4_000, "cost_minor": 0, "cost_ppm": 0}}
    assert reads.behind("cure", "U2", since=date(2024, 2, 1)) == [
        {"reference": "K1", "segment": "early", "part": 1, "whole": 1}
    ]
    assert [row["part"] for row in reads.behind("recovered", "U1", since=date(2024, 2, 1))] == [
        1_000,
        6_000,
    ]
    for branch, cases in (("N", ["K1"]), ("S", [])):
        found = reads.behind("cure", "U2", since=date(2024, 2, 1), branches={branch})
        assert [row["reference"] for row in found] == cases
    (team,) = reads.team(by="team", since=date(2024, 2, 1))
    assert team["money"]["CNY"]["recovered_minor"] == 11_000


def test_figures_as_of_a_day_end_with_it(told: Told) -> None:
    reads = told(STORY + LATE)
    (only,) = reads.team(since=date(2024, 2, 1), until=date(2024, 2, 9))
    # By the 9th: the call, the promise kept that day, 60.00; neither hand-over nor cure.
    assert (only["officer"], only["caseload"], only["kept"]["part"]) == ("U1", 1, 1)
    assert (only["cure"]["part"], only["cure"]["whole"]) == (0, 1)
    assert only["money"]["CNY"]["recovered_minor"] == 6_000


def test_a_closed_case_takes_in_no_more_money_and_leaves_the_list(told: Told) -> None:
    reads = told(STORY + LATE + CLOSED + "2024-02-24 repay L1 5.00\n2024-02-26 end-of-day\n")
    (case,) = reads.cases(CaseFilter(owner_id="U2")).rows
    assert (case["open"], case["close_reason"], case["recovered_minor"]) == (False, "cured", 11_000)
    assert reads.worklist(owner_id="U2").rows == []
    assert reads.cases(CaseFilter(open=True)).rows == []


def test_the_list_of_the_day_says_why_and_its_points_add_up(told: Told) -> None:
    other = """\
2024-01-01 open L2 5000.00 CNY, method given, officer U1, branch N, borrower B2
2024-01-01 schedule L2
    2024-02-01 principal 5000.00 interest 0.00
2024-01-01 disburse L2 5000.00
2024-02-05 end-of-day
2024-02-06 case B2 K2, loans L2, owner U2, team T1, branch N, trigger missed_payment, stage early
2024-02-06 strategy B2 K2 mine v1, segment early, treatment call;0/3/8;soft;call;none;5, arm bot.a
"""
    loans = STORY.index("2024-02-05")
    reads = told(STORY[:loans] + other + STORY[loans:].replace("2024-02-05 end-of-day\n", ""))
    rows = reads.worklist(owner_id="U2").rows
    assert [row["case_id"] for row in rows] == ["K2", "K1"]
    # On the 17th: called for on the 6th, 11 days late: 200 + 100; nobody tried: 150; 5,000.00 are
    # four digits: 48; 15 days past due at the close, no new bucket soon.
    assert [(why["code"], why["points"]) for why in rows[0]["why"]] == [
        *(("contact_due", 300), ("untouched", 150), ("amount", 48)),
    ]
    assert rows[0]["why"][0]["text"] == "contact due, 11 days late"
    # Paid up; the last call was on the 6th, the next was due on the 9th: 8 days late.
    assert [(why["code"], why["points"]) for why in rows[1]["why"]] == [("contact_due", 300)]
    assert [row["rank"] for row in rows] == [498, 300]
    assert rows[0]["suggestion"]["channel"] == "call"
    zh = reads.worklist(owner_id="U2", language="zh", limit=1)
    assert zh.rows[0]["why"][0]["text"] == "应联系,已迟 11 天"
    following = reads.worklist(owner_id="U2", after=zh.next_cursor)
    assert [row["case_id"] for row in following.rows] == ["K1"]


def test_arms_are_compared_by_borrower(told: Told) -> None:
    (row,) = told(STORY).trial("bot")
    assert (row["arm"], row["borrowers"], row["overdue"]) == ("a", 1, 1)
    assert (row["cured"]["ppm"], row["rolled"]["ppm"]) == (1_000_000, 0)
    assert row["cost"] == {"CNY": {"mean_minor": 150, "apart_minor": None}}
