"""Regimes of risk grades: grades, floors, materiality, contagion, observation, cure, by date.

A regime is data: a new one needs no code. Every rule carries its article, where its value was read,
a mark ("verified" at the source, or "unverified") and the dates on which it is in force; the rules
of one day are an `Edition`. Judges no loan (`grading` does) and reads no file (`regime_file` does).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import NamedTuple, get_args, get_type_hints

from ledger.dates import day_number
from ledger.errors import LoanError
from ledger.events import LoanStatusChanged

MARKS = ("verified", "unverified")
FINDINGS: tuple[str, ...] = get_args(get_type_hints(LoanStatusChanged)["finding"])
OTHER = "other"
"""The class of loans whose product no class of the regime lists."""
WHOLE_PPM = 1_000_000


class RegimeError(LoanError):
    """A regime is wrong or unknown; the message names the file, the line, the key and the word."""

    code = "regime_invalid"


COUNTERS = ("days", "material", "payments")
"""What rules by days past due count."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a rule comes from."""

    article: str
    source: str
    mark: str


@dataclass(frozen=True, slots=True)
class Grade:
    """One grade. Its rank is its place in the regime, 0 the best."""

    name: str
    local: str
    performing: bool


@dataclass(frozen=True, slots=True)
class ProductClass:
    """Loans of these products are of this class; the first class that lists a product counts."""

    name: str
    products: frozenset[str]
    origin: Origin


class Kind(NamedTuple):
    """What rules tell loans apart by: the class of the product, and whether the loan is older than
    the regime's transition."""

    product_class: str
    older: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What every rule has. `classes` are those it speaks of, empty for all; `until` is included.

    `spares_older`: a transition keeps it off loans that are older.
    """

    origin: Origin
    since: date
    until: date | None = None
    classes: frozenset[str] = frozenset()
    spares_older: bool = False

    def in_force(self, day: date) -> bool:
        """Whether the rule holds on `day`."""
        return self.since <= day and (self.until is None or day <= self.until)

    def speaks_of(self, kind: Kind) -> bool:
        """Whether loans of a kind fall under the rule."""
        if kind.older and self.spares_older:
            return False
        return not self.classes or kind.product_class in self.classes


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDueFloor(Rule):
    """`from_days` past due or more: at least `rank`, unless evidence excuses it.

    `counter`: "days" since the oldest unmet due; "material" days since arrears stood above both
    limits of materiality; "payments", days since the oldest unmet due as far as that many days'
    worth of payments is unpaid. `unless_up_to_days`: an excuse for a short delay; None for any.
    """

    from_days: int
    inclusive: bool
    rank: int
    counter: str = "days"
    unless: str | None = None
    unless_up_to_days: int | None = None

    @property
    def limit(self) -> str:
        """The limit as the rule states it."""
        return f"{self.from_days} or more" if self.inclusive else f"more than {self.from_days - 1}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseFloor(Rule):
    """The evidence stands, and its share is over (or at) a limit: at least `rank`."""

    word: str
    from_ppm: int
    rank: int
    label: str
    unless: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Materiality(Rule):
    """Arrears count while they are above both limits: of the borrower's loans, or of each loan.

    `absolute` by currency in minor units, 0 for one not named; `over_percent` of what is owed.
    `until_paid`: a count that has begun goes on below the limits until nothing is past due.
    """

    absolute: Mapping[str, int] = field(hash=False)
    over_percent: int
    per: str
    until_paid: bool = False

    def exceeded(self, arrears_minor: int, owed_minor: int, currency: str) -> bool:
        """Whether arrears are above both limits."""
        over_share = arrears_minor * 100 > owed_minor * self.over_percent
        return over_share and arrears_minor > self.absolute.get(currency, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contagion(Rule):
    """More than `over_percent` of a borrower's claims non-performing: all at least `rank`."""

    over_percent: int
    rank: int
    unless: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation(Rule):
    """A restructured loan: at least `rank` for `periods` due dates and `months`, whichever is
    longer; restructured again meanwhile: at least `again_rank`, and from the start."""

    finding: str
    rank: int
    periods: int
    months: int
    again_rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cure(Rule):
    """A loan of `rank` or worse is upgraded, to `to_rank` at best, after `periods` due dates and
    `months`, whichever is longer (or `shorter`), free of what `clean` names.

    `clean`: "no_arrears" (nothing past due, no cause) or "no_trigger" (nothing that asks for
    `rank`). With `word`, the rule holds only while that evidence stands, and counts from its day;
    with `arrears_paid`, as much must have been paid since as was past due the day before.
    """

    rank: int
    to_rank: int
    periods: int
    months: int
    clean: str = "no_arrears"
    word: str | None = None
    arrears_paid: bool = False
    shorter: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pauses(Rule):
    """What a pause of the count of delinquent days does to the regime's own counts.

    `stands_still`: paused days do not count. Either way, a pause asks a person for a `review`.
    """

    stands_still: bool
    review: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition(Rule):
    """Loans opened before `opened_before` are spared the rules of the kinds `spares`, while it is
    in force and `enabled`."""

    enabled: bool
    opened_before: date
    spares: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals(Rule):
    """An open warning of one of `rules` lowers the grade by `notches`, to `lowest_rank` at most."""

    enabled: bool
    rules: tuple[str, ...]
    notches: int
    lowest_rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides(Rule):
    """What a person may set: a worse grade than the rules ask for, or either way."""

    worse_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """The rules of a regime that are in force from `since` on."""

    since: date
    past_due: tuple[PastDueFloor, ...] = ()
    causes: tuple[CauseFloor, ...] = ()
    materiality: tuple[Materiality, ...] = ()
    contagion: tuple[Contagion, ...] = ()
    observation: Observation | None = None
    cure: tuple[Cure, ...] = ()
    signals: Signals | None = None
    overrides: Overrides | None = None
    pauses: Pauses | None = None
    transition: Transition | None = None

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All of them."""
        singles = (
            *(self.observation, self.signals, self.overrides),
            *(self.pauses, self.transition),
        )
        return (
            *self.past_due,
            *self.causes,
            *self.materiality,
            *self.contagion,
            *self.cure,
            *(rule for rule in singles if rule is not None),
        )


@dataclass(frozen=True)
class Regime:
    """A whole regime. `version` is the name and a digest of the file, `text` the file itself."""

    name: str
    title: str
    title_en: str
    effective_from: date
    due_date_counts: int
    grace_days: int
    counting: Origin
    grades: tuple[Grade, ...]
    classes: tuple[ProductClass, ...]
    editions: tuple[Edition, ...]
    version: str
    text: str = field(repr=False)

    @cached_property
    def nonperforming_rank(self) -> int:
        """The rank of the first grade that is not performing."""
        return next(i for i, grade in enumerate(self.grades) if not grade.performing)

    @property
    def first_count(self) -> int:
        """What an unmet due date itself counts: 1 or 0, and less by the days of grace."""
        return self.due_date_counts - self.grace_days

    @cached_property
    def ranks(self) -> dict[str, int]:
        """Grade name -> rank."""
        return {grade.name: rank for rank, grade in enumerate(self.grades)}

    @cached_property
    def _days(self) -> list[int]:
        return [day_number(edition.since) for edition in self.editions]

    def on(self, day: int) -> Edition:
        """The rules of a day; before the regime took effect, those of its first edition."""
        return self.editions[max(bisect_right(self._days, day) - 1, 0)]

    def spans(self, days: list[int]) -> list[tuple[Edition, int, int]]:
        """Ascending `days` cut by edition: each with the range [start, end) of places it holds."""
        starts = [0, *(bisect_left(days, since) for since in self._days[1:])]
        ends = [*starts[1:], len(days)]
        cuts = zip(self.editions, starts, ends, strict=True)
        return [cut for cut in cuts if cut[1] < cut[2]]

    @property
    def latest(self) -> Edition:
        """The rules in force last."""
        return self.editions[-1]

    def class_of(self, product: str) -> str:
        """The class of a product, OTHER when none lists it."""
        listed = (known.name for known in self.classes if product in known.products)
        return next(listed, OTHER)

    @cached_property
    def kinds(self) -> list[Kind]:
        """The kinds of loans that rules may tell apart; older ones where a transition does."""
        names = [*(known.name for known in self.classes), OTHER]
        return [
            Kind(name, older) for older in (False, True)[: 1 + self.parts_older] for name in names
        ]

    @property
    def parts_older(self) -> bool:
        """Whether any rule is kept off older loans."""
        return any(rule.spares_older for edition in self.editions for rule in edition.rules)

    def kind_of(self, product: str, opened: date) -> Kind:
        """The kind of a loan."""
        older = self.parts_older and any(
            edition.transition is not None and opened < edition.transition.opened_before
            for edition in self.editions
        )
        return Kind(self.class_of(product), older)

    @cached_property
    def uses_payments(self) -> bool:
        """Whether any edition counts days' worth of payments."""
        rules = (rule for edition in self.editions for rule in edition.past_due)
        return any(rule.counter == "payments" for rule in rules)

    @cached_property
    def uses_materiality(self) -> bool:
        """Whether any edition counts material days."""
        return any(edition.materiality for edition in self.editions)
