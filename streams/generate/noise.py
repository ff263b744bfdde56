"""What goes wrong on the wire: repeats, contradictions, and messages that nobody could take.

Every kind is counted in `planted`, so that a receiver's counts can be compared with what was sent.
Works on the day's texts only; the book of the portfolio never sees it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date, timedelta

from streams.generate.draws import Draws
from streams.generate.wire import Post

_REPEAT_PPM = 1_500
_CALM_DAYS = 30  # nothing is planted before loans are on the book

Bad = Callable[[str, str, str, int], str]
"""(day, loan's id fields, account's id fields, number) -> an open text that must be refused."""


def _repayment(day: str, loan: str, number: int, rest: str) -> str:
    return (
        f'{{"type":"repayment_received","transaction_id":"N{number:06d}","value_date":"{day}",'
        f"{loan},{rest}"
    )


BAD: dict[str, Bad] = {
    "broken_json": lambda day, loan, account, n: _repayment(day, loan, n, '"amount":"120'),
    "not_utf8": lambda day, loan, account, n: _repayment(day, loan, n, '"amount":"\udcff\udcfe"'),
    "unknown_type": lambda day, loan, account, n: (
        f'{{"type":"loan_renamed","transaction_id":"N{n:06d}","value_date":"{day}",{loan}'
    ),
    "unknown_field": lambda day, loan, account, n: _repayment(
        day, loan, n, '"amount":"500.00","currency":"CNY","channel":"counter"'
    ),
    "missing_field": lambda day, loan, account, n: _repayment(day, loan, n, '"currency":"CNY"'),
    "number_for_text": lambda day, loan, account, n: _repayment(
        day, loan, n, '"amount":500.0,"currency":"CNY"'
    ),
    "negative_amount": lambda day, loan, account, n: _repayment(
        day, loan, n, '"amount":"-500.00","currency":"CNY"'
    ),
    "over_precise": lambda day, loan, account, n: _repayment(
        day, loan, n, '"amount":"500.005","currency":"CNY"'
    ),
    "impossible_date": lambda day, loan, account, n: _repayment(
        day[:5] + "02-30", loan, n, '"amount":"500.00","currency":"CNY"'
    ),
    "future_date": lambda day, loan, account, n: _repayment(
        f"{int(day[:4]) + 3}-06-15", loan, n, '"amount":"500.00","currency":"CNY"'
    ),
    "wrong_currency": lambda day, loan, account, n: (
        f'{{"type":"account_credited","transaction_id":"N{n:06d}","value_date":"{day}",'
        f'{account},"amount":"500.00","currency":"EUR"'
    ),
    "unknown_loan": lambda day, loan, account, n: _repayment(
        day, '"loan_id":"L-NOBODY"', n, '"amount":"500.00","currency":"CNY"'
    ),
    "unknown_account": lambda day, loan, account, n: (
        f'{{"type":"account_debited","transaction_id":"N{n:06d}","value_date":"{day}",'
        f'"account_id":"A-NOBODY","amount":"500.00","currency":"CNY"'
    ),
}
"""Kinds of unusable message, by the name under which they are counted."""


class Noise:
    """Plants what goes wrong. `planted` counts it: "repeat", "conflict", and the names of BAD."""

    def __init__(self, draws: Draws, *, start: date, days: int, each: int) -> None:
        self.planted: Counter[str] = Counter()
        self._draws = draws
        self._start = start
        self._days = days
        self._plan: defaultdict[int, list[str]] = defaultdict(list)
        room = days - _CALM_DAYS - 1
        if room > 0:
            for kind in [*BAD, "conflict"]:
                for day in draws.below(room, each).tolist():
                    self._plan[_CALM_DAYS + day].append(kind)

    def disturb(self, day: int, post: Post, *, loan: str, account: str) -> None:
        """Work the day's noise into the post. `loan`, `account`: id fields the book knows."""
        texts = post.today()
        self._repeat(day, texts, post)
        stamp = (self._start + timedelta(days=day)).isoformat()
        for kind in self._plan.pop(day, ()):
            if kind == "conflict":
                self._contradict(day, texts, post)
                continue
            self.planted[kind] += 1
            number = sum(self.planted.values())
            text = BAD[kind](stamp, loan, account, number)
            texts.insert(self._draws.one(len(texts) + 1), text)

    def _repeat(self, day: int, texts: list[str], post: Post) -> None:
        """Send some again: at once, or a day or two later."""
        hits = self._draws.chance(_REPEAT_PPM, len(texts)).nonzero()[0].tolist()
        for place in reversed(hits):
            wait = self._draws.one(3)
            if day + wait >= self._days:
                continue
            self.planted["repeat"] += 1
            if wait:
                post.add(texts[place], on=day + wait)
            else:
                texts.insert(place + 1, texts[place])

    def _contradict(self, day: int, texts: list[str], post: Post) -> None:
        """Send one of today's amounts again tomorrow, under the same id, with another amount."""
        movements = [text for text in texts if text.startswith('{"type":"account_credited"')]
        if not movements or day + 1 >= self._days:
            return
        text = movements[self._draws.one(len(movements))]
        self.planted["conflict"] += 1
        head, _, tail = text.partition('"amount":"')
        post.add(f'{head}"amount":"7{tail}', on=day + 1)
