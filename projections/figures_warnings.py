"""Figures of warnings against what happened: watch list, funnel, hit rate, lead time, cures.

A default is more than 90 days past due at a close, or a write-off (`marks`). When a warning reached
a person and when it warned of a default is said by `warning.reached`. As of a day: what people and
rules had said by it, against defaults seen by it. Amounts are minor units.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ledger.dates import date_of
from projections.ageing import BUCKETS
from projections.figures import Labelled, Look, ratio
from projections.figures_standing import BAND_OVER, buckets_of
from projections.marks import DEFAULT
from projections.reading import Answer
from projections.snapshot import OPEN, Snapshot
from projections.tables import select
from projections.warnings import ENDED, HISTORY, SEVERITIES, STATE_AFTER, WARNINGS, state_after
from warning.reached import ANSWERS, Alarm, Told, reached, warned
from warning.windows import NEVER, BoolArray, IntArray

SPAN_MONTHS = 12
HOLDS_DAYS = 30
"""Days for which a cure must hold to be one."""
LEADS = (1, 30, 60, 90, 120, 180)
"""First day of each class of lead times, in days."""
LEAD_NAMES = ("not warned", "1-29", "30-59", "60-89", "90-119", "120-179", "180+")


@dataclass(slots=True)
class _Rung:
    """One warning, as far as it had come by the day asked for."""

    warning_id: str
    row: int
    rule: str
    raised: int
    severity: str
    state: str
    reason: str
    acted: bool = False


def watchlist(look: Look) -> list[Answer]:
    """Loans with an open warning, the gravest first: what rings, and how the loan stands.

    A loan is a row whatever the list is cut by; the dimension asked for is a column of it.
    """
    told = dict.fromkeys(("borrower", "branch", "officer", *look.cut_by[1:]))
    now, open_now = look.now, look.now.open & look.kept
    by_loan: dict[int, list[_Rung]] = {}
    for rung in _rungs(look).values():
        if rung.state not in ENDED and open_now[rung.row]:
            by_loan.setdefault(rung.row, []).append(rung)
    ranks, names = look.ranks(look.day), [name for name, _ in look.grades]
    buckets = buckets_of(now)
    order = sorted(
        by_loan, key=lambda row: (-_gravity(by_loan[row]), -int(now.outstanding[row]), row)
    )
    rows = []
    for row in order:
        rungs = sorted(by_loan[row], key=lambda rung: (-_rank(rung.severity), rung.raised))
        rows.append(
            {
                "currency": _word(now, "currency", row),
                "loan_id": now.contracts.loan_ids[row],
                **{dimension: _word(now, dimension, row) for dimension in told},
                "severity": rungs[0].severity,
                "warnings": len(rungs),
                "warning_id": rungs[0].warning_id,
                "since_date": date_of(min(rung.raised for rung in rungs)),
                "bucket": BUCKETS[int(buckets[row])],
                "grade": names[int(ranks[row])] if ranks[row] >= 0 else None,
                "outstanding_minor": int(now.outstanding[row]),
                "arrears_minor": int(now.arrears[row]),
                "reason": rungs[0].reason,
            }
        )
    return rows


def funnel(look: Look) -> list[Answer]:
    """Warnings that reached a person within a year, or since a day, and how the loan went on.

    By the gravest severity each reached. `already` had defaulted before it rang and counts in no
    outcome. False alarm: found so by a person, whatever came later. Defaulted: it had warned of
    that. Cured: resolved without. Hit rate: defaulted over raised, less withdrawn and already
    defaulted; what is open may still default.
    """
    since, now = look.since(SPAN_MONTHS), look.now
    known, alarms = _rungs(look), _alarms(look)
    found = [(known[name], alarm) for name, alarm in alarms.items() if alarm.day > since]
    found = [(rung, alarm) for rung, alarm in found if look.kept[rung.row]]
    rungs = [rung for rung, _ in found]
    rows = np.array([rung.row for rung in rungs], np.int64)
    default = now.default_day[rows]
    hit = [warned(a.day, day) for (_, a), day in zip(found, default.tolist(), strict=True)]
    outcome = {
        "already": default <= np.array([alarm.day for _, alarm in found], np.int64),
        "acted": np.array([rung.acted for rung in rungs], np.bool_),
    }
    rest = ~outcome["already"]
    state = np.array([rung.state for rung in rungs], dtype=object)
    for name, came in (
        ("withdrawn", state == "withdrawn"),
        ("false_alarm", state == "false_alarm"),
        ("defaulted", (default <= look.day) & np.array(hit, np.bool_)),
        ("cured", state == "resolved"),
        ("open", np.ones(len(rungs), np.bool_)),
    ):
        outcome[name] = rest & came
        rest = rest & ~came
    values = {name: flags.astype(np.int64) for name, flags in outcome.items()}
    places = np.array([_rank(rung.severity) for rung in rungs], np.int64)
    labels: list[Labelled] = [("severity", places, SEVERITIES)]
    answers = look.sums_of(now, rows, labels, values)
    for row in answers:
        row["raised"] = row.pop("loans")
        counted = row["raised"] - row["already"] - row["withdrawn"]
        row["hit_rate"] = ratio(row["defaulted"], counted)
    return answers


def lead_time(look: Look) -> list[Answer]:
    """Loans that defaulted within a year, or since a day: how long before a person was warned."""
    since, now = look.since(SPAN_MONTHS), look.now
    fell = look.kept & (now.default_day > since) & (now.default_day <= look.day)
    first = np.full(len(fell), NEVER, np.int64)
    for alarm in _alarms(look).values():
        row = look.past.contracts.rows[alarm.loan_id]
        if alarm.stands and warned(alarm.day, int(now.default_day[row])):
            first[row] = min(int(first[row]), alarm.day)
    lead = now.default_day - first
    place = np.where(first == NEVER, 0, np.searchsorted(LEADS, lead, side="right"))
    values = {"principal_minor": now.contracts.principal}
    found = look.sums(now, fell, [("lead_days", place, LEAD_NAMES)], values)
    for answer in found:
        here = fell & (first != NEVER) & _of_group(look, now, look.group_of(answer))
        answer["median_days"] = _lower_median(lead[here])
    return found


def cure(look: Look) -> list[Answer]:
    """Loans that went over 90 days past due in a year, or since a day, and what became of them.

    Each entry counts. Cured: nothing past due at a later close, and at every one of the 30 days
    after it, while open: a payment that bounces cures nothing. Self-cured: cured, and nobody had
    acted on a warning of the loan until then. Repaid or otherwise ended loans stand apart.
    """
    since = look.since(SPAN_MONTHS)
    entries = _Entries(look.now.open.size)
    for snapshot in look.past.over(since, look.day):
        entries.step(snapshot, counted=snapshot.day > since)
    rows = np.array(entries.rows, np.int64)
    chosen = look.kept[rows]
    ends = np.array(entries.ends, np.int64)
    outcome = np.array(entries.outcomes, np.int64)
    cured = outcome == _CURED
    acts = _acts(look)
    helped = np.array(
        [
            any(began <= day <= end for day in acts.get(row, ()))
            for row, began, end in zip(entries.rows, entries.began, entries.ends, strict=True)
        ],
        np.bool_,
    )
    values = {
        "outstanding_minor": np.array(entries.amounts, np.int64),
        "cured_loans": cured.astype(np.int64),
        "self_cured_loans": (cured & ~helped).astype(np.int64),
        "ended_loans": (outcome == _ENDED).astype(np.int64),
        "days_to_cure": np.where(cured, ends - np.array(entries.began, np.int64), 0),
    }
    at = {name: value[chosen] for name, value in values.items()}
    found = look.sums_of(look.now, rows[chosen], [], at)
    for row in found:
        days = row.pop("days_to_cure")
        row["over_days"] = DEFAULT
        row["cure_rate"] = ratio(row["cured_loans"], row["loans"])
        row["self_cure_rate"] = ratio(row["self_cured_loans"], row["loans"])
        row["mean_days_to_cure"] = ratio(days, row["cured_loans"])
    return found


_STAYS, _CURED, _ENDED = range(3)


class _Entries:
    """Entries into default, one after the other, while closes pass."""

    def __init__(self, loans: int) -> None:
        self.rows: list[int] = []
        self.began: list[int] = []
        self.ends: list[int] = []
        self.outcomes: list[int] = []
        self.amounts: list[int] = []
        self._inside = np.zeros(loans, np.bool_)
        self._entry = np.full(loans, -1, np.int64)
        self._clean_since = np.full(loans, NEVER, np.int64)

    def step(self, snapshot: Snapshot, *, counted: bool) -> None:
        """Take in a close; entries count only if `counted`."""
        bad = snapshot.open & (snapshot.band >= BAND_OVER[DEFAULT])
        for row in np.flatnonzero(bad & ~self._inside).tolist():
            self._inside[row] = True
            if counted:
                self._entry[row] = len(self.rows)
                self.rows.append(row)
                self.began.append(snapshot.day)
                self.ends.append(NEVER)
                self.outcomes.append(_STAYS)
                self.amounts.append(int(snapshot.outstanding[row]))
        clean = self._inside & snapshot.open & (snapshot.band == 0)
        self._clean_since[~clean] = NEVER
        self._clean_since[clean & (self._clean_since == NEVER)] = snapshot.day
        held = clean & (self._clean_since + HOLDS_DAYS <= snapshot.day)
        ended = self._inside & (snapshot.state > OPEN)
        for row in np.flatnonzero(held | ended).tolist():
            self._inside[row] = False
            if self._entry[row] >= 0:
                entry = int(self._entry[row])
                self.ends[entry] = int(self._clean_since[row]) if held[row] else snapshot.day
                self.outcomes[entry] = _CURED if held[row] else _ENDED
                self._entry[row] = -1


def _rungs(look: Look) -> dict[str, _Rung]:
    """Every warning raised by the day, as it stood at its end."""
    rows = look.past.contracts.rows
    found: dict[str, _Rung] = {}
    for change in _changes(look):
        known = found.get(change.warning_id)
        if change.change == "raised" and known is None:
            found[change.warning_id] = _Rung(
                warning_id=change.warning_id,
                row=rows[change.loan_id],
                rule=change.rule,
                raised=change.value_day,
                severity=change.severity,
                state="raised",
                reason=change.reason,
            )
        elif known is not None:
            known.state = state_after(change.change, known.state)
            known.acted |= change.change in ANSWERS
            if change.severity is not None:
                known.severity = max(known.severity, change.severity, key=_rank)
            if STATE_AFTER.get(change.change) == "raised":  # A referral has a reason of its own.
                known.reason = change.reason
    return found


def _alarms(look: Look) -> dict[str, Alarm]:
    """The warnings that had reached a person by the day."""
    return reached(
        Told(c.warning_id, c.loan_id, c.change, c.value_day, c.inhibited_by is not None)
        for c in _changes(look)
    )


def _changes(look: Look) -> Iterable[Any]:
    """Changes of warnings valued by the day, in order, each with its warning's rule."""
    history = look.database.table(HISTORY)
    warnings = look.database.table(WARNINGS)
    names = ("warning_id", "loan_id", "change", "severity", "reason", "inhibited_by", "value_day")
    return look.connection.execute(
        select(*(history.c[name] for name in names), warnings.c.rule)
        .where(history.c.warning_id == warnings.c.warning_id)
        .where(history.c.value_day <= look.day)
        .order_by(history.c.position)
    )


def _acts(look: Look) -> dict[int, list[int]]:
    """The days on which a person acted on a warning, by loan."""
    acts: dict[int, list[int]] = {}
    for change in _changes(look):
        if change.change in ANSWERS:
            row = look.past.contracts.rows[change.loan_id]
            acts.setdefault(row, []).append(change.value_day)
    return acts


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity)


def _gravity(rungs: Iterable[_Rung]) -> int:
    return max(_rank(rung.severity) for rung in rungs)


def _word(snapshot: Snapshot, dimension: str, row: int) -> str:
    codes, names = snapshot.codes(dimension)
    return names[int(codes[row])]


def _of_group(look: Look, snapshot: Snapshot, group: tuple[str, ...]) -> BoolArray:
    return snapshot.chosen(look.named(group))


def _lower_median(values: IntArray) -> int | None:
    """The middle value, the lower of two: a number that was measured."""
    return int(np.sort(values)[(len(values) - 1) // 2]) if len(values) else None
