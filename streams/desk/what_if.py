"""What other rules would have rung: one question at a time, answered beside the pages.

A rehearsal reads the whole ledger, so it runs in a thread of its own and the page asks how far it
is. One runs at a time, the last few answers are kept in memory, and nothing is recorded.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from ledger.store import FactLog, Recorded
from streams.api.problems import Problem
from streams.health import THREADS
from streams.watching import facts_of
from warning.pack import SEVERITIES, Pack
from warning.rules import parse_pack
from warning.whatif import Difference, Ring, compare, rehearse, volumes

if TYPE_CHECKING:
    from streams.wiring import Node

PAGE = 10_000
KEPT = 8
EXAMPLES = 15


@dataclass(slots=True)
class Rehearsal:
    """A question and, once it is `done`, its answer; `position` of `last` facts are read.

    Reasons are in the language of `pack`, that of whoever asked.
    """

    number: int
    pack: Pack
    last: int
    position: int = 0
    done: bool = False
    failed: str = ""
    answer: dict[str, Any] | None = None

    @property
    def percent(self) -> int:
        """How much of the ledger is read."""
        return 100 if self.done else 100 * self.position // max(self.last, 1)


class Stopped(Exception):
    """The node stops; the rehearsal with it."""


class WhatIf:
    """The rehearsals of one node. Any thread may ask."""

    def __init__(self, node: Node) -> None:
        self._node, self._lock = node, Lock()
        self._known: OrderedDict[int, Rehearsal] = OrderedDict()
        self._count = 0
        self._stopping = False
        node.on_stopping(self._stop)

    def ask(self, text: str, language: str) -> Rehearsal:
        """Begin to rehearse the pack in `text`. Errors: RuleError; Problem "busy"."""
        pack = replace(parse_pack(text, path="pack"), language=language)
        with self._lock:
            if any(not each.done for each in self._known.values()):
                raise Problem("busy", "Another rehearsal is running.", way_out="Wait for its end.")
            self._count += 1
            asked = Rehearsal(self._count, pack, self._node.store.ledger.last_position())
            self._known[asked.number] = asked
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        Thread(target=self._run, args=(asked,), name=f"{THREADS}rehearsal", daemon=True).start()
        return asked

    def find(self, number: int) -> Rehearsal | None:
        """A rehearsal that is known still."""
        return self._known.get(number)

    def recent(self) -> list[Rehearsal]:
        """The last few, the newest first."""
        return list(self._known.values())[::-1]

    def _stop(self) -> None:
        self._stopping = True

    def _run(self, asked: Rehearsal) -> None:
        try:
            asked.answer = self._answered(asked)
        except Stopped:
            asked.failed = "stopped"
        except Exception as error:
            asked.failed = type(error).__name__
            raise
        finally:
            asked.done = True

    def _answered(self, asked: Rehearsal) -> dict[str, Any]:
        ledger = self._node.store.ledger
        present = replace(self._node.watch.pack, language=asked.pack.language)

        def told(position: int) -> None:
            asked.position = position
            if self._stopping:
                raise Stopped

        rings = rehearse(
            [present, asked.pack],
            _every(ledger, asked.last),
            calendar=self._node.calendar,
            facts_of=facts_of(ledger),
            progress=told,
        )
        return _told(compare(*rings), rings)


def _every(log: FactLog, last: int) -> Iterator[Recorded]:
    """The facts of a log up to position `last`, in order."""
    position = 0
    while position < last:
        page = log.read(after=position, limit=min(PAGE, last - position))
        yield from page
        position = page[-1].position


def _told(difference: Difference, rings: list[list[Ring]]) -> dict[str, Any]:
    """The answer in counts and a few examples."""
    counted = [Counter[str](ring.severity for ring in book) for book in rings]
    by_rule = [Counter(ring.rule for ring in book) for book in rings]
    rules = sorted(by_rule[0].keys() | by_rule[1].keys())
    a_month = [sum(volume.values()) for volume in volumes(rings)]
    officers = [max(len(volume), 1) for volume in volumes(rings)]
    return {
        "severities": [(each, counted[0][each], counted[1][each]) for each in SEVERITIES[::-1]],
        "all": (len(rings[0]), len(rings[1])),
        "rules": [(each, by_rule[0][each], by_rule[1][each]) for each in rules],
        "a_month": [total / count for total, count in zip(a_month, officers, strict=True)],
        "moved": {
            name: len(getattr(difference, name))
            for name in ("rung", "missed", "earlier", "later", "same")
        },
        "rung": difference.rung[:EXAMPLES],
        "missed": difference.missed[:EXAMPLES],
        "otherwise": [*difference.earlier, *difference.later][:EXAMPLES],
    }
