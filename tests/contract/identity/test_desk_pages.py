"""The pages of the desk: own branches only, forms from our own pages, every look on the trail.

Who gets which page at all is in `matrix.txt`.
"""

from __future__ import annotations

import re
from typing import Any

import pytest


@pytest.fixture(scope="module")
def named(bank: Any) -> dict[str, dict[str, str]]:
    """What paths name, in north and in south."""
    return {
        side: {"branch": branch, "loan": f"L{n}", "borrower": f"B{n}", "case": f"K{n}",
               "warning": bank.warning(f"L{n}")}
        for side, branch, n in (("own", "north", 0), ("other", "south", 1))
    }  # fmt: skip


def test_lists_hold_own_branches_only_and_rows_of_others_are_not_drawn(
    bank: Any, named: dict[str, dict[str, str]]
) -> None:
    officer = bank.client("officer")
    text = officer.get("/desk/warnings").text
    assert "/desk/loans/L0" in text
    assert "/desk/loans/L1" not in text
    other = officer.get(f"/desk/warnings/rows?ids={named['other']['warning']}").text
    assert "<tr" not in other
    assert "/desk/loans/L1" not in officer.get("/desk/loans").text
    assert "K1" not in officer.get("/desk/cases").text


def test_a_form_from_another_site_or_without_its_token_does_nothing(bank: Any) -> None:
    officer = bank.client("officer")
    path, form = "/desk/cases", {"loan_id": "L2", "once": "0" * 20}
    before = bank.served.node.store.ledger.last_position()
    for headers in (
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "x" * 43},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
    ):
        answer = officer.post(path, data=form, headers=headers)
        assert answer.status_code == 403, headers
    assert bank.served.node.store.ledger.last_position() == before
    assert officer.post(path, data=form).status_code == 409  # let through: L2 is in a case already


@pytest.mark.parametrize("revision", ["9" * 5_000, "9" * 30, "-1", "x"])
def test_a_number_of_facts_seen_that_is_none_is_told_and_does_nothing(
    bank: Any, revision: str
) -> None:
    officer = bank.client("officer")
    form = {"stage": "mid", "reason": "r", "once": "0" * 20, "revision": revision}
    before = bank.served.node.store.ledger.last_position()
    answer = officer.post("/desk/cases/K0/act/stage", data=form)
    assert answer.status_code == 422
    assert "revision: a whole number is wanted." in answer.text
    assert bank.served.node.store.ledger.last_position() == before


@pytest.mark.parametrize("made", ["0001-01-01T00:00", "1989-12-31T23:59", "x", ""])
def test_a_contact_of_no_moment_is_told_and_does_nothing(bank: Any, made: str) -> None:
    officer = bank.client("officer")
    form = {"made": made, "channel": "call", "addressee": "debtor", "outcome": "no_answer"}
    before = bank.served.node.store.ledger.last_position()
    answer = officer.post("/desk/cases/K0/act/contacted", data=form | {"once": "7" * 20})
    assert answer.status_code == 422
    assert "made: a" in answer.text
    assert bank.served.node.store.ledger.last_position() == before


def test_open_warnings_are_counted_in_own_branches_only(bank: Any) -> None:
    """One warning is open about each of four loans; two of them are north's."""
    pages = {who: bank.client(who).get("/desk/warnings").text for who in ("officer", "officer*")}
    counted = {who: head(page) for who, page in pages.items()}
    assert counted == {"officer": ["2"], "officer*": ["4"]}


def day(bank: Any, who: str, query: str = "") -> tuple[set[str], str]:
    """The borrowers that "my day" is about, and whose day it says it is."""
    text = bank.client(who).get(f"/desk{query}").text
    scope = re.search(r'class="soft scope">(.*?) ·', text)
    assert scope is not None
    return set(re.findall(r'data-borrower="(B\d)"', text.partition("<header>")[2])), scope.group(1)


def test_who_leads_begins_the_day_with_the_branch_and_may_turn_to_own_cases(bank: Any) -> None:
    """The cases are of officers O0 to O3; those of B0 and B2 are north's."""
    north, everything = {"B0", "B2"}, {"B0", "B1", "B2", "B3"}
    for who in ("collections_manager", "risk_manager", "supervisor", "auditor"):
        assert day(bank, who) == (north, "of north"), who
    assert day(bank, "supervisor*") == (everything, "all that you may see")
    assert day(bank, "supervisor*", "?branch=south") == ({"B1", "B3"}, "of south")
    assert day(bank, "collections_manager", "?scope=own") == (set(), "of collections_manager")
    assert day(bank, "collections_manager", "?owner=O2") == ({"B2"}, "of O2")
    assert day(bank, "officer") == (set(), "of officer")
    assert day(bank, "officer", "?scope=branch") == (north, "of north")
    choice = re.compile(r'<select name="scope">.*?</select>', re.S)
    shown = {
        who: choice.search(bank.client(who).get("/desk").text) for who in ("officer", "auditor")
    }
    assert shown["auditor"] is None  # no case can be an auditor's
    assert shown["officer"] is not None
    assert '<option value="own" selected>my own cases</option>' in shown["officer"].group()


def test_promises_of_another_branch_are_on_nobodys_day(bank: Any) -> None:
    promises = [
        {
            "type": "promise_made", "transaction_id": f"promise-{n}", "borrower_id": f"B{n}",
            "case_id": f"K{n}", "by": f"O{n}", "promise_id": f"P{n}", "loan_id": f"L{n}",
            "currency": "CNY", "parts": [{"due_date": "2024-03-29", "amount": "100.00"}],
            "value_date": "2024-02-21", "sent_at": "2024-02-21T08:00:00Z",
        }
        for n in (0, 1)
    ]  # fmt: skip
    sent = bank.client("publisher*").post("/v1/transactions", json=promises)
    assert sent.status_code == 200, sent.text
    bank.served.settled()
    for query, shown in (("?owner=O1", set()), ("?owner=O0", {"P0"}), ("?scope=branch", {"P0"})):
        text = bank.client("officer").get(f"/desk{query}").text
        assert {
            f"P{n}"
            for n in (0, 1)
            if f'<a class="id" href="/desk/cases/K{n}">B{n}'
            in text.partition("Promises coming due")[2]
        } == shown, query


def head(page: str) -> list[str]:
    """The numbers beside the title of the page."""
    shown = re.search(r'<div class="head">.*?</div>', page, re.S)
    assert shown is not None
    return re.findall(r"\b[0-9]+\b", re.sub(r"<[^>]*>", " ", shown.group()))


def test_a_case_goes_to_an_officer_of_its_branch_who_is_on_its_page_without_a_loan(
    bank: Any,
) -> None:
    bank.add("new.officer", "officer", frozenset({"north"}))
    bank.add("other.officer", "officer", frozenset({"south"}))
    manager, form = bank.client("collections_manager"), {"reason": "more room"}
    given = ("K0", "new.officer", 303), ("K2", "other.officer", 422), ("K2", "nobody", 422)
    for case, owner, status in given:
        answer = manager.post(
            f"/desk/cases/{case}/lead/handover",
            data={**form, "once": case + "7" * 18, "owner_id": owner},
        )
        assert answer.status_code == status, answer.text
    assert "nobody does not work in north" in answer.text
    text = manager.get("/desk/team?until=2024-02-21").text
    assert "new.officer" in text
    assert "other.officer" not in text


def test_a_closed_loan_has_nothing_due_next(bank: Any) -> None:
    """L3 is south's; written off, it has no next due; L1 has its second one, of 15 March."""
    close = {
        "type": "loan_closed", "transaction_id": "close-L3", "loan_id": "L3",
        "value_date": "2024-02-21", "sent_at": "2024-02-21T08:00:00Z", "reason": "written_off",
    }  # fmt: skip
    publisher = bank.client("publisher*")
    sent = publisher.post("/v1/transactions", json=[close])
    assert sent.status_code == 200, sent.text
    bank.served.settled()
    loan = bank.client("officer*").get("/v1/loans/L3").json()
    assert loan["status"] == "closed"
    assert "next_due_date" not in loan["balance"]
    manager = bank.client("collections_manager*")
    offered = {n: 'value="write_off"' in manager.get(f"/desk/loans/L{n}").text for n in (1, 3)}
    assert offered == {1: True, 3: False}  # what is closed is not written off once more
    running = bank.client("officer*").get("/v1/loans/L1").json()
    assert running["balance"]["next_due_date"] == "2024-03-15"


def test_the_way_back_leads_nowhere_else(bank: Any) -> None:
    officer = bank.client("officer")
    for back in ("https://evil.example", "//evil.example", "/desk//evil", "/docs", "/desk\\x", ""):
        answer = officer.post("/desk/language", data={"language": "zh", "back": back})
        assert answer.headers["location"] == "/desk", back
    answer = officer.post("/desk/language", data={"language": "zh", "back": "/desk/loans?a=1"})
    assert answer.headers["location"] == "/desk/loans?a=1"


def test_every_borrower_that_a_page_shows_is_on_the_trail(bank: Any) -> None:
    officer = bank.client("officer")
    for path, shown in (
        ("/desk/loans/L2", {"B2"}),
        ("/desk/borrowers/B0", {"B0"}),
        ("/desk/warnings", {"B0", "B2"}),
    ):
        assert officer.get(path).status_code == 200
        fact = bank.audit("BorrowersRead")[-1]
        assert (fact.user_id, set(fact.borrower_ids)) == ("officer", shown), path


def test_the_audit_tells_every_kind_of_record(bank: Any) -> None:
    """Also of what was done on the console, and of names that were nobody's."""
    bank.add("passing", "officer", frozenset({"north"}))
    officer = bank.client("officer")
    officer.get("/desk/loans/L2")
    officer.get("/desk/audit")
    officer.post("/desk/warnings/" + bank.warning("L0") + "/start", data={"x": "y"})
    text = bank.client("auditor*").get("/desk/audit?limit=1000").text
    for word in ("administered", "saw", "did", "was refused"):
        assert f">{word}</span>" in text
    assert "passing" in text
