"""Signing in through an OpenID Connect provider: a real small one, which signs real tokens."""

from __future__ import annotations

import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from ledger.dates import now_us

CLIENT, SECRET = "loanbell", "what the client and the provider share"


@dataclass
class Provider:
    """What it would say of whoever comes, and the key it signs with; `spoil` changes a token."""

    url: str = ""
    key: Any = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "one"}))
    claims: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    signs_with: Any = None
    algorithm: str = "ES256"

    def about(self) -> dict[str, str]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        }

    def authorize(self, asked: dict[str, str]) -> str:
        """Sign the person in without asking, and send the browser back with a code."""
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?code={code}&state={asked['state']}"

    def token(self, sent: dict[str, str]) -> dict[str, str] | None:
        """An ID token for a code, once, to whoever knows the verifier and the secret."""
        asked = self.codes.pop(sent["code"], None)
        challenge = urlsafe_b64encode(sha256(sent["code_verifier"].encode()).digest())
        if (
            asked is None
            or challenge.rstrip(b"=").decode() != asked["code_challenge"]
            or sent["redirect_uri"] != asked["redirect_uri"]
            or sent["client_secret"] != SECRET
        ):
            return None
        now = now_us() // 1_000_000
        claims = {
            "iss": self.url, "aud": CLIENT, "sub": "1234", "iat": now, "exp": now + 60,
            "nonce": asked["nonce"], "preferred_username": "zhang.san", "name": "张三",
            "roles": ["officer", "another system's role"], "branches": ["north"],
            **self.claims,
        }  # fmt: skip
        key = self.signs_with or self.key
        header = {"alg": self.algorithm, "kid": key.kid or "one"}
        return {"id_token": jwt.encode(header, claims, key, algorithms=[self.algorithm])}


def handler_of(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/authorize":
                asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
                self.send_response(302)
                self.send_header("Location", provider.authorize(asked))
                self.end_headers()
            elif parts.path == "/keys":
                self._json({"keys": [provider.key.as_dict(private=False)]})
            else:
                self._json(provider.about())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            sent = {name: values[0] for name, values in parse_qs(body).items()}
            given = provider.token(sent)
            self._json(given or {"error": "invalid_grant"}, 200 if given else 400)

        def _json(self, content: Any, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(orjson.dumps(content))

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    made = Provider()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(made))
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def oidc_bank(make_bank: Any, provider: Provider, tmp_path_factory: Any) -> Any:
    file = tmp_path_factory.mktemp("secret") / "client"
    file.write_text(SECRET + "\n", encoding="utf-8")
    return make_bank(
        oidc_issuer=provider.url, oidc_client_id=CLIENT, oidc_client_secret_file=file,
        public_url="http://localhost:8321",
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _as_it_was(provider: Provider) -> Iterator[None]:
    yield
    provider.claims, provider.signs_with, provider.algorithm = {}, None, "ES256"


def sign_in(bank: Any, *, goal: str = "/v1/loans", **spoiled: Any) -> httpx.Response:
    """Walk the way of a browser: here, to the provider, and back."""
    with httpx.Client(base_url=bank.served.url, timeout=30) as client:
        away = client.get("/sign-in/oidc", params={"goal": goal})
        assert away.status_code == 303, away.text
        back = httpx.get(away.headers["location"]).headers["location"]
        asked = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
        return client.get("/sign-in/oidc/return", params={**asked, **spoiled})


def test_whoever_the_provider_knows_is_signed_in_with_the_roles_it_names(
    oidc_bank: Any, provider: Provider
) -> None:
    answer = sign_in(oidc_bank)
    assert (answer.status_code, answer.headers["location"]) == (303, "/v1/loans")
    session = answer.cookies["loanbell"]
    headers = {"Cookie": f"loanbell={session}"}
    told = httpx.get(f"{oidc_bank.served.url}/v1/session", headers=headers).json()
    assert (told["user_id"], told["name"], told["roles"], told["branches"]) == (
        "zhang.san", "张三", ["officer"], ["north"],
    )  # fmt: skip
    loans = httpx.get(f"{oidc_bank.served.url}/v1/loans", headers=headers).json()["loans"]
    assert {loan["branch"] for loan in loans} == {"north"}
    assert (oidc_bank.audit("SignedIn")[-1].way, oidc_bank.audit("SignedIn")[-1].user_id) == (
        "oidc", "zhang.san",
    )  # fmt: skip
    provider.claims = {"roles": "auditor supervisor", "branches": "*"}
    sign_in(oidc_bank)
    user = oidc_bank.access.identity.directory().user("zhang.san")
    assert (user.roles, user.branches) == (frozenset({"auditor", "supervisor"}), None)


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"aud": "another client"}, "token"),
        ({"iss": "http://127.0.0.1:1"}, "token"),
        ({"exp": 1_700_000_000}, "token"),
        ({"aud": [CLIENT, "another"]}, "token"),
        ({"roles": ["janitor"]}, "no_role"),
        ({"branches": []}, "no_branch"),
        ({"preferred_username": "a b"}, "user_id"),
    ],
)
def test_a_token_that_is_not_for_us_signs_nobody_in(
    oidc_bank: Any, provider: Provider, claims: dict[str, Any], why: str
) -> None:
    provider.claims = claims
    answer = sign_in(oidc_bank)
    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_failed")
    assert "set-cookie" not in answer.headers
    assert oidc_bank.audit("SignInRefused")[-1].why == why


def test_a_token_signed_by_another_key_or_by_a_shared_secret_signs_nobody_in(
    oidc_bank: Any, provider: Provider
) -> None:
    provider.signs_with = ECKey.generate_key("P-256", {"kid": "one"})
    assert sign_in(oidc_bank).status_code == 401
    # The public key as a secret: the oldest trick with tokens.
    public = orjson.dumps(provider.key.as_dict(private=False))
    provider.signs_with, provider.algorithm = OctKey.import_key(public), "HS256"
    assert sign_in(oidc_bank).status_code == 401
    assert oidc_bank.audit("SignInRefused")[-1].why == "token"


def test_a_provider_may_change_its_key(oidc_bank: Any, provider: Provider) -> None:
    assert sign_in(oidc_bank).status_code == 303
    provider.key = ECKey.generate_key("P-256", {"kid": "two"})
    assert sign_in(oidc_bank).status_code == 303


def test_an_answer_that_this_browser_did_not_ask_for_is_not_taken(oidc_bank: Any) -> None:
    assert sign_in(oidc_bank, state="made up").status_code == 401
    assert oidc_bank.audit("SignInRefused")[-1].why == "state"
    assert sign_in(oidc_bank, code="made up").status_code == 401


def test_a_code_counts_once(oidc_bank: Any) -> None:
    with httpx.Client(base_url=oidc_bank.served.url, timeout=30) as client:
        away = client.get("/sign-in/oidc")
        state = client.cookies["loanbell-oidc"]
        back = httpx.get(away.headers["location"]).headers["location"]
        path = back.removeprefix("http://localhost:8321")
        assert client.get(path).status_code == 303
        client.cookies.set("loanbell-oidc", state)
        assert client.get(path).status_code == 401


def test_a_local_account_is_not_taken_over(oidc_bank: Any, provider: Provider) -> None:
    oidc_bank.add("local", "auditor", None, password="$argon2id$anything")
    provider.claims = {"preferred_username": "local"}
    assert sign_in(oidc_bank).status_code == 401
    assert oidc_bank.audit("SignInRefused")[-1].why == "local"


def test_a_page_links_to_the_provider_only_where_there_is_one(oidc_bank: Any, served: Any) -> None:
    assert "/sign-in/oidc" in httpx.get(f"{oidc_bank.served.url}/sign-in").text
    assert "/sign-in/oidc" not in served.client.get("/sign-in").text
    assert served.client.get("/sign-in/oidc").status_code == 404
