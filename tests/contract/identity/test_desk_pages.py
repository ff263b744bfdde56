"""The pages of the desk by role and branch: who may see and send what, and whence a form may come.

For each page what the people of WHO get, for something of north, their own branch, and of south.
422: the empty form was let through and then refused; nothing was done.
"""

from __future__ import annotations

from typing import Any

import pytest

WHO = (
    "officer", "collections_manager", "risk_manager", "supervisor", "auditor",
    "publisher*", "operator*", "officer*", "risk_manager*", "auditor*", "nobody",
)  # fmt: skip
MATRIX = """
desk_my_day             GET  /desk                              200     200     200     200     200     403 403 200 200 200 303
desk_warnings           GET  /desk/warnings?branch={branch}     200/403 200/403 200/403 200/403 200/403 403 403 200 200 200 303
desk_warning_rows       GET  /desk/warnings/rows?ids={warning}  200     200     200     200     200     403 403 200 200 200 303
desk_warning            GET  /desk/warnings/{warning}           200/404 200/404 200/404 200/404 200/404 403 403 200 200 200 303
desk_act_on_warning     POST /desk/warnings/{warning}/start     422/404 422/404 403     403     403     403 403 422 403 403 401
desk_find               GET  /desk/find?q={loan}                303/404 303/404 303/404 303/404 303/404 403 403 303 303 303 303
desk_loans              GET  /desk/loans?branch={branch}        200/403 200/403 200/403 200/403 200/403 403 403 200 200 200 303
desk_loan               GET  /desk/loans/{loan}                 200/404 200/404 200/404 200/404 200/404 403 403 200 200 200 303
desk_borrower           GET  /desk/borrowers/{borrower}         200/404 200/404 200/404 200/404 200/404 403 403 200 200 200 303
desk_cases              GET  /desk/cases?branch={branch}        200/403 200/403 200/403 200/403 200/403 403 403 200 200 200 303
desk_case               GET  /desk/cases/{case}                 200/404 200/404 200/404 200/404 200/404 403 403 200 200 200 303
desk_open_case          POST /desk/cases                        422     422     403     403     403     403 403 422 403 403 401
desk_act_on_case        POST /desk/cases/{case}/act/note        422/404 422/404 403     403     403     403 403 422 403 403 401
desk_lead_on_case       POST /desk/cases/{case}/lead/handover   403     422/404 422/404 403     403     403 403 403 422 403 401
desk_propose_on_case    POST /desk/cases/{case}/propose/refer   422/404 422/404 422/404 403     403     403 403 422 422 403 401
desk_approve_on_case    POST /desk/cases/{case}/approve/approve 403     403     422/404 403     403     403 403 403 422 403 401
desk_portfolio          GET  /desk/portfolio?branch={branch}    200/403 200/403 200/403 200/403 200/403 403 403 200 200 200 303
desk_team               GET  /desk/team                         200     200     200     200     200     403 403 200 200 200 303
desk_behind_figure      GET  /desk/team/behind?figure=caseload&name={branch}&by=team 200/404 200/404 200/404 200/404 200/404 403 403 200 200 200 303
desk_audit              GET  /desk/audit                        403     403     403     403     403     403 403 403 403 200 303
desk_proposals          GET  /desk/proposals                    200     200     200     200     200     403 200 200 200 200 303
desk_propose_on_loan    POST /desk/loans/{loan}/propose         422/404 422/404 422/404 403     403     403 403 422 422 403 401
desk_decide_proposal    POST /desk/proposals/00000000000000000000/decline 403 403 422   403     403     403 403 403 422 403 401
desk_rules              GET  /desk/rules                        200     200     200     200     200     403 403 200 200 200 303
desk_what_if            GET  /desk/rules/what-if                403     403     403     403     403     403 403 200 200 200 303
desk_ask_what_if        POST /desk/rules/what-if                403     403     403     403     403     403 403 422 422 422 401
desk_what_if_answer     GET  /desk/rules/what-if/999            403     403     403     403     403     403 403 404 404 404 303
"""  # noqa: E501  # a table is read by its columns
LINES = [line.split() for line in MATRIX.strip().splitlines()]


@pytest.fixture(scope="module")
def named(bank: Any) -> dict[str, dict[str, str]]:
    """What paths name, in north and in south."""
    return {
        side: {"branch": branch, "loan": f"L{n}", "borrower": f"B{n}", "case": f"K{n}",
               "warning": bank.warning(f"L{n}")}
        for side, branch, n in (("own", "north", 0), ("other", "south", 1))
    }  # fmt: skip


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_each_role_gets_what_the_table_says(
    bank: Any, named: dict[str, dict[str, str]], line: list[str]
) -> None:
    _, method, path, *cells = line
    got = {}
    for who, cell in zip(WHO, cells, strict=True):
        client = bank.stranger if who == "nobody" else bank.client(who)
        sides = ("own", "other") if "/" in cell or who.endswith("*") else ("own",)
        found = [
            client.request(
                method, path.format(**named[side]), data={"x": "y"} if method == "POST" else None,
                headers={"Accept": "text/html"},
            ).status_code
            for side in sides
        ]  # fmt: skip
        got[who] = "/".join(map(str, found if "/" in cell else sorted(set(found))))
    assert got == dict(zip(WHO, cells, strict=True))


def test_every_page_is_in_the_table() -> None:
    from streams.identity.rights import PUBLIC, RIGHTS

    pages = {name for name in RIGHTS if name.startswith("desk_")} - PUBLIC
    assert pages == {line[0] for line in LINES} | {"desk_live"}


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
