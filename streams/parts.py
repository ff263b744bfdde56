"""What the settings name, opened: rule pack and views. Holds no state and opens no data folder."""

from __future__ import annotations

from collections.abc import Sequence

from projections.rebuild import Factory
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
