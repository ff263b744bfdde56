"""`audit`: who saw and did what. `erase`: two people make texts about somebody unreadable.

Both take the data folder as it is. `audit` runs beside `loanbell serve`; `erase` writes the log, so
it wants the server stopped (beside it, two people use POST /v1/proposals).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from ledger.dates import date_of_us, now_us
from ledger.errors import LoanError
from ledger.events import BorrowerErased
from ledger.store import FactLog, PostgresAudit, Store
from streams.cli.app import ConfigOption, DataOption, JsonOption, cli, err, out
from streams.cli.care import opened
from streams.cli.people import DatabaseOption, PasswordOption, read_password
from streams.cli.screen import one_line
from streams.identity import history
from streams.identity.rights import TWO_PEOPLE, can
from streams.identity.service import Identity
from streams.identity.trail import Trail
from streams.parts import database_of, open_vault, people_place
from streams.settings import Settings

PANEL = "People"
_SHOWN_LAST = ("position", "kind", "recorded_at_us", "value_date")


class NotTwo(LoanError):
    """It takes two people, each with the role for their part."""

    code = "two_people"


@cli.command(rich_help_panel=PANEL)
def audit(
    person: Annotated[str | None, typer.Option("--person", help="Who saw or did it.")] = None,
    borrower: Annotated[str | None, typer.Option("--borrower", help="About whom.")] = None,
    day: Annotated[str | None, typer.Option("--day", help="As 2026-11-26, UTC.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Lines at most.")] = 100,
    data: DataOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who signed in, who saw which borrower, who did what, and what was refused; newest first.

    Its hash chain is checked by `loanbell check`, with those of the facts.
    """
    on = None if day is None else _day(day)
    settings = Settings.load({"database": database, "data": data}, file=config)
    if settings.database:
        shared = PostgresAudit.open(database_of(settings))
        rows = _found(shared.audit, person, borrower, on, limit)
        shared.close()
    else:
        _, store = opened(data, read_only=True, config=config)
        with store:
            rows = _found(store.audit, person, borrower, on, limit)
            _tell_waiting(Identity(people_place(settings)), store.audit)
    for row in rows:
        if as_json:
            print(orjson.dumps(row).decode())
        else:
            print(one_line(_line(row)))


def _tell_waiting(identity: Identity, log: FactLog) -> None:
    """Say so where a command changed users and no server has told the log yet."""
    try:
        waiting = Trail(log, identity.tables).waiting()
    finally:
        identity.close()
    if waiting:
        err.print(f"{waiting} changes of users are not in the log yet; `loanbell serve` tells it")


def _found(
    log: FactLog, person: str | None, borrower: str | None, on: date | None, limit: int
) -> list[dict[str, Any]]:
    """The whole log is searched, page by page."""
    rows: list[dict[str, Any]] = []
    before: int | None = None
    while True:
        wanted = min(1_000, limit - len(rows))
        page, before = history.find(
            log, person=person, borrower=borrower, day=on, before=before, limit=wanted
        )
        rows += page
        if before is None or len(rows) >= limit:
            return rows


def _line(row: dict[str, Any]) -> str:
    moment = f"{date_of_us(row['recorded_at_us'])} {_time(row['recorded_at_us'])}"
    told = {name: value for name, value in row.items() if name not in _SHOWN_LAST and value}
    words = "  ".join(f"{name}={_word(value)}" for name, value in told.items())
    return f"{row['position']:>8}  {moment}  {row['kind']:<17} {words}"


def _time(moment_us: int) -> str:
    seconds = moment_us // 1_000_000 % 86_400
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _word(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("A day looks like 2026-11-26.", param_hint="--day") from None


@cli.command(rich_help_panel=PANEL)
def erase(
    borrower: Annotated[str, typer.Argument(metavar="BORROWER", help="Whose texts.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; kept for ever.")],
    by: Annotated[str, typer.Option("--by", help="Who asks: an operator or risk manager.")],
    approved_by: Annotated[str, typer.Option("--approved-by", help="A risk manager, another one.")],
    password_file: PasswordOption = None,
    second_password_file: Annotated[
        Path | None, typer.Option("--second-password-file", help="That of the second person.")
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Drop a borrower's key: notes and remarks about them can never be read again.

    Both people give their passwords. The facts stay, and with them the hash chains and all figures;
    that it was done, why and by whom is a fact of the audit log.
    """
    settings, store = opened(data, read_only=False, config=config)
    with store:
        identity = Identity(people_place(settings))
        try:
            _prove(identity, by, approved_by, password_file, second_password_file)
            _erase(settings, store, Trail(store.audit, identity.tables), borrower, reason,
                   (by, approved_by))  # fmt: skip
        finally:
            identity.close()
    out.tell("erased", f"what was written about {borrower}", style="bold")


def _prove(
    identity: Identity, first: str, second: str, first_file: Path | None, second_file: Path | None
) -> None:
    """Errors: NotTwo, SignInFailed, TooManyTries."""
    if first == second:
        raise NotTwo("One person is not two.", way_out="Let somebody else approve it.")
    asks, approves = TWO_PEOPLE["erasure"]
    parts = ((first, first_file, asks, "ask for"), (second, second_file, approves, "approve"))
    for user_id, file, roles, what in parts:
        user = identity.proven(user_id, read_password(file, user_id, new=False), "console")
        if not user.roles & roles or not can(user.person(), "proposals"):
            raise NotTwo(
                f"{user_id} may not {what} it.", way_out=f"Roles: {', '.join(sorted(roles))}."
            )


def _erase(
    settings: Settings,
    store: Store,
    trail: Trail,
    borrower: str,
    reason: str,
    people: tuple[str, str],
) -> None:
    """The fact first: if the key is not dropped then, the same command does it again."""
    now = now_us()
    fact = BorrowerErased(
        borrower_id=borrower,
        reason=reason,
        requested_by=people[0],
        approved_by=people[1],
        value_date=date_of_us(now),
        recorded_at_us=now,
    )
    vault = open_vault(settings)
    try:
        trail.commit([fact])
        vault.drop(borrower)
    finally:
        vault.close()
