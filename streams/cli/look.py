"""Commands that only read: watch, loan, refusals, status."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.text import Text

from ledger.codec import topic_of
from ledger.dates import date_of_us
from ledger.errors import UnknownEntity
from ledger.events import WAITS, MessageRefused, WarningEscalated, WarningRaised, WarningReopened
from ledger.ids import REFUSALS_STREAM
from ledger.store import FactLog, Recorded
from projections.queries import Queries
from streams.cli.app import ConfigOption, DataOption, JsonOption, cli, err, out
from streams.cli.care import opened
from streams.cli.render import (
    GRADE_STYLE,
    SEVERITY_STYLE,
    amount,
    grade,
    pairs,
    severity,
    share,
    table,
)
from streams.cli.screen import one_line
from streams.settings import Settings

PAGE = 1_000
LARGEST = 2**63 - 1
"""No position and no count of a log is larger."""
SECONDS_BETWEEN_LOOKS = 0.5
DayOption = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DATE")]


@contextmanager
def queries(data: Path | None) -> Iterator[Queries]:
    """The views and facts of a data folder, to read only."""
    settings, store = opened(data, read_only=True)
    with store:
        reads = Queries.open(settings.views_db, store)
        try:
            yield reads
        finally:
            reads.close()


@cli.command(rich_help_panel="Read")
def watch(
    data: DataOption = None,
    as_json: JsonOption = False,
    after: Annotated[
        int | None,
        typer.Option(
            "--after", min=0, max=LARGEST, help="Position in the warnings log; 0 tells all of it."
        ),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Print what is there, then end.")] = False,
    broker: Annotated[
        str | None,
        typer.Option("--broker", help="Read the topic of published warnings: kafka://host:port."),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option("--group", help="Of the topic: share it with others, go on where it was."),
    ] = None,
    waits: Annotated[
        bool, typer.Option("--pending", help="Also what begins to wait, and what ended so.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Tail the warnings as they come: raised, escalated, referred, acknowledged, resolved, …

    Starts with what is new (`--after 0`: with all of history). It reads the data folder beside a
    running `loanbell serve`; over the network, read `/v1/warnings/stream`. With `--broker` it reads
    `loanbell.warnings.v1` as any other program may, and drops what comes twice.
    """

    def tell(item: Recorded) -> None:
        if type(item.fact) in WAITS and not waits:
            return
        print(_json_line(item)) if as_json else out.print(_line(item))

    if broker is not None or group is not None:
        from streams.cli.tailing import tail_topic  # noqa: PLC0415 (Kafka takes long to import)

        settings = Settings.load({"broker": broker}, file=config)
        tail_topic(settings, group, beginning=after is not None or once, once=once, show=tell)
        return
    _, store = opened(data, read_only=True)
    with store:
        start = store.warnings.last_position() if after is None and not once else after or 0
        for item in _tail(store.warnings, start, once=once):
            tell(item)


def _tail(log: FactLog, position: int, *, once: bool) -> Iterator[Recorded]:
    while True:
        page = log.read(after=position, limit=PAGE)
        yield from page
        if page:
            position = page[-1].position
        elif once:
            return
        else:
            time.sleep(SECONDS_BETWEEN_LOOKS)


def _line(item: Recorded) -> Text:
    fact = item.fact
    happened = topic_of(fact).split(".")[1].replace("_", " ")
    line = Text(f"{fact.value_date} ")
    if isinstance(fact, WarningRaised | WarningReopened | WarningEscalated):
        line.append_text(severity(fact.severity))
        line.append(f" {happened:<14} {fact.loan_id}  ")
        line.append(one_line(fact.reason), style=SEVERITY_STYLE[fact.severity])
    else:
        about = getattr(fact, "loan_id", "") or fact.pack  # rules adopted speak of no loan
        line.append(f"       {happened:<14} {about}  ", style="dim")
        said = (getattr(fact, name, "") for name in ("reason", "note", "action"))
        line.append(one_line(next(filter(None, said), "")), style="dim")
    return line


def _json_line(item: Recorded) -> str:
    kind = type(item.fact).__name__
    document: dict[str, Any] = {"position": item.position, "event_id": item.event_id, "type": kind}
    return orjson.dumps(document | {"fact": item.fact}).decode()


@cli.command(rich_help_panel="Read")
def loan(
    loan_id: Annotated[str, typer.Argument(metavar="ID")],
    data: DataOption = None,
    as_of: DayOption = None,
    known_on: DayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell a loan's story: its facts, warnings and grades, line by line, and where it stands.

    Two time axes: `--as-of DATE` leaves out what counts later; `--known-on DATE` leaves out what
    was learned later, so that it tells what an officer could know that day. Together they answer
    "what did we believe then about then?".
    """
    days = {"as_of": _day(as_of), "known_on": _day(known_on)}
    with queries(data) as reads:
        state = reads.loan(loan_id, **days)
        lines = reads.story(loan_id, as_of=days["as_of"], known_on=days["known_on"])
    if state is None or lines is None:
        raise UnknownEntity(
            f"The book has no loan {loan_id}{_then(days)}.",
            way_out="Ids look like L000001; a loan is known from its opening on.",
        )
    if as_json:
        print(orjson.dumps({"loan": state, "story": lines}).decode())
        return
    print_story(lines)
    print_loan(state)


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()


def _then(days: dict[str, date | None]) -> str:
    said = [f"{name.replace('_', ' ')} {day}" for name, day in days.items() if day is not None]
    return " " + ", ".join(said) if said else ""


def print_story(lines: list[dict[str, Any]]) -> None:
    """Dated lines; warnings and grades in their colours."""
    for line in lines:
        style = SEVERITY_STYLE.get(line["level"], GRADE_STYLE.get(line["level"], ""))
        mark = {"fact": " ", "warning": "▲", "grade": "■"}[line["kind"]]
        told = Text(f"{line['date']} ")
        told.append(f"{mark} {one_line(line['text'])}", style=style)
        out.print(told)


_INTEREST = {
    "interest earned": "interest_earned_minor",
    "penalty interest": "penalty_minor",
    "compound interest": "compound_minor",
}


def _interest(balance: dict[str, Any], currency: str) -> dict[str, str]:
    """What is known of interest by a day that was asked for."""
    return {word: amount(balance[name], currency) for word, name in _INTEREST.items()
            if balance.get(name)}  # fmt: skip


def print_loan(state: dict[str, Any]) -> None:
    """Where a loan stands."""
    currency, balance, judged = state["currency"], state["balance"], state["grade"]
    shown: dict[str, Any] = {
        "borrower": f"{state['borrower_id']}, {state['industry'] or 'industry unknown'}",
        "contract": f"{state['product']}, {amount(state['principal_minor'], currency)}, "
        f"{state['method']}, {state['instalments']} instalments",
        "officer": f"{state['officer_id']}, branch {state['branch']}",
        "status": state["status"],
        "outstanding": amount(balance.get("outstanding_minor"), currency),
        "arrears": amount(balance.get("arrears_minor"), currency),
        "days past due": balance.get("dpd_days", 0),
        **_interest(balance, currency),
        "risk grade": grade(judged["grade"]) if judged else "not graded yet",
    }
    if judged:
        shown["because"] = f"{judged['reason']} ({judged['regime']}, {judged['article']})"
    if state["account"]:
        shown["account"] = amount(state["account"]["balance_minor"], currency)
    for warning in state["warnings"]:
        name = Text.assemble(severity(warning["severity"]), f" {warning['reason']}")
        shown[f"open: {warning['rule']}"] = name
    out.print()
    out.print(pairs(f"Loan {state['loan_id']}", shown))


@cli.command(rich_help_panel="Read")
def refusals(
    data: DataOption = None,
    code: Annotated[str | None, typer.Option("--code", help="Only this reason.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=LARGEST, help="Newest so many.")] = 50,
    as_json: Annotated[
        bool, typer.Option("--json", help="All of them as JSON lines, with the original message.")
    ] = False,
) -> None:
    """List messages that the book refused: where they came from, why, and what was in them.

    `--json` gives each original back, so that it can be mended and sent again: as text, or in
    base64 when it is not UTF-8, as `encoding` says. Of one larger than 64 KiB only the beginning
    was kept: `cut` is true then, and `original_bytes` says how long it was.
    """
    if as_json:
        _, store = opened(data, read_only=True)
        with store:
            for item in store.ledger.stream(REFUSALS_STREAM):
                if code in (None, item.fact.code):
                    print(orjson.dumps(_original(item.fact)).decode())
        return
    with queries(data) as reads:
        rows = reads.refusals(code=code, limit=limit).rows
        total = sum(reads.refusal_counts().values())
    listed = [
        (row["source"], f"{row['source_offset']:,}", row["code"], row["reason"]) for row in rows
    ]
    out.print(table("Refused messages", ["source", "line", "reason", "why"], listed))
    err.print(f"{len(rows):,} shown of {total:,}; --json gives all, with the original messages")


def _original(fact: MessageRefused) -> dict[str, Any]:
    packed = fact.encoding == "base64"
    kept = base64.b64decode(fact.original) if packed else fact.original.encode()
    return {
        "source": fact.source,
        "line": fact.offset,
        "code": fact.code,
        "reason": fact.reason,
        "encoding": fact.encoding,
        "original": fact.original,
        "original_bytes": fact.original_bytes,
        "cut": len(kept) < fact.original_bytes,
        "recorded": date_of_us(fact.recorded_at_us),
    }


@cli.command(rich_help_panel="Read")
def status(
    data: DataOption = None,
    broker: Annotated[str | None, typer.Option("--broker", help="LOANBELL_BROKER.")] = None,
    database: Annotated[str | None, typer.Option("--database", help="LOANBELL_DATABASE.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how the book stands: business date, positions and lags, loans, warnings, refusals.

    Where a database is named (and no folder), it tells of each partition: who writes to it, how
    many messages wait before it, its last closed day and last fact.
    """
    settings = Settings.load({"broker": broker, "database": database}, file=config)
    if settings.database and data is None:
        from streams.cli.standing import print_scaled  # noqa: PLC0415 (Kafka takes long to import)

        print_scaled(settings, as_json=as_json)
        return
    with queries(data) as reads:
        now = reads.status()
        portfolio = reads.portfolio() if now["closed_date"] else {"currencies": []}
    if as_json:
        print(orjson.dumps({"status": now, "portfolio": portfolio}).decode())
        return
    loans = ", ".join(f"{count:,} {name}" for name, count in sorted(now["loans"].items()))
    out.print(
        pairs(
            f"LoanBell over {Settings.load({'data': data}).data}",
            {
                "last business day closed": now["closed_date"] or "none yet",
                "loans": loans or "none",
                "warnings open": _counts(now["open_warnings"]),
                "warnings of all time": _counts(now["warnings"]),
                "messages refused": f"{sum(now['refusals'].values()):,}",
            },
        )
    )
    for books in portfolio["currencies"]:
        print_portfolio(books)
    views = [
        (
            view["view"],
            f"{view['ledger_position']:,}",
            f"{view['warnings_position']:,}",
            f"{view['lag_facts']:,}",
        )
        for view in now["views"]
    ]
    out.print(table("Views", ["view", "ledger", "warnings", "behind"], views))


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())) or "none"


def print_portfolio(books: dict[str, Any]) -> None:
    """One currency's portfolio: outstanding, at risk, grades."""
    currency = books["currency"]
    shown = {
        "outstanding": amount(books["outstanding_minor"], currency),
        "arrears": amount(books["arrears_minor"], currency),
    }
    for par in books["par"]:
        shown[f"at risk over {par['over_days']} days"] = share(par["ratio"])
    out.print(pairs(f"Portfolio in {currency}", shown))
    rows = [
        (grade(row["grade"]), f"{row['loans']:,}", amount(row["outstanding_minor"], currency))
        for row in books["grades"]
    ]
    out.print(table("Risk grades", ["grade", "loans", "outstanding"], rows))
