"""Figures between two closes: who rolled, flowed, migrated, or failed early.

Amounts are principal in minor units. A loan is counted with the branch and officer, and with the
balance, that it had at the earlier close; a cohort with the principal of its contracts.
"""

from __future__ import annotations

import numpy as np

from projections.ageing import BUCKETS
from projections.figures import Labelled, Look, ratio
from projections.figures_standing import buckets_of
from projections.history import STATES
from projections.marks import FIRST_DAYS, passed_bit, unpaid_bit
from projections.reading import Answer
from projections.snapshot import OPEN, Snapshot
from warning.windows import NEVER, BoolArray, month_of

ENDS = STATES[OPEN + 1 :]
"""How a loan can have ended, in the order in which a matrix has them after its rows."""


def roll(look: Look) -> list[Answer]:
    """Of the loans in a bucket then, by balance then and by count: where they are now."""
    now, then, open_then = _both(look, 1)
    to = np.where(now.open, buckets_of(now), len(BUCKETS) + now.state - OPEN - 1)
    labels: list[Labelled] = [
        ("bucket_from", buckets_of(then), BUCKETS),
        ("bucket_to", to, (*BUCKETS, *ENDS)),
    ]
    rows = look.sums(then, open_then, labels, {"outstanding_minor": then.outstanding})
    return _with_shares(look, rows, "bucket_from")


def migration(look: Look) -> list[Answer]:
    """Of the loans with a grade then: their grade now, or how they ended."""
    now, then, open_then = _both(look, 1)
    names = [name for name, _ in look.grades]
    before, after = look.ranks(then.day), look.ranks(look.day)
    to = np.where(now.open, after, len(names) + now.state - OPEN - 1)
    labels: list[Labelled] = [
        ("grade_from", before, names),
        ("grade_to", to, (*names, *ENDS)),
    ]
    values = {"outstanding_minor": then.outstanding}
    rows = look.sums(then, open_then & (before >= 0) & (to >= 0), labels, values)
    return _with_shares(look, rows, "grade_from")


def flow(look: Look) -> list[Answer]:
    """Balance of each bucket now over that of the bucket before it then: aggregates, not loans."""
    now, then, open_then = _both(look, 1)
    values = "outstanding_minor"
    earlier = _by_bucket(look, then, open_then, values)
    later = _by_bucket(look, now, now.open & look.kept, values)
    rows = []
    for group in sorted({key[0] for key in earlier | later}):
        for at, bucket in enumerate(BUCKETS[:-1]):
            before, after = (
                earlier.get((group, bucket), 0),
                later.get((group, BUCKETS[at + 1]), 0),
            )
            rows.append(
                {
                    **look.named(group),
                    "bucket_from": bucket,
                    "bucket_to": BUCKETS[at + 1],
                    "outstanding_before_minor": before,
                    "outstanding_after_minor": after,
                    "ratio": ratio(after, before),
                }
            )
    return rows


def vintage(look: Look) -> list[Answer]:
    """By month of origination and months on book: what was ever over 30 days late or lost.

    `late_minor` is the outstanding principal when a loan was first seen so, over the cohort's
    contracts. Loans that were cancelled or never paid out are left out.
    """
    now = look.now
    opened = now.contracts.opened
    month = np.array([month_of(day) for day in opened.tolist()], np.int64)
    alive = look.kept & (now.state > 0) & (now.state != STATES.index("cancelled"))
    alive &= opened <= look.day
    this = month_of(look.day)
    first = int(month[alive].min()) if alive.any() else this
    labels = [_month_name(number) for number in range(first, this + 1)]
    late = alive & (now.late_day != NEVER)
    on_book = np.zeros(len(month), np.int64)
    days = now.late_day[late].tolist()
    on_book[late] = np.array([month_of(day) for day in days], np.int64) - month[late]
    cohorts = look.sums(
        now,
        alive,
        [("cohort", month - first, labels)],
        {"originated_minor": now.contracts.principal},
    )
    span = [str(number) for number in range(this - first + 1)]
    found = look.sums(
        now,
        late,
        [("cohort", month - first, labels), ("months_on_book", on_book, span)],
        {"late_minor": now.late_minor},
    )
    return _curves(
        look, cohorts, found, {name: this - first - at for at, name in enumerate(labels)}
    )


def payment_default(look: Look) -> list[Answer]:
    """First and second payment default: the instalment still unpaid k days after its due day.

    Of the loans opened since a day where one is given; looked at on the first close k days after.
    """
    now = look.now
    begun = look.kept & (now.contracts.opened <= look.day)
    if look.ask.since is not None:
        begun &= now.contracts.opened >= look.since(0)
    rows = []
    for payment in (0, 1):
        for place, days in enumerate(FIRST_DAYS):
            unpaid = now.firsts & unpaid_bit(payment, place) != 0
            passed = begun & (now.firsts & passed_bit(payment, place) != 0)
            principal = now.contracts.principal
            values = {
                "unpaid_loans": unpaid.astype(np.int64),
                "principal_minor": principal,
                "unpaid_principal_minor": np.where(unpaid, principal, 0),
            }
            for sums in look.sums(now, passed, [], values):
                group = look.named(look.group_of(sums))
                rest = {name: sums[name] for name in ("loans", *values)}
                share = ratio(sums["unpaid_loans"], sums["loans"])
                what = {"instalment": payment + 1, "days_after_due": days}
                rows.append({**group, **what, **rest, "ratio": share})
    return rows


def _both(look: Look, months: int) -> tuple[Snapshot, Snapshot, BoolArray]:
    """The later snapshot, the earlier one, and the loans asked for that were open then."""
    then = look.then(months)
    return look.now, then, then.open & then.chosen(look.ask.where)


def _with_shares(look: Look, rows: list[Answer], name: str) -> list[Answer]:
    """Add each row's share of what was in `name` at first, by count and by balance."""
    whole: dict[tuple[str, ...], list[int]] = {}
    for row in rows:
        sums = whole.setdefault((*look.group_of(row), row[name]), [0, 0])
        sums[0] += row["loans"]
        sums[1] += row["outstanding_minor"]
    for row in rows:
        loans, outstanding = whole[(*look.group_of(row), row[name])]
        row["share_by_count"] = ratio(row["loans"], loans)
        row["share_by_balance"] = ratio(row["outstanding_minor"], outstanding)
    return rows


def _by_bucket(
    look: Look, snapshot: Snapshot, loans: BoolArray, value: str
) -> dict[tuple[tuple[str, ...], str], int]:
    labels: list[Labelled] = [("bucket", buckets_of(snapshot), BUCKETS)]
    rows = look.sums(snapshot, loans, labels, {value: snapshot.outstanding})
    return {(look.group_of(row), row["bucket"]): row[value] for row in rows}


def _curves(
    look: Look, cohorts: list[Answer], found: list[Answer], ages: dict[str, int]
) -> list[Answer]:
    """Running totals of `found` along the months on book, up to each cohort's age."""
    late: dict[tuple[object, ...], tuple[int, int]] = {}
    for row in found:
        key = (*look.group_of(row), row["cohort"], int(row["months_on_book"]))
        late[key] = (row["loans"], row["late_minor"])
    rows = []
    for cohort in cohorts:
        loans = amount = 0
        for age in range(ages[cohort["cohort"]] + 1):
            more = late.get((*look.group_of(cohort), cohort["cohort"], age), (0, 0))
            loans, amount = loans + more[0], amount + more[1]
            rows.append(
                {
                    **cohort,
                    "months_on_book": age,
                    "late_loans": loans,
                    "late_minor": amount,
                    "ratio": ratio(amount, cohort["originated_minor"]),
                }
            )
    return rows


def _month_name(month: int) -> str:
    return f"{month // 12}-{month % 12 + 1:02}"
