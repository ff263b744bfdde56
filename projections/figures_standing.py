"""Figures of one close: ageing, portfolio at risk, non-performing, concentration, provisions.

And ageing month by month. Amounts are minor units, ratios are shares of one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ledger.dates import add_months, date_of, day_number
from projections.ageing import BUCKETS
from projections.figures import Look, ratio
from projections.portfolio import AT_RISK
from projections.provisions import Rates
from projections.reading import Answer
from projections.snapshot import Snapshot
from warning.windows import BoolArray, IntArray, month_of

BAND_OVER = {1: 2, 30: 3, 60: 4, 90: 5}
"""The band from which a loan has more than so many days past due."""
TREND_MONTHS = 12


def buckets_of(snapshot: Snapshot) -> IntArray:
    """Each loan's place in BUCKETS: day 1 has a band by itself, but no bucket."""
    band = snapshot.band
    return band - (band >= BAND_OVER[1])


def ageing(look: Look) -> list[Answer]:
    """Loans by days past due: count, outstanding principal, arrears."""
    return _aged(look, look.now)


def trend(look: Look) -> list[Answer]:
    """Ageing at the last close of each month, and at the day asked for."""
    rows: list[Answer] = []
    for snapshot in _month_ends(look):
        closed = date_of(snapshot.day)
        rows += [{"closed_date": closed, **row} for row in _aged(look, snapshot)]
    return rows


def _month_ends(look: Look) -> Iterator[Snapshot]:
    """Snapshots at the last close of each month; each is valid until the next is asked for."""
    days = [snapshot.day for snapshot in look.past.over(look.since(TREND_MONTHS), look.day)]
    ends = {month_of(day): day for day in days}
    for snapshot in look.past.over(look.since(TREND_MONTHS), look.day):
        if ends[month_of(snapshot.day)] == snapshot.day:
            yield snapshot


def _aged(look: Look, snapshot: Snapshot) -> list[Answer]:
    loans = snapshot.open & snapshot.chosen(look.ask.where)
    values = {"outstanding_minor": snapshot.outstanding, "arrears_minor": snapshot.arrears}
    return look.sums(snapshot, loans, [("bucket", buckets_of(snapshot), BUCKETS)], values)


def par(look: Look) -> list[Answer]:
    """Portfolio at risk: FULL outstanding principal of loans over x days past due, over gross."""
    now, rows = look.now, []
    late = {days: np.where(now.band >= BAND_OVER[days], now.outstanding, 0) for days in AT_RISK}
    counts = {days: (now.band >= BAND_OVER[days]).astype(np.int64) for days in AT_RISK}
    values = {"gross": now.outstanding}
    values |= {f"minor {days}": late[days] for days in AT_RISK}
    values |= {f"loans {days}": counts[days] for days in AT_RISK}
    for sums in look.sums(now, now.open & look.kept, [], values):
        for days in AT_RISK:
            amount, gross = sums[f"minor {days}"], sums["gross"]
            rows.append(
                {
                    **look.named(look.group_of(sums)),
                    "over_days": days,
                    "loans": sums[f"loans {days}"],
                    "outstanding_minor": amount,
                    "gross_minor": gross,
                    "ratio": ratio(amount, gross),
                }
            )
    return rows


def npl(look: Look) -> list[Answer]:
    """Non-performing loans by the regime: count, outstanding principal, share of gross."""
    now = look.now
    bad = nonperforming(look)
    values = {
        "nonperforming_loans": bad.astype(np.int64),
        "nonperforming_minor": np.where(bad, now.outstanding, 0),
        "gross_minor": now.outstanding,
    }
    rows = look.sums(now, now.open & look.kept, [], values)
    for row in rows:
        row["ratio"] = ratio(row["nonperforming_minor"], row["gross_minor"])
    return rows


def nonperforming(look: Look) -> BoolArray:
    """Whether each loan's grade is non-performing at the close, by row."""
    bad = np.array([not performing for _, performing in look.grades] + [False])
    flags: BoolArray = bad[look.ranks(look.day)]
    return flags


def concentration(look: Look) -> list[Answer]:
    """Where the money is: each group's share of its currency, and how much of it is in trouble."""
    now, bad = look.now, nonperforming(look)
    values = {
        "outstanding_minor": now.outstanding,
        "par_30_minor": np.where(now.band >= BAND_OVER[30], now.outstanding, 0),
        "nonperforming_minor": np.where(bad, now.outstanding, 0),
    }
    rows = look.sums(now, now.open & look.kept, [], values)
    gross: dict[str, int] = {}
    for row in rows:
        gross[row["currency"]] = gross.get(row["currency"], 0) + row["outstanding_minor"]
    for row in rows:
        own = row["outstanding_minor"]
        row["share"] = ratio(own, gross[row["currency"]])
        row["par_30_ratio"] = ratio(row["par_30_minor"], own)
        row["nonperforming_ratio"] = ratio(row["nonperforming_minor"], own)
    return sorted(rows, key=lambda row: (row["currency"], -row["outstanding_minor"]))


def provisions(look: Look, rates: Rates) -> list[Answer]:
    """What should be set aside by grade: outstanding principal times the rate, rounded half up.

    A grade whose rate depends on how long a loan has been non-performing has a row for each rate.
    """
    now, (ranks, since) = look.now, look.graded(look.day)
    names = [name for name, _ in look.grades]
    chosen = now.open & look.kept & (ranks >= 0)
    held = np.unique(ranks[chosen]).tolist()
    cells = [(rank, *step) for rank in held for step in rates.of(names[rank])]
    cell = np.zeros(len(ranks), np.int64)
    for at, (rank, years, _) in enumerate(cells):
        by = day_number(add_months(date_of(look.day), -12 * years))
        cell[(ranks == rank) & ((years == 0) | (since <= by))] = at
    values = {"outstanding_minor": now.outstanding}
    rows = look.sums(now, chosen, [("cell", cell, range(len(cells)))], values)
    found = []
    for row in rows:
        rank, _, rate = cells[row.pop("cell")]
        whole = row.pop("outstanding_minor")
        told = {"outstanding_minor": whole, "rate_ppm": rate}
        provision = (whole * rate + 500_000) // 1_000_000
        found.append({**_graded(row, names[rank]), **told, "provision_minor": provision})
    return found


def _graded(row: Answer, grade: str) -> Answer:
    """A row with its grade before the count of loans, as all figures by grade have it."""
    loans = row.pop("loans")
    return {**row, "grade": grade, "loans": loans}
