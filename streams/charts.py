"""Small charts as SVG text: lines, bars, dots. No script, no outside resource; knows no meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

WIDTH, HEIGHT = 360, 250
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 26, 40
INK, GRID = "#5b6472", "#e4e7ec"
BLUE, RED, GREY, AMBER = "#2457a6", "#c0392b", "#98a1b0", "#d9822b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One set of points; `kind` is "line", "dots" or "dash"."""

    points: Sequence[Sequence[float]]
    colour: str = BLUE
    kind: str = "line"
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """The frame of a chart: ranges, titles, and whether values read as percent."""

    x: str
    y: str
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)
    x_words: tuple[str, ...] = ()
    percent: bool = True

    def across(self, x: float) -> float:
        """The place of x in pixels."""
        low, high = self.x_range
        return LEFT + (x - low) / ((high - low) or 1) * (WIDTH - LEFT - RIGHT)

    def up(self, y: float) -> float:
        """The place of y in pixels."""
        low, high = self.y_range
        return HEIGHT - BOTTOM - (y - low) / ((high - low) or 1) * (HEIGHT - TOP - BOTTOM)


def chart(axes: Axes, series: Sequence[Series], *, title: str) -> str:
    """Lines and dots in a frame."""
    drawn = [_drawn(axes, one) for one in series]
    names = [one for one in series if one.name]
    return _svg([*_frame(axes), *drawn, *_legend(names)], title)


def bars(axes: Axes, groups: Sequence[Series], *, title: str) -> str:
    """Bars side by side, one group of them for each x."""
    count = max(len(one.points) for one in groups)
    room = (WIDTH - LEFT - RIGHT) / max(count, 1)
    width = room * 0.8 / len(groups)
    drawn = []
    for number, one in enumerate(groups):
        for at, (_, y) in enumerate(one.points):
            top = axes.up(y)
            left = LEFT + at * room + room * 0.1 + number * width
            drawn.append(
                f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" '
                f'height="{max(axes.up(axes.y_range[0]) - top, 0):.1f}" fill="{one.colour}"/>'
            )
    return _svg([*_frame(axes), *drawn, *_legend([one for one in groups if one.name])], title)


def _drawn(axes: Axes, one: Series) -> str:
    places = [(axes.across(x), axes.up(y)) for x, y in one.points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    if one.kind == "dash":
        return (
            f'<polyline points="{line}" fill="none" stroke="{one.colour}" '
            f'stroke-dasharray="4 4" stroke-width="1"/>'
        )
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.2"/>' for x, y in places)
    if one.kind == "dots":
        return f'<g fill="{one.colour}">{dots}</g>'
    return f'<polyline points="{line}" fill="none" stroke="{one.colour}" stroke-width="2"/>'


def _frame(axes: Axes) -> list[str]:
    found = []
    for step in range(5):
        part = step / 4
        y = axes.y_range[0] + part * (axes.y_range[1] - axes.y_range[0])
        found.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{axes.up(y):.1f}" y2="{axes.up(y):.1f}" '
            f'stroke="{GRID}"/>'
        )
        found.append(_text(LEFT - 6, axes.up(y) + 4, _number(y, axes), anchor="end"))
        if not axes.x_words:
            x = axes.x_range[0] + part * (axes.x_range[1] - axes.x_range[0])
            anchor = "end" if step == 4 else "middle"  # The last one would be cut off.
            place = axes.across(x) + (RIGHT if step == 4 else 0)
            found.append(_text(place, HEIGHT - BOTTOM + 15, _number(x, axes), anchor=anchor))
    words = axes.x_words
    shown = max(1, -(-len(words) // 6))
    room = (WIDTH - LEFT - RIGHT) / max(len(words), 1)
    for at, word in enumerate(words):
        if at % shown == 0:
            found.append(_text(LEFT + (at + 0.5) * room, HEIGHT - BOTTOM + 15, word))
    found.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, axes.x, weight="600"))
    found.append(
        f'<text transform="translate(11 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" '
        f'text-anchor="middle" font-weight="600">{escape(axes.y)}</text>'
    )
    return found


def _legend(series: Sequence[Series]) -> list[str]:
    return [
        f'<rect x="{LEFT + 100 * at}" y="4" width="10" height="10" fill="{one.colour}"/>'
        + _text(LEFT + 15 + 100 * at, 13, one.name, anchor="start")
        for at, one in enumerate(series)
    ]


def ceiling(value: float) -> float:
    """The next of 1, 2, 4, 6, 8 times a power of ten: where an axis may end."""
    power = 10.0 ** floor(log10(value)) if value > 0 else 1.0
    return next((step * power for step in (1, 2, 4, 6, 8) if step * power >= value), 10 * power)


def _number(value: float, axes: Axes) -> str:
    if axes.percent:
        return f"{100 * value:.0f} %"
    return f"{value:.2f}" if abs(axes.y_range[1]) <= 2 else f"{value:.0f}"


def _text(x: float, y: float, words: str, *, anchor: str = "middle", weight: str = "400") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">'
        f"{escape(words)}</text>"
    )


def _svg(parts: Sequence[str], title: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}" '
        f'font-size="10" font-family="inherit" fill="{INK}">{"".join(parts)}</svg>'
    )
