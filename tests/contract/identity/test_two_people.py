"""What takes two people: both signed in, not the same, each with the role for their part."""

from __future__ import annotations

from typing import Any

import pytest


def override(loan: str = "L0", **more: Any) -> dict[str, Any]:
    return {
        "kind": "grade_override", "loan_id": loan, "value_date": "2024-02-20", "regime": "cn-2023",
        "grade": "doubtful", "reason": "the factory burnt down", "until": "2024-06-30", **more,
    }  # fmt: skip


def propose(bank: Any, who: str, wanted: dict[str, Any]) -> str:
    answer = bank.client(who).post("/v1/proposals", json=wanted)
    assert answer.status_code == 201, answer.text
    proposal_id: str = answer.json()["proposal_id"]
    return proposal_id


def facts(bank: Any, loan: str, kind: str) -> list[Any]:
    found = bank.served.node.store.ledger.stream(f"loan:{loan}")
    return [item.fact for item in found if type(item.fact).__name__ == kind]


def test_an_override_carries_the_names_of_both_and_sets_the_grade(bank: Any) -> None:
    made = propose(bank, "officer", override())
    waiting = bank.client("risk_manager").get("/v1/proposals?state=pending").json()["proposals"]
    assert made in [row["proposal_id"] for row in waiting]
    assert facts(bank, "L0", "LoanGradeOverridden") == []
    done = bank.client("risk_manager").post(f"/v1/proposals/{made}/approve")
    assert (done.status_code, done.json()["state"]) == (200, "approved")
    (fact,) = facts(bank, "L0", "LoanGradeOverridden")
    assert (fact.requested_by, fact.approved_by) == ("officer", "risk_manager")
    assert fact.transaction_id == f"proposal-{made}"
    assert (fact.grade, str(fact.until)) == ("doubtful", "2024-06-30")
    decided = bank.audit("ProposalDecided")[-1]
    assert (decided.proposed_by, decided.user_id, decided.transaction_id) == (
        "officer", "risk_manager", f"proposal-{made}",
    )  # fmt: skip


def test_nobody_approves_what_they_proposed_themselves(bank: Any) -> None:
    made = propose(bank, "risk_manager", override("L2"))
    own = bank.client("risk_manager").post(f"/v1/proposals/{made}/approve")
    assert (own.status_code, own.json()["code"]) == (409, "two_people")
    assert bank.audit("AccessRefused")[-1].why == "own_proposal"
    other = bank.client("risk_manager*").post(f"/v1/proposals/{made}/approve")
    assert other.json()["state"] == "approved"
    again = bank.client("risk_manager*").post(f"/v1/proposals/{made}/approve")
    assert (again.status_code, again.json()["code"]) == (409, "decided")


def test_what_the_book_refuses_is_told_and_done_with(bank: Any) -> None:
    made = propose(bank, "officer", override("L2", grade="splendid"))
    done = bank.client("risk_manager").post(f"/v1/proposals/{made}/approve").json()
    assert done["state"] == "refused"
    assert "unknown_grade" in done["outcome"] or "grade" in done["outcome"]


def test_a_write_off_is_closed_as_a_loss_and_names_both(bank: Any) -> None:
    wanted = {"kind": "write_off", "loan_id": "L2", "value_date": "2024-02-20", "reason": "gone"}
    refused = bank.client("officer").post("/v1/proposals", json=wanted)
    assert refused.status_code == 403  # an officer does not propose write-offs
    made = propose(bank, "collections_manager", wanted)
    done = bank.client("risk_manager").post(f"/v1/proposals/{made}/approve").json()
    assert done["state"] == "approved"
    (closed,) = facts(bank, "L2", "LoanClosed")
    assert (closed.reason, closed.transaction_id) == ("written_off", f"proposal-{made}")
    assert (closed.requested_by, closed.approved_by) == ("collections_manager", "risk_manager")
    story = bank.client("officer*").get("/v1/loans/L2/story").json()["lines"]
    (told,) = [line["text"] for line in story if line["what"] == "closed"]
    assert "written off by collections_manager, approved by risk_manager." in told
    decided = bank.audit("ProposalDecided")[-1]
    assert (decided.kind, decided.subject, decided.proposed_by, decided.user_id) == (
        "write_off", "L2", "collections_manager", "risk_manager",
    )  # fmt: skip


def exemption(**more: Any) -> dict[str, Any]:
    return {
        "kind": "exemption", "case_id": "K0", "officer_id": "O0", "value_date": "2024-02-20",
        "reason": "every visit was made in time", "reference": "file 12", **more,
    }  # fmt: skip


def test_an_exemption_is_of_two_people_neither_of_whom_is_the_officer(bank: Any) -> None:
    assert bank.client("officer").post("/v1/proposals", json=exemption()).status_code == 403
    own = exemption(officer_id="Collections_Manager")
    mine = bank.client("collections_manager").post("/v1/proposals", json=own)
    assert (mine.status_code, mine.json()["code"]) == (409, "two_people")
    assert bank.audit("AccessRefused")[-1].why == "own_exemption"
    elsewhere = bank.client("collections_manager").post(
        "/v1/proposals", json=exemption(case_id="K1")
    )
    assert elsewhere.status_code == 404

    about = propose(bank, "collections_manager", exemption(officer_id="risk_manager"))
    path = f"/v1/proposals/{about}/approve"
    assert bank.client("risk_manager").post(path).json()["code"] == "two_people"
    made = propose(bank, "collections_manager", exemption())
    done = bank.client("risk_manager").post(f"/v1/proposals/{made}/approve").json()
    assert done["state"] == "approved", done
    stream = bank.served.node.store.ledger.stream("collection:B0")
    (fact,) = [item.fact for item in stream if type(item.fact).__name__ == "OfficerExempted"]
    assert (fact.officer_id, fact.by, fact.approved_by) == (
        "O0", "collections_manager", "risk_manager",
    )  # fmt: skip
    assert (fact.reason, fact.reference) == ("every visit was made in time", "file 12")
    decided = bank.audit("ProposalDecided")[-1]
    assert (decided.kind, decided.subject, decided.approved) == ("exemption", "K0", True)
    assert decided.transaction_id == fact.transaction_id == f"proposal-{made}"


def test_who_was_cut_off_while_approving_may_do_so_again_and_it_counts_once(bank: Any) -> None:
    from streams.identity.proposals import Decided, Proposals

    made = propose(bank, "officer", override("L0", grade="loss"))
    kept = Proposals(bank.access.identity.made())
    kept.claim(made, "risk_manager")  # and the process ended here
    with pytest.raises(Decided):
        kept.claim(made, "risk_manager.bank")
    for _ in range(2):
        answer = bank.client("risk_manager").post(f"/v1/proposals/{made}/approve")
    assert answer.status_code == 409
    assert kept.find(made).state == "approved"  # type: ignore[union-attr]
    grades = [fact.grade for fact in facts(bank, "L0", "LoanGradeOverridden")]
    assert grades.count("loss") == 1


def test_what_somebody_began_to_approve_is_not_declined_any_more(bank: Any) -> None:
    from streams.identity.proposals import Proposals

    made = propose(bank, "officer", override("L0", grade="substandard"))
    kept = Proposals(bank.access.identity.made())
    kept.claim(made, "risk_manager")  # and the process ended after the book had it
    path = f"/v1/proposals/{made}"
    late = bank.client("risk_manager").post(f"{path}/decline", json={"reason": "no"})
    assert (late.status_code, late.json()["code"]) == (409, "decided")
    assert bank.client("risk_manager").post(f"{path}/approve").json()["state"] == "approved"


def test_a_declined_one_keeps_the_reason_and_is_not_approved_any_more(bank: Any) -> None:
    path = f"/v1/proposals/{propose(bank, 'officer', override('L0', grade='loss'))}"
    told = bank.client("risk_manager").post(f"{path}/decline", json={"reason": "no need"}).json()
    assert (told["state"], told["outcome"]) == ("declined", "no need")
    assert told["decided_by"] == "risk_manager"
    assert bank.client("risk_manager").post(f"{path}/approve").status_code == 409


def test_a_person_cannot_send_such_messages_around_the_second_one(bank: Any) -> None:
    message = {
        "type": "grade_overridden", "transaction_id": "around-1", "value_date": "2024-02-20",
        "loan_id": "L0", "regime": "cn-2023", "grade": "normal", "reason": "x",
        "requested_by": "officer", "approved_by": "risk_manager",
    }  # fmt: skip
    for who in ("officer", "collections_manager", "risk_manager*", "operator*"):
        assert bank.client(who).post("/v1/transactions", json=message).status_code == 403


def test_where_nobody_signs_in_nothing_can_be_proposed(served: Any) -> None:
    answer = served.client.post("/v1/proposals", json=override())
    assert (answer.status_code, answer.json()["code"]) == (409, "two_people")
