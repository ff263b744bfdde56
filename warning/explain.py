"""Why a rule rings, or does not: each part of its conditions, with the values it read.

Pure; what the values were is found by letting a watch live through the facts (`lived_through`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from ledger.dates import Calendar
from ledger.errors import UnknownEntity
from ledger.events import BusinessDayClosed
from ledger.store import Recorded
from warning.engine import FactsOf
from warning.expressions import Condition, FloatArray, Values, parts_of
from warning.indicators import CATALOGUE
from warning.pack import SEVERITIES, Pack, Rule
from warning.recollection import batches
from warning.watch import Watch

_FACTS = 20_000


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a condition: whether it holds (None: unknown), and what it read."""

    depth: int
    text: str
    holds: bool | None
    readings: dict[str, float]


@dataclass(frozen=True, slots=True)
class Explanation:
    """One rule about one loan at the close of `day`. `state` is quiet, pending, or a severity."""

    rule: Rule
    loan_id: str
    day: date
    conditions: dict[str, list[Part]]
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class Past:
    """A watch at the close of `day`, and the columns of all loans that it read then."""

    watch: Watch
    day: date
    values: Values


def explained(condition: Condition, values: Mapping[str, float]) -> list[Part]:
    """The condition and its parts over one loan's values."""
    return [
        Part(depth, part.text, _truth(part, values), {name: values[name] for name in part.names})
        for depth, part in parts_of(condition, CATALOGUE)
    ]


def _truth(condition: Condition, values: Mapping[str, float]) -> bool | None:
    if condition.holds_in(values):
        return True
    return False if condition.opposite().holds_in(values) else None


def explain(past: Past, rule: Rule, loan_id: str) -> Explanation:
    """Why `rule` rings about the loan at the last close of `past`, or does not.

    Errors: UnknownEntity for a loan that the book did not have then.
    """
    watch, values = past.watch, past.values
    row = watch.engine.row_of(loan_id)
    if row < 0 or row >= min(map(len, values.values())):
        raise UnknownEntity(
            f"The book had no loan {loan_id} at the close of {past.day}.",
            way_out="Ids look like L000001; a loan is known from its opening on.",
        )
    here = {name: float(values[name][row]) for name in rule.names}
    conditions = {"when": explained(rule.when, here), "until": explained(rule.until, here)}
    if rule.unless is not None:
        conditions["unless"] = explained(rule.unless, here)
    for step in rule.steps:
        if step.when is not None:
            conditions[SEVERITIES[step.rank - 1]] = explained(step.when, here)
    currency, language = watch.currency_of(row), watch.pack.language
    reason = rule.explain(here, currency=currency, language=language)
    state = watch.state_of(rule.name, row)
    return Explanation(rule, loan_id, past.day, conditions, state, reason)


def no_close(day: date) -> UnknownEntity:
    """The error that nothing was closed by `day`."""
    way_out = "Name a later day, or close days."
    return UnknownEntity(f"No business day was closed by {day}.", way_out=way_out)


def lived_through(
    pack: Pack,
    ledger: Iterable[Recorded],
    day: date,
    *,
    calendar: Calendar,
    facts_of: FactsOf | None = None,
    corrected: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Past:
    """A watch that has just closed the last business day on or before `day`.

    As was known then: facts recorded before that close. `corrected`: all facts, each on the day for
    which it counts. What people did is left out. Errors: UnknownEntity when no day was closed yet.
    """
    watch = Watch(pack=pack, calendar=calendar, facts_of=None if corrected else facts_of)
    seen: dict[str, FloatArray] = {}
    watch.at_close = seen.update
    known, closes = [], []
    for record in ledger:
        if type(record.fact) is not BusinessDayClosed:
            known.append(record)
        elif record.fact.value_date <= day:
            closes.append(record)
    if not closes:
        raise no_close(day)
    last = closes[-1]
    if not corrected:
        known = [record for record in known if record.position < last.position]
        told = sorted([*known, *closes], key=lambda record: record.position)
    else:
        told = [*known, *closes]
    renumbered = (record._replace(position=at) for at, record in enumerate(told, start=1))
    for facts in batches(renumbered, _FACTS):
        watch.observe(facts)
        if progress is not None:
            progress(facts[-1].position)
    return Past(watch, last.fact.value_date, seen)
