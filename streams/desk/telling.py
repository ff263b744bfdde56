"""What facts say, in the reader's language: titles of rules, reasons of warnings and treatments."""

from __future__ import annotations

from collections.abc import Iterable

from projections.queries import Answer
from streams.desk.words import Words
from warning.asking import NAME, Part, parts_of
from warning.watch import Watch


class Teller:
    """Tells warnings by the rules in force."""

    def __init__(self, watch: Watch, words: Words) -> None:
        self._watch, self._language = watch, words.language
        self._rules = {rule.name: rule for rule in watch.pack.rules}

    @property
    def rules(self) -> Iterable[str]:
        """The names of the rules in force."""
        return self._rules.keys()

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
        watch = self._watch
        at = watch.engine.row_of(row["loan_id"])
        return watch.pack.retold(
            name,
            str(row["reason"]),
            row["readings"],
            currency=watch.currency_of(at) if at >= 0 else "",
            language=self._language,
        )


_NAMED = {"tier": "severity", "cause": "cause", "grade": "grade"}
"""Where the words of a treatment's reason have their names."""


def treated(change: Answer, words: Words) -> Answer:
    """The details of a change in a case; of the treat agent's, the reasons told anew."""
    details: Answer = change["details"]
    if change["actor"] != NAME:
        return details
    reasons = {key: parts_of(str(details.get(key, ""))) for key in ("reason", "remark")}
    return details | {key: _said(parts, words) for key, parts in reasons.items() if parts}


def _said(parts: Iterable[Part], words: Words) -> str:
    return " · ".join(
        words.name("treated", name).format(
            about=words.name(_NAMED[name], about) if name in _NAMED else about
        )
        for name, about in parts
    )
