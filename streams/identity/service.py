"""Signing in: from a password, a session or a token to a person, and how often it may be tried.

One object for a process. The tables may be made by a command while the process runs, so they are
opened when they are there. Knows no HTTP; the audit of it is the caller's.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ledger.dates import now_us
from ledger.errors import LoanError
from projections.tables import Place
from streams.identity import passwords
from streams.identity.directory import Directory, Tables, User
from streams.identity.draws import derived, secret
from streams.identity.person import Person

SignIn = Literal["auto", "required", "open"]
"""auto: wanted once there is a user, and on any address but loopback. open: never wanted."""
IDLE_US = 30 * 60 * 1_000_000
LONGEST_US = 12 * 3_600 * 1_000_000
MOST_FAILURES = 10
"""So many wrong passwords in a row lock an account until an operator unlocks it."""
MOST_TRIES = 10
"""That failed, of one address at one name, within `TRIES_US`; of one address at any, ten times as
many: a proxy's address is everybody's."""
TRIES_US = 5 * 60 * 1_000_000
_SEEN_US = 60 * 1_000_000
_LOOK_US = 1_000_000
_HASHING = 2
"""Passwords hashed at once: each takes 64 MiB and a core."""
_QUEUE = 16
"""Passwords that are hashed or wait for it."""
_ADDRESSES = 10_000


class SignInFailed(LoanError):
    """Nobody is signed in. `why` is for the audit; the message says the same to all."""

    code = "sign_in_failed"

    def __init__(self, why: str, *, user_id: str = "", locked: bool = False) -> None:
        super().__init__(
            "The name or the password is wrong, or the account is locked.",
            way_out="Try again; an operator unlocks accounts: loanbell users unlock NAME.",
        )
        self.why, self.user_id, self.locked = why, user_id, locked


class TooManyTries(LoanError):
    """Signing in was tried too often."""

    code = "too_many_tries"


@dataclass(frozen=True, slots=True)
class Caller:
    """A person and how they are known; `csrf` is what a session's forms must carry, None: none."""

    person: Person
    csrf: str | None = None


class Identity:
    """Who is who. Any thread may call; every method may wait for the tables."""

    def __init__(self, place: Place, mode: SignIn = "auto") -> None:
        self._place, self.mode = place, mode
        self._lock = threading.Lock()
        self._tables: Tables | None = None
        self._has_users = False
        self._looked_us = 0
        self._hashing = threading.BoundedSemaphore(_HASHING)
        self._queue = threading.BoundedSemaphore(_QUEUE)
        self._tries = Tries()

    def tables(self) -> Tables | None:
        """The tables, when anybody has made them."""
        with self._lock:
            if self._tables is None and _is_there(self._place):
                self._tables = Tables.open(self._place)
            return self._tables

    def made(self) -> Tables:
        """The tables, made if they are missing."""
        with self._lock:
            if self._tables is None:
                self._tables = Tables.open(self._place)
            return self._tables

    def directory(self) -> Directory:
        """Users, sessions and tokens."""
        return Directory(self.made())

    def close(self) -> None:
        """Let go of the tables."""
        with self._lock:
            if self._tables is not None:
                self._tables.close()
                self._tables = None

    @property
    def required(self) -> bool:
        """Whether signing in is wanted; looks for the first user once a second until there is."""
        known = self.known_required
        if known is not None:
            return known
        tables = self.tables()
        self._has_users = tables is not None and Directory(tables).has_users()
        self._looked_us = now_us()
        return self._has_users

    @property
    def known_required(self) -> bool | None:
        """The same where nothing has to be looked up for it, else None. Never waits."""
        if self.mode != "auto":
            return self.mode == "required"
        fresh = self._has_users or now_us() - self._looked_us <= _LOOK_US
        return self._has_users if fresh else None

    # -- signing in ------------------------------------------------------------------------------

    def sign_in(self, user_id: str, password: str, address: str) -> tuple[Person, str]:
        """Check a password; returns the person and the secret of a new session.

        Errors: as `proven`.
        """
        user = self.proven(user_id, password, address)
        return user.person(), self.begin(user)

    def proven(self, user_id: str, password: str, address: str) -> User:
        """The user whose password it is.

        Errors: TooManyTries; SignInFailed, the same for a wrong name, password or a locked account.
        """
        self._tries.count(address, user_id)
        directory = self.directory()
        user = directory.user(user_id)
        usable = user is not None and not user.locked
        fits = self._fits(user.password if user is not None and usable else None, password)
        if user is None:
            raise SignInFailed("unknown_user")
        if user.locked:
            raise SignInFailed("locked", user_id=user_id)
        if not fits:
            locked = directory.failed(user_id, most=MOST_FAILURES)
            raise SignInFailed("password", user_id=user_id, locked=locked)
        if user.password is not None and passwords.is_old(user.password):
            directory.rehash(user_id, passwords.hashed(password))
        self._tries.forgive(address, user_id)
        return user

    def _fits(self, stored: str | None, password: str) -> bool:
        """Whether the password is the one. Errors: TooManyTries when too many are being checked.

        Each takes a core and 64 MiB, and while it waits a thread that reads are answered in.
        """
        if not self._queue.acquire(blocking=False):
            raise TooManyTries("Too many sign in at this moment.", way_out="Try again in a moment.")
        try:
            with self._hashing:
                return passwords.fits(stored, password)
        finally:
            self._queue.release()

    def begin(self, user: User) -> str:
        """A new session of a user who proved who they are; returns its secret."""
        made = secret()
        self.directory().begin_session(user.user_id, made, longest_us=LONGEST_US)
        return made

    def sign_out(self, session: str) -> None:
        """End a session."""
        self.directory().end_session(session)

    def of_session(self, session: str) -> Caller | None:
        """Who a session is of; None when it is over. An idle one ends after `IDLE_US`."""
        tables = self.tables()
        found = Directory(tables).session(session) if tables is not None else None
        if tables is None or found is None:
            return None
        user, made_us, seen_us = found
        now = now_us()
        if user.locked or now - seen_us > IDLE_US or now - made_us > LONGEST_US:
            Directory(tables).end_session(session)
            return None
        if now - seen_us > _SEEN_US:
            Directory(tables).seen(session)
        return Caller(user.person(), csrf=csrf_of(session))

    def of_token(self, token: str) -> Caller | None:
        """Who an API token is of; None when it is unknown, revoked or expired."""
        tables = self.tables()
        found = Directory(tables).token(token) if tables is not None else None
        if found is None:
            return None
        user, kept = found
        if kept.revoked_us is not None or kept.expires_us <= now_us() or user.locked:
            return None
        return Caller(user.person(kept.scopes))


def csrf_of(session: str) -> str:
    """What the forms of a session carry: made from its secret, which no script can read."""
    return derived(session, "csrf")


class Tries:
    """Attempts to sign in that failed, by address and name, within minutes. Bounded in memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: OrderedDict[tuple[str, ...], deque[int]] = OrderedDict()

    def forgive(self, address: str, user_id: str) -> None:
        """Take back the last one: it did not fail."""
        with self._lock:
            for key in ((address, user_id), (address,)):
                moments = self._of.get(key)
                if moments:
                    moments.pop()

    def count(self, address: str, user_id: str) -> None:
        """Count one before it is known to fail. Errors: TooManyTries."""
        now = now_us()
        with self._lock:
            for key, most in (((address, user_id), MOST_TRIES), ((address,), 10 * MOST_TRIES)):
                moments = self._of.setdefault(key, deque())
                self._of.move_to_end(key)
                while moments and moments[0] < now - TRIES_US:
                    moments.popleft()
                if len(moments) >= most:
                    raise TooManyTries(
                        "Signing in was tried too often.", way_out="Wait five minutes."
                    )
                moments.append(now)
            while len(self._of) > _ADDRESSES:
                self._of.popitem(last=False)


def _is_there(place: Place) -> bool:
    return place.exists() if isinstance(place, Path) else not isinstance(place, str)
