"""Drawing: shapes as SVG text with coordinates to a tenth, and axes. Knows no figures.

Texts may hold markup made by `words` and must be escaped by whoever makes them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

INK, SOFT, LINE = "#1d2a38", "#5c6b7a", "#d9dfe5"


def n(value: float) -> str:
    """A coordinate: a tenth is as fine as an eye sees."""
    return f"{value:.1f}".removesuffix(".0")


def picture(width: float, height: float, parts: Iterable[str], *, label: str) -> str:
    """A drawing that scales with the page; `label` says what it shows to those who hear it."""
    return (
        f'<svg viewBox="0 0 {n(width)} {n(height)}" role="img" aria-label="{label}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def rect(
    x: float,
    y: float,
    width: float,
    height: float,
    fill: str,
    *,
    title: str = "",
    round_: float = 0,
) -> str:
    """A filled box; `title` shows when pointed at."""
    inner = f"<title>{title}</title>" if title else ""
    corner = f' rx="{n(round_)}"' if round_ else ""
    size = f'width="{n(max(width, 0))}" height="{n(max(height, 0))}"'
    return f'<rect x="{n(x)}" y="{n(y)}" {size} fill="{fill}"{corner}>{inner}</rect>'


def text(
    x: float,
    y: float,
    said: str,
    *,
    anchor: str = "start",
    fill: str = SOFT,
    size: float = 11,
    bold: bool = False,
) -> str:
    """A line of text. Of two languages, both stand in one place and the page shows one."""
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{n(x)}" y="{n(y)}" text-anchor="{anchor}" fill="{fill}" '
        f'font-size="{n(size)}"{weight}>{said}</text>'
    )


def line(
    points: Sequence[tuple[float, float]], colour: str, *, width: float = 1.8, title: str = ""
) -> str:
    """A line through points."""
    inner = f"<title>{title}</title>" if title else ""
    at = " ".join(f"{n(x)},{n(y)}" for x, y in points)
    return (
        f'<polyline points="{at}" fill="none" stroke="{colour}" stroke-width="{n(width)}" '
        f'stroke-linejoin="round" stroke-linecap="round">{inner}</polyline>'
    )


def rule(x1: float, y1: float, x2: float, y2: float, colour: str = LINE) -> str:
    """A thin straight line."""
    return (
        f'<line x1="{n(x1)}" y1="{n(y1)}" x2="{n(x2)}" y2="{n(y2)}" stroke="{colour}" '
        'stroke-width="1"/>'
    )


def dot(x: float, y: float, radius: float, colour: str) -> str:
    """A filled circle."""
    return f'<circle cx="{n(x)}" cy="{n(y)}" r="{n(radius)}" fill="{colour}"/>'


def shade(low: str, high: str, share: float) -> str:
    """A colour between two, by `share` from 0 to 1."""
    pairs = [(int(low[at : at + 2], 16), int(high[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * min(max(share, 0), 1)):02x}" for a, b in pairs)


def steps(most: float, *, about: int = 4) -> list[float]:
    """Round numbers from 0 to at least `most`, about so many: the ticks of an axis."""
    if most <= 0:
        return [0.0, 1.0]
    unit = 10.0 ** math.floor(math.log10(most / about))
    step = next(unit * size for size in (1, 2, 2.5, 5, 10) if unit * size * about >= most * 0.999)
    return [at * step for at in range(math.ceil(most / step - 0.001) + 1)]
