"""The rules of a regime file as a whole: their dates, their order, and the editions they make.

Rules of one slot speak of the same thing: they may follow one another, without a gap or an overlap.
On every day some rule by days past due is in force.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from projections.regime import Edition, RegimeError, Rule

_SINGLE = ("observation", "warnings", "overrides", "pauses", "transition")
SPARED = ("past_due", "causes", "contagion", "observation")
"""The kinds of rules that a transition may keep off older loans."""
KINDS = ("past_due", "causes", "materiality", "contagion", "cure", *_SINGLE)
"""The tables of rules in a file."""
Rules = Mapping[str, Sequence[Any]]
Wrong = Callable[[str, str, str], RegimeError]
"""(key, what is wrong, what is accepted) -> the fault, with file and line."""
_ONE_DAY = timedelta(days=1)
_SLOTS = {
    "past_due": ("classes", "counter", "rank"),
    "causes": ("classes", "word", "rank"),
    "materiality": ("classes",),
    "contagion": ("classes", "rank"),
    "cure": ("classes", "rank", "word"),
}


def check_rules(rules: Rules, start: date, *, wrong: Wrong) -> list[RegimeError]:
    """The faults of a regime that takes effect on `start`; none when it can be used."""
    faults = [fault for kind in KINDS for fault in _faults_of_dates(kind, rules[kind], wrong)]
    if not faults:
        for edition in editions_of(rules, start):
            faults += _faults_of_edition(edition, wrong)
    return faults


def editions_of(rules: Rules, start: date) -> tuple[Edition, ...]:
    """The rules cut at every date from which others are in force."""
    starts = {start}
    for rule in (rule for kind in KINDS for rule in rules[kind]):
        starts.add(rule.since)
        if rule.until is not None:
            starts.add(rule.until + _ONE_DAY)
    return tuple(_edition(day, rules) for day in sorted(starts))


def _faults_of_dates(kind: str, rules: Sequence[Rule], wrong: Wrong) -> Iterator[RegimeError]:
    slots: dict[Any, list[Rule]] = {}
    for rule in rules:
        slot = tuple(getattr(rule, name) for name in _SLOTS.get(kind, ()))
        slots.setdefault(slot, []).append(rule)
    for follow in slots.values():
        follow.sort(key=lambda rule: rule.since)
        for before, after in pairwise(follow):
            if before.until is None or before.until >= after.since:
                yield wrong(
                    kind,
                    f"says the same twice from {after.since} on",
                    "End the earlier rule with until = the day before, or remove one.",
                )
            elif before.until + _ONE_DAY < after.since:
                first, last = before.until + _ONE_DAY, after.since - _ONE_DAY
                yield wrong(
                    kind,
                    f"has a gap in its dates: nothing is in force from {first} to {last}",
                    "Let the later rule begin on the day after the earlier one ends.",
                )


def _faults_of_edition(edition: Edition, wrong: Wrong) -> Iterator[RegimeError]:
    rules = edition.past_due
    if not rules:
        yield wrong(
            "past_due",
            f"has a gap in its dates: nothing is in force from {edition.since} on",
            "Let some rule by days past due be in force on every day.",
        )
    if any(_contradict(one, other) for one in rules for other in rules):
        yield wrong("past_due", "is out of order", "More days must ask for a worse grade.")
    if any(rule.counter == "material" for rule in rules) and not edition.materiality:
        yield wrong(
            "past_due", "counts material days without limits", "Add a [[materiality]] table."
        )
    if len({rule.clean for rule in edition.cure}) > 1:
        yield wrong("cure", "mixes no_arrears and no_trigger", "One of them for all.")


def _contradict(one: Any, other: Any) -> bool:
    """Whether fewer days ask for the same or a worse grade."""
    comparable = one.counter == other.counter and one.classes == other.classes
    return bool(comparable and one.from_days < other.from_days and one.rank >= other.rank)


def _edition(since: date, rules: Rules) -> Edition:
    now = {kind: [rule for rule in rules[kind] if rule.in_force(since)] for kind in KINDS}
    for transition in now["transition"]:
        for kind in transition.spares if transition.enabled else ():
            now[kind] = [replace(rule, spares_older=True) for rule in now[kind]]

    def single(kind: str) -> Any:
        return now[kind][0] if now[kind] else None

    return Edition(
        since=since,
        past_due=tuple(sorted(now["past_due"], key=lambda rule: (rule.rank, rule.counter))),
        causes=tuple(now["causes"]),
        materiality=tuple(now["materiality"]),
        contagion=tuple(now["contagion"]),
        observation=single("observation"),
        cure=tuple(now["cure"]),
        signals=single("warnings"),
        overrides=single("overrides"),
        pauses=single("pauses"),
        transition=single("transition"),
    )
