"""The quality report as one HTML page that needs nothing else: figures, plots, definitions.

Takes the report of `streams.quality` as it stands in JSON and draws it. Works out no figure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from streams.charts import AMBER, BLUE, GREY, RED, Axes, Series, bars, ceiling, chart
from warning.drift import SHIFTED

_STYLE = Path(__file__).with_name("quality.css")
COLOURS = (BLUE, AMBER)
_FOUND = "bad loans found"
Report = Mapping[str, Any]


def page(report: Report) -> str:
    """The whole page."""
    about, models = report["about"], report["models"]
    parts = [f"<h1>{escape(about['title'])}</h1>", f"<p class=lead>{escape(about['what'])}</p>"]
    if report.get("warnings"):
        parts.append(_warnings(report["warnings"]))
    if models:
        parts += [_headline(models), _versus(report.get("versus")), _plots(models)]
        parts += [
            _parts("By quarter", models, "by_time"),
            _parts("By segment", models, "by_segment"),
        ]
    parts.append(_definitions(about))
    style = _STYLE.read_text(encoding="utf-8")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(about['title'])}</title><style>{style}</style>"
        f"<main>{''.join(parts)}</main></html>"
    )


def _headline(models: Sequence[Report]) -> str:
    rows: list[tuple[str, Callable[[Report], str]]] = [
        ("AUC", lambda r: f"<b>{r['auc']:.3f}</b>"),
        ("95 % interval", lambda r: f"{r['auc_low']:.3f} to {r['auc_high']:.3f}"),
        ("AUC out of time, other borrowers", _later),
        ("average precision", _precision),
        ("bad loans among the riskiest tenth", lambda r: _percent(r["top_decile"]["recall"])),
        ("share of that tenth that went bad", lambda r: _percent(r["top_decile"]["precision"])),
        ("found within the alert budget", _budget),
        ("mean probability / observed", _said_and_seen),
        ("Brier score", lambda r: f"{r['brier']:.4f}"),
        ("stability index against training", lambda r: _number(r.get("psi"))),
        ("judged, bad, borrowers", _counts),
    ]
    head = "".join(
        f"<th>{escape(m['role'])}<br><small>{escape(m['label'])}</small>" for m in models
    )
    body = "".join(
        f"<tr><th>{escape(name)}" + "".join(f"<td>{told(m['report'])}" for m in models)
        for name, told in rows
    )
    return f"<section><h2>The score</h2><table><tr><th>{head}</tr>{body}</table></section>"


def _later(report: Report) -> str:
    later = report.get("out_of_time")
    if not later:
        return "–"
    return (
        f"{later['auc']:.3f} ({later['auc_low']:.3f} to {later['auc_high']:.3f}); learnt up to "
        f"{later['learnt_up_to']}, {later['bad']:,} of {later['judged']:,} later ones bad"
    )


def _precision(report: Report) -> str:
    return f"{report['average_precision']:.3f} (chance {report['bad_rate']:.3f})"


def _said_and_seen(report: Report) -> str:
    return f"{_percent(report['mean_pd'])} / {_percent(report['bad_rate'])}"


def _counts(report: Report) -> str:
    return f"{report['judged']:,}, {report['bad']:,}, {report['borrowers']:,}"


def _budget(report: Report) -> str:
    budget = report["budget"]
    return (
        f"{_percent(budget['recall'])} of bad loans, looking at {_percent(budget['share'])}; "
        f"{_percent(budget['precision'])} of alerts right"
    )


def _plots(models: Sequence[Report]) -> str:
    curves = [(m["role"], m["report"]["curves"], c) for m, c in zip(models, COLOURS, strict=False)]
    dash = Series(points=[(0, 0), (1, 1)], colour=GREY, kind="dash")
    roc = [dash, *(Series(points=c["roc"], colour=colour, name=role) for role, c, colour in curves)]
    gains = [dash, *(Series(points=c["gains"], colour=k, name=role) for role, c, k in curves)]
    first = models[0]["report"]
    looked = Axes(x="share of loans looked at", y=_FOUND)
    figures = [
        ("Ranking (ROC)", chart(Axes(x="good loans rung for", y=_FOUND), roc, title="ROC")),
        ("Found by looking at the riskiest", chart(looked, gains, title="Gains")),
        ("Where good and bad loans score", _scores(first)),
        ("Said and seen (calibration)", _calibration(models)),
        ("Ranking over time", _over_time(models)),
        ("Said and seen over time", _rates(models)),
        ("Stability over time", _stability(models)),
    ]
    return "<section class=plots>" + "".join(_figure(*one) for one in figures) + "</section>"


def _scores(report: Report) -> str:
    scores = report["curves"]["scores"]
    top = ceiling(max(*scores["good"], *scores["bad"]))
    groups = [
        Series(points=list(enumerate(scores["good"])), colour=GREY, name="stayed good"),
        Series(points=list(enumerate(scores["bad"])), colour=RED, name="went bad"),
    ]
    words = tuple(f"{5 * (at + 1)} %" for at in range(20))
    axes = Axes(
        x="rank of risk, safest to riskiest", y="share of group", y_range=(0, top), x_words=words
    )
    return bars(axes, groups, title="Scores of good and bad loans")


def _calibration(models: Sequence[Report]) -> str:
    found = [m["report"]["calibration"] for m in models]
    top = max(max(row["predicted"], row["observed"]) for rows in found for row in rows)
    top = ceiling(top)
    series = [Series(points=[(0, 0), (top, top)], colour=GREY, kind="dash")]
    for model, rows, colour in zip(models, found, COLOURS, strict=False):
        points = [(row["predicted"], row["observed"]) for row in rows]
        series.append(Series(points=points, colour=colour, kind="dots", name=model["role"]))
    axes = Axes(x="probability said", y="share seen", x_range=(0, top), y_range=(0, top))
    return chart(axes, series, title="Calibration")


def _over_time(models: Sequence[Report]) -> str:
    periods = [row["name"] for row in models[0]["report"]["by_time"]]
    groups = [
        Series(
            points=[(at, row["auc"] or 0.0) for at, row in enumerate(m["report"]["by_time"])],
            colour=colour,
            name=m["role"],
        )
        for m, colour in zip(models, COLOURS, strict=False)
    ]
    axes = Axes(
        x="quarter judged", y="AUC", y_range=(0.0, 1.0), x_words=tuple(periods), percent=False
    )
    return bars(axes, groups, title="AUC by quarter")


def _stability(models: Sequence[Report]) -> str:
    rows = [m["report"]["by_time"] for m in models]
    top = ceiling(max(SHIFTED, *(part["psi"] or 0.0 for each in rows for part in each)))
    groups = [
        Series(
            points=[(at, part["psi"] or 0.0) for at, part in enumerate(each)],
            colour=colour,
            name=m["role"],
        )
        for m, each, colour in zip(models, rows, COLOURS, strict=False)
    ]
    axes = Axes(
        x="quarter judged",
        y="stability index",
        y_range=(0.0, top),
        x_words=tuple(part["name"] for part in rows[0]),
        percent=False,
    )
    return bars(axes, groups, title="Stability index by quarter")


def _rates(models: Sequence[Report]) -> str:
    """What each score said, and what was seen."""
    rows = [m["report"]["by_time"] for m in models]
    said = [[part["mean_pd"] for part in each] for each in rows]
    seen = [part["bad_rate"] for part in rows[0]]
    top = ceiling(max(*seen, *(share for each in said for share in each)))
    groups = [
        Series(points=list(enumerate(each)), colour=colour, name=m["role"])
        for m, each, colour in zip(models, said, COLOURS, strict=False)
    ]
    groups.append(Series(points=list(enumerate(seen)), colour=RED, name="seen"))
    words = tuple(part["name"] for part in rows[0])
    axes = Axes(x="quarter judged", y="went bad", y_range=(0, top), x_words=words)
    return bars(axes, groups, title="Probability said and share seen by quarter")


def _parts(title: str, models: Sequence[Report], key: str) -> str:
    """What was seen of each part, then of each score how it ranked, moved and what it said."""
    each = list(zip(*(m["report"][key] for m in models), strict=True))
    if not each:
        return ""
    body = "".join(
        f"<tr><td>{escape(rows[0].get('segment', ''))}<td>{escape(rows[0]['name']) or '–'}"
        f"<td>{rows[0]['judged']:,}<td>{rows[0]['bad']:,}<td>{_percent(rows[0]['bad_rate'])}"
        f"<td>{_percent(rows[0]['bad_rate_low'])} to {_percent(rows[0]['bad_rate_high'])}"
        + "".join(
            f"<td>{_number(row['auc'])}<td>{_number(row['psi'])}<td>{_percent(row['mean_pd'])}"
            for row in rows
        )
        for rows in each
    )
    heads = ["", "", "judged", "bad", "seen", "95 %"]
    heads += [f"{figure}, {m['role']}" for m in models for figure in ("AUC", "PSI", "said")]
    return (
        f"<section><h2>{title}</h2><table><tr>"
        + "".join(f"<th>{escape(head)}" for head in heads)
        + f"</tr>{body}</table></section>"
    )


def _versus(found: Report | None) -> str:
    """The challenger beside the champion."""
    if not found:
        return ""
    low, high = found["auc_gain_low"], found["auc_gain_high"]
    rows = {"gain in AUC": f"{found['auc_gain']:+.3f} ({low:+.3f} to {high:+.3f})"} | {
        f"looked at by {name}": f"{group['loans']:,}, of which {group['bad']:,} went bad"
        for name, group in found["looked_at"].items()
    }
    body = "".join(f"<tr><th>{name}<td>{told}" for name, told in rows.items())
    return f"<section><h2>Challenger beside champion</h2><table>{body}</table></section>"


def _warnings(rung: Report) -> str:
    rows = [
        ("loans that defaulted", f"{rung['defaults']:,}"),
        ("rung before", f"{rung['rung']:,} ({_share(rung['rung'], rung['defaults'])})"),
        ("first warning to default, median", _days(rung["median_lead_days"])),
        ("nine in ten rang at least", f"{_days(rung['p10_lead_days'])} before"),
        ("rung 60 days or more before", _percent(rung["share_60_days"])),
        ("rung before the first missed payment", _percent(rung["share_before_first_missed"])),
        ("warnings", f"{rung['alarms']:,}"),
        ("false alarms per 100 loans a month", _number(rung["false_per_100_loans_month"])),
    ]
    body = "".join(f"<tr><th>{escape(name)}<td>{escape(told)}" for name, told in rows)
    plot = ""
    leads = rung["leads_days"]
    if leads:
        step = 30
        bins = [0] * (max(leads) // step + 1)
        for lead in leads:
            bins[lead // step] += 1
        words = tuple(str(step * at) for at in range(len(bins)))
        axes = Axes(
            x="days from first warning to default",
            y="loans",
            y_range=(0, ceiling(max(bins))),
            x_words=words,
            percent=False,
        )
        plot = _figure(
            "How early", bars(axes, [Series(points=list(enumerate(bins)))], title="Lead time")
        )
    return (
        "<section><h2>The warnings</h2><div class=plots>"
        f"<table>{body}</table>{plot}</div></section>"
    )


def _definitions(about: Report) -> str:
    rows = "".join(
        f"<dt>{escape(name.replace('_', ' '))}<dd>{escape(str(told))}"
        for name, told in about["definitions"].items()
    )
    return f"<section><h2>Definitions</h2><dl>{rows}</dl></section>"


def _figure(title: str, drawn: str) -> str:
    return f"<figure><figcaption>{escape(title)}</figcaption>{drawn}</figure>"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _days(days: float | None) -> str:
    return "–" if days is None else f"{days:.0f} days"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "–"
