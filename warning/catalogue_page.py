"""The catalogue of indicators as a page to read, and as documents for programs.

Written from the catalogue alone, so that it cannot say anything else.
"""

from __future__ import annotations

from warning.derived import MAX_CHANGE_DAYS, MIN_PEERS, SEGMENTS
from warning.indicators import CATALOGUE


def as_documents() -> list[dict[str, str]]:
    """One document an indicator, in the order of the catalogue."""
    return [
        {
            "name": each.name,
            "unit": each.unit,
            "window": each.window,
            "meaning": each.meaning,
            "unknown": each.unknown,
            "source": each.source,
        }
        for each in CATALOGUE.values()
    ]


def as_markdown() -> str:
    """The page `warning/INDICATORS.md`."""
    lines = [
        "# Indicators",
        "",
        "Written by `loanbell indicators --markdown`; do not edit. t is the day that closes.",
        "Windows are half-open: `(t-90, t]` counts t and not t-90. Unknown is NaN, never 0: it",
        "neither rings nor ends a warning. A loan that is not open has no values.",
        "",
        "| indicator | unit | window | meaning | unknown when | source |",
        "|---|---|---|---|---|---|",
    ]
    for each in as_documents():
        cells = (each[key] for key in ("unit", "window", "meaning", "unknown", "source"))
        lines.append(f"| `{each['name']}` | " + " | ".join(map(_cell, cells)) + " |")
    lines += [
        "",
        "## Derived in rules",
        "",
        f"- `change(indicator, days)`, 1 to {MAX_CHANGE_DAYS} days: the value now less the value "
        "read at the last close on or before that many calendar days ago.",
        f"- `percentile(indicator, segment)`, segment one of {', '.join(SEGMENTS)}: mid-rank among",
        "  the open loans of the segment that have a value, 0 to 100; unknown with fewer than "
        f"{MIN_PEERS}.",
        "- `others(loan)`, `others(borrower)`: other warnings open when the close began, by rules",
        "  that do not count others themselves.",
        "",
    ]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
