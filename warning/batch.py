"""The batch fold: indicators of all loans at one day, from the definitions alone.

It keeps no state and shares nothing with the engine but the formulas of `indicators`: it lines up a
loan's days from its first fact to the day asked for and looks at each of them. Slow by design, so
that it can be read beside the definitions; the engine must agree with it by `==`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ledger.dates import date_of, day_number
from ledger.events import (
    ArrearsCapitalised,
    ChargeApplied,
    EvasionSignalNoted,
    InstalmentsScheduled,
    InterestAccrued,
    LoanClosed,
    LoanOpened,
    LoanReopened,
    OverpaymentRefunded,
    PositionReported,
    RepaymentChargedBack,
    RepaymentReceived,
    RepaymentReversed,
    WriteOffCancelled,
)
from warning.batch_account import (
    Account,
    OfAccount,
    by_day,
    inside,
    month_number,
    only,
    table,
    total,
)
from warning.batch_drawn import OfLine
from warning.batch_earlier import Earlier
from warning.batch_pausing import spared
from warning.batch_promises import BatchPromises
from warning.batch_trading import BatchTrading
from warning.batch_valuations import stated
from warning.earlier import READ as EARLIER
from warning.indicators import evaluate
from warning.intake import RecordedFact
from warning.owed import charges_of
from warning.promises import READ as PROMISES
from warning.trading import READ as TRADING
from warning.valuations import READ as STATED
from warning.windows import UNKNOWN, BoolArray, FloatArray, IntArray


def loan_ids(recorded: Iterable[RecordedFact]) -> list[str]:
    """The loans of `recorded` in the order in which they first appear: the rows of `fold`."""
    found = (getattr(item.fact, "loan_id", None) for item in recorded)
    return list(dict.fromkeys(loan_id for loan_id in found if loan_id is not None))


def fold(recorded: Sequence[RecordedFact], day: int, names: Sequence[str]) -> dict[str, FloatArray]:
    """The indicators `names` at `day` by all of `recorded`, one row a loan. NaN is unknown.

    Errors: KeyError for a name that the catalogue does not have.
    """
    loans: dict[str, list[Any]] = {loan_id: [] for loan_id in loan_ids(recorded)}
    accounts: dict[str, list[Any]] = {}
    firms: dict[str, list[Any]] = {}
    signs: dict[str, list[Any]] = {}
    for item in recorded:
        fact = item.fact
        if _counts(fact, day):
            if hasattr(fact, "loan_id"):
                loans[fact.loan_id].append(fact)
            elif isinstance(fact, EvasionSignalNoted):
                signs.setdefault(fact.borrower_id, []).append(fact)
            elif hasattr(fact, "account_id"):
                accounts.setdefault(fact.account_id, []).append(fact)
            elif hasattr(fact, "counterparty"):
                firms.setdefault(fact.borrower_id, []).append(fact)
    measures = [_Loan(facts, accounts, day) for facts in loans.values()]
    _acquaint(measures, firms, day)
    for loan in measures:
        loan.noted = signs.get(loan.opened.borrower_id, []) if loan.opened is not None else []
    ended = np.flatnonzero([not loan.open for loan in measures])
    return evaluate(
        names, lambda name: np.array([loan.read(name) for loan in measures], np.int64).T, ended
    )


def _acquaint(loans: Sequence[_Loan], firms: dict[str, list[Any]], day: int) -> None:
    """Tell each loan of its borrower's other loans and invoices."""
    known: dict[str, list[_Loan]] = {}
    for loan in loans:
        if loan.opened is not None:
            known.setdefault(loan.opened.borrower_id, []).append(loan)
    for borrower_id, of_borrower in known.items():
        earlier = Earlier(of_borrower, day)
        trading = BatchTrading(firms.get(borrower_id, []), day)
        for loan in of_borrower:
            loan.earlier, loan.trading = earlier, trading


def _counts(fact: Any, day: int) -> bool:
    noticed = getattr(fact, "noticed_date", fact.value_date)
    return max(day_number(fact.value_date), day_number(noticed)) <= day


class _Loan(OfAccount, OfLine):
    """One loan's facts that count by `day`, and every day from its first one to `day`.

    `dues` are (due day, amount) in order, by the schedule in force at `day`.
    """

    def __init__(self, facts: list[Any], accounts: dict[str, list[Any]], day: int) -> None:
        self.day = day
        self.opened = next(iter(only(facts, LoanOpened)), None)
        ends = only(facts, LoanClosed, LoanReopened, WriteOffCancelled)
        self.open = self.opened is not None and not (ends and isinstance(ends[-1], LoanClosed))
        account_id = self.opened.account_id if self.opened else None
        self.account = Account(accounts.get(account_id or "", []), day)
        self.facts = facts
        self.earlier: Earlier | None = None
        self.trading: BatchTrading | None = None
        self.noted: list[EvasionSignalNoted] = []
        self.schedules = only(facts, InstalmentsScheduled)
        self._dues: dict[int, IntArray] = {}
        self.recovered = [
            paid for fact in only(facts, WriteOffCancelled) for paid in fact.recovered
        ]
        paid = [*only(facts, RepaymentReceived, ArrearsCapitalised), *self.recovered]
        back = only(facts, RepaymentReversed, OverpaymentRefunded)
        self.payments = table(
            [(fact.value_date, fact.amount_minor) for fact in paid]
            + [(fact.value_date, -fact.amount_minor) for fact in back]
        )
        self.charged = [
            (date_of(day), amount)
            for fact in only(facts, ChargeApplied, InterestAccrued, RepaymentChargedBack)
            for day, amount in charges_of(fact)
        ]
        self.reports = sorted(
            only(facts, PositionReported), key=lambda fact: (fact.value_date, fact.transaction_id)
        )
        self.promises = BatchPromises(facts, day, self.paid_by)
        self.dues = self._dues_on(day)
        self.reported = bool(self.reports) and self._schedule_on(day) is None
        starts = [fact.value_date for fact in facts]
        starts += [due for due, _ in self.charged]
        first = min([day, *map(day_number, starts)])
        self.days = np.arange(first, day + 1)

    @cached_property
    def late(self) -> IntArray:
        """Days past due on each of `days`; derived only when a measure of the past asks."""
        return np.array([self._dpd_on(known) for known in self.days.tolist()], np.int64)

    def read(self, name: str) -> int | list[int]:
        """One measure by name, or by day; UNKNOWN where it is not known."""
        if name in EARLIER:
            return UNKNOWN if self.earlier is None else self.earlier.read(name)
        if name in TRADING:
            return UNKNOWN if self.trading is None else self.trading.read(name)
        if name in STATED:
            return stated(self.facts, name, self.day)
        if name in PROMISES:
            return self.promises.read(name)
        word, _, days = name.rpartition("_")
        if days.removesuffix("d").isdigit():
            return int(getattr(self, word)(int(days.removesuffix("d"))))
        told = getattr(self, name)()
        return told if isinstance(told, list) else int(told)

    # What held on a day

    def _schedule_on(self, day: int) -> Any:
        """The highest version valued by `day`, or None."""
        valued = [fact for fact in self.schedules if day_number(fact.value_date) <= day]
        return max(valued, key=lambda fact: fact.schedule_version, default=None)

    def _dues_on(self, day: int) -> IntArray:
        """(due day, amount) of the schedule in force on `day` and of all charges, by day."""
        schedule = self._schedule_on(day)
        version = schedule.schedule_version if schedule else 0
        if version not in self._dues:
            rows = schedule.instalments if schedule else ()
            self._dues[version] = by_day(
                table(
                    [(row.due_date, row.principal_minor + row.interest_minor) for row in rows]
                    + self.charged
                )
            )
        return self._dues[version]

    def _report_on(self, day: int) -> Any:
        known = [fact for fact in self.reports if day_number(fact.value_date) <= day]
        return known[-1] if known and self._schedule_on(day) is None else None

    def paid_by(self, day: int) -> int:
        """What was paid with value days up to `day`."""
        return int(total(self.payments, self.payments[:, 0] <= day))

    def _dpd_on(self, day: int) -> int:
        report = self._report_on(day)
        if report is not None:
            months = report.months_past_due
            return 30 * months + day - day_number(report.value_date) if months else 0
        dues = self._dues_on(day)
        unmet = dues[np.cumsum(dues[:, 1]) > self.paid_by(day), 0]
        return max(0, day - int(unmet[0])) if unmet.size else 0

    # Dues and payments

    def _known(self) -> bool:
        if self.reported:
            return self.reports[-1].months_past_due is not None
        return len(self.dues) > 0

    def dpd(self) -> int:
        return self._dpd_on(self.day) if self._known() else UNKNOWN

    def unmet_day(self) -> int:
        known = len(self.dues) > 0 and not self.reported
        return self.day - self._dpd_on(self.day) if known else UNKNOWN

    def spared(self) -> int:
        return spared(self.facts, self.day, self._dpd_on(self.day))

    def arrears(self) -> int:
        if not self._known():
            return UNKNOWN
        if self.reported:
            last = self.reports[-1]
            owed = last.payment_due_minor if last.months_past_due else 0
            return UNKNOWN if owed is None else int(owed)
        due = total(self.dues, self.dues[:, 0] < self.day)
        return int(max(0, due - self.paid_by(self.day)))

    def _next(self) -> tuple[int, int]:
        paid, cum = self.paid_by(self.day), np.cumsum(self.dues[:, 1])
        for at, due_day in enumerate(self.dues[:, 0].tolist()):
            if due_day >= self.day and cum[at] > paid and not self.reported:
                before = int(cum[at - 1]) if at else 0
                return int(cum[at]) - max(before, paid), due_day - self.day
        return UNKNOWN, UNKNOWN

    def next_instalment(self) -> int:
        return self._next()[0]

    def next_due(self) -> int:
        return self._next()[1]

    def paid(self, days: int) -> int:
        return int(total(self.payments, inside(self.payments[:, 0], self.day, days)))

    def due(self, days: int) -> int:
        if self.reported:
            last_of_day = {fact.value_date: fact.payment_due_minor or 0 for fact in self.reports}
            dues = table(list(last_of_day.items()))
        else:
            dues = self.dues
        return int(total(dues, inside(dues[:, 0], self.day, days)))

    def partial(self) -> int:
        cum = np.cumsum(self.dues[:, 1])
        before = cum - self.dues[:, 1]
        paid = np.array([self.paid_by(due_day) for due_day in self.dues[:, 0]], np.int64)
        part = (before < paid) & (paid < cum) & inside(self.dues[:, 0], self.day, 360)
        return int(part.sum()) if self._known() else UNKNOWN

    def _lateness(self) -> list[int | None]:
        """For each due: days until it was met in full, None when it is not."""
        found: list[int | None] = []
        for due_day, cum in zip(self.dues[:, 0], np.cumsum(self.dues[:, 1]), strict=True):
            met = [day for day in np.unique(self.payments[:, 0]) if self.paid_by(day) >= cum]
            is_met = self.paid_by(self.day) >= cum
            found.append(max(0, int(met[0] - due_day)) if met and is_met else None)
        return found

    def _lateness_of_three(self, skip: int) -> int:
        passed = int((self.dues[:, 0] < self.day).sum())
        if passed < 6 or self.reported:
            return UNKNOWN
        late = self._lateness()
        chosen = range(passed - skip - 3, passed - skip)
        since = [self.day - int(self.dues[at, 0]) for at in range(passed)]
        return sum(since[at] if (one := late[at]) is None else one for at in chosen)

    def late_recent(self) -> int:
        return self._lateness_of_three(0)

    def late_before(self) -> int:
        return self._lateness_of_three(3)

    def instalment_default(self, number: int) -> int:
        schedule = self._schedule_on(self.day)
        rows = schedule.instalments if schedule else ()
        owed = [row for row in rows if row.principal_minor + row.interest_minor]
        due_days = sorted({day_number(row.due_date) for row in owed})
        if len(due_days) < number:
            return UNKNOWN
        due_day = due_days[number - 1]
        late = self._lateness()[self.dues[:, 0].tolist().index(due_day)]
        if late is not None:
            return int(late > 30)
        return 1 if self.day - due_day >= 30 else UNKNOWN

    def bounced(self, days: int) -> int:
        own = [
            day_number(fact.noticed_date)
            for fact in only(self.facts, RepaymentReversed)
            if fact.reason == "bounced"
        ]
        return max(int(inside(own, self.day, days).sum()), self.account.returns(days))

    # History

    def _months(self, count: int) -> BoolArray:
        first = month_number(self.day) - count + 1
        return np.array([month_number(known) >= first for known in self.days.tolist()], np.bool_)

    def times_12m(self, level: int) -> int:
        return self._times(level, 12)

    def times_24m(self, level: int) -> int:
        return self._times(level, 24)

    def _times(self, level: int, months: int) -> int:
        if not self._known():
            return UNKNOWN
        late = self.late >= level
        runs = np.cumsum(late & ~np.concatenate(([False], late[:-1])))
        return len(np.unique(runs[late & self._months(months)]))

    def months_late(self, level: int) -> int:
        late = self.days[(self.late >= level) & self._months(12)]
        return len({month_number(day) for day in late.tolist()}) if self._known() else UNKNOWN

    def worst_dpd(self) -> int:
        return int(self.late[self._months(12)].max()) if self._known() else UNKNOWN

    def months_since_late(self) -> int:
        late = self.days[self.late >= 30]
        return month_number(self.day) - month_number(int(late[-1])) if late.size else UNKNOWN

    def signs(self) -> int:
        kinds = {fact.signal for fact in self.noted if day_number(fact.value_date) > self.day - 365}
        return len(kinds) if self.noted else UNKNOWN

    # Exposure

    def planned_term(self) -> int:
        if self.opened is None or not len(self.dues):
            return UNKNOWN
        return int(self.dues[-1, 0]) - day_number(self.opened.value_date)

    def planned_due(self) -> int:
        return int(self.dues[:, 1].sum()) if len(self.dues) else UNKNOWN

    def today(self) -> int:
        return self.day

    def age(self) -> int:
        return self.day - day_number(self.opened.value_date) if self.opened else 0
