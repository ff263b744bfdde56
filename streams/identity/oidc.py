"""Signing in through an OpenID Connect provider: authorization code with PKCE, signed tokens.

What is checked: that the answer belongs to a sign-in that this browser began, within ten minutes,
once; that the ID token is signed by a key of the provider with an asymmetric algorithm, is for this
client, from this issuer, not expired, and carries the nonce; that it names a role of ours. Roles
and branches come from the token at every sign-in, so the bank's directory stays their one home.
Sources: OpenID Connect Core 1.0, 3.1; RFC 7636 (PKCE); RFC 9700 (best current practice).
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.concurrency import run_in_threadpool

from ledger.dates import now_us
from ledger.errors import LoanError
from projections.tables import select
from streams.identity.directory import Directory, User
from streams.identity.draws import hash_of, secret
from streams.identity.person import ROLES
from streams.identity.tables import SIGN_INS

_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
_PATIENCE_SECONDS = 10.0
_WITHIN_US = 10 * 60 * 1_000_000
_LEEWAY_SECONDS = 60
_USER_ID = re.compile(r"[A-Za-z0-9._@-]{1,64}")


class OidcRefused(LoanError):
    """The provider or its token did not sign anybody in; `why` is for the audit."""

    code = "sign_in_failed"

    def __init__(self, why: str, message: str, *, user_id: str = "") -> None:
        super().__init__(message, way_out="Begin again at /sign-in; ask who runs the provider.")
        self.why, self.user_id = why, user_id


class Oidc:
    """One provider. `directory` gives the users, `client` makes HTTP clients."""

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        client_secret: str | None,
        return_url: str,
        directory: Callable[[], Directory],
        roles_claim: str = "roles",
        branches_claim: str = "branches",
    ) -> None:
        self._issuer, self._client_id, self._secret = issuer.rstrip("/"), client_id, client_secret
        self._return_url, self._directory = return_url, directory
        self._roles_claim, self._branches_claim = roles_claim, branches_claim
        self._about: Mapping[str, Any] = {}
        self._keys: KeySet | None = None

    async def begin(self, goal: str) -> tuple[str, str]:
        """The address to send a browser to, and the state to keep in its cookie.

        Errors: OidcRefused when the provider cannot be asked.
        """
        about = await self._discovered()
        state, nonce, verifier = secret(), secret(), secret()
        await run_in_threadpool(self._keep, state, nonce, verifier, goal)
        challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._return_url,
            "scope": "openid profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        address = about["authorization_endpoint"]
        return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}", state

    async def finish(self, state: str, code: str) -> tuple[User, str]:
        """The user that a code is of, kept with the roles the token names, and the goal.

        Errors: OidcRefused.
        """
        kept = await run_in_threadpool(self._taken, state)
        if kept is None or not code:
            raise OidcRefused("state", "This sign-in was not begun here, or took too long.")
        nonce, verifier, goal = kept
        claims = await self._claims(code, verifier, nonce)
        user = self._user(claims)
        await run_in_threadpool(self._known, user)
        return user, goal

    async def _claims(self, code: str, verifier: str, nonce: str) -> Mapping[str, Any]:
        sent = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._return_url,
            "client_id": self._client_id,
            "code_verifier": verifier,
        }
        if self._secret is not None:
            sent["client_secret"] = self._secret
        answer = await self._ask("POST", (await self._discovered())["token_endpoint"], data=sent)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise OidcRefused("no_token", "The provider gave no ID token.")
        claims = await self._verified(token)
        if claims.get("nonce") != nonce:
            raise OidcRefused("nonce", "The token is of another sign-in.")
        return claims

    async def _verified(self, token: str) -> Mapping[str, Any]:
        """The claims of a token that is the provider's and ours; its keys are asked for anew once,
        since a provider changes them."""
        try:
            for fresh in (False, True):
                keys = await self._signing_keys(fresh=fresh)
                try:
                    found = jwt.decode(token, keys, algorithms=_ALGORITHMS)
                    break
                except (JoseError, ValueError):
                    if fresh:
                        raise
            self._check(found.claims)
        except (JoseError, ValueError) as error:
            why = f"The provider's token is not valid: {type(error).__name__}."
            raise OidcRefused("token", why) from None
        return found.claims

    def _check(self, claims: Mapping[str, Any]) -> None:
        """Issuer, audience and times. Errors: JoseError."""
        registry = jwt.JWTClaimsRegistry(
            now=now_us() // 1_000_000,
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": self._issuer_name()},
            aud={"essential": True, "value": self._client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        )
        registry.validate(dict(claims))
        audience = claims["aud"]
        several = isinstance(audience, list) and len(audience) > 1
        if (several or "azp" in claims) and claims.get("azp") != self._client_id:
            raise OidcRefused("token", "The provider's token is for another client.")

    def _issuer_name(self) -> str:
        return str(self._about["issuer"])

    def _user(self, claims: Mapping[str, Any]) -> User:
        """Who the token speaks of. Errors: OidcRefused when it names no id or role of ours."""
        user_id = str(claims.get("preferred_username") or claims["sub"])
        if not _USER_ID.fullmatch(user_id):
            raise OidcRefused("user_id", "The provider names the user in a way that is no id.")
        roles = frozenset(_words(claims.get(self._roles_claim))) & frozenset(ROLES)
        if not roles:
            raise OidcRefused("no_role", "The provider gives you no role here.", user_id=user_id)
        branches = _words(claims.get(self._branches_claim))
        whole = "*" in branches or bool(roles & {"publisher", "operator"})
        if not whole and not branches:
            raise OidcRefused("no_branch", "The provider gives you no branch.", user_id=user_id)
        return User(
            user_id=user_id,
            name=str(claims.get("name") or user_id)[:128],
            roles=roles,
            branches=None if whole else frozenset(branches),
        )

    def _known(self, user: User) -> None:
        """Add the user, or give them the roles of today. A local account is never taken over."""
        directory = self._directory()
        known = directory.user(user.user_id)
        if known is None:
            directory.add(user, by="oidc")
        elif known.password is not None:
            raise OidcRefused(
                "local", "There is a local account of that name.", user_id=user.user_id
            )
        elif known.locked:
            raise OidcRefused("locked", "The account is locked.", user_id=user.user_id)
        elif (known.name, known.roles, known.branches) != (user.name, user.roles, user.branches):
            directory.change(user, by="oidc")

    # -- the provider ----------------------------------------------------------------------------

    async def _discovered(self) -> Mapping[str, Any]:
        if not self._about:
            about = await self._ask("GET", f"{self._issuer}/.well-known/openid-configuration")
            wanted = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
            if any(not isinstance(about.get(name), str) for name in wanted):
                raise OidcRefused("provider", "The provider does not describe itself.")
            if about["issuer"].rstrip("/") != self._issuer:
                raise OidcRefused("provider", "The provider calls itself by another name.")
            self._about = about
        return self._about

    async def _signing_keys(self, *, fresh: bool) -> KeySet:
        if self._keys is None or fresh:
            about = await self._discovered()
            found: Any = await self._ask("GET", about["jwks_uri"])
            self._keys = KeySet.import_key_set(found)
        return self._keys

    async def _ask(self, method: str, address: str, **more: Any) -> Mapping[str, Any]:
        try:
            async with httpx.AsyncClient(timeout=_PATIENCE_SECONDS) as client:
                answer = await client.request(method, address, **more)
                answer.raise_for_status()
                found = answer.json()
        except (httpx.HTTPError, ValueError):
            raise OidcRefused("provider", "The provider cannot be asked now.") from None
        if not isinstance(found, dict):
            raise OidcRefused("provider", "The provider answered with something else.")
        return found

    # -- sign-ins under way ----------------------------------------------------------------------

    def _keep(self, state: str, nonce: str, verifier: str, goal: str) -> None:
        tables, now = self._directory().tables, now_us()
        kept = tables.table(SIGN_INS)
        with tables.writing() as connection:
            connection.execute(kept.delete().where(kept.c.made_us < now - _WITHIN_US))
            tables.insert(connection, SIGN_INS, (hash_of(state), nonce, verifier, goal, now))

    def _taken(self, state: str) -> tuple[str, str, str] | None:
        """What was kept of a sign-in, once: a code that is sent a second time finds nothing."""
        tables = self._directory().tables
        kept = tables.table(SIGN_INS)
        mine = kept.c.hash == hash_of(state)
        with tables.writing() as connection:
            found = connection.execute(select(kept).where(mine)).first()
            connection.execute(kept.delete().where(mine))
        if found is None or found.made_us < now_us() - _WITHIN_US:
            return None
        return found.nonce, found.verifier, found.goal


def _words(claim: Any) -> list[str]:
    """A claim that is a list of words, or words with spaces between."""
    if isinstance(claim, str):
        return claim.split()
    return [str(word) for word in claim] if isinstance(claim, list) else []
