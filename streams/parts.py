"""What the settings name, opened: rule pack and views. Holds no state and opens no data folder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from projections import regime
from projections.grades import Grades
from projections.rebuild import Factory
from projections.views import ALL
from streams.settings import PACKS, Settings, packaged
from warning.pack import Pack
from warning.rules import load_pack


def pack_of(settings: Settings) -> Pack:
    """The rule pack that `settings` name. Errors: RuleError."""
    return load_pack(packaged(PACKS, settings.pack, ".toml"))


def views_of(settings: Settings) -> Sequence[Factory]:
    """One factory a view; grades follow the regime that `settings` name. Errors: RegimeError."""
    grades = partial(Grades, regime.load(settings.regime))
    return [grades if factory is Grades else factory for factory in ALL]
