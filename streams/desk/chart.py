"""The pictures of one loan: its schedule against its payments, and its indicators over time.

Plain SVG with attributes instead of styles, because the policy of the pages forbids inline style.
Everything a picture shows can also be read: in the titles of its shapes and in the tables.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from html import escape
from itertools import pairwise

from ledger.dates import add_months
from ledger.money import exponent
from projections.queries import Answer, Course
from streams.desk.formats import money, number, percent
from streams.desk.words import Words
from streams.pictures.svg import SOFT, dot, line, picture, rule, steps, text

DUE, PAID, GAP, FUTURE = "#17416b", "#2e8b6d", "#f3d9d5", "#9fb2c6"
SEVERITY = {"watch": "#6aa9c9", "yellow": "#d9a514", "orange": "#dd6a24", "red": "#a3281f"}
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 1216.0, 216.0, 52.0, 8.0, 10.0, 192.0
AHEAD_MONTHS = 2
_Steps = Sequence[tuple[date, int]]
_Height = Callable[[float], float]


class _Days:
    """Days across the picture."""

    def __init__(self, first: date, last: date, *, left: float, right: float) -> None:
        self.first, self.last = first, max(last, first + timedelta(days=1))
        self._left = left
        self._pitch = (right - left) / (self.last - self.first).days

    def x(self, day: date) -> float:
        return self._left + self._pitch * (min(max(day, self.first), self.last) - self.first).days

    def months(self, most: int) -> list[date]:
        """First days of months to write below, at most so many."""
        start = add_months(self.first.replace(day=1), 1)
        every, found = 1, []
        count = (self.last.year - start.year) * 12 + self.last.month - start.month + 1
        while count / every > most:
            every = {1: 2, 2: 3, 3: 6, 6: 12}.get(every, every * 2)
        at = start
        while at <= self.last:
            if (at.month - 1) % every == 0:
                found.append(at)
            at = add_months(at, 1)
        return found


def course_chart(course: Course, warnings: Sequence[Answer], words: Words) -> str:
    """Running totals of what fell due and what was paid; arrears are the tinted gap between."""
    end = add_months(course.until, AHEAD_MONTHS)
    days = _Days(course.first, end, left=LEFT, right=WIDTH - RIGHT)
    due = [step for step in course.due if step[0] <= end]
    most = max([total for _, total in due] + [total for _, total in course.paid] + [1])
    unit: int = 10 ** exponent(course.currency)
    ticks = steps(most / unit)
    scale = (BOTTOM - TOP) / (ticks[-1] * unit)

    def y(total: float) -> float:
        return BOTTOM - total * scale

    parts = []
    for tick in ticks:
        level = y(tick * unit)
        parts.append(rule(LEFT, level, WIDTH - RIGHT, level))
        parts.append(text(LEFT - 6, level + 3.5, _short(tick), anchor="end", size=10))
    parts += _months(days, BOTTOM, 14, WIDTH)
    parts.append(_gap(due, course, days, y))
    past = [step for step in due if step[0] <= course.until]
    future = [step for step in due if step[0] >= course.until]
    reached = past[-1][1] if past else 0
    parts.append(_stairs(past, course.first, course.until, days, y, DUE))
    parts.append(_stairs(future, course.until, end, days, y, FUTURE, start=reached))
    parts.append(_stairs(course.paid, course.first, course.until, days, y, PAID, width=2.2))
    for day, total in course.paid:
        told = f"{day}: {words.say('loan.paid_so_far')} {money(total, course.currency)}"
        parts.append(_told_dot(days.x(day), y(total), told))
    parts += _rings(warnings, days, words)
    x = days.x(course.until)
    parts.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{BOTTOM}" stroke="{SOFT}" '
                 'stroke-dasharray="3 3"/>')  # fmt: skip
    parts.append(text(x + 4, TOP + 8, f"{course.until}", size=10))
    return picture(WIDTH, HEIGHT, parts, label=escape(words.say("loan.course_label")))


def trace_chart(
    days_: Sequence[date],
    values: Sequence[float | None],
    *,
    as_percent: bool,
    currency: str | None,
    label: str,
) -> str:
    """One indicator as a line, broken where it is unknown. `currency`: of money in minor units."""
    width, height, left, bottom = 270.0, 84.0, 40.0, 66.0
    unit: int = 1 if currency is None else 10 ** exponent(currency)
    known = [value for value in values if value is not None]
    low, high = min([0.0, *known]), max([*known, 0.0])
    high = high if high > low else low + unit
    days = _Days(days_[0], days_[-1], left=left, right=width - 6)

    def y(value: float) -> float:
        return 8 + (high - value) / (high - low) * (bottom - 8)

    def said(value: float) -> str:
        if currency is not None:
            return _short(value / unit)
        if as_percent and abs(value) >= 100:  # such as 30.6k %: the full number has no room
            return f"{_short(100 * value)} %"
        return percent(value, 0) if as_percent else number(round(value, 2))

    parts = [rule(left, y(level), width - 6, y(level)) for level in {low, high, 0.0}]
    parts += [
        text(left - 5, y(level) + 3, said(level), anchor="end", size=9) for level in {low, high}
    ]
    parts += _months(days, bottom, 5, width)
    for piece in _pieces(days_, values):
        places = [(days.x(day), y(value)) for day, value in piece]
        parts.append(line(places, DUE, width=1.6) if len(places) > 1 else dot(*places[0], 1.8, DUE))
    if values and values[-1] is not None:
        parts.append(dot(days.x(days_[-1]), y(values[-1]), 2.6, DUE))
    return picture(width, height, parts, label=escape(label))


def _pieces(days: Sequence[date], values: Sequence[float | None]) -> list[list[tuple[date, float]]]:
    """Runs of days whose value is known."""
    found: list[list[tuple[date, float]]] = [[]]
    for day, value in zip(days, values, strict=True):
        if value is None:
            found.append([])
        else:
            found[-1].append((day, value))
    return [piece for piece in found if piece]


def _months(days: _Days, y: float, most: int, width: float) -> list[str]:
    return [
        text(days.x(day), y + 14, f"{day:%y-%m}", anchor="middle", size=9.5)
        for day in days.months(most)
        if days.x(day) < width - 18
    ]


def _stairs(
    totals: _Steps, first: date, last: date, days: _Days, y: _Height, colour: str, *,
    start: int = 0, width: float = 1.8,
) -> str:  # fmt: skip
    """A running total as stairs from `first` to `last`."""
    level, points = start, [(days.x(first), y(start))]
    for day, total in totals:
        points += [(days.x(day), y(level)), (days.x(day), y(total))]
        level = total
    points.append((days.x(last), y(level)))
    return line(points, colour, width=width)


def _gap(due: _Steps, course: Course, days: _Days, y: _Height) -> str:
    """The area between what was due and what was paid, where less was paid."""
    due_days, paid_days = [day for day, _ in due], [day for day, _ in course.paid]
    turns = sorted({course.first, course.until, *due_days, *paid_days})
    boxes = []
    for start, end in pairwise(turns):
        if end > course.until:
            break
        owed = _total(due, due_days, start)
        paid = _total(course.paid, paid_days, start)
        if owed > paid:
            boxes.append(
                f'<rect x="{days.x(start):.1f}" y="{y(owed):.1f}" '
                f'width="{days.x(end) - days.x(start):.1f}" height="{y(paid) - y(owed):.1f}"/>'
            )
    return f'<g fill="{GAP}">{"".join(boxes)}</g>'


def _total(totals: _Steps, days: Sequence[date], on: date) -> int:
    at = bisect_right(days, on)
    return totals[at - 1][1] if at else 0


def _told_dot(x: float, y: float, told: str) -> str:
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{PAID}">'
        f"<title>{escape(told)}</title></circle>"
    )


def _rings(warnings: Sequence[Answer], days: _Days, words: Words) -> list[str]:
    """A mark on the axis for each warning that rang."""
    parts = []
    for row in warnings:
        x, colour = days.x(row["raised_date"]), SEVERITY[row["severity"]]
        told = f"{row['raised_date']} {words.say('severity.' + row['severity'])}: {row['title']}"
        parts.append(
            f'<path d="M{x:.1f} {BOTTOM - 8} l4 8 h-8 z" fill="{colour}">'
            f"<title>{escape(told)}</title></path>"
        )
    return parts


def _short(value: float) -> str:
    for size, letter in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if value >= size:
            return f"{value / size:,.4g}{letter}"
    return f"{value:,.4g}"
