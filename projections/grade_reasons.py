"""Why a loan has its grade: one sentence with the numbers, the rule, its article and its mark.

Only loans whose grade changed are explained, or one that somebody asks about. Decides nothing:
`grading` has judged.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ledger.dates import add_months, date_of
from projections.book import LoanBook
from projections.cure import counted_from, cures_of
from projections.days import due_days
from projections.evidence import causes
from projections.grading import UNGRADED, Grading
from projections.observation import Observed
from projections.regime import COUNTERS, WHOLE_PPM, CauseFloor, Cure, Kind, Origin, PastDueFloor
from projections.wording import count_text, money_text, percent_text, share_text
from warning.history import paid_of
from warning.windows import NEVER

NAMED = 5
"""Loans that a sentence names at most."""
Cited = Callable[[int], tuple[str, ...]]
"""Row -> ids of the facts behind its day count: the schedule in force, and the last payment."""


@dataclass(frozen=True, slots=True)
class Reason:
    """The sentence, the rule behind it, the rank it asks for, and ids of facts or loans."""

    rule: str
    text: str
    origin: Origin
    rank: int
    causes: tuple[str, ...] = ()
    corrected: bool = False
    """Whether a late fact had changed the loan's past."""


class Explainer:
    """Explains the grades of one close."""

    def __init__(self, grading: Grading, book: LoanBook, cited: Cited = lambda _: ()) -> None:
        self._grading, self._book, self._cited = grading, book, cited
        self._regime, self._edition = grading.regime, grading.edition
        self._standing = book.standing

    def explain(self, row: int, before: int) -> Reason:
        """Why the loan in `row` has its grade now, having had `before`."""
        rank = int(self._grading.grade[row])
        reason = next(
            (found for found in self.asking(row) if found.rank == rank), None
        ) or self._relief(row, before)
        past = self._grading.rewritten.get(row)
        if past is None or before == UNGRADED:
            return reason
        known = f"By what is known now it was {count_text(past.dpd, 'day')} past due on "
        text = f"{known}{date_of(past.day)}. {reason.text}"
        return replace(reason, text=text, corrected=True)

    def asking(self, row: int) -> Iterator[Reason]:
        """All that asks for a grade worse than the first; of equal ones the first decides."""
        yield from self._either_way(row)
        asked = 0
        for source in (self._past_due, self._causes, self._observation, self._contagion):
            for reason in source(row):
                asked = max(asked, reason.rank)
                yield reason
        yield from self._overridden(row)
        yield from self._not_cured(row, asked)

    def reviews(self, row: int) -> Iterator[Reason]:
        """What a person should look at on that day, though it asks for no grade by itself."""
        rule, pauses, day = self._edition.pauses, self._grading.pauses, self._standing.day
        if rule is not None and pauses.runs_on(row, day):
            text = f"Paused until {date_of(pauses.until(row, day))}: {rule.review}"
            yield Reason("review", text, rule.origin, 0)

    def _money(self, minor: int, currency: int) -> str:
        return money_text(minor, self._book.currencies.names[currency])

    def _past_due(self, row: int) -> Iterator[Reason]:
        """The gravest rule that holds, of each counter."""
        for counter in COUNTERS:
            held: PastDueFloor | None = None
            for place, rule in enumerate(self._edition.past_due):
                if rule.counter == counter and self._over(row, place, rule):
                    held = rule if held is None or rule.rank > held.rank else held
            if held is not None:
                text = self._days_text(row, held)
                yield Reason("past_due", text, held.origin, held.rank, self._cited(row))

    def _days(self, row: int, counter: str) -> int:
        standing, counts = self._standing, self._regime.first_count
        material = self._grading.material
        unmet = int(standing.unmet[row])
        if counter == "material" and material is not None:
            unmet = int(material.start[row])
        days = max(standing.day - unmet + counts, 0) if unmet <= standing.day else 0
        if counter == "payments" and days:
            days -= int(standing.part_paid[row])
        return days - self._grading.pauses.stood_still(self._edition, row, days, standing.day)

    def _over(self, row: int, place: int, rule: PastDueFloor) -> bool:
        days = self._days(row, rule.counter)
        if days < rule.from_days or not rule.speaks_of(self._kind(row)):
            return False
        excused = bool(int(self._grading.excused[row]) >> place & 1)
        return not excused or (rule.unless_up_to_days is not None and days > rule.unless_up_to_days)

    def _arrears(self, row: int) -> int:
        """What is past due; with what falls due on the day itself, where that counts."""
        day, arrears = self._standing.day, self._book.arrears
        before = int(self._standing.arrears[row])
        if not self._regime.due_date_counts:
            return before
        days, cums = arrears.dues.of(row)
        due = bisect_right(days, day)
        paid = sum(amount for on, amount in paid_of(arrears, row) if on <= day)
        return max((cums[due - 1] if due else 0) - paid, before)

    def _kind(self, row: int) -> Kind:
        return self._grading.kind_of(row)

    def _days_text(self, row: int, rule: PastDueFloor) -> str:
        days = self._days(row, rule.counter)
        if rule.counter != "material":
            arrears = self._money(self._arrears(row), int(self._book.currency[row]))
            worth = " and as many days' worth unpaid" if rule.counter == "payments" else ""
            return f"{count_text(days, 'day')} past due{worth}, {rule.limit}; arrears {arrears}."
        material, kind = self._grading.material, self._kind(row)
        above = material.above(self._edition, row, kind) if material is not None else None
        said = f"Arrears have been material for {count_text(days, 'day')}, {rule.limit}"
        if above is None:
            return f"{said}."
        limits, currency = above.rule, int(self._book.currency[row])
        name = self._book.currencies.names[currency]
        absolute = self._money(limits.absolute.get(name, 0), currency)
        both = f"more than {absolute} and more than {limits.over_percent} %"
        if not limits.exceeded(above.arrears_minor, above.owed_minor, name):
            both = f"not yet paid since they were {both}"
        whose = "borrower's" if limits.per == "borrower" else "loan's"
        return (
            f"{said}: {self._money(above.arrears_minor, currency)} of the {whose} "
            f"{self._money(above.owed_minor, currency)} "
            f"({share_text(above.arrears_minor, above.owed_minor)}), {both}."
        )

    def _causes(self, row: int) -> Iterator[Reason]:
        active = self._book.active_findings(row, self._standing.day)
        rules = causes(self._edition, active, self._kind(row)) if active else iter(())
        for rule in sorted(rules, key=lambda known: -known.rank):
            finding = active[rule.word]
            text = (
                f"Found on {date_of(finding.day)}: {_share(rule, finding.value_ppm)}{rule.label}."
            )
            yield Reason(f"cause:{rule.word}", text, rule.origin, rule.rank, (finding.event_id,))

    def _observation(self, row: int) -> Iterator[Reason]:
        rule, observed = self._edition.observation, self._grading.observed.get(row)
        if rule is None or observed is None or observed.since is None or observed.over:
            return
        rank = rule.again_rank if observed.again else rule.rank
        text = f"Restructured{' again' if observed.again else ''}; {self._progress(row, observed)}."
        active = self._book.active_findings(row, self._standing.day)
        ids = (active[rule.finding].event_id,) if rule.finding in active else ()
        yield Reason("observation", text, rule.origin, rank, ids)

    def _progress(self, row: int, observed: Observed) -> str:
        rule = observed.rule
        if observed.start is None:
            return "observation begins with the first due date after the change"
        start = date_of(observed.start)
        met = observed.met(self._standing.day, due_days(self._book, row))
        until = add_months(start, rule.months)
        return (
            f"under observation since {start}: {met} of {rule.periods} due dates met, "
            f"until {until} at least"
        )

    def _contagion(self, row: int) -> Iterator[Reason]:
        caught = int(self._grading.caught[row])
        borrower = int(self._book.arrears.borrower[row])
        share = self._grading.shares.get(borrower)
        if not caught or share is None:
            return
        for rule in self._edition.contagion:
            over = share.bad_minor * 100 > share.total_minor * rule.over_percent
            if rule.rank != caught or not over or not rule.speaks_of(self._kind(row)):
                continue
            text = (
                f"{share_text(share.bad_minor, share.total_minor)} of the borrower's claims are "
                f"non-performing, more than {rule.over_percent} %: "
                f"{self._money(share.bad_minor, share.currency)} of "
                f"{self._money(share.total_minor, share.currency)}."
            )
            yield Reason("contagion", text, rule.origin, rule.rank, self._carriers(borrower, row))

    def _carriers(self, borrower: int, row: int) -> tuple[str, ...]:
        """The borrower's other loans that are non-performing, by id, not caught themselves."""
        grading = self._grading
        rows = self._book.arrears.borrower[: grading.rows] == borrower
        bad = (grading.grade[: grading.rows] >= grading.bad) & (grading.caught[: grading.rows] == 0)
        carriers = (rows & bad & self._standing.counted).nonzero()[0].tolist()
        return tuple(self._book.loan_ids[one] for one in carriers if one != row)[:NAMED]

    def _either_way(self, row: int) -> Iterator[Reason]:
        """What people set decides, where it may be better than the rules."""
        rule = self._edition.overrides
        if rule is not None and not rule.worse_only:
            yield from self._overridden(row)

    def _overridden(self, row: int) -> Iterator[Reason]:
        rule, override = self._edition.overrides, self._grading.overrides.standing.get(row)
        if rule is not None and override is not None:
            ids = (override.event_id,)
            yield Reason("override", f"{override.text}.", rule.origin, override.rank, ids)

    def _not_cured(self, row: int, asked: int) -> Iterator[Reason]:
        """Grades worse than what is `asked` for now, kept until they are cured."""
        for rank in {int(self._grading.own[row]), int(self._grading.caught[row])}:
            rules = cures_of(self._edition, rank, self._kind(row)) if rank > asked else ()
            if rules and self._grading.eased(self._book, row, rank) is None:
                active = self._book.active_findings(row, self._standing.day)
                speaking = [rule for rule in rules if rule.word is None or rule.word in active]
                rule = max(speaking or rules, key=lambda known: known.months)
                yield Reason("not_cured", self._waiting(row, rank, rule), rule.origin, rank)

    def _waiting(self, row: int, rank: int, longest: Cure) -> str:
        day = self._standing.day
        since = self._grading.since(row, rank)
        start = counted_from(longest, since, lambda: self._book.active_findings(row, day))
        if since == NEVER or start is None:
            return "Arrears or a finding remain, so there is no upgrade."
        until = add_months(date_of(start), longest.months)
        needs = f"an upgrade needs {longest.periods} due dates met"
        waits = f"and waits until {until} at least"
        if longest.shorter:
            waits = f"or waits until {until}, whichever is sooner"
        return f"Nothing is past due since {date_of(start)}; {needs} {waits}."

    def _relief(self, row: int, before: int) -> Reason:
        """No rule asks for more than the first grade, or than a milder one than before."""
        rank, origin = int(self._grading.grade[row]), self._edition.past_due[0].origin
        dpd = self._days(row, "days")
        late = f"{count_text(dpd, 'day')} past due" if dpd else "nothing past due"
        if before == UNGRADED:
            text = f"First grade: {late} and no finding."
            return Reason("first_grade", text, origin, rank)
        cures = cures_of(self._edition, before, self._kind(row))
        if cures and row not in self._grading.rewritten:
            since = self._grading.clean_from(row, before)
            known = f" since {date_of(since)}" if since != NEVER else ""
            text = f"Cured: {late} and no cause{known}."
            return Reason("cured", text, cures[0].origin, rank)
        if dpd and int(self._grading.excused[row]):
            return Reason("excused", f"{late}; evidence excuses it.", origin, rank)
        if dpd:
            return Reason("within_limits", f"{late}, within the limits.", origin, rank)
        return Reason("paid_up", "Nothing past due and no finding.", origin, rank, self._cited(row))


def _share(rule: CauseFloor, value_ppm: int) -> str:
    """The number before a measure's label; a plain yes needs none."""
    shown = value_ppm < WHOLE_PPM or rule.from_ppm > 1
    return f"{percent_text(value_ppm)} " if shown else ""
