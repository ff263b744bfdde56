"""The books of a period as a plain-text journal that other accounting programs read.

One transaction a fact that moves money, by value date and then by place in the log; the postings
are `ledger.postings`. What was posted before the period is one opening transaction, dated the day
before it, so that the balances in the end are those of the trial balance, account by account; the
file asserts them. All bytes follow from the facts and the period alone. Opens no files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any, BinaryIO, Literal, get_origin, get_type_hints

from ledger.codec import topic_of
from ledger.dates import checked_date, date_of_us
from ledger.errors import InvariantBroken, LoanError
from ledger.events import AccountOpened, LoanOpened
from ledger.money import exponent
from ledger.postings import MONEY_FACTS, Posting, postings_of
from ledger.store import Recorded
from projections.journals import Journal, Preface

OPENING = "Opening balances"
OPENING_REMARK = "What was posted before the period is the opening transaction of the day before."
PIECE_BYTES = 1 << 20

_PARTICULARS = ("flow", "kind", "reason")
"""Fields that say more of a fact, where their words come from a closed list."""


class PeriodImpossible(LoanError):
    """The period ends before it begins."""

    code = "period_impossible"


@dataclass(frozen=True, slots=True)
class Period:
    """Value dates from `first` to `last`, both included; None leaves that end open.

    Errors: PeriodImpossible, DateOutOfRange.
    """

    first: date | None = None
    last: date | None = None

    def __post_init__(self) -> None:
        for day in (self.first, self.last):
            if day is not None:
                checked_date(day)
        if self.first is not None and self.last is not None and self.first > self.last:
            raise PeriodImpossible(
                f"The period from {self.first} to {self.last} ends before it begins.",
                way_out="Both days belong to the period; exchange them, or give the same day.",
            )

    def __str__(self) -> str:
        words = ("" if self.first is None else f"from {self.first}",
                 "" if self.last is None else f"to {self.last}")  # fmt: skip
        return " ".join(word for word in words if word) or "of all time"


@dataclass(frozen=True, slots=True)
class Written:
    """What went into a file: facts of the period, and of them the currencies and value dates."""

    transactions: int
    currencies: tuple[str, ...]
    first: date | None
    last: date | None


class Export:
    """Takes the facts of the ledger in the order of their log, then writes the journal.

    The texts wait in `draft`, an empty binary file that can be written and read; in memory is one
    entry a loan, an account, a value date and a piece of the draft.
    """

    def __init__(
        self,
        journal: Journal,
        draft: BinaryIO,
        *,
        period: Period | None = None,
        currencies: Collection[str] = (),
    ) -> None:
        """Errors: CurrencyMismatch for a currency that nobody knows; none named means all."""
        for currency in currencies:
            exponent(currency)
        self._journal = journal
        self._period = period or Period()
        self._wanted = frozenset(currencies)
        self._currency_of: dict[str, str] = {}
        self._before: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._moved: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._texts = _Texts(draft)
        self._descriptions: set[str] = set()
        self._transactions = 0
        self._last_fact = "none"

    def take(self, recorded: Iterable[Recorded]) -> None:
        """The next facts of the ledger log. Errors: InvariantBroken when one does not balance."""
        for item in recorded:
            fact = item.fact
            if isinstance(fact, LoanOpened | AccountOpened):
                self._currency_of[item.stream] = fact.currency
            if isinstance(fact, MONEY_FACTS):
                self._post(item)

    def write(self, to: BinaryIO) -> Written:
        """The whole journal, once everything was taken."""
        opening = _postings(self._before, zeros=False)
        begin = self._begin(opening)
        to.write(self._journal.preface(self._preface(begin, opening)).encode())
        if opening:
            to.write(self._journal.transaction(begin, OPENING, opening).encode())
        for piece in self._texts.by_day():
            to.write(piece)
        days = self._texts.days()
        ends = self._closing()
        to.write(self._journal.stated(self._period.last or max(days, default=begin), ends).encode())
        currencies = tuple(sorted({posting.currency for posting in ends}))
        return Written(
            self._transactions, currencies, min(days, default=None), max(days, default=None)
        )

    def _post(self, item: Recorded) -> None:
        fact, period = item.fact, self._period
        currency = self._currency_of.get(item.stream)
        if currency is None:
            raise InvariantBroken(f"{item.event_id} moves money before {item.stream} was opened.")
        day = fact.value_date
        wanted = not self._wanted or currency in self._wanted
        if not wanted or (period.last is not None and day > period.last):
            return
        postings = postings_of(fact, currency=currency)
        if not postings:
            return
        before = period.first is not None and day < period.first
        sums = self._before if before else self._moved
        for account, amount_minor, _ in postings:
            sums[currency, account] += amount_minor
        self._last_fact = f"{item.event_id} at position {item.position}"
        if not before:
            self._tell(item, postings)

    def _tell(self, item: Recorded, postings: tuple[Posting, ...]) -> None:
        kind, _, name = item.stream.partition(":")
        fact, said = item.fact, _description(item.fact)
        tags = {
            kind: name,
            "transaction": fact.transaction_id,
            "recorded": date_of_us(fact.recorded_at_us).isoformat(),
        }
        text = self._journal.transaction(
            fact.value_date, said, postings, code=item.event_id, tags=tags
        )
        self._texts.add(fact.value_date, text.encode())
        self._descriptions.add(said)
        self._transactions += 1

    def _begin(self, opening: list[Posting]) -> date:
        """The day of the opening, else the first day of the file."""
        first = self._period.first
        if first is not None and opening:
            return first - timedelta(days=1)
        return first or min(self._texts.days(), default=self._period.last or date(1970, 1, 1))

    def _preface(self, begin: date, opening: list[Posting]) -> Preface:
        ends = self._closing()
        currencies = {posting.currency for posting in ends} | self._wanted
        descriptions = self._descriptions | ({OPENING} if opening else set())
        return Preface(
            remarks=(*self._remarks(currencies), *([OPENING_REMARK] if opening else [])),
            day=begin,
            currencies=tuple(sorted(currencies)),
            accounts=tuple(sorted({posting.account for posting in ends})),
            descriptions=tuple(sorted(descriptions)),
        )

    def _remarks(self, currencies: Collection[str]) -> tuple[str, ...]:
        return (
            f"The books {self._period}, by value date, in "
            f"{', '.join(sorted(currencies)) or 'no currency'}; debit is positive.",
            f"One transaction a fact: {self._transactions} of them. Last fact counted: "
            f"{self._last_fact}.",
            "The balances stated in the end are those of the trial balance.",
        )

    def _closing(self) -> list[Posting]:
        """Balances in the end, of all that was ever posted to; zero ones as well."""
        sums = defaultdict(int, self._before)
        for key, amount_minor in self._moved.items():
            sums[key] += amount_minor
        return _postings(sums, zeros=True)


def _postings(sums: dict[tuple[str, str], int], *, zeros: bool) -> list[Posting]:
    return [
        Posting(account, amount_minor, currency)
        for (currency, account), amount_minor in sorted(sums.items())
        if amount_minor or zeros
    ]


def _description(fact: Any) -> str:
    """What happened, in words of a closed list: `Loan closed: written off`."""
    kind: type = type(fact)
    said = topic_of(fact).rpartition(".v")[0].replace(".", " ").capitalize()
    words = [said, *(getattr(fact, field) for field in _particulars(kind))]
    return ": ".join(words).replace("_", " ")


@cache
def _particulars(kind: type) -> tuple[str, ...]:
    hints = get_type_hints(kind)
    return tuple(field for field in _PARTICULARS if get_origin(hints.get(field)) is Literal)


class _Texts:
    """Texts in a draft, read back by day and, within a day, in the order in which they came."""

    def __init__(self, draft: BinaryIO) -> None:
        self._draft, self._end = draft, 0
        self._pieces: defaultdict[date, list[list[int]]] = defaultdict(list)

    def add(self, day: date, text: bytes) -> None:
        start, self._end = self._end, self._end + len(text)
        pieces = self._pieces[day]
        if pieces and pieces[-1][1] == start:
            pieces[-1][1] = self._end
        else:
            pieces.append([start, self._end])
        self._draft.write(text)

    def days(self) -> Collection[date]:
        return self._pieces.keys()

    def by_day(self) -> Iterator[bytes]:
        for day in sorted(self._pieces):
            for start, end in self._pieces[day]:
                self._draft.seek(start)
                for at in range(start, end, PIECE_BYTES):
                    yield self._draft.read(min(PIECE_BYTES, end - at))
