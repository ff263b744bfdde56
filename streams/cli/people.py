"""`users` and `tokens`: who may sign in, and what programs send their messages with.

Runs beside `loanbell serve`. A password is asked for or read from a file, never an argument: those
are in the shell's history and the list of processes. A token is printed once.
"""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from ledger.dates import now_us
from ledger.errors import LoanError
from streams.cli.app import ConfigOption, DataOption, JsonOption, cli, err, out
from streams.cli.render import table
from streams.identity import passwords
from streams.identity.demo import demo_sign_ins
from streams.identity.directory import Directory, Tables, Token, User, UserRefused
from streams.identity.draws import secret, short_id
from streams.identity.person import ROLES
from streams.identity.rights import TOKEN_SCOPES
from streams.parts import people_place, secret_in
from streams.settings import Settings

PANEL = "People"
users = typer.Typer(no_args_is_help=True, help="Who may sign in, with which roles and branches.")
tokens = typer.Typer(no_args_is_help=True, help="What programs authenticate with.")
cli.add_typer(users, name="users", rich_help_panel=PANEL)
cli.add_typer(tokens, name="tokens", rich_help_panel=PANEL)
DAY_US = 86_400_000_000
_USER_ID = re.compile(r"[A-Za-z0-9._@-]{1,64}")

DatabaseOption = Annotated[
    str | None, typer.Option("--database", help="Of a book that is scaled out.")
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The name to sign in with.")]
RoleOption = Annotated[
    list[str], typer.Option("--role", help=f"One of {', '.join(ROLES)}; may be given again.")
]
BranchOption = Annotated[
    list[str] | None, typer.Option("--branch", help="A branch of theirs; may be given again.")
]
AllOption = Annotated[bool, typer.Option("--all-branches", help="The whole bank is theirs.")]
PasswordOption = Annotated[
    Path | None,
    typer.Option("--password-file", help="Its first line is the password; else it is asked for."),
]


class SecretUnread(LoanError):
    """No password could be read."""

    code = "secret_unread"


@contextmanager
def directory_of(
    data: Path | None, config: Path | None, database: str | None, *, make: bool = False
) -> Iterator[Directory]:
    """The tables of people that the options name, with `make` made if they are missing.

    Errors: UserRefused where there are none.
    """
    settings = Settings.load({"data": data, "database": database}, file=config)
    if not settings.database:
        if not make and not settings.users_db.exists():
            raise UserRefused(
                f"There are no users in {settings.data}.",
                way_out="`loanbell users add` makes the first; or name another folder by --data.",
            )
        settings.data.mkdir(parents=True, exist_ok=True)
    opened = Tables.open(people_place(settings))
    try:
        yield Directory(opened)
    finally:
        opened.close()


def whoever() -> str:
    """Who runs the command, for the audit."""
    try:
        return f"os:{getpass.getuser()}"
    except (OSError, KeyError):
        return f"os:{os.getuid()}"


def read_password(file: Path | None, user_id: str, *, new: bool) -> str:
    """A password from a file or from the terminal, twice if it is new.

    Errors: WeakPassword for a new one; SecretUnread.
    """
    if file is not None:
        given = secret_in(file)
    else:
        given = getpass.getpass(f"Password of {user_id}: ")
        if new and getpass.getpass("Once more: ") != given:
            raise SecretUnread("The two are not the same.", way_out="Type it twice.")
    if new:
        passwords.check(given, user_id)
    return given


@users.command("add")
def add(
    name: NameArgument,
    role: RoleOption,
    branch: BranchOption = None,
    all_branches: AllOption = False,
    full_name: Annotated[str, typer.Option("--full-name", help="As pages show it.")] = "",
    password_file: PasswordOption = None,
    without_password: Annotated[
        bool, typer.Option("--without-password", help="For a publisher, who has tokens only.")
    ] = False,
    data: DataOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Add a user. From the first one on, `loanbell serve` wants everybody to sign in.

    Officers and collections managers work in the branches named with --branch; all others see the
    whole bank unless a branch is named.
    """
    if not _USER_ID.fullmatch(name):
        raise UserRefused(f"{name[:70]!r} is no name.", way_out="Letters, digits and . _ @ -")
    user = _user(name, role, branch, all_branches, full_name)
    stored = None
    if not without_password:
        stored = passwords.hashed(read_password(password_file, name, new=True))
    with directory_of(data, config, database, make=True) as people:
        people.add(User(**{**_fields(user), "password": stored}), by=whoever())
    err.print(f"{name}: {user.told}")


@users.command("demo")
def demo(
    branch: Annotated[str, typer.Option("--branch", help="Where officer and manager work.")],
    data: DataOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Add one user of each role, to try things out; their passwords are made up and shown once."""
    with directory_of(data, config, database, make=True) as people:
        made = demo_sign_ins(people, branch, by=whoever())
    rows = [(one.user_id, one.password, one.told) for one in made]
    out.print(table("Sign-ins", ["user", "password", "roles; branches"], rows))


@users.command("change")
def change(
    name: NameArgument,
    role: RoleOption,
    branch: BranchOption = None,
    all_branches: AllOption = False,
    full_name: Annotated[str, typer.Option("--full-name", help="As pages show it.")] = "",
    data: DataOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Set a user's roles and branches. Whoever is signed in as that user is signed out."""
    user = _user(name, role, branch, all_branches, full_name)
    with directory_of(data, config, database) as people:
        people.change(user, by=whoever())
    err.print(f"{name}: {user.told}")


@users.command("password")
def password(
    name: NameArgument,
    password_file: PasswordOption = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Set a user's password. Whoever is signed in as that user is signed out."""
    with directory_of(data, config, database) as people:
        stored = passwords.hashed(read_password(password_file, name, new=True))
        people.set_password(name, stored, by=whoever())
    err.print(f"{name}: the password is set")


@users.command("unlock")
def unlock(
    name: NameArgument,
    data: DataOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Let a user try again who was locked out by too many wrong passwords."""
    with directory_of(data, config, database) as people:
        people.unlock(name, by=whoever())
    err.print(f"{name}: unlocked")


@users.command("remove")
def remove(
    name: NameArgument,
    data: DataOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Delete a user, the password, sessions and tokens. What they did stays on the audit trail."""
    with directory_of(data, config, database) as people:
        people.remove(name, by=whoever())
    err.print(f"{name}: removed")


@users.command("list")
def list_users(
    data: DataOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Who may sign in."""
    with directory_of(data, config, database) as people:
        found = people.users()
    if as_json:
        print(orjson.dumps([_told(user) for user in found]).decode())
        return
    rows = [
        (user.user_id, user.name, user.told, "locked" if user.locked else _way(user))
        for user in found
    ]
    out.print(table("Users", ["user", "name", "roles; branches", "signs in by"], rows))


@tokens.command("add")
def add_token(
    name: NameArgument,
    scope: Annotated[
        list[str], typer.Option("--scope", help=f"One of {', '.join(TOKEN_SCOPES)}; again for more")
    ],
    days: Annotated[int, typer.Option("--days", min=1, max=730, help="Until it expires.")] = 90,
    data: DataOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Make an API token of a user and print it, this once: `Authorization: Bearer …`.

    It does what its scopes and the user's roles both allow. It is stored as a hash.
    """
    if not scope or not set(scope) <= set(TOKEN_SCOPES):
        raise UserRefused("A token has a scope.", way_out=f"Scopes: {', '.join(TOKEN_SCOPES)}.")
    made, now = f"lb_{secret()}", now_us()
    token = Token(
        token_id=short_id(),
        user_id=name,
        scopes=frozenset(scope),
        made_us=now,
        expires_us=now + days * DAY_US,
        revoked_us=None,
    )
    with directory_of(data, config, database) as people:
        people.add_token(token, made, by=whoever())
    err.print(f"token {token.token_id} of {name} for {days} days; it is shown this once:")
    print(made)


@tokens.command("list")
def list_tokens(
    data: DataOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """The tokens: of whom, for what, until when. The tokens themselves are stored nowhere."""
    with directory_of(data, config, database) as people:
        found = people.tokens()
    now = now_us()
    rows = [
        (
            token.token_id,
            token.user_id,
            " ".join(sorted(token.scopes)),
            _state(token, now),
            max(0, token.expires_us - now) // DAY_US,
        )
        for token in found
    ]
    names = ["token", "user", "scopes", "state", "days left"]
    if as_json:
        print(orjson.dumps([dict(zip(names, row, strict=True)) for row in rows]).decode())
        return
    out.print(table("Tokens", names, [[str(cell) for cell in row] for row in rows]))


@tokens.command("revoke")
def revoke(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="As `tokens list` names it.")],
    data: DataOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """End a token at once."""
    with directory_of(data, config, database) as people:
        people.revoke(token, by=whoever())
    err.print(f"{token}: revoked")


def _user(
    name: str, roles: list[str], branches: list[str] | None, whole: bool, full_name: str
) -> User:
    """Errors: UserRefused when nobody said where somebody works who works in a branch."""
    given = frozenset(roles)
    if given & {"officer", "collections_manager"} and not branches and not whole:
        raise UserRefused(
            "An officer or collections manager works in branches.",
            way_out="Name them with --branch, or say --all-branches.",
        )
    return User(
        user_id=name,
        name=full_name or name,
        roles=given,
        branches=frozenset(branches) if branches and not whole else None,
    )


def _fields(user: User) -> dict[str, Any]:
    return {name: getattr(user, name) for name in ("user_id", "name", "roles", "branches")}


def _told(user: User) -> dict[str, Any]:
    return {
        "user_id": user.user_id,
        "name": user.name,
        "roles": sorted(user.roles),
        "branches": None if user.branches is None else sorted(user.branches),
        "locked": user.locked,
        "signs_in_by": _way(user),
    }


def _way(user: User) -> str:
    return "password" if user.password is not None else "OIDC or tokens"


def _state(token: Token, now: int) -> str:
    if token.revoked_us is not None:
        return "revoked"
    return "expired" if token.expires_us <= now else "valid"
