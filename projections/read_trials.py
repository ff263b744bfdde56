"""Champion against challenger: what became of the borrowers of each arm of a trial.

The unit is the borrower, because arms are drawn by borrower: of each, the first case that was ever
assigned in the trial counts, whatever arm-free treatment it had later. Shares come with Wilson's
bounds, differences to the first arm with Newcombe's, costs as difference of means (`confidence`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from math import ceil, floor
from typing import Any, NamedTuple

from projections.case_tables import ASSIGNMENTS, CASES
from projections.reading import Answer, Reader
from projections.tables import func, select
from warning.confidence import Bounds, means_apart, share, shares_apart

PPM = 1_000_000


class _Of(NamedTuple):
    """What became of one borrower's case. `overdue`: something was, when it was opened."""

    overdue: bool
    cured: bool
    rolled: bool
    currency: str
    cost_minor: int


class TrialReads(Reader):
    """Comparisons of arms."""

    def trials(self) -> list[str]:
        """The trials that cases were assigned in."""
        table = self._database.table(ASSIGNMENTS)
        with self._database.reading() as connection:
            arms = connection.execute(select(table.c.arm).distinct()).scalars()
            return sorted({arm.partition(".")[0] for arm in arms if "." in arm})

    def trial(self, name: str) -> list[Answer]:
        """One row an arm, the largest first: borrowers, cure, roll and cost with bounds, and how
        they differ from the first row. Empty for a trial that nobody was assigned in.
        """
        found = self._arms(name)
        arms = sorted(found, key=lambda arm: (-len(found[arm]), arm))
        return [_row(arm, found[arm], found[arms[0]] if arm != arms[0] else ()) for arm in arms]

    def _arms(self, name: str) -> dict[str, list[_Of]]:
        table, cases = self._database.table(ASSIGNMENTS), self._database.table(CASES)
        ours = table.c.arm.startswith(f"{name}.", autoescape=True)
        first = select(table.c.borrower_id, func.min(table.c.position).label("position"))
        first_of = first.where(ours).group_by(table.c.borrower_id).subquery()
        statement = (
            select(table.c.arm, cases)
            .join(first_of, first_of.c.position == table.c.position)
            .join(cases, cases.c.case_id == table.c.case_id)
            .order_by(table.c.position)
        )
        found: defaultdict[str, list[_Of]] = defaultdict(list)
        with self._database.reading() as connection:
            for row in connection.execute(statement):
                found[row.arm.partition(".")[2]].append(
                    _Of(
                        row.bucket_at_open > 0,
                        row.cured_day is not None,
                        row.rolled_day is not None,
                        row.currency,
                        row.cost_minor,
                    )
                )
        return found


def _row(arm: str, of: Sequence[_Of], champion: Sequence[_Of]) -> Answer:
    row: Answer = {"arm": arm, "borrowers": len(of), "overdue": sum(each.overdue for each in of)}
    for figure in ("cured", "rolled"):
        mine, theirs = _share(of, figure), _share(champion, figure)
        row[figure] = _bounds(mine)
        row[f"{figure}_apart"] = _bounds(shares_apart(mine, theirs) if mine and theirs else None)
    row["cost"] = {
        currency: {
            "mean_minor": sum(costs) // len(costs),
            "apart_minor": _minor(means_apart(costs, _costs(champion).get(currency, []))),
        }
        for currency, costs in _costs(of).items()
    }
    return row


def _share(of: Sequence[_Of], figure: str) -> Bounds | None:
    """Of cases with something overdue, those that were cured, or rolled on."""
    whole = [each for each in of if each.overdue]
    return share(sum(getattr(each, figure) for each in whole), len(whole))


def _costs(of: Sequence[_Of]) -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for each in of:
        found[each.currency].append(each.cost_minor)
    return dict(sorted(found.items()))


def _bounds(found: Bounds | None) -> Any:
    """In parts per million, bounds rounded outwards."""
    if found is None:
        return None
    return {
        "ppm": round(found.value * PPM),
        "low_ppm": floor(found.low * PPM),
        "high_ppm": ceil(found.high * PPM),
    }


def _minor(found: Bounds | None) -> Any:
    if found is None:
        return None
    return {
        "minor": round(found.value),
        "low_minor": floor(found.low),
        "high_minor": ceil(found.high),
    }
