"""When a warning reached a person: the one definition behind every figure of how good the bell is.

- *Reached*: on the day of its first ring that called somebody. A ring is `raised` or `reopened`;
  one that was inhibited called nobody, nor did one that was deferred at once. Such a warning
  reached somebody on the day of a later ring, or of an answer without one; else never, and then it
  counts for nothing. To become graver is no ring.
- *Opened again*: the same alarm, dated by its first ring that called somebody.
- *Withdrawn*: it counts for nothing.
- *Found false* by a person: an alarm and a false one, whatever came later; it warned of nothing.
- *Warned*: the alarm of a loan that defaulted 1 to `HORIZON_DAYS` days later. On the day of the
  default, or after it, it is no warning.

Days are day numbers, by value date. Knows nothing of outcomes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from ledger.codec import topic_of
from ledger.dates import day_number

HORIZON_DAYS = 365
RINGS = ("raised", "reopened")
ANSWERS = ("acknowledged", "action_started", "suppressed", "found_false")
"""Changes that a person made: someone acted."""


class Told(NamedTuple):
    """One change of a warning: `change` is the last word of its stored name, `warning.raised`."""

    warning_id: str
    loan_id: str
    change: str
    day: int
    inhibited: bool


@dataclass(slots=True)
class Alarm:
    """A warning that reached a person on `day`, and what was said of it since."""

    loan_id: str
    day: int
    withdrawn: bool
    found_false: bool

    @property
    def stands(self) -> bool:
        """Whether it can have warned of something."""
        return not (self.withdrawn or self.found_false)


def told(fact: Any) -> Told:
    """A fact about one warning as a change."""
    return Told(
        fact.warning_id,
        fact.loan_id,
        topic_of(fact).split(".")[1],
        day_number(fact.value_date),
        getattr(fact, "inhibited_by", None) is not None,
    )


def reached(changes: Iterable[Told]) -> dict[str, Alarm]:
    """The warnings that reached a person, by id, from all changes in their order."""
    rings: dict[str, list[int]] = {}
    last: dict[str, Told] = {}
    for change in changes:
        days = rings.setdefault(change.warning_id, [])
        last[change.warning_id] = change
        if change.change == "deferred":
            days[-1:] = []
            continue
        rings_now = change.change in RINGS and not change.inhibited
        if rings_now or (change.change in ANSWERS and not days):
            days.append(change.day)
    return {
        warning_id: Alarm(
            loan_id=end.loan_id,
            day=rings[warning_id][0],
            withdrawn=end.change == "withdrawn",
            found_false=end.change == "found_false",
        )
        for warning_id, end in last.items()
        if rings[warning_id]
    }


def warned(day: int, default_day: int, *, horizon_days: int = HORIZON_DAYS) -> bool:
    """Whether an alarm of `day` warned of the default of `default_day`."""
    return 0 < default_day - day <= horizon_days
