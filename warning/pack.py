"""What a rule and a pack of rules are, once checked. Data only.

`rules` reads them from a file; `lifecycle` lets warnings live by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from ledger.events import Severity
from warning.expressions import Condition
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. Days are business days, counted by the calendar.

    `when` enters, `until` leaves; `for_days`: how long `when` must have held before it rings (0:
    at the first close that sees it); `keep_for_days`: how long `until` must have held before the
    warning is resolved. `steps` run from mild to grave and the first has no condition; a warning
    takes the gravest that holds, and within an episode only ever a graver one. `on` are stored
    names of facts at which it is evaluated at once. `inhibits` names rules that it mutes on the
    same borrower. Unanswered for `expires_after_days` (None: never) it expires. After an episode it
    stays quiet for `cooldown_days`. `names` are the indicators it reads or tells.
    """

    name: str
    title: Words
    source: str
    mark: str
    when: Condition
    until: Condition
    for_days: int
    keep_for_days: int
    steps: tuple[Step, ...]
    on: tuple[str, ...]
    inhibits: tuple[str, ...]
    expires_after_days: int | None
    cooldown_days: int
    reason: tuple[Template, Template]
    names: tuple[str, ...]

    def explain(self, values: Mapping[str, float], *, currency: str, language: str) -> str:
        """The reason with its numbers. Readings of a recorded warning serve as `values`."""
        template = self.reason[1] if language == "zh" else self.reason[0]
        return template.fill(values, currency=currency, language=language)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A checked set of rules.

    `inhibition` maps the rank of a warning to the ranks it mutes on the same borrower. `digest` is
    the SHA-256 of `text`, the file as it was read. `names` are all indicators it needs.
    """

    name: str
    version: int
    title: Words
    language: str
    rules: tuple[Rule, ...]
    inhibition: Mapping[int, frozenset[int]]
    text: str
    digest: str
    names: tuple[str, ...]

    @property
    def label(self) -> str:
        """How facts name the pack: "sme-early v1"."""
        return f"{self.name} v{self.version}"

    def rule(self, name: str) -> Rule:
        """The rule of that name. Errors: KeyError."""
        return next(rule for rule in self.rules if rule.name == name)
