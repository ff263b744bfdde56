"""What a rule and a pack of rules are, once checked. Data only.

`rules` reads them from a file; `lifecycle` lets warnings live by them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import nan
from typing import get_args

from ledger.events import Severity
from warning.derived import counts_others, indicators_of
from warning.expressions import Condition
from warning.indicators_score import SCORE_NAMES
from warning.reasons import Template

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""From mild to grave; a severity's rank is its place here, from 1."""


def rank(severity: Severity) -> int:
    """1 for "watch" … 4 for "red"; 0 is "no warning" in the lifecycle's columns."""
    return SEVERITIES.index(severity) + 1


@dataclass(frozen=True, slots=True)
class Words:
    """The same words in English and Chinese."""

    en: str
    zh: str

    def in_language(self, language: str) -> str:
        """`en` or `zh`."""
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True, slots=True)
class Step:
    """One rung of a severity ladder: its rank, and when it is reached (None: from the start)."""

    rank: int
    when: Condition | None


@dataclass(frozen=True, slots=True)
class Referral:
    """After so many business days without an answer a warning goes to `role`, number `role_rank`.

    Roles are numbered from 1, upward.
    """

    after_days: int
    role_rank: int
    role: str


@dataclass(frozen=True, slots=True)
class Budget:
    """Most rings a business day for one officer; severities of rank in `beyond` always ring."""

    per_officer: int
    beyond: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. Days are business days, counted by the calendar.

    `when` enters, except where `unless` certainly holds; `until` leaves; `for_days`: how long
    `when` must have held before it rings (0: at the first close that sees it); `keep_for_days`: how
    long `until` must have held before the warning is resolved. `steps` run from mild to grave and
    the first has no condition; a warning takes the gravest that holds, and within an episode only
    ever a graver one. `on` are stored names of facts at which it is evaluated at once. `inhibits`
    names rules that it mutes on the same borrower. Unanswered for `expires_after_days` (None:
    never) it expires. After an episode it stays quiet for `cooldown_days`; for `recheck_days` after
    its end `when` opens the same warning again. `names` are the columns it reads or tells:
    indicators, and derived columns by their text.
    """

    name: str
    title: Words
    source: str
    mark: str
    when: Condition
    unless: Condition | None
    until: Condition
    for_days: int
    keep_for_days: int
    steps: tuple[Step, ...]
    on: tuple[str, ...]
    inhibits: tuple[str, ...]
    expires_after_days: int | None
    cooldown_days: int
    recheck_days: int
    reason: tuple[Template, Template]
    names: tuple[str, ...]

    @property
    def counts_others(self) -> bool:
        """Whether it counts other warnings; then it is not counted itself."""
        return counts_others(self.names)

    @property
    def asks_score(self) -> bool:
        """Whether it asks for the score in force, or for something derived from it."""
        return _asks_score(self.names)

    def explain(self, values: Mapping[str, float], *, currency: str, language: str) -> str:
        """The reason with its numbers. Readings of a recorded warning serve as `values`."""
        template = self.reason[1] if language == "zh" else self.reason[0]
        return template.fill(values, currency=currency, language=language)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A checked set of rules.

    `inhibition` maps the rank of a warning to the ranks it mutes on the same borrower;
    `escalation` its rank to the roles it goes to when nobody answers, soonest first. `text` is the
    file as it was read, included packs behind it, and `digest` its SHA-256. `names` are all columns
    it needs, and `indicators` those that they are made of.
    """

    name: str
    version: int
    title: Words
    language: str
    rules: tuple[Rule, ...]
    inhibition: Mapping[int, frozenset[int]]
    escalation: Mapping[int, tuple[Referral, ...]]
    budget: Budget | None
    text: str
    digest: str
    names: tuple[str, ...]
    indicators: tuple[str, ...]

    @property
    def label(self) -> str:
        """How facts name the pack: "sme-early v1"."""
        return f"{self.name} v{self.version}"

    def rule(self, name: str) -> Rule:
        """The rule of that name. Errors: KeyError."""
        return next(rule for rule in self.rules if rule.name == name)

    def retold(
        self,
        name: str,
        recorded: str,
        readings: Iterable[tuple[str, float | None]],
        *,
        currency: str,
        language: str,
    ) -> str:
        """A recorded reason of the rule `name`, told anew in `language` from its readings.

        As it was recorded where these rules would not tell it so in their own language: they are
        others than those that rang, or have no such rule.
        """
        rule = next((rule for rule in self.rules if rule.name == name), None)
        values = {column: nan if value is None else value for column, value in readings}
        if rule is None or language == self.language or not set(rule.names) <= values.keys():
            return recorded
        before = rule.explain(values, currency=currency, language=self.language)
        if before not in recorded:
            return recorded
        return rule.explain(values, currency=currency, language=language)


@lru_cache(maxsize=1_024)
def _asks_score(names: tuple[str, ...]) -> bool:
    return not SCORE_NAMES.isdisjoint(indicators_of(names))
