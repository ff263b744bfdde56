"""The latest facts behind each loan: what a warning points at.

For each loan the last six facts that moved its dues, payments or position; for each account the
last four movements and the last four returned debits; for each borrower the last four facts about
sales, and about purchases. Which of them are named is decided by what an indicator is made of, as
the catalogue groups them; what is told of other loans, and the score, name the loan's own. Facts
are put aside as they come and sorted in only when a warning asks, so that a fact which rings
nothing costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ledger.events import (
    AccountCredited,
    AccountDebited,
    AccountDebitReturned,
    AccountOpened,
    ArrearsCapitalised,
    ChargeApplied,
    CollateralValued,
    DelinquencyPaused,
    DelinquencyResumed,
    EvasionSignalNoted,
    FigureReported,
    InstalmentsScheduled,
    InterestAccrued,
    InvoiceVoided,
    LoanDisbursed,
    LoanLimitChanged,
    LoanRateChanged,
    LoanReopened,
    LoanRevised,
    LoanStatusChanged,
    OverpaymentRefunded,
    PositionReported,
    PromiseCancelled,
    PromiseMade,
    PurchaseInvoiced,
    RepaymentChargedBack,
    RepaymentReceived,
    RepaymentReversed,
    SaleInvoiced,
    WriteOffCancelled,
)
from ledger.events.trading import Side
from ledger.ids import (
    account_stream,
    collection_stream,
    event_id,
    loan_stream,
    trading_stream,
)
from ledger.store import Recorded
from warning.derived import derived
from warning.indicators import ACCOUNT
from warning.indicators_promises import PROMISED, SIGNS
from warning.indicators_trading import PURCHASES, SALES

MAX_CAUSES = 8
"""A warning names at most so many facts."""
MOVES_LOAN = frozenset(
    {
        *(ChargeApplied, InstalmentsScheduled, LoanDisbursed, LoanLimitChanged, PositionReported),
        *(RepaymentReceived, RepaymentReversed, RepaymentChargedBack, OverpaymentRefunded),
        *(ArrearsCapitalised, InterestAccrued, LoanReopened, WriteOffCancelled),
        *(DelinquencyPaused, DelinquencyResumed),
        *(CollateralValued, FigureReported, LoanRateChanged, LoanRevised, LoanStatusChanged),
    }
)
MOVES_ACCOUNT = frozenset({AccountCredited, AccountDebited, AccountOpened})
MOVES_TRADING = frozenset({SaleInvoiced, PurchaseInvoiced, InvoiceVoided})
MOVERS = MOVES_LOAN | MOVES_ACCOUNT | {AccountDebitReturned}
"""Facts that can move an indicator of the loan and its account."""
MOVES_PROMISES = frozenset({PromiseMade, PromiseCancelled})
_TRADING = SALES | PURCHASES
_PROMISED = frozenset(known.name for known in PROMISED)
_NOTED = frozenset(known.name for known in SIGNS)
_PUT_ASIDE = 4_096
Entry = tuple[int, str]


class Ring:
    """The last `size` (position, version) of each key; keys are small integers."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._positions = np.zeros((0, size), np.int64)
        self._versions = np.zeros((0, size), np.int32)
        self._counts = np.zeros(0, np.int64)

    def add(self, entries: Sequence[tuple[int, int, int]]) -> None:
        """(key, position, version) in the order of positions."""
        if not entries:
            return
        keys, positions, versions = np.array(entries, np.int64).T
        self._grow(int(keys.max()) + 1)
        order = np.argsort(keys, kind="stable")
        keys, positions, versions = keys[order], positions[order], versions[order]
        starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
        lengths = np.diff(np.r_[starts, len(keys)])
        nth = np.arange(len(keys)) - np.repeat(starts, lengths)
        kept = nth >= np.repeat(lengths, lengths) - self._size
        slots = (self._counts[keys] + nth) % self._size
        self._positions[keys[kept], slots[kept]] = positions[kept]
        self._versions[keys[kept], slots[kept]] = versions[kept]
        self._counts[keys[starts]] += lengths

    def latest(self, key: int) -> list[tuple[int, int]]:
        """(position, version) of a key, in no order; [] if it has none."""
        if key >= len(self._counts):
            return []
        have = min(int(self._counts[key]), self._size)
        pairs = zip(self._positions[key].tolist(), self._versions[key].tolist(), strict=True)
        return list(pairs)[:have]

    def _grow(self, keys: int) -> None:
        more = max(keys, len(self._counts) * 3 // 2) - len(self._counts)
        if keys > len(self._counts):
            self._positions = np.pad(self._positions, ((0, more), (0, 0)))
            self._versions = np.pad(self._versions, ((0, more), (0, 0)))
            self._counts = np.pad(self._counts, (0, more))


class _Keyed:
    """A ring with streams for keys."""

    def __init__(self, size: int) -> None:
        self._ring = Ring(size)
        self._keys: dict[str, int] = {}

    def add(self, records: Sequence[Recorded]) -> None:
        keys = self._keys
        self._ring.add(
            [(keys.setdefault(r.stream, len(keys)), r.position, r.version) for r in records]
        )

    def latest(self, stream: str) -> dict[str, int]:
        key = self._keys.get(stream)
        pairs = [] if key is None else self._ring.latest(key)
        return {event_id(stream, version): position for position, version in pairs}


class RecentFacts:
    """The latest facts of every loan, account and borrower, as event ids."""

    def __init__(self) -> None:
        self._aside: list[Recorded] = []
        self._loans, self._flows, self._returns = _Keyed(6), _Keyed(4), _Keyed(4)
        self._sales, self._purchases, self._promises = _Keyed(4), _Keyed(4), _Keyed(4)
        self._signs = _Keyed(4)

    def note(self, recorded: Sequence[Recorded]) -> None:
        """Take facts in, in their order."""
        self._aside += recorded
        if len(self._aside) >= _PUT_ASIDE:
            self._sort_in()

    def behind(
        self,
        names: Sequence[str],
        *,
        loan_id: str,
        account_id: str | None,
        borrower_id: str,
        first: Sequence[Entry],
    ) -> tuple[str, ...]:
        """Ids of the facts that can have moved the columns `names`: latest first, at most 8.

        `first` are (position, id) that belong there in any case.
        """
        self._sort_in()
        found: dict[str, int] = {name: position for position, name in first}
        bases = {_indicator(name) for name in names}
        if bases - ACCOUNT - _TRADING - _NOTED:
            found |= self._loans.latest(loan_stream(loan_id))
        if account_id is not None:
            stream = account_stream(account_id)
            if bases & (ACCOUNT | {"coverage_ratio"}):
                found |= self._flows.latest(stream)
            if any(name.startswith(("bounced_debits", "returned_debits")) for name in bases):
                found |= self._returns.latest(stream)
        if bases & SALES:
            found |= self._sales.latest(trading_stream(borrower_id))
        if bases & PURCHASES:
            found |= self._purchases.latest(trading_stream(borrower_id))
        if bases & _PROMISED:
            found |= self._promises.latest(collection_stream(borrower_id))
        if bases & _NOTED:
            found |= self._signs.latest(collection_stream(borrower_id))
        latest = sorted(((position, name) for name, position in found.items()), reverse=True)
        return tuple(name for _, name in latest[:MAX_CAUSES])

    def _sort_in(self) -> None:
        if not self._aside:
            return
        aside, self._aside = self._aside, []
        self._loans.add([r for r in aside if type(r.fact) in MOVES_LOAN])
        self._flows.add([r for r in aside if type(r.fact) in MOVES_ACCOUNT])
        self._returns.add([r for r in aside if type(r.fact) is AccountDebitReturned])
        self._promises.add([r for r in aside if type(r.fact) in MOVES_PROMISES])
        self._signs.add([r for r in aside if type(r.fact) is EvasionSignalNoted])
        traded = [r for r in aside if type(r.fact) in MOVES_TRADING]
        self._sales.add([r for r in traded if _side(r.fact) == "sale"])
        self._purchases.add([r for r in traded if _side(r.fact) == "purchase"])


@lru_cache(maxsize=1_024)
def _indicator(name: str) -> str:
    """The indicator that a column is made of; itself where it is one."""
    column = derived(name)
    return name if column is None else column.of


def _side(fact: SaleInvoiced | PurchaseInvoiced | InvoiceVoided) -> Side:
    if isinstance(fact, InvoiceVoided):
        return fact.side
    return "sale" if isinstance(fact, SaleInvoiced) else "purchase"
