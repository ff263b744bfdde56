"""The rules of a regime as sentences, for people who check or compare regimes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger.money import format_minor
from projections.regime import (
    CauseFloor,
    Contagion,
    Cure,
    Materiality,
    Observation,
    Overrides,
    PastDueFloor,
    Pauses,
    Regime,
    Rule,
    Signals,
    Transition,
)
from projections.wording import count_text, percent_text


def sentence(regime: Regime, rule: Rule) -> str:
    """What a rule says, without its origin and its dates."""
    names = [grade.name for grade in regime.grades]
    said = _SAY[type(rule)](rule, names)
    classes = f" [{', '.join(sorted(rule.classes))}]" if rule.classes else ""
    return f"{said}{classes}"


_COUNTED = {
    "days": "days past due",
    "material": "material days",
    "payments": "days past due and as many days' worth of payments unpaid",
}


def _unless(word: str | None) -> str:
    return f", unless {word}" if word else ""


def _past_due(rule: PastDueFloor, names: list[str]) -> str:
    days = _COUNTED[rule.counter]
    short = f" up to {rule.unless_up_to_days} days" if rule.unless_up_to_days else ""
    return f"{rule.limit} {days}: {names[rule.rank]}{_unless(rule.unless)}{short}"


def _cause(rule: CauseFloor, names: list[str]) -> str:
    over = rule.from_ppm % 10_000 == 1 and rule.from_ppm > 1
    limit = f" over {percent_text(rule.from_ppm - 1)}" if over else ""
    if rule.from_ppm > 1 and not over:
        limit = f" of {percent_text(rule.from_ppm)} or more"
    return f"{rule.word}{limit} ({rule.label}): {names[rule.rank]}{_unless(rule.unless)}"


def _materiality(rule: Materiality, _: list[str]) -> str:
    limits = [f"{format_minor(minor, name)} {name}" for name, minor in rule.absolute.items()]
    return (
        f"arrears are material over {' / '.join(limits) or '0'} and over {rule.over_percent} % "
        f"of what the {rule.per} owes{', and from then until all are paid' * rule.until_paid}"
    )


def _contagion(rule: Contagion, names: list[str]) -> str:
    return (
        f"over {rule.over_percent} % of a borrower's claims non-performing: all "
        f"{names[rule.rank]}{_unless(rule.unless)}"
    )


def _time(periods: int, months: int, joined: str = "and") -> str:
    return f"{count_text(periods, 'due date')} {joined} {count_text(months, 'month')}"


def _observation(rule: Observation, names: list[str]) -> str:
    return (
        f"{rule.finding}: {names[rule.rank]} for {_time(rule.periods, rule.months)}; "
        f"once more meanwhile: {names[rule.again_rank]}"
    )


def _cure(rule: Cure, names: list[str]) -> str:
    clean = "arrears and causes" if rule.clean == "no_arrears" else "triggers"
    joined = "or" if rule.shorter else "and"
    while_ = f", while {rule.word} stands" if rule.word else ""
    while_ += " and what was past due before it is paid" if rule.arrears_paid else ""
    return (
        f"{names[rule.rank]} or worse: upgraded to {names[rule.to_rank]} at best after "
        f"{_time(rule.periods, rule.months, joined)} without {clean}{while_}"
    )


def _signals(rule: Signals, names: list[str]) -> str:
    state = "on" if rule.enabled else "off"
    return (
        f"open warnings ({', '.join(rule.rules)}): {count_text(rule.notches, 'notch')} down, to "
        f"{names[rule.lowest_rank]} at most ({state})"
    )


def _overrides(rule: Overrides, _: list[str]) -> str:
    way = "a worse grade than the rules" if rule.worse_only else "a grade, either way"
    return f"two people may set {way}"


def _pauses(rule: Pauses, _: list[str]) -> str:
    still = "stands still" if rule.stands_still else "goes on"
    return f"while a loan is paused the count {still}; review: {rule.review}"


def _transition(rule: Transition, _: list[str]) -> str:
    state = "on" if rule.enabled else "off"
    return (
        f"loans opened before {rule.opened_before} are spared "
        f"{', '.join(sorted(rule.spares))} until {rule.until} ({state})"
    )


_SAY: dict[type[Rule], Callable[[Any, list[str]], str]] = {
    PastDueFloor: _past_due,
    CauseFloor: _cause,
    Materiality: _materiality,
    Contagion: _contagion,
    Observation: _observation,
    Cure: _cure,
    Signals: _signals,
    Overrides: _overrides,
    Pauses: _pauses,
    Transition: _transition,
}
