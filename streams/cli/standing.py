"""`loanbell status` over a broker and a database: partitions, owners, lag, business date."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

import orjson

from streams.cli.app import err, out
from streams.cli.render import pairs, table
from streams.settings import Settings
from streams.standing import PartitionStatus, ScaledStatus, scaled_status


def print_scaled(settings: Settings, *, as_json: bool) -> None:
    """Print how all partitions stand. Errors: StoreUnavailable."""
    now = scaled_status(settings)
    if as_json:
        found = asdict(now) | {"closed_date": now.closed_date}
        print(orjson.dumps(found).decode())
        return
    out.print(pairs(f"LoanBell of group {settings.group}", _summary(now)))
    columns = [
        "partition", "owner", "closed", "facts", "last fact", "waiting", "unpublished",
    ]  # fmt: skip
    out.print(table("Partitions", columns, map(_row, now.partitions)))
    if now.broker_error:
        err.tell("warning:", f"what waits is not known: {now.broker_error}", style="bold yellow")


def _summary(now: ScaledStatus) -> dict[str, str]:
    waiting = [each.waiting_messages for each in now.partitions]
    known = [count for count in waiting if count is not None]
    unowned = sum(not each.owner for each in now.partitions)
    return {
        "last business day closed by all": str(now.closed_date or "none yet"),
        "partitions": f"{len(now.partitions)}, {unowned} without a worker",
        "facts": f"{sum(each.ledger_facts for each in now.partitions):,}",
        "facts about warnings": f"{sum(each.warnings_facts for each in now.partitions):,}",
        "messages waiting": f"{sum(known):,}" if len(known) == len(waiting) else "unknown",
    }


def _row(each: PartitionStatus) -> tuple[str, ...]:
    return (
        str(each.partition),
        each.owner or "nobody",
        str(each.closed_through_date or "–"),
        f"{each.ledger_facts:,}",
        _moment(each.last_recorded_at_us),
        "?" if each.waiting_messages is None else f"{each.waiting_messages:,}",
        f"{each.unpublished_facts:,}",
    )


def _moment(at_us: int | None) -> str:
    if at_us is None:
        return "–"
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
