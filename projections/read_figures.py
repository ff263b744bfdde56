"""The figures of the portfolio by name: `Queries.figure("par", Ask(by="branch"))`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ledger.dates import date_of
from ledger.errors import UnknownEntity
from projections import figures_moves as moves
from projections import figures_standing as standing
from projections import figures_warnings as warned
from projections.figures import Ask, Figure, GradesOf, Look
from projections.provisions import rates_of
from projections.read_grades import GradeReads
from projections.reading import Answer
from projections.snapshot import Contracts, Past, read_contracts
from projections.tables import Connection

FIGURES: dict[str, Callable[[Look], list[Answer]]] = {
    "ageing": standing.ageing,
    "trend": standing.trend,
    "par": standing.par,
    "npl": standing.npl,
    "concentration": standing.concentration,
    "roll": moves.roll,
    "flow": moves.flow,
    "migration": moves.migration,
    "vintage": moves.vintage,
    "payment_default": moves.payment_default,
    "cure": warned.cure,
    "watchlist": warned.watchlist,
    "funnel": warned.funnel,
    "lead_time": warned.lead_time,
}
"""Every figure but `provisions`, which needs rates."""
PROVISIONS = "provisions"
MONTHS_BACK = {
    "trend": standing.TREND_MONTHS,
    "cure": warned.SPAN_MONTHS,
    "funnel": warned.SPAN_MONTHS,
    "lead_time": warned.SPAN_MONTHS,
}
"""Figures of a span: how many months back it begins, unless a day is named."""
_READ = ("loans", "history")
CUT_BY_DEFAULT = {"concentration": "industry"}


def figure_names() -> tuple[str, ...]:
    """Names of all figures."""
    return (*FIGURES, PROVISIONS)


class FigureReads(GradeReads):
    """Figures of the portfolio."""

    _contracts: tuple[object, Contracts] | None = None

    def figure(self, name: str, ask: Ask | None = None, *, rates: Path | None = None) -> Figure:
        """A figure, as known at the close of its day; `rates` is a file for `provisions`.

        Errors: UnknownEntity for a figure that is none, or before the first close;
        MalformedMessage for a dimension or a day that makes no sense; UnknownRegime; RatesError.
        """
        if name not in figure_names():
            raise UnknownEntity(
                f"There is no figure {name[:40]!r}.",
                way_out=f"Figures: {', '.join(figure_names())}.",
            )
        ask = _completed(name, ask or Ask())
        grades = self._grades_of(ask.regime)
        with self._database.reading() as connection:
            look = Look(self._past(connection), ask, grades)
            if name == PROVISIONS:
                rows = standing.provisions(look, rates_of(grades.regime, rates))
            else:
                rows = FIGURES[name](look)
            months = MONTHS_BACK.get(name)
            since = look.compared
            if months is not None:
                since = date_of(look.since(months))
        columns = tuple(rows[0]) if rows else ()
        return Figure(name, date_of(look.day), since, columns, rows)

    def _past(self, connection: Connection) -> Past:
        """Snapshots; what does not change is kept until the views have moved on."""
        catalog = self._database.catalog_rows(connection)
        now = tuple((catalog[view].generation, catalog[view].ledger_position) for view in _READ)
        known = self._contracts
        if known is None or known[0] != now:
            known = self._contracts = (now, read_contracts(self._database, connection))
        return Past(self._database, connection, known[1])

    def _grades_of(self, regime: str | None) -> GradesOf:
        """The regime asked for, or the main one. Errors: UnknownRegime."""
        with self._database.reading() as connection:
            rules = self._rules_of(connection, regime)
        return GradesOf(rules.name, [(grade.name, grade.performing) for grade in rules.grades])


def _completed(name: str, ask: Ask) -> Ask:
    by = ask.by or CUT_BY_DEFAULT.get(name)
    return Ask(as_of=ask.as_of, since=ask.since, by=by, where=ask.where, regime=ask.regime)
