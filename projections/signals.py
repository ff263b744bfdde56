"""Open warnings as an input of grades, where a regime says so: joined when grades are read.

The grade by the rules stands in the view; what listed warnings lower it to is said at reading, so
that neither log waits for the other. A warning counts from its value date until it is resolved,
found false or withdrawn. Totals of the portfolio stay with the grades by the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ledger.dates import date_of
from projections.reading import Answer
from projections.regime import Regime, Signals
from projections.tables import Connection, Database, select
from projections.warnings import ENDED, HISTORY, STATE_AFTER, WARNINGS
from projections.wording import count_text


def signals_of(regime: Regime, day: int) -> Signals | None:
    """The rule that warnings lower grades by on a day; None where it is off."""
    rule = regime.on(day).signals
    return rule if rule is not None and rule.enabled else None


def lowered(
    database: Database, connection: Connection, regime: Regime, rows: Sequence[Answer], day: int
) -> list[Answer]:
    """Rows of grades at the end of `day`, with `grade_by_rules`, lowered where a warning asks."""
    rule = signals_of(regime, day)
    stood = {} if rule is None else _open(database, connection, rule, rows, day)
    return [
        {**row, "grade_by_rules": row["grade"], **_lower(regime, rule, row, stood)} for row in rows
    ]


def _lower(
    regime: Regime, rule: Signals | None, row: Answer, stood: dict[str, list[Answer]]
) -> Answer:
    found = stood.get(row["loan_id"], [])
    rank = row["rank"]
    if rule is None or not found or rank >= rule.lowest_rank:
        return {}
    rank = min(rank + rule.notches, rule.lowest_rank)
    grade, first = regime.grades[rank], found[0]
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    text = (
        f"The warning {first['rule']} is open since {date_of(first['value_day'])}{more}: "
        f"{count_text(rule.notches, 'notch')} down from {row['grade'].replace('_', ' ')}, which "
        f"the rules ask for. {row['reason']}"
    )
    performing = {"performing": grade.performing} if "performing" in row else {}
    return {
        **performing,
        "grade": grade.name,
        "rank": rank,
        "rule": "warning",
        "reason": text,
        "article": rule.origin.article,
        "source": rule.origin.source,
        "mark": rule.origin.mark,
        "causes": [warning["warning_id"] for warning in found],
    }


def _open(
    database: Database, connection: Connection, rule: Signals, rows: Iterable[Answer], day: int
) -> dict[str, list[Answer]]:
    """Listed warnings open at the end of `day`, by loan, the oldest first."""
    warnings, history = database.table(WARNINGS), database.table(HISTORY)
    loans = sorted({row["loan_id"] for row in rows})
    statement = (
        select(
            history.c.loan_id,
            history.c.warning_id,
            history.c.change,
            history.c.value_day,
            warnings.c.rule,
        )
        .where(history.c.warning_id == warnings.c.warning_id)
        .where(history.c.loan_id.in_(loans))
        .where(warnings.c.rule.in_(rule.rules))
        .where(history.c.value_day <= day)
        .order_by(history.c.position)
    )
    standing: dict[str, Answer] = {}
    for found in connection.execute(statement).mappings():
        change: dict[str, Any] = dict(found)
        if STATE_AFTER.get(change["change"]) in ENDED:
            standing.pop(change["warning_id"], None)
        else:
            standing.setdefault(change["warning_id"], change)
    by_loan: dict[str, list[Answer]] = {}
    for warning in standing.values():
        by_loan.setdefault(warning["loan_id"], []).append(warning)
    return by_loan
