"""What the settings name, opened: rules with their score, and views. Opens no data folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from projections.rebuild import Factory
from projections.views import all_views
from streams.settings import NO_SCORE, PACKS, Settings, packaged
from warning.pack import Pack
from warning.rules import load_pack
from warning.scorecard import Model, ModelError, read_model
from warning.scored_pack import with_score


def pack_of(settings: Settings) -> Pack:
    """The rule pack that `settings` name, with their score. Errors: RuleError, ModelError."""
    pack = load_pack(packaged(PACKS, settings.pack, ".toml"))
    if settings.score == NO_SCORE:
        return pack
    return with_score(pack, model_at(Path(settings.score)), path=settings.pack)


def model_at(path: Path) -> Model:
    """The score in a file. Errors: ModelError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} cannot be read: {error}.", way_out="Name a model file.") from None
    return read_model(text, path=str(path))


def views_of(settings: Settings) -> Sequence[Factory]:
    """One factory a view; grades follow the regime that `settings` name. Errors: RegimeError."""
    return all_views(settings.regime)
