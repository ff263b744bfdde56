"""What a strategy, its rows and its treatments are, once checked. Data only; `strategy` reads it.

A strategy is a decision table: the first row that certainly holds for a case decides. A row holds
where each of its word columns has the case's word and its condition, in the language of rules,
certainly holds.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from warning.expressions import BoolArray, Condition, FloatArray
from warning.indicators import CATALOGUE
from warning.pack import SEVERITIES, Words

TIERS = ("none", *SEVERITIES)
"""The gravest open warning of the borrower."""
CAUSES = ("cash_gap", "operating_loss", "dispute", "technical", "malicious", "unknown")
STAGES = ("pre_due", "early", "mid", "late", "legal", "recovery")
VALUES = ("high", "normal", "low")
"""What a customer is worth, by the strategy's own conditions."""
CHANNELS = ("sms", "app_push", "email", "call", "voice_bot", "letter", "visit")
AUTOMATIC = ("sms", "app_push", "email", "voice_bot", "letter")
"""Channels that need nobody: a contact on them may be asked for by the treat agent."""
TONES = ("soft", "neutral", "firm", "formal")
STEPS = (
    "remind",
    "call",
    "visit",
    "restructure_test",
    "demand",
    "legal",
    "refer",
    "review",
    "wait",
)
SUPERVISION = ("none", "lead", "manager")
NO_ARM = "all"
"""The arm of everybody where there is no experiment."""
CASE_NUMBERS = ("case_age_days", "contacts_30d", "grade_rank", "tier_rank")
"""Numbers that conditions may use besides the indicators of the worst loan."""
_CODE = re.compile(
    r"(?P<channels>(?:[a-z_]+\*?(?:,[a-z_]+\*?)*)?);(?P<first>\d{1,4})/(?P<every>\d{1,4})/"
    r"(?P<most>\d{1,4});(?P<tone>[a-z_]+);(?P<step>[a-z_]+);(?P<supervision>[a-z_]+);"
    r"(?P<check>\d{1,4})"
)
NAMES = frozenset((*CATALOGUE, *CASE_NUMBERS))
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "tier": TIERS,
    "cause": CAUSES,
    "stage": STAGES,
    "value": VALUES,
    "grade": (),
    "industry": (),
    "region": (),
    "branch": (),
    "arm": (),
}
"""The word columns; an empty list takes any word."""


@dataclass(frozen=True, slots=True)
class Situation:
    """A case as a strategy sees it: `words` by column, `numbers` by name (NaN: unknown)."""

    words: Mapping[str, str]
    numbers: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """How a case is treated.

    `channels` in the order in which they are tried; those in `automatic` without a person.
    `first_after_days` from the opening (or assignment) to the first contact, `every_days` between
    contacts; `most_contacts_30d` in any 30 days. `check_every_days`: how often it is looked at.
    """

    channels: tuple[str, ...]
    automatic: tuple[str, ...]
    tone: str
    first_after_days: int
    every_days: int
    most_contacts_30d: int
    next_step: str
    supervision: str
    check_every_days: int

    @property
    def code(self) -> str:
        """The treatment in one short line, as facts carry it: `treatment_of` reads it.

        "app_push*,sms*,call;2/6/4;soft;remind;none;10": channels, * without a person; days to the
        first contact, between two, most in 30 days; tone, next step, supervision, days to a check.
        """
        channels = ",".join(c + "*" * (c in self.automatic) for c in self.channels)
        times = f"{self.first_after_days}/{self.every_days}/{self.most_contacts_30d}"
        words = (self.tone, self.next_step, self.supervision, str(self.check_every_days))
        return ";".join((channels, times, *words))

    def channel(self, contacts: int) -> str | None:
        """The channel of the contact after so many; the last one repeats. None: no contact."""
        if not self.channels:
            return None
        return self.channels[min(contacts, len(self.channels) - 1)]

    def next_day(self, start_day: int, contact_days: Sequence[int]) -> int | None:
        """The day of the next contact: assigned on `start_day`, contacts on these days, rising.

        None where there is none. Where 30 days have had the most contacts that they may, it waits
        until the oldest of them is 30 days ago.
        """
        if not self.channels:
            return None
        if not contact_days:
            return start_day + self.first_after_days
        day = max(start_day, contact_days[-1] + self.every_days)
        if len(contact_days) >= self.most_contacts_30d:
            day = max(day, contact_days[-self.most_contacts_30d] + 30)
        return day


def treatment_of(code: str) -> Treatment | None:
    """The treatment of a `code`; None where it is none, as another house may have written it."""
    match = _CODE.fullmatch(code)
    if match is None:
        return None
    marked = [word for word in match["channels"].split(",") if word]
    return Treatment(
        channels=tuple(word.rstrip("*") for word in marked),
        automatic=tuple(word.rstrip("*") for word in marked if word.endswith("*")),
        tone=match["tone"],
        first_after_days=int(match["first"]),
        every_days=int(match["every"]),
        most_contacts_30d=int(match["most"]),
        next_step=match["step"],
        supervision=match["supervision"],
        check_every_days=int(match["check"]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: a segment and its treatment. `columns` lists the words that each column allows."""

    name: str
    title: Words
    source: str
    mark: str
    columns: Mapping[str, tuple[str, ...]]
    when: Condition | None
    treatment: Treatment

    def holds(
        self, words: Mapping[str, Sequence[str]], numbers: Mapping[str, FloatArray]
    ) -> BoolArray:
        """Where the row certainly holds, for many cases at once."""
        size = len(next(iter(words.values())))
        held = np.ones(size, np.bool_)
        for column, allowed in self.columns.items():
            held &= np.fromiter((word in allowed for word in words[column]), np.bool_, size)
        if self.when is not None and held.any():
            held &= self.when.holds(numbers)
        return held


@dataclass(frozen=True, slots=True)
class Experiment:
    """Arms with their shares in percent, which sum to 100."""

    name: str
    arms: Mapping[str, int]

    def arm_of(self, borrower_id: str) -> str:
        """The arm of a borrower: the same on every machine, in every version.

        SHA-256 of borrower id and experiment, as a number below 10,000, against the running shares.
        """
        digest = hashlib.sha256(f"{borrower_id}\x1f{self.name}".encode()).digest()
        place, upto = int.from_bytes(digest[:8], "big") % 10_000, 0
        for arm, share in self.arms.items():
            upto += share * 100
            if place < upto:
                return arm
        return [*self.arms][-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """When a case begins and ends by itself, and which stage days past due mean.

    `warning`: the severity from which a warning opens a case, None: never; `missed_days`: so many
    days past due do, 0: never. `calm_days`: with nothing overdue and no open warning for so long it
    is closed, 0: never. `mid_days`, `late_days`: where those stages begin.
    """

    warning: str | None = "orange"
    missed_days: int = 1
    calm_days: int = 5
    mid_days: int = 31
    late_days: int = 91

    def stage(self, dpd: int) -> str:
        """The stage of a case by its worst loan."""
        if dpd >= self.late_days:
            return "late"
        if dpd >= self.mid_days:
            return "mid"
        return "early" if dpd > 0 else "pre_due"


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """A checked decision table. `text` is the file as it was read, `digest` its SHA-256."""

    name: str
    version: int
    title: Words
    values: Mapping[str, Condition]
    opening: Opening
    experiment: Experiment | None
    rows: tuple[Row, ...]
    text: str
    digest: str
    indicators: tuple[str, ...]

    @property
    def label(self) -> str:
        """How facts name the strategy: "sme-collections v1"."""
        return f"{self.name} v{self.version}"

    def row(self, name: str) -> Row:
        """The row of that name. Errors: KeyError."""
        return next(row for row in self.rows if row.name == name)

    def arm_of(self, borrower_id: str) -> str:
        """The arm of a borrower that has none yet."""
        return self.experiment.arm_of(borrower_id) if self.experiment else NO_ARM

    def value_of(self, numbers: Mapping[str, float]) -> str:
        """What a customer is worth: the first of high, low whose condition certainly holds."""
        return self.values_of({name: np.array([n]) for name, n in numbers.items()}, 1)[0]

    def values_of(self, numbers: Mapping[str, FloatArray], size: int) -> list[str]:
        """As `value_of`, for many customers at once."""
        found = np.full(size, "normal", dtype=object)
        for value in ("low", "high"):  # high stands where both hold
            condition = self.values.get(value)
            if condition is not None:
                found[condition.holds(numbers)] = value
        return [str(value) for value in found]

    @property
    def numbers(self) -> list[str]:
        """Everything that its conditions read."""
        conditions = [*self.values.values(), *(row.when for row in self.rows if row.when)]
        return sorted({name for condition in conditions for name in condition.names})

    def decide(self, situations: Sequence[Situation]) -> list[Row]:
        """The first row that holds for each; the table is known to leave nothing out.

        A situation that does not say what the customer is worth gets it by `values`.
        """
        size, nan = len(situations), float("nan")
        if not size:
            return []
        numbers = {n: np.array([s.numbers.get(n, nan) for s in situations]) for n in self.numbers}
        words = {name: [s.words.get(name, "") for s in situations] for name in COLUMNS}
        worth = self.values_of(numbers, size)
        words["value"] = [said or w for said, w in zip(words["value"], worth, strict=True)]
        chosen = np.full(size, -1, np.int64)
        for at, row in enumerate(self.rows):
            free = chosen < 0
            if not free.any():
                break
            chosen[free & row.holds(words, numbers)] = at
        return [self.rows[at] for at in chosen.tolist()]
