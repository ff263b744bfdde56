"""A rule pack and the score that judges beside it as one text: adopted, recorded, replayed.

The score stands behind the rules as one comment line, so that the text is a pack like any other.
Because the rules in force are a fact with their whole text, a score is recorded, compared at a
restart and adopted anew by the same means as rules, and a log can be concluded again.
"""

from __future__ import annotations

from warning.pack import Pack
from warning.rules import parse_pack
from warning.scorecard import Model, read_model

MARK = "# score-model: "


def with_score(pack: Pack, model: Model, *, path: str) -> Pack:
    """`pack` with `model` as its score, instead of one that it may have; `path` names it."""
    rules = [line for line in pack.text.splitlines() if not line.startswith(MARK)]
    return parse_pack("\n".join([*rules, MARK + model.line, ""]), path=path)


def score_in(pack: Pack) -> Model | None:
    """The score of a pack, if it has one. Errors: ModelError."""
    return score_in_text(pack.text, path=pack.label)


def score_in_text(text: str, *, path: str) -> Model | None:
    """The score in a pack's text, whatever its rules are. Errors: ModelError."""
    _, found, rest = text.rpartition("\n" + MARK)
    return read_model(rest.partition("\n")[0], path=path) if found else None


def judged_alike(pack: Pack, beside: Pack, model: Model | None = None) -> Pack:
    """`pack` with `model`, else with the score of `beside`: rules compared, and not scores."""
    chosen = model or score_in(beside)
    return pack if chosen is None else with_score(pack, chosen, path=pack.label)
