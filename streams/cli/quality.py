"""The report of `loanbell evaluate` as tables for people. Works out no figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from streams.cli.app import out
from streams.cli.render import pairs, share, table


def show(report: Mapping[str, Any]) -> None:
    """The whole report."""
    out.print(report["about"]["what"])
    rung = report["warnings"]
    if rung:
        told = {
            "defaults, rung before": f"{rung['defaults']:,}, {rung['rung']:,}",
            "lead time": f"median {rung['median_lead_days']}, P10 {rung['p10_lead_days']} days",
            "60 days before": share(rung["share_60_days"]),
            "before the first missed": share(rung["share_before_first_missed"]),
            "false alarms": f"{rung['false_per_100_loans_month'] or 0:.2f} per 100 loans a month",
        }
        out.print(pairs("Warnings", told))
    models = [
        (
            entry["role"],
            entry["label"],
            f"{entry['report']['auc']:.3f}",
            f"{entry['report']['auc_low']:.3f}–{entry['report']['auc_high']:.3f}",
            f"{entry['report']['average_precision']:.3f}",
            share(entry["report"]["top_decile"]["recall"]),
            share(entry["report"]["budget"]["precision"]),
            share(entry["report"]["budget"]["recall"]),
            share(entry["report"]["mean_pd"]),
            share(entry["report"]["bad_rate"]),
        )
        for entry in report["models"]
    ]
    columns = ["", "score", "AUC", "95 %", "avg precision", "top tenth", "precision", "recall"]
    out.print(table("Scores", [*columns, "said", "seen"], models))
    if report["versus"]:
        out.print(pairs("Challenger beside champion", _versus(report["versus"])))
    for title, key in (("By quarter", "by_time"), ("By segment", "by_segment")):
        rows = _parts(report["models"], key)
        if rows:
            heads = [f"{figure} {m['role']}" for m in report["models"] for figure in _FIGURES]
            out.print(table(title, ["", "judged", "bad", "seen", "95 %", *heads], rows))
    out.print(pairs("Definitions", report["about"]["definitions"]))


_FIGURES = ("AUC", "PSI", "said")


def _parts(models: Sequence[Mapping[str, Any]], key: str) -> list[tuple[str, ...]]:
    """One row a part: what was seen, then of each score how it ranked, moved and what it said."""
    rows: list[tuple[str, ...]] = []
    for each in zip(*(model["report"][key] for model in models), strict=True):
        part = each[0]
        rows.append(
            (
                " ".join(word for word in (part.get("segment"), part["name"] or "–") if word),
                f"{part['judged']:,}",
                f"{part['bad']:,}",
                share(part["bad_rate"]),
                f"{share(part['bad_rate_low'])}–{share(part['bad_rate_high'])}",
                *(told for row in each for told in (_number(row["auc"]), _number(row["psi"]),
                                                    share(row["mean_pd"]))),
            )
        )  # fmt: skip
    return rows


def _versus(found: Mapping[str, Any]) -> dict[str, str]:
    low, high = found["auc_gain_low"], found["auc_gain_high"]
    return {"gain in AUC": f"{found['auc_gain']:+.3f} ({low:+.3f} to {high:+.3f})"} | {
        f"looked at by {name}": f"{group['loans']:,}, bad {group['bad']:,}"
        for name, group in found["looked_at"].items()
    }


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
