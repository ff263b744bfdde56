"""Signing in and out, what a session is worth, forged requests, lock-out, and tokens."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from ledger.dates import now_us
from ledger.store import MemoryStore
from streams.api.access import Access
from streams.identity import passwords, service
from streams.identity.service import Tries
from streams.settings import SettingsError

PASSWORD = "four words nobody said"


@pytest.fixture(scope="module", autouse=True)
def _passwords(bank: Any) -> None:
    for name in ("li.na", "wang.wei", "zhao.min"):
        bank.add(name, "officer", frozenset({"north"}), password=passwords.hashed(PASSWORD))


@pytest.fixture(autouse=True)
def _no_tries_before(bank: Any) -> None:
    bank.access.identity._tries = Tries()


def browser(bank: Any) -> httpx.Client:
    return httpx.Client(base_url=bank.served.url, timeout=30)


def form_token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', page)
    assert found is not None
    return found.group(1)


def sign_in(client: httpx.Client, user: str, password: str, **more: str) -> httpx.Response:
    page = client.get("/sign-in")
    fields = {"csrf_token": form_token(page.text), "user": user, "password": password, "goal": ""}
    return client.post("/sign-in", data={**fields, **more})


def test_nobody_gets_in_without_signing_in_and_a_browser_is_shown_where(bank: Any) -> None:
    with browser(bank) as client:
        answer = client.get("/v1/loans")
        assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_required")
        assert answer.headers["www-authenticate"] == "Bearer"
        page = client.get("/v1/loans", headers={"Accept": "text/html"})
        assert (page.status_code, page.headers["location"]) == (303, "/sign-in?goal=/v1/loans")
        assert client.post("/v1/transactions", json={}).status_code == 401
        # A form of a session that has ended: a page to sign in on, and not a line of JSON.
        late = client.post("/desk/cases", data={"a": "b"}, headers={"Accept": "text/html"})
        assert (late.status_code, late.headers["location"]) == (303, "/sign-in?goal=/desk")
        assert [client.get(path).status_code for path in ("/healthz", "/docs", "/sign-in")] == [
            200, 200, 200,
        ]  # fmt: skip


def test_a_book_whose_users_are_lost_is_not_open_to_everybody(bank: Any, tmp_path: Any) -> None:
    with browser(bank) as client:
        sign_in(client, "li.na", PASSWORD)
    book, log = bank.served.node, bank.access.trail.log
    lost = replace(book.settings, data=tmp_path)  # no users.db is there
    with pytest.raises(SettingsError, match="now there are no users"):
        Access(SimpleNamespace(settings=lost), ledger=book.store.ledger, audit=log)
    opened = SimpleNamespace(settings=replace(lost, sign_in="open"))
    Access(opened, ledger=book.store.ledger, audit=log).close()
    new = MemoryStore().audit  # nobody ever signed in
    Access(SimpleNamespace(settings=lost), ledger=book.store.ledger, audit=new).close()


def test_a_session_shows_who_is_signed_in_and_ends_when_they_sign_out(bank: Any) -> None:
    with browser(bank) as client:
        answer = sign_in(client, "li.na", PASSWORD, goal="/v1/loans?limit=1")
        assert (answer.status_code, answer.headers["location"]) == (303, "/v1/loans?limit=1")
        cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("loanbell="))
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        told = client.get("/v1/session").json()
        assert (told["user_id"], told["roles"], told["branches"]) == (
            "li.na", ["officer"], ["north"],
        )  # fmt: skip
        secret = client.cookies["loanbell"]
        out = client.post("/sign-out", data={"csrf_token": told["csrf_token"]})
        assert (out.status_code, out.headers["location"]) == (303, "/sign-in")
        again = client.get("/v1/loans", headers={"Cookie": f"loanbell={secret}"})
        assert again.status_code == 401
    kinds = [bank.audit("SignedIn")[-1].user_id, bank.audit("SignedOut")[-1].user_id]
    assert kinds == ["li.na", "li.na"]


def test_the_secret_of_a_session_is_not_in_the_tables(bank: Any) -> None:
    with browser(bank) as client:
        sign_in(client, "li.na", PASSWORD)
        secret = client.cookies["loanbell"]
    stored = b"".join(
        path.read_bytes() for path in bank.served.node.settings.data.glob("users.db*")
    )
    assert secret.encode() not in stored
    assert PASSWORD.encode() not in stored


@pytest.mark.parametrize("goal", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_nobody_is_sent_to_another_site_after_signing_in(bank: Any, goal: str) -> None:
    with browser(bank) as client:
        assert sign_in(client, "li.na", PASSWORD, goal=goal).headers["location"] == "/desk"


def test_another_site_cannot_sign_a_browser_in(bank: Any) -> None:
    with browser(bank) as client:
        page = client.get("/sign-in")
        fields = {"user": "li.na", "password": PASSWORD, "goal": "", "csrf_token": "0" * 64}
        assert client.post("/sign-in", data=fields).status_code == 403
        good = {**fields, "csrf_token": form_token(page.text)}
        without_cookie = httpx.post(f"{bank.served.url}/sign-in", data=good)
        assert without_cookie.status_code == 403


def test_a_form_that_cannot_be_read_is_refused_and_no_failure_of_ours(bank: Any) -> None:
    with browser(bank) as client:
        # 17 fields, one more than a form may have
        answer = client.post("/sign-in", content=b"a=1&" * 17)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_a_change_by_cookie_needs_the_token_of_the_session(bank: Any) -> None:
    warning = bank.warning("L0")
    officer = bank.client("officer")
    path, body = f"/v1/warnings/{warning}/acknowledge", {"note": "seen"}
    forged = officer.post(path, json=body, headers={"X-CSRF-Token": "0" * 64})
    assert (forged.status_code, forged.json()["code"]) == (403, "forged")
    site = officer.post(path, json=body, headers={"Sec-Fetch-Site": "cross-site"})
    assert site.status_code == 403
    assert bank.audit("AccessRefused")[-1].why == "csrf"
    other = bank.client("collections_manager").get("/v1/session").json()["csrf_token"]
    assert officer.post(path, json=body, headers={"X-CSRF-Token": other}).status_code == 403
    assert officer.post(path, json=body).status_code == 200


def test_wrong_names_and_passwords_are_answered_alike_and_told_apart_on_the_trail(
    bank: Any,
) -> None:
    with browser(bank) as client:
        wrong = sign_in(client, "wang.wei", "not the password")
        nobody = sign_in(client, "my secret typed as a name", PASSWORD)
        assert (wrong.status_code, nobody.status_code) == (401, 401)
        alert = re.compile(r'role="alert">([^<]+)<')
        assert alert.search(wrong.text)[1] == alert.search(nobody.text)[1]  # type: ignore[index]
    told = [(fact.user_id, fact.why) for fact in bank.audit("SignInRefused")[-2:]]
    assert told == [("wang.wei", "password"), ("", "unknown_user")]


def test_ten_wrong_passwords_lock_an_account_until_an_operator_unlocks_it(bank: Any) -> None:
    with browser(bank) as client:
        for attempt in range(10):
            bank.access.identity._tries = Tries()  # as if minutes went by
            assert sign_in(client, "zhao.min", f"wrong password {attempt}").status_code == 401
        assert bank.audit("SignInRefused")[-1].locked
        bank.access.identity._tries = Tries()
        assert sign_in(client, "zhao.min", PASSWORD).status_code == 401
        bank.access.identity.directory().unlock("zhao.min", by="os:root")
        assert sign_in(client, "zhao.min", PASSWORD).status_code == 303
    assert bank.audit("SignInRefused")[-1].why == "locked"
    unlocked = [fact for fact in bank.audit("Administered") if fact.what == "user_unlocked"]
    assert (unlocked[-1].by, unlocked[-1].subject) == ("os:root", "zhao.min")


def test_tries_are_counted_by_address_and_name(bank: Any) -> None:
    with browser(bank) as client:
        codes = [sign_in(client, "nobody", "wrong password").status_code for _ in range(11)]
        assert codes == [401] * 10 + [429]
        assert sign_in(client, "li.na", PASSWORD).status_code == 303


def test_a_hundred_people_behind_one_proxy_sign_in_and_the_hundred_and_first_does_too() -> None:
    tries = Tries()
    for number in range(150):  # nobody of them fails
        tries.count("10.0.0.1", f"person-{number}")
        tries.forgive("10.0.0.1", f"person-{number}")
    for number in range(100):
        tries.count("10.0.0.1", f"guess-{number}")
    with pytest.raises(service.TooManyTries):
        tries.count("10.0.0.1", "guess-100")
    tries.count("10.0.0.2", "guess-100")


def test_an_idle_session_and_an_old_one_end(bank: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    identity = bank.access.identity
    user = identity.directory().user("officer")
    now = now_us()
    idle, old = identity.begin(user), identity.begin(user)
    minute = 60 * 1_000_000
    monkeypatch.setattr(service, "now_us", lambda: now + 29 * minute)
    assert identity.of_session(old) is not None
    monkeypatch.setattr(service, "now_us", lambda: now + 31 * minute)
    assert identity.of_session(idle) is None
    monkeypatch.setattr(service, "now_us", lambda: now + 12 * 60 * minute + minute)
    assert identity.of_session(old) is None
    monkeypatch.setattr(service, "now_us", lambda: now)
    assert identity.of_session(idle) is None  # it does not come back


def test_a_change_of_roles_or_password_ends_sessions_at_once(bank: Any) -> None:
    bank.add("chen.jie", "officer", frozenset({"north"}))
    client = bank.client("chen.jie")
    assert client.get("/v1/loans").status_code == 200
    directory = bank.access.identity.directory()
    directory.set_password("chen.jie", passwords.hashed(PASSWORD), by="test")
    assert client.get("/v1/loans").status_code == 401


def test_a_token_does_what_its_scopes_and_its_users_roles_both_allow(bank: Any) -> None:
    sends = bank.token("publisher.bank", "transactions")
    reads = bank.token("auditor.bank", "read")
    beyond = bank.token("auditor.bank", "transactions")
    message = {
        "type": "repayment_received", "transaction_id": "token-1", "value_date": "2024-02-20",
        "loan_id": "L0", "amount": "1.00", "currency": "CNY",
    }  # fmt: skip
    with sends, reads, beyond:
        assert sends.post("/v1/transactions", json=message).status_code == 200
        assert sends.get("/v1/loans").status_code == 403
        assert reads.get("/v1/loans").status_code == 200
        assert reads.post("/v1/transactions", json=message).status_code == 403
        assert beyond.post("/v1/transactions", json=message).status_code == 403
        wrong = {"Authorization": "Bearer lb_nonsense"}
        assert reads.get("/v1/loans", headers=wrong).status_code == 401


def test_a_token_that_is_revoked_or_expired_is_nobodys(bank: Any) -> None:
    directory = bank.access.identity.directory()
    with (
        bank.token("auditor.bank", "read") as revoked,
        bank.token("auditor.bank", "read", days=-1) as expired,
    ):
        assert revoked.get("/v1/loans").status_code == 200
        newest = max(directory.tokens(), key=lambda token: (token.expires_us, token.made_us))
        directory.revoke(newest.token_id, by="test")
        assert (revoked.get("/v1/loans").status_code, expired.get("/v1/loans").status_code) == (
            401, 401,
        )  # fmt: skip


@pytest.mark.parametrize(
    "password", ["short", "123456789012", "aaaaaaaaaaaaaaaa", "Password1234", "li.na-li.na1"]
)
def test_passwords_that_are_tried_first_are_not_taken(password: str) -> None:
    with pytest.raises(passwords.WeakPassword) as caught:
        passwords.check(password, "li.na")
    assert password not in str(caught.value)


def test_cookies_travel_over_tls_alone_behind_a_proxy_and_pages_of_people_are_not_kept(
    make_bank: Any,
) -> None:
    bank = make_bank(public_url="https://loanbell.example")
    answer = httpx.get(f"{bank.served.url}/sign-in", headers={"Host": "loanbell.example"})
    (cookie,) = answer.headers.get_list("set-cookie")
    assert "Secure" in cookie
    assert answer.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
