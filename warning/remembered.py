"""The watch, and whoever treats cases, as snapshots: all that one knows at a place of the logs.

What is brought back concludes the same as one that read every fact, and only under the same code,
rules and calendar, which the keys stand for. Stores nothing.
"""

from __future__ import annotations

from hashlib import sha256

import orjson

from ledger.dates import Calendar
from ledger.snapshot import Frozen, code_digest, freeze, thaw
from warning.pack import Pack
from warning.scored_pack import score_in
from warning.treat import Treat
from warning.watch import Watch


def key_of(pack: Pack, calendar: Calendar) -> str:
    """What a watch depends on besides the facts: this code, the rules, the business days."""
    return _digest(code_digest("ledger", "warning"), pack.digest, _business_days(calendar))


def treat_key_of(treat: Treat, views: str) -> str:
    """What one who treats depends on besides the facts; `views` is what grades depend on."""
    score = treat.engine.score
    rules = [treat.strategy.digest, "" if score is None else score.digest]
    return _digest(views, *rules, _business_days(treat.calendar))


def frozen(one: Watch | Treat) -> Frozen:
    """What `one` knows now. Everything it concluded must be on record."""
    return freeze(one, _names(one, one.engine.score))


def bring_back(one: Watch | Treat, state: bytes) -> None:
    """Let the new `one` know what is in `state`, and go on from there.

    Errors: SnapshotUnusable; then it is of no use any more.
    """
    # A watch has no score before it has adopted its rules.
    score = score_in(one.pack) if isinstance(one, Watch) else one.engine.score
    thaw(one, _names(one, score), state)


def _names(one: Watch | Treat, score: object) -> dict[str, object]:
    """What a snapshot only names, because rules, strategy and calendar give it."""
    names: dict[str, object] = {"calendar": one.calendar}
    if isinstance(one, Watch):
        names |= {"pack": one.pack} | {f"rule {rule.name}": rule for rule in one.pack.rules}
    else:
        names["strategy"] = one.strategy
    return names if score is None else names | {"score": score}


def _business_days(calendar: Calendar) -> list[object]:
    days = [sorted(map(str, days)) for days in (calendar.holidays, calendar.working)]
    return [calendar.weekmask, days]


def _digest(*parts: object) -> str:
    return sha256(orjson.dumps(parts)).hexdigest()
