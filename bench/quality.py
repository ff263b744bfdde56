"""`python -m bench.quality [NAME …] [--json FILE]`: how well scores tell bad loans in real sets.

Each set goes through schema and ledger into facts; loans are judged at the times that the set's
labels give, by the facts recorded up to then; scores are fitted and judged out of fold, borrowers
kept whole, and out of time where a set reaches far enough. A set of few loans is judged over ten
draws of folds, and the mean is told. Rules alone are judged by the severities that a loan reaches,
added up (`warning.rules_alone`), which learn nothing. The figures that were read on the columns of
the sources are printed beside them. Settings of the trees and the pack `standing-risk` were chosen
with these outcomes in sight, so a set that nobody has seen may say less.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from statistics import mean
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from bench.datasets.catalogue import SETS, Source, source
from bench.datasets.source import Tally, folder
from bench.machine import describe
from ledger.dates import day_number
from ledger.service import Ledger
from ledger.store import MemoryLog, Recorded
from streams.ingest import read
from streams.quality import Judged, fold_entry
from warning.discrimination import auc, capture, interval
from warning.fit import fit, out_of_fold, out_of_time
from warning.indicators import CATALOGUE
from warning.outcomes import Ask
from warning.quality import DRAWS
from warning.rules import DEFAULT_PACK, load_pack
from warning.rules_alone import added_severity
from warning.samples import Samples, sample
from warning.splits import in_time
from warning.windows import FloatArray

BATCH = 5_000
BUDGET = 0.05
HORIZONS = {"cumcm_sme": 365, "superlender": 30, "taiwan_card": 31, "mortgage_dcr": 365}
BASELINES = {"cumcm_sme": 0.849, "superlender": 0.706, "taiwan_card": 0.783, "mortgage_dcr": 0.775}
"""Boosting on the source's own columns: cross-validated; mortgage_dcr: on borrowers held back."""
LOGISTIC = {"cumcm_sme": 0.877, "superlender": 0.710, "taiwan_card": 0.752, "mortgage_dcr": 0.730}
"""Logistic regression on a few of them; rules alone are to come within RULES_SHORT of it."""
RULES_SHORT = 0.03
PACK = DEFAULT_PACK.with_name("standing-risk.toml")
"""The pack that knows what a loan is; the others warn of what changes from day to day."""
LATER = {"mortgage_dcr": (date(2006, 9, 30), date(2011, 3, 31), 0.674)}
"""Learnt up to the first day, judged behind the horizon and up to the second; what to reach."""
FEW = 5_000
DRAWS_OF_FOLDS = 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Row = dict[str, Any]


def facts_of(found: Source) -> list[Recorded]:
    """The facts of a set, through schema and ledger, in memory."""
    log = MemoryLog("ledger")
    ledger = Ledger(log)
    numbered = enumerate(found.messages(Tally()), start=1)
    while batch := list(islice(numbered, BATCH)):
        ledger.record(
            [read(body, source=found.data.name, offset=at, accepted_us=0) for at, body in batch]
        )
    return log.read(limit=sys.maxsize)


def labels(path: Path) -> Iterator[tuple[Ask, bool]]:
    """The loans to judge, when, and what became of them."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            since = datetime.fromisoformat(row["score_time"]).replace(tzinfo=UTC) - _EPOCH
            at_us = (since.days * 86_400 + since.seconds) * 1_000_000
            loan_id = row.get("loan_id") or f"L-{row['entity_id']}"
            yield Ask(loan_id, at_us), row["label"] == "1"


def judged(found: Source) -> Judged:
    """The samples of a set."""
    facts = facts_of(found)
    known = {getattr(item.fact, "loan_id", None) for item in facts}
    asks = [(ask, bad) for ask, bad in labels(found.path.parent / "labels.csv")]
    asks = [(ask, bad) for ask, bad in asks if ask.loan_id in known]
    samples = sample(facts, [ask for ask, _ in asks], [bad for _, bad in asks], list(CATALOGUE))
    name = found.data.name
    return Judged(
        samples=samples, target="label", horizon_days=HORIZONS[name], outcomes_from="labels"
    )


def run(name: str, *, seed: int) -> list[Row]:
    """The figures of set `name`, one row for each kind of score; none where it is not here."""
    found = source(name, scratch=Path(), seed=seed) if _is_here(name) else None
    if found is None:
        return []
    known = judged(found)
    about = {"name": name, "version": 1, "target": "label", "horizon_days": known.horizon_days}
    fitted = fit(known.samples, about=about, seed=seed)
    later = fitted.model.about["metrics"].get("out_of_time")
    rows = []
    for kind in fitted.out_of_fold:
        score = fitted.calibrated(kind)
        entry = fold_entry(
            kind, score, known, role=kind, budget_share=BUDGET, seed=seed, later=later
        )
        chosen = kind == fitted.model.kind
        rows.append({"set": name, "chosen": chosen, "baseline": BASELINES[name], **entry})
        rows[-1] |= {"auc": _mean_auc(known, kind, seed) or entry["report"]["auc"]}
    rows += _by_rules(name, known, seed)
    if name in LATER:
        rows += [_later(name, known, kind, seed) for kind in fitted.out_of_fold]
    return rows


def _mean_auc(known: Judged, kind: str, seed: int) -> float | None:
    """Of ten draws of folds, where there are few loans; None where one draw is enough."""
    samples = known.samples
    if len(samples) >= FEW:
        return None
    draws = range(seed, seed + DRAWS_OF_FOLDS)
    return mean(auc(out_of_fold(samples, kind, seed=draw), samples.bad) for draw in draws)


def _by_rules(name: str, known: Judged, seed: int) -> list[Row]:
    samples = known.samples
    severity = added_severity(load_pack(PACK), samples.values)
    return [_plain(name, "rules alone", severity, samples, LOGISTIC[name] - RULES_SHORT, seed)]


def _later(name: str, known: Judged, kind: str, seed: int) -> Row:
    cut, until, asked = LATER[name]
    samples = known.samples.take(known.samples.days <= day_number(until))
    split = in_time(samples.days, samples.bad, horizon_days=known.horizon_days, cut=day_number(cut))
    score = out_of_time(samples, split, kind, seed=seed)
    tested = samples.take(split.test)
    return _plain(name, f"{kind}, out of time and of borrower", score, tested, asked, seed)


def _plain(
    name: str, kind: str, score: FloatArray, samples: Samples, asked: float, seed: int
) -> Row:
    """A row of a score that is no probability: how it ranks, and no more."""
    low, high = interval(auc, score, samples.bad, samples.borrowers, seed=seed, draws=DRAWS)
    report = {
        "judged": len(samples),
        "bad": int(samples.bad.sum()),
        "auc": auc(score, samples.bad),
        "auc_low": low,
        "auc_high": high,
        "top_decile": {"recall": capture(score, samples.bad, share=0.1)[0]},
    }
    told = {"set": name, "kind": kind, "chosen": False, "baseline": asked}
    return told | {"auc": report["auc"], "report": report}


def _is_here(name: str) -> bool:
    found = folder(SETS[name].folder)
    return found is not None and (found / "labels.csv").is_file()


def table(rows: list[Row]) -> Table:
    """The figures for people."""
    shown = Table(title="Scores on real outcomes, out of fold", title_justify="left")
    for column in ("set", "score", "judged", "bad", "AUC", "95 %", "to reach", "top tenth"):
        shown.add_column(column, justify="left" if column in ("set", "score") else "right")
    for row in rows:
        report = row["report"]
        shown.add_row(
            row["set"],
            row["kind"] + (" (chosen)" if row["chosen"] else ""),
            f"{report['judged']:,}",
            f"{report['bad']:,}",
            f"{row['auc']:.4f}",
            f"{report['auc_low']:.3f}–{report['auc_high']:.3f}",
            f"{row['baseline']:.3f}",
            f"{100 * report['top_decile']['recall']:.1f} %",
        )
    return shown


def main(arguments: list[str] | None = None) -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BASELINES))
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write machine and figures")
    chosen = parser.parse_args(arguments)
    unknown = sorted(set(chosen.names) - set(BASELINES))
    if unknown:
        parser.error(f"no labelled set named {', '.join(unknown)}")
    console = Console(width=None if sys.stdout.isatty() else 140)
    rows: list[Row] = []
    for name in chosen.names or BASELINES:
        found = run(name, seed=chosen.seed)
        if not found:
            console.print(f"[yellow]{name}: neither data nor labels on this machine[/yellow]")
        rows += found
    console.print(table(rows))
    if chosen.json:
        report = {"machine": describe(), "sets": rows}
        option = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY
        chosen.json.write_bytes(orjson.dumps(report, option=option))
    return 0


if __name__ == "__main__":
    sys.exit(main())
