"""What the settings name, opened: rule pack, views, and the core that knows the regimes.

Holds no state and opens no data folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ledger import decide as book
from ledger.commands import Command, EndGradeOverride, OverrideGrade
from ledger.errors import RuleRefused
from projections.rebuild import Factory
from projections.regime import Regime
from projections.regime_file import load
from projections.views import all_views
from streams.settings import PACKS, Settings, packaged
from warning.pack import Pack
from warning.rules import load_pack


def pack_of(settings: Settings) -> Pack:
    """The rule pack that `settings` name. Errors: RuleError."""
    return load_pack(packaged(PACKS, settings.pack, ".toml"))


def views_of(settings: Settings) -> Sequence[Factory]:
    """One factory a view; grades follow the regimes that `settings` name. Errors: RegimeError."""
    return all_views(*settings.regimes)


def core_of(settings: Settings) -> RegimeCore:
    """The ledger's decisions on loans graded by what `settings` name. Errors: RegimeError."""
    return RegimeCore([load(name) for name in settings.regimes])


class RegimeCore:
    """The pure decisions of the ledger, which asks here whether a grade exists before it is set."""

    def __init__(self, regimes: Sequence[Regime]) -> None:
        self._regimes = {regime.name: regime for regime in regimes}
        self.check, self.evolve = book.check, book.evolve

    def decide(self, state: Any, command: Command) -> Sequence[Any]:
        """As `ledger.decide`. Errors: also RuleRefused "unknown_regime", "unknown_grade",
        "override_not_allowed"."""
        if isinstance(command, OverrideGrade | EndGradeOverride):
            self._check(command)
        return book.decide(state, command)

    def _check(self, command: OverrideGrade | EndGradeOverride) -> None:
        regime = self._regimes.get(command.regime)
        if regime is None:
            known = ", ".join(self._regimes)
            raise _refused(command, "unknown_regime", f"Loans are graded here by {known}.")
        if regime.latest.overrides is None:
            raise _refused(command, "override_not_allowed", "Its rules alone decide.")
        if isinstance(command, OverrideGrade) and command.grade not in regime.ranks:
            raise _refused(command, "unknown_grade", f"Its grades are {', '.join(regime.ranks)}.")


def _refused(command: OverrideGrade | EndGradeOverride, rule: str, way_out: str) -> RuleRefused:
    return RuleRefused(
        f"People cannot set this grade of loan {command.loan_id} by {command.regime}.",
        rule=rule,
        way_out=way_out,
        loan_id=command.loan_id,
    )
