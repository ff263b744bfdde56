"""The kinds of pictures that the report has: stacked columns, heat map, curves, stages, bars.

Each takes plain numbers and words and gives SVG. Nothing here asks for a figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from streams.pictures.svg import (
    INK,
    LINE,
    SOFT,
    dot,
    line,
    n,
    picture,
    rect,
    rule,
    shade,
    steps,
    text,
)
from streams.pictures.words import both, fitted, percent, plain

LATE = ("#f2c14e", "#ee9f3c", "#e47a35", "#d4552f", "#b83227", "#8e1c1f", "#5f0f14")
"""Colours of the buckets that are past due, the worst last."""
CALM, DEEP, ALARM = "#2b7a78", "#17416b", "#b83227"
SEVERITY = {"watch": "#6aa9c9", "yellow": "#f2c14e", "orange": "#e47a35", "red": "#b83227"}
COLD = ("#a9c6dd", "#123a63")
"""The first and the last cohort of the vintage curves."""
EMPTY = "#f3f5f7"
_WIDTH = 520.0


def _tspan(key: str) -> str:
    return both(key, tag="tspan")


def nothing() -> str:
    """What stands where there is nothing to draw."""
    return f'<p class="nothing">{both("nothing")}</p>'


def stacked(columns: Sequence[str], layers: Mapping[str, Sequence[float]], *, label: str) -> str:
    """Stacked columns of shares, a layer a colour of LATE, with an axis and a legend."""
    tops = [sum(layer[at] for layer in layers.values()) for at in range(len(columns))]
    if not tops or not any(tops):
        return nothing()
    height, left, bottom, top = 250.0, 44.0, 212.0, 30.0
    ticks = steps(max(tops))
    scale = (bottom - top) / ticks[-1]
    parts = _shares_axis(ticks, left, bottom, scale)
    pitch = (_WIDTH - left - 6) / len(columns)
    width = min(pitch * 0.72, 46)
    every = max(1, -(-len(columns) // 13))
    for at, column in enumerate(columns):
        x, y = left + pitch * at + (pitch - width) / 2, bottom
        for colour, (name, layer) in zip(LATE, layers.items(), strict=False):
            size = layer[at] * scale
            y -= size
            if size:
                told = f"{column}, {name}: {percent(layer[at], 2)}"
                parts.append(rect(x, y, width, size, colour, title=escape(told)))
        if (len(columns) - 1 - at) % every == 0:
            parts.append(text(x + width / 2, bottom + 15, escape(column), anchor="middle", size=10))
    parts += _legend(list(layers), LATE, left, 12)
    return picture(_WIDTH, height - 14, parts, label=plain(label))


def _shares_axis(ticks: Sequence[float], left: float, bottom: float, scale: float) -> list[str]:
    parts = []
    digits = 0 if ticks[1] >= 0.01 and abs(ticks[1] * 100 % 1) < 1e-9 else 1
    for tick in ticks:
        y = bottom - tick * scale
        parts.append(rule(left, y, _WIDTH - 4, y))
        parts.append(text(left - 6, y + 3.5, percent(tick, digits), anchor="end", size=10))
    return parts


def _legend(names: Sequence[str], colours: Sequence[str], x: float, y: float) -> list[str]:
    parts = []
    for name, colour in zip(names, colours, strict=False):
        parts.append(rect(x, y - 8, 9, 9, colour, round_=2))
        parts.append(text(x + 13, y, both(name, tag="tspan"), size=10))
        x += 26 + 6.2 * len(name)
    return parts


def heat(
    rows: Sequence[str],
    columns: Sequence[str],
    shares: Mapping[tuple[str, str], float],
    *,
    label: str,
) -> str:
    """A matrix of shares by row: what stays is calm, what gets worse warm, what mends green."""
    if not shares:
        return nothing()
    left, top = 96.0, 34.0
    row_height = min(max(208 / len(rows), 26.0), 38.0)
    width = (_WIDTH - left) / len(columns)
    parts = []
    for at, name in enumerate(columns):
        x = left + width * (at + 0.5)
        parts.append(text(x, top - 8, fitted(name, width - 2, 10), anchor="middle", size=10))
    for down, row in enumerate(rows):
        y, base = top + row_height * down, top + row_height * (down + 0.5) + 4
        parts.append(text(left - 8, base, _tspan(row), anchor="end", size=10.5, fill=INK))
        for across, column in enumerate(columns):
            share = shares.get((row, column), 0.0)
            x = left + width * across
            colour = _heat_colour(share, _worse(rows, row, column))
            told = escape(f"{row} → {column}: {percent(share, 2)}".replace("_", " "))
            box = rect(x + 1, y + 1, width - 2, row_height - 2, colour, title=told, round_=3)
            parts.append(box)
            if share:
                ink = "#ffffff" if share > 0.45 else INK
                shown = percent(share, 0 if share >= 0.0995 else 1).removesuffix(" %")
                middle = x + width / 2
                parts.append(text(middle, base, shown, anchor="middle", fill=ink, size=10.5))
    return picture(_WIDTH, top + row_height * len(rows) + 4, parts, label=plain(label))


def _worse(rows: Sequence[str], row: str, column: str) -> int:
    """-1 when a move mends, 0 when it stays or ends, 1 when it makes worse."""
    if column in ("written_off",):
        return 1
    if column not in rows:
        return -1
    places = (rows.index(row), rows.index(column))
    return (places[1] > places[0]) - (places[1] < places[0])


def _heat_colour(share: float, worse: int) -> str:
    if not share:
        return EMPTY
    ends = {1: ("#fbe3d6", ALARM), 0: ("#e3e9ef", "#4a6178"), -1: ("#d9efe9", CALM)}
    return shade(*ends[worse], share**0.7)


def curves(series: Mapping[str, Sequence[float]], *, label: str) -> str:
    """Curves from 0 on, the older the paler; the first and last and the highest are named."""
    most = max((value for curve in series.values() for value in curve), default=0.0)
    if not most:
        return nothing()
    left, bottom, top, right = 44.0, 214.0, 14.0, 58.0
    longest = max(max(len(curve) for curve in series.values()) - 1, 1)
    ticks = steps(most)
    scale = (bottom - top) / ticks[-1]
    step = (_WIDTH - left - right) / longest
    parts = _shares_axis(ticks, left, bottom, scale)
    for month in range(0, longest + 1, max(1, longest // 9)):
        parts.append(text(left + step * month, bottom + 15, str(month), anchor="middle", size=10))
    said = _tspan("months_on_book")
    parts.append(text(_WIDTH - 4, bottom + 29, said, anchor="end", size=10))
    names = list(series)
    highest = max(names, key=lambda name: series[name][-1])
    named: list[float] = []
    for at, name in enumerate(names):
        colour = shade(*COLD, at / max(len(names) - 1, 1))
        points = [(left + step * x, bottom - y * scale) for x, y in enumerate(series[name])]
        told = f"{name}: {percent(series[name][-1], 2)}"
        parts.append(line(points, colour, title=escape(told)))
        x, y = points[-1]
        parts.append(dot(x, y, 2.4, colour))
        if name in (names[0], highest) and all(abs(y - other) > 11 for other in named):
            parts.append(text(x + 6, y + 3.5, escape(name), size=10, fill=INK))
            named.append(y)
    return picture(_WIDTH, bottom + 34, parts, label=plain(label))


def stages(rows: Sequence[tuple[str, Mapping[str, int]]], *, label: str) -> str:
    """A funnel: each stage a centred bar, as wide as its count, split by severity."""
    most = max((sum(counts.values()) for _, counts in rows), default=0)
    if not most:
        return nothing()
    left, height, gap = 96.0, 34.0, 12.0
    scale = (_WIDTH - left - 60) / most
    parts = _legend(list(SEVERITY), list(SEVERITY.values()), left, 12)
    for at, (name, counts) in enumerate(rows):
        total = sum(counts.values())
        y = 28 + (height + gap) * at
        x = left + (_WIDTH - left - 60 - total * scale) / 2
        parts.append(text(left - 12, y + 21, _tspan(name), anchor="end", fill=INK, size=12))
        for severity, colour in SEVERITY.items():
            size = counts.get(severity, 0) * scale
            told = f"{severity}: {counts.get(severity, 0):,}"
            if size:
                parts.append(rect(x, y, size, height, colour, title=told))
            x += size
        share = f"{total:,}" if at == 0 else f"{total:,} · {percent(total / most, 0)}"
        parts.append(text(x + 8, y + 21, share, fill=INK, size=12, bold=True))
    return picture(_WIDTH, 28 + (height + gap) * len(rows), parts, label=plain(label))


def columns(counts: Mapping[str, int], *, label: str, warm: str) -> str:
    """Plain columns of counts; the one called `warm` is in the colour of alarm."""
    most = max(counts.values(), default=0)
    if not most:
        return nothing()
    bottom, top = 196.0, 24.0
    pitch = _WIDTH / len(counts)
    parts = [rule(0, bottom, _WIDTH, bottom, SOFT)]
    for at, (name, count) in enumerate(counts.items()):
        size = (bottom - top) * count / most
        x = pitch * at + pitch * 0.14
        colour = ALARM if name == warm else DEEP
        parts.append(rect(x, bottom - size, pitch * 0.72, size, colour, round_=2))
        middle = pitch * (at + 0.5)
        shown = f"{count:,}" if count else ""
        parts.append(
            text(middle, bottom - size - 6, shown, anchor="middle", fill=INK, size=12, bold=True)
        )
        parts.append(text(middle, bottom + 16, _tspan(name), anchor="middle", size=11))
    return picture(_WIDTH, bottom + 24, parts, label=plain(label))


def bars(rows: Sequence[tuple[str, float, float]], *, label: str) -> str:
    """Bars of shares by name, each with the part of it that is in trouble in a darker colour."""
    most = max((share for _, share, _ in rows), default=0.0)
    if not most:
        return nothing()
    left, height, pitch = 128.0, 15.0, 23.0
    scale = (_WIDTH - left - 104) / most
    parts = []
    for at, (name, share, bad) in enumerate(rows):
        y = pitch * at + 4
        parts.append(text(left - 8, y + 12, _tspan(name), anchor="end", fill=INK, size=11))
        parts.append(rect(left, y, share * scale, height, "#9db8cc", round_=2))
        parts.append(rect(left, y, share * bad * scale, height, ALARM, round_=2))
        shown = f"{percent(share)} · {percent(bad, 0)}"
        parts.append(text(left + share * scale + 7, y + 12, shown, size=10.5))
    parts.append(rule(left, 0, left, pitch * len(rows) + 2, LINE))
    return picture(_WIDTH, pitch * len(rows) + 4, parts, label=plain(label))


def width() -> str:
    """How wide every picture is in its own units."""
    return n(_WIDTH)
