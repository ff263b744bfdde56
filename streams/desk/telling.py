"""Warnings in the reader's language: a rule's title, and its reason with the numbers it had."""

from __future__ import annotations

from collections.abc import Iterable
from math import nan

from projections.queries import Answer
from streams.desk.words import Words
from warning.pack import Rule
from warning.watch import Watch


class Teller:
    """Tells warnings by the rules in force."""

    def __init__(self, watch: Watch, words: Words) -> None:
        self._watch, self._language = watch, words.language
        self._rules = {rule.name: rule for rule in watch.pack.rules}

    def title(self, rule: str) -> str:
        """A rule's title; its name when the rules in force do not have it."""
        known = self._rules.get(rule)
        return rule.replace("_", " ") if known is None else known.title.in_language(self._language)

    def told(self, rows: Iterable[Answer]) -> list[Answer]:
        """The warnings with `title`, and `said`: the reason in the language of the page."""
        return [
            {**row, "title": self.title(row["rule"]), "said": self.reason(row, row["rule"])}
            for row in rows
        ]

    def reason(self, row: Answer, name: str) -> str:
        """The reason told anew; as it was recorded where that cannot give the same sentence."""
        rule, pack = self._rules.get(name), self._watch.pack
        recorded = str(row["reason"])
        if rule is None or self._language == pack.language:
            return recorded
        values = {column: nan if value is None else value for column, value in row["readings"]}
        if not set(rule.names) <= values.keys():
            return recorded
        return self._translated(rule, values, row["loan_id"], recorded)

    def _translated(self, rule: Rule, values: dict[str, float], loan_id: str, recorded: str) -> str:
        at = self._watch.engine.row_of(loan_id)
        currency = self._watch.currency_of(at) if at >= 0 else ""
        before = rule.explain(values, currency=currency, language=self._watch.pack.language)
        if before not in recorded:
            return recorded
        return rule.explain(values, currency=currency, language=self._language)
