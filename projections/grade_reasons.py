"""Why a loan has its grade: one sentence with the numbers, the rule, its article and its mark.

Only loans whose grade changed are explained. Decides nothing: `grading` has judged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ledger.dates import add_months, date_of
from projections.book import LoanBook
from projections.grading import UNGRADED, Grading, due_days
from projections.observation import Observed
from projections.regime import Origin, PastDueFloor
from projections.wording import count_text, money_text, share_text
from warning.windows import NEVER

NAMED = 5
"""Loans that a sentence names at most."""


@dataclass(frozen=True, slots=True)
class Reason:
    """The sentence, the rule that decided, and the ids of the facts or loans behind it."""

    rule: str
    text: str
    origin: Origin
    causes: tuple[str, ...] = ()
    corrected: bool = False
    """Whether a late fact had changed the loan's past."""


class Explainer:
    """Explains the grades of one close."""

    def __init__(self, grading: Grading, book: LoanBook) -> None:
        self._grading, self._book = grading, book
        self._regime = grading.regime
        self._standing = book.standing

    def explain(self, row: int, before: int) -> Reason:
        """Why the loan in `row` has its grade now, having had `before`."""
        rank = int(self._grading.grade[row])
        reason = (
            self._past_due(row, rank)
            or self._cause(row, rank)
            or self._observation(row, rank)
            or self._contagion(row, rank)
            or self._not_cured(row, rank)
            or self._relief(row, before)
        )
        past = self._grading.rewritten.get(row)
        if past is None or before == UNGRADED:
            return reason
        known = f"By what is known now it was {count_text(past.dpd, 'day')} past due on "
        text = f"{known}{date_of(past.day)}. {reason.text}"
        return replace(reason, text=text, corrected=True)

    def _money(self, minor: int, row: int) -> str:
        currency = self._book.currencies.names[int(self._book.currency[row])]
        return money_text(minor, currency)

    def _past_due(self, row: int, rank: int) -> Reason | None:
        dpd = int(self._standing.dpd[row])
        rule = self._floor_rule(dpd, excused=bool(self._grading.excused[row]))
        if rule is None or rule.rank != rank:
            return None
        arrears = self._money(int(self._standing.arrears[row]), row)
        text = f"{count_text(dpd, 'day')} past due, more than {rule.over_days}; arrears {arrears}."
        return Reason("past_due", text, rule.origin)

    def _floor_rule(self, dpd: int, *, excused: bool) -> PastDueFloor | None:
        over = [
            rule
            for rule in self._regime.past_due
            if dpd > rule.over_days
            and not (rule.unless_finding and excused and dpd <= rule.unless_up_to_days)
        ]
        return over[-1] if over else None

    def _cause(self, row: int, rank: int) -> Reason | None:
        active = self._book.active_findings(row, self._standing.day)
        for rule in self._regime.causes:
            if rule.rank == rank and rule.finding in active:
                finding = active[rule.finding]
                text = f"Found on {date_of(finding.day)}: {rule.label}."
                return Reason(f"cause:{rule.finding}", text, rule.origin, (finding.event_id,))
        return None

    def _observation(self, row: int, rank: int) -> Reason | None:
        rule, observed = self._regime.observation, self._grading.observed.get(row)
        if rule is None or observed is None or observed.since is None or observed.over:
            return None
        if rank != (rule.again_rank if observed.again else rule.rank):
            return None
        text = f"Restructured{' again' if observed.again else ''}; {self._progress(row, observed)}."
        causes = self._book.active_findings(row, self._standing.day)
        ids = (causes[rule.finding].event_id,) if rule.finding in causes else ()
        return Reason("observation", text, rule.origin, ids)

    def _progress(self, row: int, observed: Observed) -> str:
        rule = self._regime.observation
        if rule is None or observed.start is None:
            return "observation begins with the first due date after the change"
        start = date_of(observed.start)
        met = observed.met(self._standing.day, due_days(self._book, row))
        until = add_months(start, rule.months)
        return (
            f"under observation since {start}: {met} of {rule.periods} due dates met, "
            f"until {until} at least"
        )

    def _contagion(self, row: int, rank: int) -> Reason | None:
        rule = self._regime.contagion
        if rule is None or rank != rule.rank or not self._grading.caught[row]:
            return None
        borrower = int(self._book.arrears.borrower[row])
        share = self._grading.shares.get(borrower)
        if share is None:
            return None
        currency = self._book.currencies.names[share.currency]
        text = (
            f"{share_text(share.bad_minor, share.total_minor)} of the borrower's claims are "
            f"non-performing, more than {rule.over_percent} %: "
            f"{money_text(share.bad_minor, currency)} of "
            f"{money_text(share.total_minor, currency)}."
        )
        return Reason("contagion", text, rule.origin, self._carriers(borrower))

    def _carriers(self, borrower: int) -> tuple[str, ...]:
        """The borrower's loans that are non-performing on their own, by id."""
        rows = self._book.arrears.borrower[: self._grading.rows] == borrower
        bad = self._grading.own[: self._grading.rows] >= self._regime.nonperforming_rank
        carriers = (rows & bad & self._standing.counted).nonzero()[0].tolist()
        return tuple(self._book.loan_ids[row] for row in carriers[:NAMED])

    def _not_cured(self, row: int, rank: int) -> Reason | None:
        cure = self._regime.cure
        if cure is None or rank < self._regime.nonperforming_rank:
            return None
        since = int(self._grading.clean_since[row])
        if since == NEVER:
            text = "Arrears or a finding remain, so there is no upgrade."
        else:
            until = add_months(date_of(since), cure.months)
            text = (
                f"Nothing is past due since {date_of(since)}; an upgrade needs {cure.periods} due "
                f"dates met and waits until {until} at least."
            )
        return Reason("not_cured", text, cure.origin)

    def _relief(self, row: int, before: int) -> Reason:
        """No rule asks for more than the first grade, or than a milder one than before."""
        cure, origin = self._regime.cure, self._regime.past_due[0].origin
        if before == UNGRADED:
            return Reason("first_grade", "First grade: nothing past due and no finding.", origin)
        was_bad = before >= self._regime.nonperforming_rank
        if cure is not None and was_bad and row not in self._grading.rewritten:
            since = date_of(int(self._grading.clean_since[row]))
            text = f"Cured: nothing past due and no cause since {since}."
            return Reason("cured", text, cure.origin)
        dpd = int(self._standing.dpd[row])
        if dpd:
            return Reason("excused", f"{dpd} days past due for technical reasons.", origin)
        return Reason("paid_up", "Nothing past due and no finding.", origin)
