"""Treating cases: opens them, assigns strategies, asks for contacts, closes what is calm again.

Pure and deterministic: what it asks for follows from the ledger log up to a place, from warnings
and grades as they were known there, and from the strategy. Ids come from the facts, so that whoever
asks twice changes nothing. It looks at all open cases when a business day closes, and at one case
when it is opened or its cause or stage changes; contacts that wait are asked for again when a fact
shows that their time has come. It records nothing and sends nothing: the record path answers its
commands as anybody's, by the contact rules of the ledger.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ledger.collection_commands import (
    AssignStrategy,
    ChangeStage,
    CloseCase,
    OpenCase,
    RequestContact,
)
from ledger.commands import Command
from ledger.dates import Calendar, day_number
from ledger.events import BusinessDayClosed, CaseCauseChanged, CaseOpened, CaseStageChanged
from ledger.ids import stable_id
from ledger.store import Recorded
from warning.asking import PREFIX, Moment, asked_again, file_of, said, seen_as, told
from warning.casebook import CaseBook, CaseFile
from warning.engine import Engine
from warning.pack import SEVERITIES
from warning.scorecard import Model
from warning.situations import Graded, situations
from warning.tiers import Tiers
from warning.treatment import NO_ARM, Row, Situation, Strategy
from warning.verdicts import judge
from warning.windows import BoolArray

_MOMENTS = (BusinessDayClosed, CaseOpened, CaseCauseChanged, CaseStageChanged)
_OWN_STAGES = frozenset({"pre_due", "early", "mid", "late"})
"""Stages that it moves a case between; others are for people."""


class Step(NamedTuple):
    """Facts taken in, up to `position`; what is to be asked for there; whether a day closed."""

    taken: int
    position: int
    commands: list[Command]
    closed: bool


class Treat:
    """Treats the cases of one book or partition. Feed it with `advance`, one step at a time."""

    def __init__(
        self, strategy: Strategy, calendar: Calendar, *, score: Model | None = None, after: int = 0
    ) -> None:
        """`after`: up to this place it asked before, and asks for nothing again."""
        self.strategy, self.position = strategy, 0
        self.cases = CaseBook()
        self.engine = Engine()
        self.engine.score = score
        self.tiers = Tiers()
        self.grades = Graded()
        self.calendar, self.after = calendar, after
        self._ahead: set[int] = set()
        self._last_close = 0
        self._due = np.zeros(0, np.bool_)

    # -- facts in --------------------------------------------------------------------------------

    def foresee(self, own: Iterable[Recorded]) -> None:
        """Facts that its own commands led to, before their place is reached."""
        for item in own:
            if item.position > self.position and item.position not in self._ahead:
                self._ahead.add(item.position)
                self.cases.take(item.fact)

    def advance(self, recorded: Sequence[Recorded]) -> Step:
        """Take in facts of the ledger log up to the first place where something may be asked for.

        What is asked for is to be recorded, and foreseen, before the next step.
        """
        for at, item in enumerate(recorded):
            if self._is_moment(item.fact) or self.cases.earliest_us <= item.fact.recorded_at_us:
                self._take_in(recorded[: at + 1])
                commands = self._at(item)
                return Step(at + 1, self.position, commands, type(item.fact) is BusinessDayClosed)
        self._take_in(recorded)
        return Step(len(recorded), self.position, [], False)

    def release(self, now_us: int) -> list[Command]:
        """Ask again for contacts whose time has come by `now_us`."""
        return [asked_again(queued, now_us) for queued in self.cases.take_due(now_us)]

    def _is_moment(self, fact: Any) -> bool:
        """Whether a fact asks for a look; what it brought about itself does not."""
        return type(fact) in _MOMENTS and not fact.transaction_id.startswith(PREFIX)

    def _take_in(self, recorded: Sequence[Recorded]) -> None:
        if not recorded:
            return
        self.engine.apply(recorded)
        for item in recorded:
            if item.position in self._ahead:
                self._ahead.discard(item.position)
            else:
                self.cases.take(item.fact)
        self.position = recorded[-1].position

    # -- places where something may be asked for -------------------------------------------------

    def _at(self, item: Recorded) -> list[Command]:
        fact = item.fact
        asking = item.position > self.after
        moment = Moment(fact.value_date, fact.recorded_at_us, item.position)
        commands = self.release(fact.recorded_at_us) if asking else []
        self.grades.take_until(item.position)
        self.tiers.take_until(item.position)
        if type(fact) is BusinessDayClosed:
            commands += self._at_close(moment, asking=asking)
        elif (
            asking
            and self._is_moment(fact)
            and (case := self.cases.open.get(getattr(fact, "case_id", ""))) is not None
        ):
            commands += self._assignments(moment, [case])[0]
        return commands

    def _at_close(self, moment: Moment, *, asking: bool) -> list[Command]:
        engine = self.engine
        engine.advance(max(moment.day, engine.day))
        due = self._overdue()
        grave = self.tiers.graver_since(self._last_close)
        commands: list[Command] = []
        if asking:
            opened = self._openings(moment, grave, due)
            commands += opened
            cases = [*self.cases.open.values(), *map(file_of, opened)]
            assigned, treated = self._assignments(moment, cases)
            closing = self._calm(moment)
            calm = {command.case_id for command in closing}
            commands += self._stages(moment, calm)
            commands += [each for each in assigned if each.case_id not in calm]
            commands += closing
            commands += [
                ask
                for case, row in treated
                if case.case_id not in calm and (ask := self._contact(moment, case, row))
            ]
        self._due, self._last_close = due, moment.position
        following = self.calendar.next_business_day(moment.value_date)
        engine.advance(max(day_number(following), engine.day))
        return commands

    def _overdue(self) -> BoolArray:
        """Loans that are as far past due as opens a case."""
        days = self.strategy.opening.missed_days
        book = self.engine.book
        found: BoolArray = (book.dpd() >= days) & book.open()
        return found if days else np.zeros(0, np.bool_)

    # -- what it asks for ------------------------------------------------------------------------

    def _openings(self, moment: Moment, grave: Sequence[Any], due: BoolArray) -> list[OpenCase]:
        """A case for each borrower with new trouble on loans that no case is about."""
        engine, opening = self.engine, self.strategy.opening
        trouble: defaultdict[str, list[tuple[str, str, str]]] = defaultdict(list)
        if opening.warning is not None:
            least = SEVERITIES.index(opening.warning) + 1
            for raised, rank in grave:
                if rank >= least and engine.book.open(np.array([engine.row_of(raised.loan_id)]))[0]:
                    found = (raised.loan_id, "warning", raised.warning_id)
                    trouble[raised.borrower_id].append(found)
        before = np.zeros(len(due), np.bool_)
        before[: len(self._due)] = self._due
        names, owners = engine.borrower_ids, engine.borrower_row()
        for row in np.flatnonzero(due & ~before).tolist():
            loan_id = engine.loan_ids[row]
            trouble[names[owners[row]]].append((loan_id, "missed_payment", loan_id))
        return [
            command
            for borrower_id, found in sorted(trouble.items())
            if (command := self._open_case(moment, borrower_id, found)) is not None
        ]

    def _open_case(
        self, moment: Moment, borrower_id: str, found: Sequence[tuple[str, str, str]]
    ) -> OpenCase | None:
        free = [each for each in found if each[0] not in self.cases.by_loan]
        if not free:
            return None
        engine = self.engine
        loan_ids = sorted({loan_id for loan_id, _, _ in free})
        rows = np.array([engine.row_of(loan_id) for loan_id in loan_ids], np.int64)
        _, trigger, reference = free[0]
        officers = [*engine.officers]
        branch = engine.words("branch", rows[:1])[0]
        case_id = stable_id("case", borrower_id, reference, moment.position)
        trigger_: Any = trigger
        stage: Any = self.strategy.opening.stage(int(engine.book.dpd(rows).max()))
        return OpenCase(
            case_id=case_id,
            loan_ids=tuple(loan_ids),
            cause="unknown",
            trigger=trigger_,
            reference=reference,
            stage=stage,
            owner_id=officers[int(engine.columns.officer[rows[0]])],
            team=branch,
            branch=branch,
            **said(moment, borrower_id, "open", case_id),
        )

    def _assignments(
        self, moment: Moment, cases: Sequence[CaseFile]
    ) -> tuple[list[AssignStrategy], list[tuple[CaseFile, Row]]]:
        """Cases whose row, or version, is another now; and every case with its row."""
        seen = situations(self, cases, self.engine.day)
        rows = self.strategy.decide(seen)
        commands: list[AssignStrategy] = []
        for case, row, situation in zip(cases, rows, seen, strict=True):
            strategy, code = self.strategy, row.treatment.code
            if case.treated_by == (strategy.name, strategy.digest, row.name, code):
                continue
            commands.append(
                AssignStrategy(
                    case_id=case.case_id,
                    strategy=strategy.name,
                    version=strategy.digest,
                    segment=row.name,
                    treatment=code,
                    arm=self._arm_label(situation),
                    reason=seen_as(situation),
                    **said(moment, case.borrower_id, "assign", case.case_id, moment.position),
                )
            )
        return commands, list(zip(cases, rows, strict=True))

    def arm_of(self, borrower_id: str) -> str:
        """The arm that the borrower has, or gets: frozen by the first assignment in the trial."""
        trial = self.strategy.experiment
        if trial is None:
            return NO_ARM
        known = self.cases.arms.get((borrower_id, trial.name))
        return known if known is not None else trial.arm_of(borrower_id)

    def _arm_label(self, situation: Situation) -> str:
        """The arm with its trial, as facts carry it: "early-voice-bot.challenger"."""
        trial = self.strategy.experiment
        return f"{trial.name}.{situation.words['arm']}" if trial else NO_ARM

    def _stages(self, moment: Moment, but: set[str]) -> list[Command]:
        commands: list[Command] = []
        for case in self.cases.open.values():
            if case.stage not in _OWN_STAGES or case.case_id in but:
                continue
            dpd = max(0, *self._dpd(case.loan_ids), 0)
            stage: Any = self.strategy.opening.stage(dpd)
            if stage != case.stage:
                commands.append(
                    ChangeStage(
                        case_id=case.case_id,
                        stage=stage,
                        reason=told([("dpd", str(dpd))]),
                        **said(moment, case.borrower_id, "stage", case.case_id, moment.position),
                    )
                )
        return commands

    def _calm(self, moment: Moment) -> list[CloseCase]:
        """Cases with nothing overdue and no open warning, for as long as the strategy wants."""
        days, found = self.strategy.opening.calm_days, []
        for case in self.cases.open.values() if days else ():
            if case.stage not in _OWN_STAGES or self.tiers.rank_of(case.borrower_id):
                continue
            if any(self._dpd(case.loan_ids)):
                continue
            since = max(case.opened_day, *self._paid_on(case), self._warned_until(case))
            if self.engine.day - since < days:
                continue
            rows = np.array([self.engine.row_of(loan_id) for loan_id in case.loan_ids], np.int64)
            reason: Any = "cured" if self.engine.book.open(rows).any() else "paid"
            found.append(
                CloseCase(
                    case_id=case.case_id,
                    reason=reason,
                    remark=told([("calm", str(days))]),
                    **said(moment, case.borrower_id, "close", case.case_id),
                )
            )
        return found

    def _contact(self, moment: Moment, case: CaseFile, row: Row) -> RequestContact | None:
        """The contact that a treatment asks for without a person, when it is due."""
        treatment, day = row.treatment, moment.day
        fresh = case.assigned is None or case.assigned.segment != row.name
        channel = treatment.channel(0 if fresh else case.contacts_since)
        if channel not in treatment.automatic or self.cases.held(case.borrower_id, day):
            return None
        if any(queued.fact.case_id == case.case_id for queued in self.cases.queued.values()):
            return None
        begun = day if fresh or case.assigned is None else day_number(case.assigned.value_date)
        due = treatment.next_day(begun, case.contact_days)
        if case.refused_day is not None and due is not None:
            due = max(due, case.refused_day + treatment.every_days)
        if due is None or due > day or self._promised(case, day):
            return None
        contact_id = stable_id("contact", case.case_id, moment.position)
        loan_ids = [loan_id for loan_id in case.loan_ids if self._is_open(loan_id)]
        channel_: Any = channel
        return RequestContact(
            case_id=case.case_id,
            contact_id=contact_id,
            loan_ids=tuple(loan_ids or case.loan_ids),
            channel=channel_,
            addressee="debtor",
            agency=None,
            queue=True,
            **said(moment, case.borrower_id, "ask", contact_id),
        )

    def _promised(self, case: CaseFile, day: int) -> bool:
        """Whether a promise still runs: it pauses outreach."""
        book = self.engine.book
        for promise in case.promises.values():
            latest = int(book.latest_payment[book.row_of(promise.loan_id)])
            if judge(promise, book.payments.by_day(latest), day).state == "open":
                return True
        return False

    def _dpd(self, loan_ids: Sequence[str]) -> list[int]:
        rows = np.array([self.engine.row_of(loan_id) for loan_id in loan_ids], np.int64)
        found: list[int] = self.engine.book.dpd(rows).tolist()
        return found

    def _is_open(self, loan_id: str) -> bool:
        return bool(self.engine.book.open(np.array([self.engine.row_of(loan_id)]))[0])

    def _paid_on(self, case: CaseFile) -> list[int]:
        """The days of the last payments on its loans."""
        book = self.engine.book
        latest = [int(book.latest_payment[book.row_of(loan_id)]) for loan_id in case.loan_ids]
        return [int(book.payments.day[at]) for at in latest if at >= 0] or [0]

    def _warned_until(self, case: CaseFile) -> int:
        return self.tiers.ended_on(case.borrower_id) or 0
