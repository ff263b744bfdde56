"""Reads a diary: days, what happened on them, and what is expected. Decides nothing.

The date of a line is the day of recording; days never go back. Every happening takes
`valued DATE` (else that day) and `as ID` (else `line-N`). `#` begins a remark.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from ledger.commands import Command
from ledger.dates import start_of_day_us
from ledger.errors import LoanError
from ledger.scenario.verbs import VERBS
from ledger.scenario.vocabulary import usage
from ledger.scenario.words import Unclear, Words

Paragraph = tuple[int, str, list[str]]
"""The number of a line, the line, and its indented rows."""


class DiaryUnreadable(LoanError):
    """A line of a scenario file cannot be understood; the message names file, line and word."""

    code = "diary_unreadable"


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a diary.

    `command` is what happened, or was tried when `refused` names the rule that must refuse it. With
    neither, `expected` are the clauses that must hold for `subject`.
    """

    number: int
    day: date
    text: str
    command: Command | None = None
    refused: str = ""
    subject: str = ""
    expected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Diary:
    """A scenario: its lines in order, and the currency of each loan and account named in it."""

    name: str
    lines: tuple[Happening, ...]
    currencies: dict[str, str]


def read_diary(text: str, *, name: str) -> Diary:
    """Read a scenario. Errors: DiaryUnreadable naming `name`, the line and what is wrong."""
    return diary_of(_paragraphs(text, name), name=name)


def diary_of(paragraphs: Iterable[Paragraph], *, name: str) -> Diary:
    """The diary whose lines these are. Errors: DiaryUnreadable."""
    currencies: dict[str, str] = {}
    lines: list[Happening] = []
    last = date.min
    for number, first, rows in paragraphs:
        try:
            happening = read_line(number, first, rows, currencies)
        except (Unclear, LoanError, ValueError) as error:
            raise unreadable(name, number, str(error), first) from None
        if happening.day < last:
            raise unreadable(name, number, "Days never go back", first)
        last = happening.day
        lines.append(happening)
    return Diary(name, tuple(lines), currencies)


def unreadable(name: str, number: int, why: str, text: str) -> DiaryUnreadable:
    """The error for a line, with its place, its text, and how its words are written."""
    written = [usage(word) for word in text.replace(",", " ").split()[1:] if usage(word)]
    way_out = f"The line reads: {text}" + (f"  Written: {'; '.join(written)}" if written else "")
    return DiaryUnreadable(f"{name}:{number}: {why.rstrip('.')}.", way_out=way_out, line=number)


def _paragraphs(text: str, name: str) -> Iterator[Paragraph]:
    """The lines of a diary, without remarks and empty lines."""
    current: Paragraph | None = None
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.partition("#")[0].rstrip()
        if not line:
            continue
        if line[0].isspace():
            if current is None:
                raise unreadable(name, number, "A row stands before any line", line.strip())
            current[2].append(line.strip())
            continue
        if current is not None:
            yield current
        current = (number, line, [])
    if current is not None:
        yield current


def read_line(number: int, text: str, rows: list[str], currencies: dict[str, str]) -> Happening:
    """One line and its indented rows; a loan or account that it opens joins `currencies`.

    Errors: Unclear, LoanError, ValueError.
    """
    day_text, _, rest = text.partition(" ")
    day, refused = _day(day_text), ""
    verb, tail = _verb(rest)
    if verb == "expect":
        subject, _, tail = tail.strip().partition(" ")
        clauses = [clause.strip() for clause in tail.split(",")]
        if rows:
            raise Unclear("Rows belong to a schedule only")
        return Happening(number, day, text, subject=subject, expected=tuple(clauses))
    if verb == "refused":
        refused, colon, tail = tail.partition(":")
        if not colon:
            raise Unclear("A refusal is written as refused RULE: and what was tried")
        verb, tail = _verb(tail)
    if verb not in VERBS:
        raise Unclear(f"{verb!r} cannot happen; one of {', '.join(VERBS)} can")
    words = Words(tail, rows, currencies if not refused else dict(currencies))
    common = {
        "transaction_id": words.take("as", default=f"line-{number}"),
        "value_date": words.take("valued", date.fromisoformat, day),
        "recorded_at_us": start_of_day_us(day) + number,
    }
    command = VERBS[verb](words, common)
    words.finish()
    if words.rows:
        raise Unclear("Rows belong to a schedule only")
    return Happening(number, day, text, command=command, refused=refused)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Unclear(f"{text!r} is not a date such as 2024-01-31") from None


def _verb(text: str) -> tuple[str, str]:
    """The first word, and the rest of the line; a comma may follow the word at once."""
    verb, _, tail = text.strip().partition(" ")
    return verb.removesuffix(","), f", {tail}" if verb.endswith(",") else tail
