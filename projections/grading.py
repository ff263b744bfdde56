"""The judgement of a regime, close by close: from day counts, evidence and claims to grades.

Pure and vectorised: one row a loan. Four things decide a loan's grade. Its own floor: days past
due, material days, causes, observation. Its own past: a loan keeps a bad grade until it is cured.
What people set. And its borrower: contagion. Writes no tables and no sentences.

A late fact changes a loan's own past: `grading_past` derives it anew from the corrected day counts,
so a default that never was needs no cure. Contagion is judged with what is known at each close.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ledger.events import LoanOpened
from projections.book import LoanBook, Standing
from projections.cure import eased_to
from projections.days import DaysLate, arrears_repaid, days_late, due_days, overdue_days
from projections.evidence import Active, cause_rank, excuses
from projections.facts import Facts
from projections.grading_past import Past, clock_of, correct
from projections.material import Material
from projections.observation import Observed
from projections.overriding import OverrideLog
from projections.regime import Contagion, Edition, Kind, Regime, Rule
from projections.sums import by_group
from projections.suspension import PauseLog
from warning.windows import NEVER, BoolArray, DayArray, Growing, IntArray

Ranks = NDArray[np.int8]
Bits = NDArray[np.uint32]
UNGRADED = -1


class Share(NamedTuple):
    """What of a borrower's claims in one currency is non-performing, minor units."""

    currency: int
    bad_minor: int
    total_minor: int


class Grading(Growing):
    """The state of a regime over all loans.

    `grade`: the rank given at the last close, UNGRADED before the first. `own`: by the loan alone.
    `clean_since[i]`: the close from which nothing stood against a cure from the i-th of
    `cure_ranks`; NEVER while something does. `least_cured`: the best rank that a cure speaks of.
    `stepped`: the close of the last upgrade by a cure.
    `caught`: the rank that other loans of its borrower ask for, until cured of that. `cause`: the
    floor by findings and measures. `excused`: bits of the rules that evidence excuses. `kind`: the
    class of its product.
    """

    grade: Ranks
    own: Ranks
    cause: Ranks
    caught: Ranks
    kind: Ranks
    clean_since: DayArray
    stepped: DayArray
    excused: Bits

    def __init__(self, regime: Regime) -> None:
        super().__init__()
        self.regime = regime
        self.edition = regime.editions[0]
        self.bad = regime.nonperforming_rank
        ranks = {rule.rank for edition in regime.editions for rule in edition.cure}
        self.least_cured = min(ranks, default=len(regime.grades))
        self.cure_ranks = sorted(
            ranks | {rule.rank for e in regime.editions for rule in e.contagion}
        )
        self.add_column("grade", np.int8, fill=UNGRADED)
        for name in ("own", "cause", "caught", "kind"):
            self.add_column(name, np.int8)
        self.add_column("clean_since", np.int32, fill=NEVER, width=max(len(self.cure_ranks), 1))
        self.add_column("stepped", np.int32)
        self.add_column("excused", np.uint32)
        self.kinds = regime.kinds
        self.pauses = PauseLog(regime.first_count)
        self.observed: dict[int, Observed] = {}
        self.overrides = OverrideLog(regime)
        self.material = Material() if regime.uses_materiality else None
        self.exempt: dict[str, set[int]] = {}
        """Rows with evidence that keeps contagion off, by its name."""
        self.shares: dict[int, Share] = {}
        """Borrowers with non-performing claims at this close: the worse of their currencies."""
        self.rewritten: dict[int, Past] = {}
        """Rows whose own rank at the close before is another by what is known now."""
        self._kinds_of: dict[int, int] = {}

    def fold(self, facts: Facts, book: LoanBook) -> None:
        """Take in a run of facts, which `book` has taken in already."""
        if len(self.kinds) > 1:
            for item in facts.of(LoanOpened):
                kind = self.regime.kind_of(item.fact.product, item.fact.value_date)
                row = book.arrears.row_of(item.fact.loan_id)
                self._kinds_of[row] = self.kinds.index(kind)
        self.overrides.fold(facts, book)
        self.pauses.fold(facts, book)
        if self.material is not None:
            self.material.fold(facts, book)

    def close(self, book: LoanBook) -> tuple[IntArray, Ranks]:
        """Judge all loans at the book's standing: rows whose grade changed, and their old ranks."""
        standing, day = book.standing, book.standing.day
        self._welcome(book)
        self._take_evidence(book, day)
        corrected = self._measure(book)
        self.rewritten = {}
        for row in corrected:
            correct(self, book, row)
        rows, edition = self.rows, self.edition
        late = self.days_late(standing)
        dpd = late.days
        floor = self.floor(edition, late, self.cause[:rows], self.excused[:rows], self.kind[:rows])
        self._tick(dpd, floor, day)
        if edition.observation is not None:
            for row, observed in self.observed.items():
                observed.rule = edition.observation
                rank = observed.step(day, int(dpd[row]), int(floor[row]), due_days(book, row))
                floor[row] = max(int(floor[row]), rank)
        self._hold(book, floor)
        grade = self._judge(book, standing)
        changed = np.flatnonzero(standing.counted & (grade != self.grade[:rows]))
        before = self.grade[changed]
        self.grade[changed] = grade[changed]
        return changed, before

    def days_late(self, standing: Standing) -> DaysLate:
        """All day counts at the standing, by row."""
        counts, material = self.regime.first_count, None
        dpd = overdue_days(standing.unmet, standing.day, counts)
        if self.material is not None:
            material = overdue_days(self.material.start[: self.rows], standing.day, counts)
        late = days_late(dpd, standing.part_paid, material)
        self.pauses.shorten(self.edition, late, standing.day)
        return late

    def floor(
        self, edition: Edition, late: DaysLate, cause: Ranks, excused: Bits, kind: Ranks
    ) -> Ranks:
        """The least rank by days and evidence, element by element."""
        floor = cause.copy()
        for at, rule in enumerate(edition.past_due):
            days: IntArray = getattr(late, rule.counter)
            over = days >= rule.from_days
            if rule.classes or rule.spares_older:
                over &= self.speaks(rule)[kind]
            if rule.unless is not None:
                excuse = (excused >> at & 1).astype(np.bool_)
                if rule.unless_up_to_days is not None:
                    excuse &= days <= rule.unless_up_to_days
                over &= ~excuse
            floor[over] = np.maximum(floor[over], rule.rank)
        return floor

    def speaks(self, rule: Rule) -> BoolArray:
        """Of which kinds of loans a rule speaks, by the number of the kind."""
        return np.array([rule.speaks_of(kind) for kind in self.kinds], np.bool_)

    def kind_of(self, row: int) -> Kind:
        """What rules tell the loan in `row` from others by."""
        return self.kinds[int(self.kind[row])]

    def clean(self, edition: Edition, dpd: IntArray, floor: Ranks, rank: int) -> BoolArray:
        """Where nothing stands against a cure from `rank`."""
        clean: BoolArray = floor < rank
        if any(rule.clean == "no_trigger" for rule in edition.cure):
            return clean
        clean &= dpd == 0
        return clean

    def clean_from(self, row: int, rank: int) -> int:
        """The close from which nothing stood against a cure from `rank`, NEVER while it does."""
        return int(self.clean_since[max(clock_of(self.cure_ranks, rank), 0), row])

    def since(self, row: int, rank: int) -> int:
        """The close from which a cure of a loan of `rank` counts: not before its last upgrade."""
        return max(self.clean_from(row, rank), int(self.stepped[row]))

    def eased(self, book: LoanBook, row: int, rank: int) -> int | None:
        """The best rank a loan of `rank` may have at this close; None while it must wait."""
        day = book.standing.day
        return eased_to(
            self.edition,
            rank,
            self.kind_of(row),
            since=self.since(row, rank),
            day=day,
            dues=due_days(book, row),
            active=lambda: book.active_findings(row, day),
            repaid=partial(arrears_repaid, book, row, day),
        )

    def evidence(self, edition: Edition, row: int, active: Active) -> tuple[int, int]:
        """The floor by causes, and the bits of excused rules."""
        kind = self.kind_of(row)
        return cause_rank(edition, active, kind), excuses(edition, active)

    def observe(self, book: LoanBook, row: int) -> None:
        """Watch a loan that was restructured."""
        rule, findings = self.edition.observation, book.findings.get(row, [])
        if rule is None or row in self.observed or not rule.speaks_of(self.kind_of(row)):
            return
        if any(finding.name == rule.finding for finding in findings):
            grace = self.regime.grace_days
            self.observed[row] = Observed(
                rule, findings, nonperforming_rank=self.bad, grace_days=grace
            )

    def _welcome(self, book: LoanBook) -> None:
        """New rows are clean from the first close that they were open at."""
        first, past = self.rows, book.closes[:-1]
        self.grow(book.rows)
        opened = book.arrears.opened_day[first : self.rows]
        at = np.searchsorted(past, opened)
        self.clean_since[:, first : self.rows] = np.array([*past, NEVER])[at]
        for row, kind in self._kinds_of.items():
            self.kind[row] = kind
        self._kinds_of.clear()
        if self.material is not None:
            self.material.welcome(book)

    def _take_evidence(self, book: LoanBook, day: int) -> None:
        """Read findings and measures where they changed; all of them under other rules."""
        edition = self.regime.on(day)
        turned = edition is not self.edition
        self.edition = edition
        for row in sorted(book.findings if turned else book.found):
            active = book.active_findings(row, day)
            self.cause[row], self.excused[row] = self.evidence(edition, row, active)
            for rule in edition.contagion:
                if rule.unless is not None:
                    known = self.exempt.setdefault(rule.unless, set())
                    known.add(row) if rule.unless in active else known.discard(row)
            self.observe(book, row)

    def _measure(self, book: LoanBook) -> list[int]:
        """Count material days; gives the rows whose past must be derived anew."""
        ended = np.flatnonzero(book.arrears.closed_day[: self.rows] <= book.standing.day)
        self.overrides.close(book.standing.day, ended if self.overrides.any else ())
        corrected, self.pauses.late = sorted({*book.corrected, *self.pauses.late}), set()
        if self.material is None:
            return corrected
        kinds = [self.speaks(rule)[self.kind[: self.rows]] for rule in self.edition.materiality]
        self.material.close(self.edition, book, kinds)
        return self.material.together(book, corrected)

    def _tick(self, dpd: IntArray, floor: Ranks, day: int) -> None:
        """Go on with the clocks of cures, or stop them."""
        for at, rank in enumerate(self.cure_ranks):
            clean = self.clean(self.edition, dpd, floor, rank)
            since = self.clean_since[at, : self.rows]
            since[~clean] = NEVER
            since[clean & (since == NEVER)] = day

    def _hold(self, book: LoanBook, floor: Ranks) -> None:
        """Set the own ranks: the floor, or what it was until the loan is cured of that."""
        own = self.own[: self.rows]
        least = min((rule.rank for rule in self.edition.cure), default=None)
        if least is not None:
            for row in np.flatnonzero((own >= least) & (floor < own)).tolist():
                rank = int(own[row])
                best = self.eased(book, row, rank)
                floor[row] = rank if best is None else max(int(floor[row]), best)
                if floor[row] < rank:
                    self.stepped[row] = book.standing.day
        own[:] = floor

    def _judge(self, book: LoanBook, standing: Standing) -> Ranks:
        """The grades: own ranks, what people set, and what the borrower's other loans ask for."""
        rule = self.edition.overrides
        people = self.overrides.standing if rule is not None else {}
        worse_only = rule is None or rule.worse_only
        grade: Ranks = self.own[: self.rows].copy()
        for row, override in people.items():
            grade[row] = max(int(grade[row]), override.rank) if worse_only else override.rank
        self._catch(book, standing, grade)
        np.maximum(grade, self.caught[: self.rows], out=grade)
        for row, override in () if worse_only else people.items():
            grade[row] = override.rank
        return grade

    def _catch(self, book: LoanBook, standing: Standing, judged: Ranks) -> None:
        """Set `caught`: by the borrower's share at this close, or held until cured of it."""
        rows = self.rows
        bad = standing.counted & (judged >= self.bad)
        self.shares = self._shares(book, standing, bad)
        now = np.zeros(rows, np.int8)
        for rule in self.edition.contagion:
            by_rule = self._caught_by(rule, book, standing, judged)
            now[by_rule] = np.maximum(now[by_rule], rule.rank)
        for row in np.flatnonzero(now < self.caught[:rows]).tolist():
            rank = int(self.caught[row])
            if judged[row] < rank and self.eased(book, row, rank) is None:
                now[row] = rank
        self.caught[:rows] = now

    def _caught_by(
        self, rule: Contagion, book: LoanBook, standing: Standing, judged: Ranks
    ) -> BoolArray:
        over = [
            borrower
            for borrower, share in self.shares.items()
            if share.bad_minor * 100 > share.total_minor * rule.over_percent
        ]
        contagious = np.zeros(len(book.arrears.borrower_ids), np.bool_)
        contagious[over] = True
        caught: BoolArray = contagious[book.arrears.borrower[: self.rows]]
        caught &= standing.counted & (judged < rule.rank)
        if rule.classes or rule.spares_older:
            caught &= self.speaks(rule)[self.kind[: self.rows]]
        if rule.unless is not None:
            caught[list(self.exempt.get(rule.unless, ()))] = False
        return caught

    def _shares(self, book: LoanBook, standing: Standing, bad: BoolArray) -> dict[int, Share]:
        """The worst share, over currencies, of each borrower with non-performing claims."""
        borrowers = book.arrears.borrower[: self.rows]
        if not self.edition.contagion or not bad.any():
            return {}
        suspect = np.zeros(len(book.arrears.borrower_ids), np.bool_)
        suspect[borrowers[bad]] = True
        rows = np.flatnonzero(suspect[borrowers] & standing.counted)
        claims = standing.outstanding[rows]
        numbers, places = np.unique(borrowers[rows], return_inverse=True)
        groups = by_group([places, book.currency[rows]], [claims, np.where(bad[rows], claims, 0)])
        shares: dict[int, Share] = {}
        for (place, currency), (_, total, bad_minor) in groups:
            borrower, share = int(numbers[place]), Share(currency, bad_minor, total)
            known = shares.get(borrower)
            if known is None or bad_minor * known.total_minor > known.bad_minor * total:
                shares[borrower] = share
        return shares
