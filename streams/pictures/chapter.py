"""What the report shows of one currency: which figures, cut how, as which picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from html import escape
from typing import Any

from ledger.dates import add_months
from projections.ageing import BUCKETS
from projections.figures_moves import ENDS
from projections.figures_warnings import LEAD_NAMES
from projections.provisions import RatesError, rates_of
from projections.queries import Answer, Ask, Figure, Queries
from streams.pictures import charts
from streams.pictures.words import LANGUAGES, both, full_money, in_both, percent, short_money
from warning.pack import Pack

NAMED = 10
"""Bars of a concentration, and lines of the watch list times one and a half."""
TREND_MONTHS = 17


class Chapter:
    """One currency at one close. `ask` already holds the day, the regime and the currency."""

    def __init__(self, queries: Queries, ask: Ask, pack: Pack | None = None) -> None:
        self._queries, self._ask, self._pack = queries, ask, pack
        self.currency = ask.where["currency"]
        self.as_of: date = queries.figure("par", ask).as_of

    def html(self) -> str:
        """The whole chapter."""
        blocks: list[Callable[[], str]] = [
            self._tiles, self._ageing, self._roll, self._vintage, self._migration,
            self._funnel, self._lead, self._concentration, self._grades, self._watchlist,
        ]  # fmt: skip
        return f'<section class="chapter" data-currency="{escape(self.currency)}">' + (
            f"<h2>{both('currency', name=self.currency)}</h2>"
            f"{''.join(block() for block in blocks)}</section>"
        )

    def _rows(self, name: str, **changed: Any) -> list[Answer]:
        return self._figure(name, **changed).rows

    def _figure(self, name: str, **changed: Any) -> Figure:
        ask = self._ask
        told = {"as_of": self.as_of, "where": ask.where, "regime": ask.regime, **changed}
        return self._queries.figure(name, Ask(**told))

    def _tiles(self) -> str:
        par = {row["over_days"]: row for row in self._rows("par")}
        npl = next(iter(self._rows("npl")), {"loans": 0, "ratio": None})
        gross = par[30]["gross_minor"] if par else 0
        tiles = [
            ("outstanding", short_money(gross, self.currency)),
            ("loans", f"{npl['loans']:,}"),
            ("par_30", percent(par[30]["ratio"] if par else None)),
            ("npl", percent(npl["ratio"])),
            ("provision", self._provision()),
            ("watched", f"{len(self._rows('watchlist')):,}"),
        ]
        shown = (f"<div><dt>{both(key)}</dt><dd>{value}</dd></div>" for key, value in tiles)
        return f'<dl class="tiles">{"".join(shown)}</dl>'

    def _provision(self) -> str:
        try:
            rows = self._rows("provisions")
        except RatesError:
            return "–"
        return short_money(sum(row["provision_minor"] for row in rows), self.currency)

    def _ageing(self) -> str:
        rows = self._rows("trend", since=add_months(self.as_of, -TREND_MONTHS))
        months = list(dict.fromkeys(row["closed_date"] for row in rows))
        whole = dict.fromkeys(months, 0)
        late = {bucket: dict.fromkeys(months, 0) for bucket in BUCKETS[1:]}
        for row in rows:
            whole[row["closed_date"]] += row["outstanding_minor"]
            if row["bucket"] in late:
                late[row["bucket"]][row["closed_date"]] = row["outstanding_minor"]
        layers = {
            bucket: [sums[month] / whole[month] if whole[month] else 0.0 for month in months]
            for bucket, sums in late.items()
        }
        names = [f"{month:%y-%m}" for month in months]
        return _framed("ageing", charts.stacked(names, layers, label="ageing"))

    def _roll(self) -> str:
        roll = self._figure("roll")
        shares = {(r["bucket_from"], r["bucket_to"]): r["share_by_balance"] for r in roll.rows}
        ends = _used(ENDS, shares)
        drawn = charts.heat(BUCKETS, [*BUCKETS, *ends], _known(shares), label="roll")
        return _framed("roll", drawn, since=roll.since)

    def _vintage(self) -> str:
        series: dict[str, list[float]] = {}
        for row in self._rows("vintage"):
            series.setdefault(row["cohort"], []).append(row["ratio"] or 0.0)
        return _framed("vintage", charts.curves(series, label="vintage"))

    def _migration(self) -> str:
        moved = self._figure("migration")
        names = [grade["grade"] for grade in self._graded()]
        shares = {(r["grade_from"], r["grade_to"]): r["share_by_balance"] for r in moved.rows}
        ends = _used(ENDS, shares)
        drawn = charts.heat(names, [*names, *ends], _known(shares), label="migration")
        return _framed("migration", drawn, since=moved.since)

    def _graded(self) -> list[Answer]:
        known = self._queries.regimes()
        grades: list[Answer] = next(r["grades"] for r in known if r["regime"] == self._regime())
        return grades

    def _regime(self) -> str:
        return self._ask.regime or str(self._queries.regimes()[0]["regime"])

    def _funnel(self) -> str:
        funnel = self._figure("funnel")
        rows = [
            (stage, {row["severity"]: row[stage] for row in funnel.rows})
            for stage in ("raised", "acted", "cured", "defaulted")
        ]
        drawn = charts.stages(rows, label="funnel")
        rates = ", ".join(
            f"{both(row['severity'])} {percent(row['hit_rate'], 0)}" for row in funnel.rows
        )
        hits = f'<p class="note">{both("hit_rate")}: {rates}</p>' if rates else ""
        return _framed("funnel", drawn + hits, since=funnel.since)

    def _lead(self) -> str:
        lead = self._figure("lead_time")
        counts = dict.fromkeys(LEAD_NAMES, 0)
        for row in lead.rows:
            counts[row["lead_days"]] = row["loans"]
        drawn = charts.columns(counts, label="lead", warm=LEAD_NAMES[0])
        days = next((row["median_days"] for row in lead.rows), None)
        median = f'<p class="note">{both("median", days=days)}</p>' if days is not None else ""
        return _framed("lead", drawn + median, since=lead.since)

    def _concentration(self) -> str:
        parts = []
        for by in ("industry", "branch", "region", "product"):
            found = self._rows("concentration", by=by)[:NAMED]
            rows = [
                (row[by] or "–", row["share"] or 0.0, row["par_30_ratio"] or 0.0) for row in found
            ]
            parts.append(f"<div><h4>{both(by)}</h4>{charts.bars(rows, label=by)}</div>")
        return _framed("concentration", f'<div class="pair">{"".join(parts)}</div>', wide=True)

    def _grades(self) -> str:
        try:
            rows = self._rows("provisions")
        except RatesError as error:
            why = f"<p class=note>{both('no_rates', why=error.message)}</p>"
            return _framed("grades", why, wide=True, noted=False)
        whole = sum(row["outstanding_minor"] for row in rows)
        lines = [
            [
                both(row["grade"]),
                f"{row['loans']:,}",
                full_money(row["outstanding_minor"], self.currency),
                percent(row["outstanding_minor"] / whole if whole else None),
                percent(row["rate_ppm"] / 1_000_000, 2),
                full_money(row["provision_minor"], self.currency),
            ]
            for row in rows
        ]
        heads = ("grade", "loans", "outstanding", "share", "rate", "provision")
        rates = rates_of(self._regime())
        note = f'<p class="note">{both(f"rates_{rates.mark}", source=rates.source)}</p>'
        return _framed("grades", _table(heads, lines, numbers=5) + note, wide=True, noted=False)

    def _watchlist(self) -> str:
        found = self._rows("watchlist")
        shown = found[: NAMED * 3 // 2]
        lines = [
            [
                f'<i class="bell {row["severity"]}"></i>{both(row["severity"])}',
                escape(row["loan_id"]),
                escape(row["borrower"]),
                escape(row["branch"]),
                escape(row["officer"]),
                f"{row['since_date']}",
                self._reason(row),
                escape(row["bucket"]),
                full_money(row["arrears_minor"], self.currency),
                full_money(row["outstanding_minor"], self.currency),
            ]
            for row in shown
        ]
        heads = (
            "severity", "loan", "borrower", "branch", "officer", "since", "reason", "bucket",
            "arrears", "outstanding",
        )  # fmt: skip
        rest = len(found) - len(shown)
        more = f'<p class="note">{both("more", count=f"{rest:,}")}</p>' if rest else ""
        table = _table(heads, lines, numbers=3) if lines else charts.nothing()
        return _framed("watchlist", table + more, wide=True, noted=False)

    def _reason(self, row: Answer) -> str:
        """Why the warning rang, in both languages."""
        recorded, pack = row["reason"], self._pack
        warning = self._queries.warning(row["warning_id"]) if pack is not None else None
        said = [c for c in warning["history"] if c["reason"] == recorded] if warning else []
        if pack is None or warning is None or not said:
            return escape(recorded)
        told = [
            pack.retold(
                *(warning["rule"], recorded, said[-1]["readings"]),
                currency=self.currency,
                language=language,
            )
            for language in LANGUAGES
        ]
        return in_both(told)


def _used(ends: Sequence[str], shares: dict[tuple[str, str], float | None]) -> list[str]:
    """Ways to end that something took."""
    return [end for end in ends if any(to == end for _, to in shares)]


def _known(shares: dict[tuple[str, str], float | None]) -> dict[tuple[str, str], float]:
    return {key: share for key, share in shares.items() if share}


def _framed(key: str, drawn: str, *, wide: bool = False, noted: bool = True, **fields: Any) -> str:
    note = f"<p>{both(f'{key}_note', **fields)}</p>" if noted else ""
    kind = ' class="wide"' if wide else ""
    caption = f"<figcaption><h3>{both(key)}</h3>{note}</figcaption>"
    return f'<figure id="{key}"{kind}>{caption}{drawn}</figure>'


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]], *, numbers: int) -> str:
    """A table whose last `numbers` columns are numbers."""
    first = len(heads) - numbers
    kinds = [_kind(head, number=at >= first) for at, head in enumerate(heads)]
    top = "".join(f"<th{kind}>{both(head)}</th>" for head, kind in zip(heads, kinds, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{k}>{cell}</td>' for cell, k in zip(row, kinds, strict=True))}</tr>"
        for row in lines
    )
    table = f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="scroll">{table}</div>'


def _kind(head: str, *, number: bool) -> str:
    if number:
        return ' class="number"'
    return ' class="said"' if head == "reason" else ""
