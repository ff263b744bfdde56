"""Users, sessions and tokens in their tables. Any process may open them; every change is durable.

Secrets come in as what the person holds and are stored as hashes. A change by a person or a command
is noted in `acts` in the same commit. Decides nothing about routes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from ledger.dates import now_us
from ledger.errors import LoanError
from projections.tables import Connection, Database, Place, Row, Table, TableSpec, func, select
from streams.identity.draws import hash_of
from streams.identity.person import ROLES, Person
from streams.identity.tables import ACTS, ALL, SESSIONS, SIGN_INS, TOKENS, USERS


class UserRefused(LoanError):
    """A user, role or token is not as it must be; the message says what."""

    code = "user_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A row of the users. `branches` None: the whole bank. `password` None: signs in by OIDC."""

    user_id: str
    name: str
    roles: frozenset[str]
    branches: frozenset[str] | None
    password: str | None = field(default=None, repr=False)
    failed: int = 0
    locked: bool = False
    made_us: int = 0

    def person(self, scopes: frozenset[str] | None = None) -> Person:
        """Who it is once signed in, by a session or by a token of `scopes`."""
        return Person(
            user_id=self.user_id, name=self.name, roles=self.roles, branches=self.branches,
            scopes=scopes,
        )  # fmt: skip

    @property
    def told(self) -> str:
        """Roles and branches, for people."""
        where = "all branches" if self.branches is None else ", ".join(sorted(self.branches))
        return f"{', '.join(sorted(self.roles))}; {where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A row of the tokens; the token itself is stored nowhere."""

    token_id: str
    user_id: str
    scopes: frozenset[str]
    made_us: int
    expires_us: int
    revoked_us: int | None


@dataclass(frozen=True, slots=True)
class Act:
    """Who changed what, waiting to be told to the audit log."""

    number: int
    by: str
    what: str
    subject: str
    detail: str
    moment_us: int


class Tables:
    """The tables of people, one connection to read and one to write. Make it with `open`."""

    def __init__(self, reads: Database, writes: Database) -> None:
        self._reads, self._writes = reads, writes

    @classmethod
    def open(cls, place: Place) -> Tables:
        """Open them at `place`, made if missing. Errors: StoreUnavailable."""
        writes = Database.open(place, durable=True, tables=ALL)
        return cls(Database.open(place, read_only=True), writes)

    def close(self) -> None:
        """Let go of the tables."""
        self._reads.close()
        self._writes.close()

    def table(self, spec: TableSpec) -> Table:
        """A table, for statements."""
        return self._writes.table(spec)

    def rows(self, statement: Any) -> Sequence[Any]:
        """What a query gives, as of one moment."""
        with self._reads.reading() as connection:
            return connection.execute(statement).all()

    def first(self, statement: Any) -> Any:
        """The first row of a query, or None."""
        with self._reads.reading() as connection:
            return connection.execute(statement).first()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: all of it is kept, or, on any error, nothing."""
        with self._writes.writing() as connection:
            yield connection

    def insert(self, connection: Connection, spec: TableSpec, row: Row) -> bool:
        """Insert a row; False when its key is there already."""
        table = self.table(spec)
        values = dict(zip(spec.column_names, row, strict=True))
        keys = [table.c[name] == values[name] for name in spec.key_names]
        if connection.execute(select(table).where(*keys)).first() is not None:
            return False
        connection.execute(table.insert().values(values))
        return True

    def note(self, connection: Connection, by: str, what: str, subject: str, detail: str) -> None:
        """Put a change into the outbox of the audit log, in its own transaction."""
        acts = self.table(ACTS)
        last = connection.execute(select(func.max(acts.c.number))).scalar() or 0
        row = (last + 1, by, what, subject, detail, now_us())
        connection.execute(acts.insert().values(dict(zip(ACTS.column_names, row, strict=True))))

    def acts(self) -> list[Act]:
        """What waits for the audit log, in order. The last one told stays, to go on counting."""
        acts = self.table(ACTS)
        return [Act(*row) for row in self.rows(select(acts).order_by(acts.c.number))]

    def forget_acts(self, before: int) -> None:
        """Take out what was told, up to but without number `before`."""
        acts = self.table(ACTS)
        with self.writing() as connection:
            connection.execute(acts.delete().where(acts.c.number < before))


class Directory:
    """Users, their sessions and tokens."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self._users, self._sessions = tables.table(USERS), tables.table(SESSIONS)
        self._tokens, self._sign_ins = tables.table(TOKENS), tables.table(SIGN_INS)

    # -- users -----------------------------------------------------------------------------------

    def has_users(self) -> bool:
        """Whether there is any."""
        return self.tables.first(select(self._users.c.user_id).limit(1)) is not None

    def users(self) -> list[User]:
        """All of them, by id."""
        return [*map(_user, self.tables.rows(select(self._users).order_by(self._users.c.user_id)))]

    def user(self, user_id: str) -> User | None:
        """One, by id."""
        found = self.tables.first(select(self._users).where(self._users.c.user_id == user_id))
        return _user(found) if found is not None else None

    def add(self, user: User, *, by: str) -> None:
        """Add a user. Errors: UserRefused when the id is taken or a role is none."""
        _check_roles(user)
        row = (
            user.user_id, user.name, _roles(user), _branches(user), user.password, 0, 0, now_us(),
        )  # fmt: skip
        with self.tables.writing() as connection:
            if not self.tables.insert(connection, USERS, row):
                raise UserRefused(f"There is a user {user.user_id}.", way_out="Take another id.")
            self.tables.note(connection, by, "user_added", user.user_id, user.told)

    def change(self, user: User, *, by: str) -> None:
        """Set name, roles and branches; whoever is signed in as that user is signed out."""
        _check_roles(user)
        with self.tables.writing() as connection:
            self._set(
                connection, user.user_id, name=user.name, roles=_roles(user),
                branches=_branches(user),
            )  # fmt: skip
            self._end_sessions(connection, user.user_id)
            self.tables.note(connection, by, "user_changed", user.user_id, user.told)

    def set_password(self, user_id: str, stored: str, *, by: str) -> None:
        """Set what is stored of the password; whoever is signed in as that user is signed out."""
        with self.tables.writing() as connection:
            self._set(connection, user_id, password=stored, failed=0)
            self._end_sessions(connection, user_id)
            self.tables.note(connection, by, "password_set", user_id, "")

    def rehash(self, user_id: str, stored: str) -> None:
        """Keep the same password hashed with other parameters."""
        with self.tables.writing() as connection:
            self._set(connection, user_id, password=stored)

    def remove(self, user_id: str, *, by: str) -> None:
        """Delete a user with password, sessions and tokens. What they did stays in the logs."""
        with self.tables.writing() as connection:
            self._end_sessions(connection, user_id)
            connection.execute(self._tokens.delete().where(self._tokens.c.user_id == user_id))
            gone = connection.execute(self._users.delete().where(self._users.c.user_id == user_id))
            if not gone.rowcount:
                raise _no_user(user_id)
            self.tables.note(connection, by, "user_removed", user_id, "")

    def failed(self, user_id: str, *, most: int) -> bool:
        """Count a wrong password; True when this one locked the account."""
        with self.tables.writing() as connection:
            counted = self._users.c.failed
            self._set(connection, user_id, failed=counted + 1)
            asked = select(counted, self._users.c.locked).where(self._users.c.user_id == user_id)
            failed, locked = connection.execute(asked).one()
            if failed < most or locked:
                return False
            self._set(connection, user_id, locked=1)
            self._end_sessions(connection, user_id)
        return True

    def unlock(self, user_id: str, *, by: str) -> None:
        """Let a locked user try again. Errors: UserRefused when there is no such user."""
        with self.tables.writing() as connection:
            self._set(connection, user_id, failed=0, locked=0)
            self.tables.note(connection, by, "user_unlocked", user_id, "")

    def _set(self, connection: Connection, user_id: str, **values: Any) -> None:
        changed = self._users.update().where(self._users.c.user_id == user_id).values(**values)
        if not connection.execute(changed).rowcount:
            raise _no_user(user_id)

    def _end_sessions(self, connection: Connection, user_id: str) -> None:
        connection.execute(self._sessions.delete().where(self._sessions.c.user_id == user_id))

    # -- sessions --------------------------------------------------------------------------------

    def begin_session(self, user_id: str, secret: str, *, longest_us: int) -> None:
        """Note a session, and forget those that are over. Counts the user's failures from 0."""
        now = now_us()
        with self.tables.writing() as connection:
            self._set(connection, user_id, failed=0)
            connection.execute(
                self._sessions.delete().where(self._sessions.c.made_us < now - longest_us)
            )
            self.tables.insert(connection, SESSIONS, (hash_of(secret), user_id, now, now))

    def session(self, secret: str) -> tuple[User, int, int] | None:
        """The user of a session, when it began and when it was last seen; None when unknown."""
        both = select(self._sessions.c.made_us, self._sessions.c.seen_us, *self._users.c)
        found = self.tables.first(
            both.where(self._sessions.c.hash == hash_of(secret)).where(
                self._sessions.c.user_id == self._users.c.user_id
            )
        )
        return None if found is None else (_user(found[2:]), found[0], found[1])

    def seen(self, secret: str) -> None:
        """Note that a session was used just now."""
        mine = self._sessions.c.hash == hash_of(secret)
        with self.tables.writing() as connection:
            connection.execute(self._sessions.update().where(mine).values(seen_us=now_us()))

    def end_session(self, secret: str) -> None:
        """Sign out."""
        with self.tables.writing() as connection:
            mine = self._sessions.c.hash == hash_of(secret)
            connection.execute(self._sessions.delete().where(mine))

    # -- tokens ----------------------------------------------------------------------------------

    def add_token(self, token: Token, secret: str, *, by: str) -> None:
        """Keep a token's hash. Errors: UserRefused when there is no such user."""
        if self.user(token.user_id) is None:
            raise _no_user(token.user_id)
        scopes = " ".join(sorted(token.scopes))
        row = (
            hash_of(secret), token.token_id, token.user_id, scopes, token.made_us,
            token.expires_us, None,
        )  # fmt: skip
        with self.tables.writing() as connection:
            self.tables.insert(connection, TOKENS, row)
            subject = f"{token.user_id}/{token.token_id}"
            self.tables.note(connection, by, "token_added", subject, scopes)

    def tokens(self) -> list[Token]:
        """All of them, revoked ones too, by user."""
        order = (self._tokens.c.user_id, self._tokens.c.made_us)
        return [*map(_token, self.tables.rows(select(self._tokens).order_by(*order)))]

    def token(self, secret: str) -> tuple[User, Token] | None:
        """The token and its user; None when there is no such token."""
        both = select(*self._tokens.c, *self._users.c)
        found = self.tables.first(
            both.where(self._tokens.c.hash == hash_of(secret)).where(
                self._tokens.c.user_id == self._users.c.user_id
            )
        )
        width = len(TOKENS.columns)
        return None if found is None else (_user(found[width:]), _token(found[:width]))

    def revoke(self, token_id: str, *, by: str) -> None:
        """End a token at once. Errors: UserRefused when there is no such token."""
        mine = self._tokens.c.token_id == token_id
        with self.tables.writing() as connection:
            ended = connection.execute(
                self._tokens.update().where(mine).values(revoked_us=now_us())
            )
            if not ended.rowcount:
                raise UserRefused(
                    f"There is no token {token_id}.", way_out="See loanbell tokens list."
                )
            self.tables.note(connection, by, "token_revoked", token_id, "")


def _user(row: Any) -> User:
    user_id, name, roles, branches, password, failed, locked, made_us = row
    return User(
        user_id=user_id,
        name=name,
        roles=frozenset(roles.split()),
        branches=None if branches is None else frozenset(orjson.loads(branches)),
        password=password,
        failed=failed,
        locked=bool(locked),
        made_us=made_us,
    )


def _token(row: Any) -> Token:
    _, token_id, user_id, scopes, made_us, expires_us, revoked_us = row
    return Token(
        token_id=token_id, user_id=user_id, scopes=frozenset(scopes.split()), made_us=made_us,
        expires_us=expires_us, revoked_us=revoked_us,
    )  # fmt: skip


def _roles(user: User) -> str:
    return " ".join(sorted(user.roles))


def _branches(user: User) -> str | None:
    return None if user.branches is None else orjson.dumps(sorted(user.branches)).decode()


def _check_roles(user: User) -> None:
    """Errors: UserRefused."""
    if not user.roles or not user.roles <= frozenset(ROLES):
        raise UserRefused("A user has one role or more.", way_out=f"Roles: {', '.join(ROLES)}.")
    if user.roles & {"publisher", "operator"} and user.branches is not None:
        raise UserRefused(
            "A publisher or operator speaks for the whole bank: what they send or run belongs to "
            "no branch.",
            way_out="Leave the branches out.",
        )
    if user.branches is not None and not user.branches:
        raise UserRefused("Nobody works in no branch.", way_out="Name one with --branch.")


def _no_user(user_id: str) -> UserRefused:
    return UserRefused(f"There is no user {user_id}.", way_out="See loanbell users list.")
