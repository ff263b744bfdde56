"""The watch as a snapshot: all that it knows at a place of the logs, kept and brought back.

What is brought back concludes the same as a watch that read every fact, and only under the same
code, rules and calendar, which `key_of` stands for. Stores nothing.
"""

from __future__ import annotations

from hashlib import sha256

import orjson

from ledger.dates import Calendar
from ledger.snapshot import Frozen, code_digest, freeze, thaw
from warning.pack import Pack
from warning.scored_pack import score_in
from warning.watch import Watch


def key_of(pack: Pack, calendar: Calendar) -> str:
    """What a snapshot depends on besides the facts: this code, the rules, the business days."""
    days = [sorted(map(str, days)) for days in (calendar.holidays, calendar.working)]
    parts = [code_digest("ledger", "warning"), pack.digest, calendar.weekmask, days]
    return sha256(orjson.dumps(parts)).hexdigest()


def frozen(watch: Watch) -> Frozen:
    """What `watch` knows now. Everything it concluded must be on record."""
    return freeze(watch, _names(watch, watch.engine.score))


def bring_back(watch: Watch, state: bytes) -> None:
    """Let the new `watch` know what is in `state`; `replay` goes on from there.

    Errors: SnapshotUnusable; then it is of no use any more.
    """
    thaw(watch, _names(watch, score_in(watch.pack)), state)


def _names(watch: Watch, score: object) -> dict[str, object]:
    """What a snapshot only names, because the rules and the calendar give it."""
    names: dict[str, object] = {"pack": watch.pack, "calendar": watch.calendar}
    names |= {f"rule {rule.name}": rule for rule in watch.pack.rules}
    return names if score is None else names | {"score": score}
