"""Who saw whom is on disk before it is shown; what was written can be erased, and chains hold."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import date
from typing import Any

import httpx
import pytest

from ledger.errors import StoreBlocked
from ledger.events import SignedOut
from ledger.store import MemoryLog
from streams.identity.directory import Directory
from streams.identity.trail import Trail

D: dict[str, Any] = {"value_date": date(2026, 11, 26), "recorded_at_us": 1}
NOTE = "called his wife on 139 0000 0000; she says he is in hospital"


def history_of(bank: Any, who: str, warning: str) -> list[str]:
    rows = bank.client(who).get(f"/v1/warnings/{warning}").json()["history"]
    return [row["reason"] for row in rows]


def test_every_read_of_a_borrower_says_who_saw_whom(bank: Any) -> None:
    officer = bank.client("officer")
    officer.get("/v1/loans/L0/story", headers={"X-Request-Id": "story-1"})
    officer.get("/v1/loans?limit=1", headers={"X-Request-Id": "list-1"})
    officer.get("/v1/grades", headers={"X-Request-Id": "grades-1"})
    officer.get("/v1/figures/par?by=borrower&format=csv", headers={"X-Request-Id": "csv-1"})
    for name in ("loans/L0", "borrowers/B2", "cases/K0", "warnings"):
        page = officer.get(f"/desk/{name}", headers={"X-Request-Id": f"desk-{name[:5]}"})
        assert page.status_code == 200
    seen = {fact.request_id: fact for fact in bank.audit("BorrowersRead")}
    assert seen["desk-loans"].borrower_ids == seen["desk-cases"].borrower_ids == ("B0",)
    assert seen["desk-borro"].borrower_ids == ("B2",)
    assert seen["desk-warni"].borrower_ids == ("B0", "B2")
    assert (seen["story-1"].user_id, seen["story-1"].subject) == ("officer", "L0")
    assert seen["story-1"].borrower_ids == ("B0",)
    assert seen["list-1"].borrower_ids == ("B0",)
    assert seen["grades-1"].borrower_ids == ("B0", "B2")
    assert seen["csv-1"].borrower_ids == ("B0", "B2")
    page = bank.client("auditor*").get("/v1/audit?borrower=B0&person=officer&limit=4").json()
    kinds = [(row["kind"], row["request_id"]) for row in page["facts"]]
    assert kinds == [
        ("borrowers_read", name) for name in ("desk-warni", "desk-cases", "desk-loans", "csv-1")
    ]
    more = bank.client("auditor*").get(
        f"/v1/audit?borrower=B0&person=officer&limit=1&before={page['next_before']}"
    ).json()["facts"]  # fmt: skip
    assert more[0]["request_id"] == "grades-1"
    assert bank.client("auditor*").get("/v1/audit?day=2001-01-01").json()["facts"] == []


def test_no_borrower_is_shown_while_the_trail_takes_nothing(
    bank: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise StoreBlocked("The disk is full.")

    monkeypatch.setattr(bank.access.trail.log, "record", full)
    answer = bank.client("officer").get("/v1/loans/L0")
    assert answer.status_code == 503
    assert "B0" not in answer.text
    acted = bank.client("officer").post(f"/v1/warnings/{bank.warning('L0')}/start", json={})
    assert acted.status_code == 503
    assert bank.client("officer").get("/v1/session").status_code == 200  # it names no borrower


def test_the_live_stream_tells_own_branches_only_and_is_on_the_trail(bank: Any) -> None:
    told: dict[str, str] = {}
    for who, wanted in (("officer", b"L2"), ("officer*", b"L3")):
        with bank.client(who).stream("GET", "/v1/warnings/stream?after=0") as answer:
            text = b""
            for chunk in answer.iter_raw():
                text += chunk
                if b'"loan_id":"' + wanted in text:
                    break
        told[who] = text.decode()
    assert '"loan_id":"L0"' in told["officer"]
    assert '"loan_id":"L1"' not in told["officer"]
    assert '"loan_id":"L1"' in told["officer*"]
    seen = [fact for fact in bank.audit("BorrowersRead") if fact.what == "stream_warnings"]
    assert (seen[-2].borrower_ids, seen[-1].borrower_ids) == (
        ("B0", "B2"),
        ("B0", "B1", "B2", "B3"),
    )


def test_a_stream_does_not_outlive_the_sign_in(bank: Any) -> None:
    bank.add("leaving", "officer", frozenset({"north"}))
    feed = bank.served.app.state.feed
    feed.heartbeat_seconds = 0.2
    with bank.client("leaving").stream("GET", "/v1/warnings/stream") as answer:
        chunks = answer.iter_raw()
        next(chunks)
        Directory(bank.access.identity.made()).remove("leaving", by="test")
        assert len([*chunks]) < 3  # it ends by itself
    feed.heartbeat_seconds = 15.0


def test_who_acts_is_who_is_signed_in(bank: Any) -> None:
    path = f"/v1/warnings/{bank.warning('L0')}/start"
    officer = bank.client("officer")
    wrong = officer.post(path, json={"actor": "somebody else", "action": "visit"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_request")
    assert officer.post(path, json={"action": NOTE}).status_code == 200
    facts = bank.served.node.store.warnings.stream("warnings:L0")
    started = [item.fact for item in facts if type(item.fact).__name__ == "WarningActionStarted"]
    assert started[0].actor == "officer"


def test_what_was_written_is_sealed_shown_to_those_who_need_it_and_erased_by_two(
    bank: Any,
) -> None:
    warning = bank.warning("L2")
    answer = bank.client("officer").post(f"/v1/warnings/{warning}/acknowledge", json={"note": NOTE})
    assert answer.status_code == 200
    bank.served.settled()
    folder = bank.served.node.settings.data
    stored = b"".join(path.read_bytes() for path in folder.glob("*.db*"))
    assert b"hospital" not in stored
    for who in ("officer", "collections_manager", "risk_manager", "auditor", "auditor*"):
        assert history_of(bank, who, warning)[-1] == NOTE
    story = bank.client("officer").get("/v1/loans/L2/story").json()["lines"]
    assert any(NOTE in line["text"] for line in story)

    wanted = {"kind": "erasure", "borrower_id": "B2", "reason": "asked for it"}
    made = bank.client("operator*").post("/v1/proposals", json=wanted).json()["proposal_id"]
    assert history_of(bank, "officer", warning)[-1] == NOTE
    done = bank.client("risk_manager*").post(f"/v1/proposals/{made}/approve").json()
    assert (done["state"], done["outcome"]) == ("approved", "erased")
    assert history_of(bank, "officer", warning)[-1] == "[erased]"
    again = bank.client("officer").post(f"/v1/warnings/{warning}/start", json={"action": "visit"})
    assert (again.status_code, again.json()["code"]) == (410, "erased")
    erased = bank.audit("BorrowerErased")[-1]
    assert (erased.borrower_id, erased.requested_by, erased.approved_by) == (
        "B2", "operator.bank", "risk_manager.bank",
    )  # fmt: skip
    store = bank.served.node.store
    assert [log.verify().fault for log in (store.ledger, store.warnings, store.audit)] == [None] * 3


def test_a_sealed_text_of_another_branch_is_masked_wherever_it_stands(bank: Any) -> None:
    sealed = bank.access.vault().seal("B1", "secret of south", "remark")
    warning = bank.warning("L0")
    bank.client("officer").post(
        f"/v1/warnings/{warning}/dismiss", json={"reason": "see there"}
    ).raise_for_status()
    from streams.api.guard import revealer

    person = bank.access.identity.directory().user("officer").person()
    body = b'{"text":"' + sealed.encode() + b'"}'
    shown = revealer(bank.access, person, "application/json")(body)
    assert shown.decode() == '{"text":"•••"}'
    whole = bank.access.identity.directory().user("officer.bank").person()
    assert b"secret of south" in revealer(bank.access, whole, "application/json")(body)


def test_what_a_person_wrote_cannot_break_out_of_json_or_a_page(bank: Any) -> None:
    from streams.api.guard import written

    odd = '"}<script>\n'
    assert written(odd, "application/json") == b'\\"}<script>\\n'
    assert written(odd, "text/html; charset=utf-8") == b"&quot;}&lt;script&gt;\n"


def test_reads_that_wait_together_share_a_commit_and_the_outbox_is_told_once(bank: Any) -> None:
    committed: list[int] = []
    log = MemoryLog("audit")
    record = log.record
    trail = Trail(log, bank.access.identity.made)
    waits = threading.Event()

    def counted(facts: Any, **more: Any) -> Any:
        committed.append(len(facts))
        waits.wait(5)
        return record(facts, **more)

    log.record = counted  # type: ignore[method-assign]

    async def many() -> None:
        first = asyncio.ensure_future(trail.record(SignedOut(user_id="a", **D)))
        await asyncio.sleep(0.2)
        rest = [asyncio.ensure_future(trail.record(SignedOut(user_id="b", **D))) for _ in range(9)]
        await asyncio.sleep(0)
        waits.set()
        await asyncio.gather(first, *rest)

    bank.served.wait(many())
    assert committed[-1] == 9  # those that came while the first was being written
    told = [item.fact for item in log.read() if type(item.fact).__name__ == "Administered"]
    trail.commit([])
    assert [item.fact for item in log.read() if type(item.fact).__name__ == "Administered"] == told


def test_what_a_command_changes_beside_the_server_is_soon_on_the_trail(bank: Any) -> None:
    bank.add("new.here", "auditor", None)
    bank.access.trail._looked_us = 0
    bank.served.client.get("/healthz")
    for _ in range(100):
        told = [fact for fact in bank.audit("Administered") if fact.subject == "new.here"]
        if told:
            break
        time.sleep(0.05)
    assert [(fact.what, fact.detail) for fact in told] == [("user_added", "auditor; all branches")]


def test_a_page_that_nobody_listed_is_nobodys(bank: Any) -> None:
    @bank.served.app.get("/v1/unlisted", operation_id="unlisted")
    async def unlisted() -> dict[str, str]:
        return {"borrower_id": "B0"}

    answer = bank.client("auditor*").get("/v1/unlisted")
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert httpx.get(f"{bank.served.url}/v1/unlisted").status_code == 401
