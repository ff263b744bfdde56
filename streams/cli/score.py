"""`loanbell fit` and `loanbell evaluate`: learn a score from history; say how good scores are."""

from __future__ import annotations

from datetime import datetime
from importlib.util import find_spec
from math import isnan
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from ledger.errors import LoanError
from streams.cli.app import ConfigOption, DataOption, JsonOption, cli, err, out
from streams.cli.care import opened
from streams.cli.quality import show
from streams.cli.render import pairs, share
from streams.parts import model_at
from streams.quality import (
    Judged,
    about,
    every,
    fold_entry,
    from_history,
    from_labels,
    judged_by,
    judged_from,
    known_by,
    model_entry,
    out_of_time_share,
    warnings_entry,
)
from streams.quality_page import page
from streams.settings import Settings
from warning.indicators import CATALOGUE
from warning.outcomes import Ask, past_of
from warning.quality import versus
from warning.samples import Samples, sample
from warning.scorecard import Model
from warning.windows import FloatArray

HORIZON_DAYS = 365
BUDGET = 0.05
BOTH = 2
SEED = 7
HorizonOption = Annotated[
    int, typer.Option("--horizon", min=1, max=3650, help="Days within which a loan goes bad.")
]
LabelsOption = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        metavar="CSV",
        help="Outcomes from a file: loan_id, score_time, label. Default: the ledger's own history.",
    ),
]
UntilOption = Annotated[
    datetime | None,
    typer.Option(
        "--until",
        formats=["%Y-%m-%d"],
        help="Know nothing that was recorded after this day (UTC), outcomes included.",
    ),
]
KINDS = ("auto", "points", "trees")


class FitMissing(LoanError):
    """The library that fits scores is not installed."""

    code = "fit_missing"


@cli.command(rich_help_panel="Score")
def fit(
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="Where the model is written.")],
    data: DataOption = None,
    config: ConfigOption = None,
    labels: LabelsOption = None,
    horizon: HorizonOption = HORIZON_DAYS,
    kind: Annotated[str, typer.Option("--kind", help=", ".join(KINDS))] = "auto",
    name: Annotated[str, typer.Option("--name", help="The model's name.")] = "score",
    version: Annotated[int, typer.Option("--version", min=1, help="The model's version.")] = 1,
    until: UntilOption = None,
) -> None:
    """Learn a score from the history of this book, and write it as a readable JSON model.

    A scorecard of points is kept unless boosted trees win clearly (`--kind auto`). Borrowers are
    kept whole between folds; the probability is calibrated on scores out of fold. Where history
    reaches far enough the model also tells how well it does out of time. With --until a later
    stretch is left for `evaluate --since`.
    """
    if kind not in KINDS:
        raise typer.BadParameter(f"one of {', '.join(KINDS)}", param_hint="--kind")
    judged, _ = _judged(data, config, labels, horizon, until=until)
    model = _fitted(judged, kind, name, version).model
    to.write_text(model.text, encoding="utf-8")
    out.print(pairs(f"{model.label}, {model.kind}", _summary(model)))
    err.print(f"written to {to}")


@cli.command(rich_help_panel="Score")
def evaluate(
    data: DataOption = None,
    config: ConfigOption = None,
    labels: LabelsOption = None,
    horizon: HorizonOption = HORIZON_DAYS,
    model: Annotated[
        Path | None, typer.Option("--model", metavar="FILE", help="The score (champion).")
    ] = None,
    challenger: Annotated[
        Path | None, typer.Option("--challenger", metavar="FILE", help="Another score beside it.")
    ] = None,
    budget: Annotated[
        float, typer.Option("--budget", min=0.001, max=1, help="Share of loans one can look at.")
    ] = BUDGET,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since",
            formats=["%Y-%m-%d"],
            help="Judge loans from this day on: later than what the score learnt from.",
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Also write a page with plots.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say how good the warnings and a score were, against what really became of the loans.

    Without --model, scores are fitted and judged out of fold, so that no loan is judged by a score
    that knew its borrower.
    """
    judged, rung = _judged(data, config, labels, horizon)
    if since is not None:
        judged = judged_from(judged, since.date())
    files = [("champion", model), ("challenger", challenger)]
    given = [(role, model_at(path)) for role, path in files if path is not None]
    split = "; ".join(out_of_time_share(m, judged) for _, m in given)
    if given:
        scores = [m.calibrated(judged.samples.values) for _, m in given]
        entries = [
            model_entry(m, judged, role=role, budget_share=budget, seed=SEED) for role, m in given
        ]
    else:
        entries, scores = _out_of_fold(judged, budget)
        split = "five folds, each borrower wholly in one; judged by a score fitted on the others"
    title = f"How good the bell is: {Settings.load({'data': data}, file=config).data.name}"
    report = {"about": about(judged, title=title, split=split), "models": entries} | rung
    report["versus"] = None
    if len(scores) == BOTH:
        champion, other = scores
        report["versus"] = versus(champion, other, judged.samples, budget_share=budget, seed=SEED)
    if html is not None:
        html.write_text(page(report), encoding="utf-8")
        err.print(f"page written to {html}")
    if as_json:
        print(orjson.dumps(report, option=orjson.OPT_SERIALIZE_NUMPY).decode())
    else:
        show(report)


@cli.command(rich_help_panel="Score")
def score(
    loan: Annotated[str, typer.Argument(metavar="LOAN", help="The loan to judge.")],
    model: Annotated[Path, typer.Option("--model", metavar="FILE", help="The score.")],
    data: DataOption = None,
    config: ConfigOption = None,
    challenger: Annotated[
        Path | None, typer.Option("--challenger", metavar="FILE", help="Another score beside it.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Judge one loan by all that is known now: probability, points, and the reasons.

    A reason is an indicator and the points that it costs the loan.
    """
    _, store = opened(data, read_only=True, config=config)
    with store:
        facts = every(store.ledger)
    last = max((item.fact.recorded_at_us for item in facts), default=0)
    samples = sample(facts, [Ask(loan, last)], [False], list(CATALOGUE))
    rows = [_score_of(model_at(path), samples) for path in (model, challenger) if path is not None]
    if as_json:
        print(orjson.dumps(rows).decode())
        return
    for row in rows:
        _print_score(row)


def _score_of(known: Model, samples: Samples) -> dict[str, Any]:
    return {
        "score": known.label,
        "probability": float(known.pd(samples.values)[0]),
        "horizon_days": known.about["horizon_days"],
        "points": round(float(known.points(samples.values)[0])),
        "reasons": [
            {
                "indicator": reason.indicator,
                "value": _value(float(samples.values[reason.indicator][0])),
                "points": reason.points,
            }
            for reason in known.reasons(samples.values)[0]
        ],
    }


def _print_score(row: dict[str, Any]) -> None:
    said = {
        "probability": f"{share(row['probability'])} within {row['horizon_days']} days",
        "points": str(row["points"]),
    }
    for reason in row["reasons"]:
        told = "unknown" if reason["value"] is None else f"{reason['value']:,.6g}"
        said[reason["indicator"]] = f"{told}: costs {reason['points']} points"
    out.print(pairs(row["score"], said))


def _value(value: float) -> float | None:
    return None if isnan(value) else value


def _judged(
    data: Path | None,
    config: Path | None,
    labels: Path | None,
    horizon: int,
    *,
    until: datetime | None = None,
) -> tuple[Judged, dict[str, Any]]:
    """The samples; and, where outcomes are the ledger's own, the figures of its warnings."""
    _, store = opened(data, read_only=True, config=config)
    with store:
        facts = every(store.ledger)
        if labels is not None:
            judged = from_labels(facts, labels, horizon_days=horizon)
            return judged_by(judged, until.date() if until else None), {"warnings": None}
        if until is not None:
            facts = known_by(facts, until.date())
        past = past_of(facts)
        rung = warnings_entry(every(store.warnings), past)
    return from_history(facts, past, horizon_days=horizon), {"warnings": rung}


def _fitted(judged: Judged, kind: Any, name: str, version: int) -> Any:
    if find_spec("sklearn") is None:
        raise FitMissing(
            "Fitting needs scikit-learn, which is not installed; scoring does not.",
            way_out='Install it with: pip install "loanbell[fit]"',
        )
    from warning.fit import fit as learn  # noqa: PLC0415 (an extra: only fitting needs it)

    told = {
        "name": name,
        "version": version,
        "target": judged.target,
        "horizon_days": judged.horizon_days,
        "outcomes": judged.outcomes_from,
    }
    if judged.default_days is not None:  # so that outcomes can be told while the score is in force
        told["default_days"] = judged.default_days
    return learn(judged.samples, about=told, kind=kind, seed=SEED)


def _out_of_fold(judged: Judged, budget: float) -> tuple[list[dict[str, Any]], list[FloatArray]]:
    """The entries of the kinds of score, the better one first; and what each said."""
    fitted = _fitted(judged, "auto", "score", 1)
    chosen = fitted.model.kind
    kinds = sorted(fitted.out_of_fold, key=lambda kind: kind != chosen)
    later = fitted.model.about["metrics"].get("out_of_time")
    entries = [
        fold_entry(
            kind,
            fitted.calibrated(kind),
            judged,
            role="champion" if kind == chosen else "challenger",
            budget_share=budget,
            seed=SEED,
            later=later,
        )
        for kind in kinds
    ]
    return entries, [fitted.calibrated(kind) for kind in kinds]


def _summary(model: Model) -> dict[str, str]:
    known = model.about
    rows = {
        "bad": str(known["target"]),
        "judged": f"{known['population']['judged']:,}, bad {known['population']['bad']:,}",
        "window": f"{known['window']['first']} to {known['window']['last']}",
        "indicators": f"{len(model.names)}",
    }
    for kind in ("points", "trees"):
        if kind in known["metrics"]:
            found = known["metrics"][kind]
            interval = f"{found['auc_low']:.3f} to {found['auc_high']:.3f}"
            rows[f"AUC of {kind}"] = f"{found['auc']:.3f} ({interval}), out of fold"
    later = known["metrics"].get("out_of_time")
    if later:
        found = later.get(model.kind)
        rows["out of time"] = (
            f"{found['auc']:.3f} ({found['auc_low']:.3f} to {found['auc_high']:.3f}), learnt up to "
            f"{later['learnt_up_to']}, other borrowers"
        )
    return rows
