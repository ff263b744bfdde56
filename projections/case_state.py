"""A case, a contact and a promise as the view `cases` keeps them, and their rows.

Knows what facts do to one of them; which facts there are, and what a close does, is in `cases`.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field
from operator import attrgetter

import orjson

from ledger.collection.state import Promise
from ledger.dates import day_number
from projections.case_tables import CASES, CONTACTS, PROMISES
from projections.tables import Row
from projections.worklist import rank, reasons
from warning.treatment import treatment_of
from warning.verdicts import Verdict

REACHED = frozenset({"right_party", "promised", "refused", "disputed", "paid"})
"""Outcomes of a contact that met the right person."""


@dataclass(slots=True)
class Owner:
    """Who had a case: from a day on, up to and not including another."""

    position: int
    owner_id: str
    team: str
    from_day: int
    reason: str
    until_day: int | None = None


@dataclass(slots=True)
class Case:
    """One case: the fields of its row, and what they follow from."""

    case_id: str
    position: int
    borrower_id: str
    loans: tuple[str, ...]
    currency: str
    cause: str
    trigger: str
    reference: str
    owner_id: str
    team: str
    branch: str
    stage: str
    opened_day: int
    opened_at_us: int
    open: int = 1
    closed_day: int | None = None
    close_reason: str | None = None
    strategy: str | None = None
    digest: str | None = None
    segment: str | None = None
    treatment: str | None = None
    arm: str | None = None
    assigned_day: int | None = None
    contacts_made: int = 0
    reached: int = 0
    last_channel: str | None = None
    last_outcome: str | None = None
    queued_until_us: int | None = None
    queued_contact_id: str | None = None
    promise_id: str | None = None
    promise_due_day: int | None = None
    promise_state: str | None = None
    holds: str = ""
    legal_due_day: int | None = None
    legal_step: str | None = None
    bucket_at_open: int = 0
    bucket_worst: int = 0
    bucket: int = 0
    dpd_days: int = 0
    arrears_minor: int = 0
    outstanding_minor: int = 0
    cured_day: int | None = None
    back_day: int | None = None
    rolled_day: int | None = None
    recovered_minor: int = 0
    cost_minor: int = 0
    owners: list[Owner] = field(default_factory=list)
    contact_days: list[int] = field(default_factory=list)
    since_assigned: int = 0
    paid_seen: int | None = None
    today: int = 0

    @property
    def loan_ids(self) -> str:
        """The loans as the table holds them."""
        return orjson.dumps(self.loans).decode()

    @property
    def last_contact_day(self) -> int | None:
        """The day of the last contact that was allowed."""
        return self.contact_days[-1] if self.contact_days else None

    @property
    def next_channel(self) -> str | None:
        """The channel that the treatment proposes next."""
        treatment = treatment_of(self.treatment or "")
        return treatment.channel(self.since_assigned) if treatment and self.open else None

    @property
    def next_contact_day(self) -> int | None:
        """The day of the contact that the treatment proposes; a promise or a hold pauses it."""
        treatment = treatment_of(self.treatment or "")
        if treatment is None or not self.open or self.holds or self.assigned_day is None:
            return None
        day = treatment.next_day(self.assigned_day, self.contact_days)
        if day is not None and self.promise_state == "open" and self.promise_due_day:
            return max(day, self.promise_due_day + 1)
        return day

    def as_row(self, today: int) -> Row:
        """The row of the table, with its place in the list of the open day."""
        self.today = today
        row: Row = _case_row(self)
        return row

    @property
    def base_rank(self) -> int:
        """What the ledger alone makes of its place."""
        if not self.open:
            return 0
        return rank(reasons(_View(self), self.today))

    def owner_on(self, day: int) -> Owner:
        """Who had it on a day; before its opening, the first."""
        held = [each for each in self.owners if each.from_day <= day]
        return held[-1] if held else self.owners[0]

    def hand_over(self, owner: Owner) -> None:
        """Let another one have it, from that day on."""
        self.owners[-1].until_day = max(owner.from_day, self.owners[-1].from_day)
        self.owners.append(owner)
        self.owner_id, self.team = owner.owner_id, owner.team

    def touch(self, day: int) -> None:
        """A contact was allowed, or made without asking, on `day`."""
        insort(self.contact_days, day)
        self.contacts_made += 1
        self.since_assigned += 1

    def stand(self, day: int, *, dpd: int, bucket: int, arrears: int, outstanding: int) -> None:
        """How its loans stand at the close of `day`."""
        self.dpd_days, self.arrears_minor, self.outstanding_minor = dpd, arrears, outstanding
        self.bucket, self.bucket_worst = bucket, max(self.bucket_worst, bucket)
        if self.bucket_at_open and not bucket and self.cured_day is None:
            self.cured_day = day
        if bucket < self.bucket_at_open and self.back_day is None:
            self.back_day = day
        if bucket > self.bucket_at_open and self.rolled_day is None:
            self.rolled_day = day


class _View(dict[str, object]):
    """A case's fields by name, as `worklist` reads a row."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self._case = case

    def __getitem__(self, name: str) -> object:
        return getattr(self._case, name)


@dataclass(slots=True)
class Contact:
    """One contact: the fields of its row."""

    contact_id: str
    position: int
    case_id: str
    borrower_id: str
    owner_id: str
    team: str
    officer_id: str
    agency: str | None
    channel: str
    addressee: str
    segment: str | None
    arm: str | None
    asked_day: int
    asked_at_us: int
    state: str = ""
    rule: str | None = None
    next_allowed_us: int | None = None
    allowed_at_us: int | None = None
    outcome: str | None = None
    outcome_day: int | None = None
    seconds: int = 0
    cost_minor: int = 0
    currency: str | None = None
    reached: int = 0
    breach: int = 0

    def as_row(self) -> Row:
        """The row of the table."""
        row: Row = _contact_row(self)
        return row


@dataclass(slots=True)
class PromiseRow:
    """One promise: the fields of its row, and the promise as the ledger knows it."""

    promise_id: str
    position: int
    case_id: str
    borrower_id: str
    loan_id: str
    currency: str
    officer_id: str
    team: str
    segment: str | None
    promise: Promise
    verdict: Verdict

    @property
    def parts(self) -> str:
        """The parts as (day, amount), as JSON."""
        parts = [(part.due_date, part.amount_minor) for part in self.promise.parts]
        return orjson.dumps(parts).decode()

    @property
    def amount_minor(self) -> int:
        """All of it."""
        return sum(part.amount_minor for part in self.promise.parts)

    @property
    def first_due_day(self) -> int:
        """The day of the first part."""
        return day_number(self.promise.parts[0].due_date)

    @property
    def last_due_day(self) -> int:
        """The day of the last part."""
        return day_number(self.promise.parts[-1].due_date)

    @property
    def made_day(self) -> int:
        """The day on which it was made."""
        return self.promise.made_day

    @property
    def state(self) -> str:
        """How it stands."""
        return self.verdict.state

    @property
    def decided_day(self) -> int | None:
        """When it came to stand so."""
        return self.verdict.decided_day

    @property
    def paid_minor(self) -> int:
        """What was paid on its loan since it was made."""
        return self.verdict.paid_minor

    def as_row(self) -> Row:
        """The row of the table."""
        row: Row = _promise_row(self)
        return row


_case_row = attrgetter(*CASES.column_names)
_contact_row = attrgetter(*CONTACTS.column_names)
_promise_row = attrgetter(*PROMISES.column_names)
