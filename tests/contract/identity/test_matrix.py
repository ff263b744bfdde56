"""Every route, every role, own and other branch: as `matrix.txt` says, and no route beyond it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

LINES = [
    line.split()
    for line in (Path(__file__).parent / "matrix.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
WHO = (
    "officer", "collections_manager", "risk_manager", "supervisor", "auditor",
    "publisher*", "operator*", "officer*", "risk_manager*", "supervisor*", "auditor*", "nobody",
)  # fmt: skip
OWN = {"branch": "north", "loan": "L0", "borrower": "B0", "owner": "O0"}
OTHER = {"branch": "south", "loan": "L1", "borrower": "B1", "owner": "O1"}
REPAYMENT = {
    "type": "repayment_received", "transaction_id": "matrix-1", "value_date": "2024-02-20",
    "loan_id": "L0", "amount": "1.00", "currency": "CNY",
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One request of the table, and what each of `WHO` gets for their own and another branch."""

    operation: str
    method: str
    path: str
    body: str
    cells: tuple[str, ...]


def cases() -> Iterator[Case]:
    for operation, method, path, *rest in LINES:
        body = "" if rest[0][0].isdigit() else rest.pop(0)
        assert len(rest) == len(WHO), f"{operation} has {len(rest)} cells, not {len(WHO)}"
        yield Case(operation, method, path, body, tuple(rest))


CASES = [*cases()]


@pytest.fixture(scope="module")
def named(bank: Any) -> dict[str, dict[str, str]]:
    """What paths name, in north and in south."""
    warning = {"own": bank.warning("L0"), "other": bank.warning("L1")}
    waiting, decided = {}, {}
    for side, loan in (("own", "L0"), ("other", "L1")):
        for kept in (waiting, decided):
            made = bank.client("officer*").post("/v1/proposals", json=grade(loan))
            kept[side] = made.json()["proposal_id"]
        path = f"/v1/proposals/{decided[side]}/decline"
        assert bank.client("risk_manager*").post(path, json={"reason": "no"}).status_code == 200
    from streams.desk.assets import _by_url

    asset = next(iter(_by_url()))
    return {
        side: {"asset": asset, **{"own": OWN, "other": OTHER}[side], "warning": warning[side],
               "case": {"own": "K0", "other": "K1"}[side],
               "proposal": waiting[side], "decided": decided[side]}
        for side in ("own", "other")
    }  # fmt: skip


def grade(loan: str) -> dict[str, Any]:
    return {
        "kind": "grade_override", "loan_id": loan, "value_date": "2024-02-20", "regime": "cn-2023",
        "grade": "doubtful", "reason": "the factory burnt down",
    }  # fmt: skip


def ask(client: httpx.Client, case: Case, names: dict[str, str]) -> int:
    json: Any = {
        "odd": {"nonsense": True}, "repayment": REPAYMENT, "grade": grade(names["loan"]),
        "reason": {"reason": "no"},
    }.get(case.body)  # fmt: skip
    opening = {"loan_id": names["loan"], "once": uuid4().hex[:20]}
    form = {"form": {"nothing": "to say"}, "opening": opening}.get(case.body)
    path = case.path.format(**names)
    with client.stream(case.method, path, json=json, data=form) as answer:
        return answer.status_code


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.operation)
def test_each_role_gets_what_the_table_says(
    bank: Any, named: dict[str, dict[str, str]], case: Case
) -> None:
    got = {}
    for who, cell in zip(WHO, case.cells, strict=True):
        sides = ("own", "other") if "/" in cell or who.endswith("*") else ("own",)
        client = bank.stranger if who == "nobody" else bank.client(who)
        found = [ask(client, case, named[side]) for side in sides]
        got[who] = "/".join(map(str, found if "/" in cell else sorted(set(found))))
    assert got == dict(zip(WHO, case.cells, strict=True))


def test_no_route_is_missing_from_the_table_and_none_in_it_is_gone(bank: Any) -> None:
    with httpx.Client(base_url=bank.served.url, timeout=30) as client:
        paths = client.get("/openapi.json").json()["paths"]
    routes = {method["operationId"] for path in paths.values() for method in path.values()}
    assert routes == {case.operation for case in CASES if not case.operation.startswith("desk_")}


def test_every_route_has_a_right_and_every_right_a_route() -> None:
    from streams.identity.rights import PUBLIC, RIGHTS

    named = {case.operation for case in CASES}
    rights = {name for name in PUBLIC | RIGHTS.keys() if not name.startswith("/")}
    assert named == rights


LISTS = {
    "/v1/loans": "loans", "/v1/grades": "grades", "/v1/warnings": "warnings",
    "/v1/warnings/groups": "groups", "/v1/proposals": "proposals", "/v1/cases": "cases",
    "/v1/worklist": "cases",
}  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.usefixtures("named")
def test_a_list_without_a_branch_holds_the_persons_own_only(bank: Any, path: str) -> None:
    own = bank.client("officer").get(path).json()[LISTS[path]]
    whole = bank.client("officer*").get(path).json()[LISTS[path]]
    of_north = {"L0", "L2", "B0", "B2"}
    known = {f"{kind}{number}" for kind in "LB" for number in range(4)}
    ids = [{row.get("loan_id"), row.get("borrower_id")} & known for row in (*own, *whole)]
    assert own
    assert all(named <= of_north for named in ids[: len(own)])
    assert any(not named <= of_north for named in ids[len(own) :])


def test_a_refusal_and_a_look_elsewhere_are_on_the_trail(bank: Any) -> None:
    bank.client("officer").get("/v1/loans/L3")
    bank.client("operator*").get("/v1/loans/L3")
    told = [(f.user_id, f.what, f.subject, f.why) for f in bank.audit("AccessRefused")[-2:]]
    assert told == [
        ("officer", "get_loan", "L3", "branch"),
        ("operator.bank", "get_loan", "L3", "role"),
    ]


def test_what_is_elsewhere_is_answered_as_what_is_not_there(bank: Any) -> None:
    elsewhere = bank.client("officer").get("/v1/loans/L1")
    nowhere = bank.client("officer").get("/v1/loans/L9")
    assert elsewhere.status_code == nowhere.status_code == 404
    assert elsewhere.json() == nowhere.json()
