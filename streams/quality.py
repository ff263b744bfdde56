"""Quality of scores and warnings over a book: gathers samples and outcomes, makes one report.

Outcomes are the ledger's own later history, or labels from a file. A score that is given is judged
as it is; without one, scores are fitted and judged out of fold, borrowers kept whole. Prints
nothing; `quality_page` draws the report.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np

from ledger.dates import day_number
from ledger.errors import LoanError
from ledger.store import FactLog, Recorded
from warning.drift import bands_of, drift
from warning.evaluate import SETTLED_DAYS, measure
from warning.indicators import CATALOGUE
from warning.outcomes import DEFAULT_DAYS, LEAST_AGE_DAYS, Ask, Past
from warning.quality import Reference, score_report
from warning.reached import HORIZON_DAYS
from warning.samples import Samples, sample
from warning.scorecard import Model

PAGE = 10_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LabelsUnreadable(LoanError):
    """A file of labels is missing or not of the shape that is read."""

    code = "labels_unreadable"


class NothingToJudge(LoanError):
    """No judgement is left to learn from, or to be judged on."""

    code = "nothing_to_judge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Samples with what they mean: `target` in words, and where outcomes come from.

    `default_days`: more days past due than these are a default; None where labels tell.
    """

    samples: Samples
    target: str
    horizon_days: int
    outcomes_from: str
    default_days: int | None = None


def every(log: FactLog) -> list[Recorded]:
    """All facts of a log."""
    found: list[Recorded] = []
    while page := log.read(after=found[-1].position if found else 0, limit=PAGE):
        found += page
    return found


def from_history(facts: Sequence[Recorded], past: Past, *, horizon_days: int) -> Judged:
    """Each loan at each month end, and whether it defaulted within the horizon."""
    asks, bad = past.asks(horizon_days=horizon_days, least_age_days=LEAST_AGE_DAYS)
    return Judged(
        samples=sample(facts, asks, bad, list(CATALOGUE)),
        target=f"more than {DEFAULT_DAYS} days past due, default found, or written off, within "
        f"{horizon_days} days",
        horizon_days=horizon_days,
        outcomes_from="the ledger's own later history; loans judged at month ends while they run "
        "and are not in default; left out where the horizon was not observed",
        default_days=DEFAULT_DAYS,
    )


def from_labels(facts: Iterable[Recorded], path: Path, *, horizon_days: int) -> Judged:
    """The loans of a CSV file with loan_id, score_time and label (1 = bad); more columns may be.

    Errors: LabelsUnreadable naming the line; UnknownLoan.
    """
    asks, bad, targets = [], [], []
    for line, row in enumerate(_rows(path), start=2):
        try:
            asks.append(Ask(row["loan_id"], _moment_us(row["score_time"])))
            bad.append({"0": False, "1": True}[row["label"]])
        except (KeyError, ValueError) as error:
            raise LabelsUnreadable(
                f"{path}:{line} cannot be read: {error!r}.",
                way_out="Columns are loan_id, score_time (ISO 8601, UTC) and label (0 or 1).",
            ) from None
        targets.append(row.get("task") or "label")
    return Judged(
        samples=sample(facts, asks, bad, list(CATALOGUE)),
        target=", ".join(sorted(set(targets))),
        horizon_days=horizon_days,
        outcomes_from=f"labels of {path.name}",
    )


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise LabelsUnreadable(
            f"{path} cannot be read: {error}.", way_out="Name a CSV file in UTF-8."
        ) from None


def _moment_us(text: str) -> int:
    """A moment, or the end of a day; without a zone it is UTC."""
    moment = datetime.fromisoformat(text)
    if len(text) == 10:
        moment = datetime.combine(moment.date(), time(23, 59, 59))
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def known_by(facts: Sequence[Recorded], day: date) -> list[Recorded]:
    """The facts that were recorded by the end of `day`. Errors: NothingToJudge where none was."""
    end_us = (day_number(day) + 1) * 86_400_000_000
    known = [item for item in facts if item.fact.recorded_at_us < end_us]
    if not known:
        raise NothingToJudge(
            f"Nothing was recorded by {day}.", way_out="Choose a later day for --until."
        )
    return known


def judged_by(judged: Judged, day: date | None) -> Judged:
    """The judgements whose horizon had ended by `day`; all without one. Errors: NothingToJudge."""
    if day is None:
        return judged
    known = judged.samples.days + judged.horizon_days <= day_number(day)
    if not known.any():
        raise NothingToJudge(
            f"Of no loan was it known by {day} what became of it.",
            way_out="Choose a later day for --until.",
        )
    return replace(judged, samples=judged.samples.take(known))


def judged_from(judged: Judged, day: date) -> Judged:
    """The judgements made on `day` or later. Errors: NothingToJudge."""
    later = judged.samples.days >= day_number(day)
    if not later.any():
        raise NothingToJudge(
            f"No loan was judged from {day} on with its horizon observed in full.",
            way_out="Choose an earlier day for --since, or a shorter --horizon.",
        )
    return replace(judged, samples=judged.samples.take(later))


def out_of_time_share(model: Model, judged: Judged) -> str:
    """How many of the judgements lie behind all that `model` was fitted on, outcomes included."""
    last = model.about.get("window", {}).get("last")
    if last is None:
        return f"{model.label} as given; it does not say when it was fitted"
    known_until = day_number(date.fromisoformat(last)) + int(model.about["horizon_days"])
    later = int((judged.samples.days > known_until).sum())
    return (
        f"{model.label} as given; {later:,} of {len(judged.samples):,} judgements are later than "
        f"all that it was fitted on (judged up to {last}); borrowers may be the same"
    )


def model_entry(
    model: Model, judged: Judged, *, role: str, budget_share: float, seed: int
) -> dict[str, Any]:
    """The report's entry of a score that is judged as it is."""
    pd = model.pd(judged.samples.values)
    shares = model.about.get("reference", {}).get("shares")
    fitted_on = Reference(bands_of(model, pd)[0], np.array(shares)) if shares else None
    report = score_report(
        pd, judged.samples, budget_share=budget_share, seed=seed, reference=fitted_on
    )
    found = drift(model, pd)
    report["psi"] = None if found is None else found.stability_index
    return {"role": role, "label": model.label, "kind": model.kind, "report": report}


def fold_entry(
    kind: str,
    score: Any,
    judged: Judged,
    *,
    role: str,
    budget_share: float,
    seed: int,
    later: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The report's entry of a score that was fitted and judged out of fold.

    `later` are the model's metrics out of time, where it has them.
    """
    pd = 1 / (1 + np.exp(-score))
    report = score_report(pd, judged.samples, budget_share=budget_share, seed=seed)
    if later:
        told = {name: later[name] for name in ("learnt_up_to", "judged", "bad")}
        report["out_of_time"] = later[kind] | told
    return {"role": role, "label": f"{kind}, out of fold", "kind": kind, "report": report}


def warnings_entry(rung: Iterable[Recorded], past: Past) -> dict[str, Any]:
    """Figures of the warnings that rang, against the ledger's own later history."""
    facts = [item.fact for item in rung]
    return asdict(measure(facts, past.outcomes(), loan_months=past.loan_months()))


def about(judged: Judged, *, title: str, split: str) -> dict[str, Any]:
    """What the report is about, definitions included."""
    samples = judged.samples
    return {
        "title": title,
        "what": f"{len(samples):,} judgements of {len(set(samples.loan_ids)):,} loans, "
        f"{int(samples.bad.sum()):,} of which went bad.",
        "definitions": {
            "bad": judged.target,
            "horizon": f"{judged.horizon_days} days",
            "outcomes": judged.outcomes_from,
            "split": split,
            "no look-ahead": "a loan is judged by the facts recorded up to that moment",
            "intervals": "95 %, bootstrap over borrowers",
            "stability index (PSI)": "of a part of the judgements against the loans that the score "
            "was fitted on; of a score judged out of fold against all judgements. Above 0.10 "
            "shifting, above 0.25 another population; none below 100 judgements",
            "lead time": f"from the first warning that reached a person, 1 to {HORIZON_DAYS} days "
            "before it, to the default",
            "false alarm": "one that a person found false, or on a loan that did not default "
            f"within {HORIZON_DAYS} days, judged {SETTLED_DAYS} days after it reached a person",
            "episode": "one rule's warning on one loan, opened again or not; counted from the day "
            "it reached a person (neither muted nor waiting for its officer's next day); withdrawn "
            "ones, and those that never reached one, do not count",
            "protected attributes": "none is in the book: no sex, age, marriage or education",
        },
    }
