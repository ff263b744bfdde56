"""Whether a pack of evidence is what it says: against itself, against the book, against anchors.

Against itself: not one byte was changed since it was written, every hash follows from its fact, the
facts of each stream are all there, and what is derived follows from them. Whoever can compute
hashes can make another pack that agrees with itself; against the book and an anchor it cannot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from ledger.codec import decode, encode
from ledger.errors import InvariantBroken, LoanError
from ledger.evidence import (
    FORMAT,
    VERSION,
    Document,
    derived_from,
    fact_at,
    sealed,
    streams_of,
    written,
)
from ledger.store import Log
from ledger.store.anchors import Anchor, fault_against
from ledger.store.chain import START, link

_FACT = frozenset(
    [
        *("log", "position", "stream", "version", "topic", "state", "previous"),
        *("command_id", "command_digest", "before", "chain"),
    ]
)
_DOCUMENT = frozenset("format version case_id made_us subjects logs facts derived sha256".split())


class PackUnreadable(LoanError):
    """The bytes are not a pack of evidence that this version reads."""

    code = "pack_unreadable"


def read_pack(raw: bytes) -> Document:
    """The document in `raw`. Errors: PackUnreadable."""
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise PackUnreadable(f"It is not JSON: {error}.", way_out=_WAY_OUT) from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise PackUnreadable("It is no pack of evidence.", way_out=_WAY_OUT)
    if document.get("version") != VERSION:
        raise PackUnreadable(
            f"It is of version {document.get('version')}; this LoanBell reads {VERSION}.",
            way_out="Check it with the version that wrote it, or a newer one.",
        )
    return document


_WAY_OUT = "Name a file that `loanbell case pack` wrote."


def faults_within(raw: bytes, document: Document) -> list[str]:
    """What is wrong with a pack by itself; none when it is as it was written."""
    try:
        return list(_within(raw, document))
    except (KeyError, TypeError, ValueError, AttributeError, LoanError, InvariantBroken) as error:
        return [f"it cannot be read to its end: {error!r}"]


def _within(raw: bytes, document: Document) -> Iterator[str]:
    if written(document) != raw:
        yield "its bytes are not those that were written: something was added or moved"
        return
    if set(document) != _DOCUMENT or sealed(document)["sha256"] != document["sha256"]:
        yield "its SHA-256 does not agree: something in it was changed"
        return
    faults = [fault for log in ("ledger", "warnings") for fault in _of_log(document, log)]
    yield from faults
    if not faults and derived_from(document) != document["derived"]:
        yield "what is derived does not follow from the facts"


def _of_log(document: Document, log: str) -> Iterator[str]:
    """The facts of one log: hashes, order, and that no version of a stream is missing."""
    end = document["logs"][log]
    ends: dict[str, tuple[int, int]] = {}
    last, chain = 0, START.hex()
    for fact in document["facts"]:
        if fact["log"] != log:
            continue
        place = f"{log} {fact['position']} ({fact['stream']}@{fact['version']})"
        if set(fact) != _FACT or fact["position"] <= last:
            yield f"{place} is out of order, or has other fields than a fact"
            return
        if _hash_of(fact) != fact["chain"]:
            yield f"{place}: its hash does not follow from it"
        if fact["position"] == last + 1 and fact["before"] != chain:
            yield f"{place} does not follow the fact before it"
        version, position = ends.get(fact["stream"], (0, 0))
        if (fact["version"], fact["previous"]) != (version + 1, position):
            yield f"{place} does not follow version {version} of its stream: a fact is missing"
        if encode(decode(fact["topic"], fact["state"]))[1] != fact["state"].encode():
            yield from _older(fact, place)
        ends[fact["stream"]] = (fact["version"], fact["position"])
        last, chain = fact["position"], fact["chain"]
    if last > end["position"] or (last == end["position"] and chain != end["chain"]):
        yield f"the {log} log is said to end at {end['position']}, which the facts contradict"
    strangers = ends.keys() - set(streams_of(document["subjects"])[log])
    if strangers:
        yield f"{', '.join(sorted(strangers))} is not about the borrower"


def _older(fact: Document, place: str) -> Iterator[str]:
    """A fact of an earlier version is encoded otherwise today; that is no fault."""
    topic, _ = encode(decode(fact["topic"], fact["state"]))
    if topic == fact["topic"]:
        yield f"{place} is not written as facts are"


def _hash_of(fact: Document) -> str:
    digest = fact["command_digest"]
    return link(
        bytes.fromhex(fact["before"]),
        fact["position"],
        fact["stream"],
        fact["version"],
        fact["topic"],
        fact["state"].encode(),
        fact["previous"],
        fact["command_id"],
        None if digest is None else bytes.fromhex(digest),
    ).hex()


def faults_against_book(document: Document, logs: Mapping[str, Log]) -> list[str]:
    """What of a pack is not in the book, or is missing in it of what the book held then.

    Walks the chains of both logs, so that what agrees with the rows agrees with all of history.
    """
    faults = []
    for name, log in logs.items():
        report = log.verify()
        if report.fault is not None:
            faults.append(f"the {name} log itself is broken at {report.fault.position}")
            continue
        faults += _against_log(document, log)
    return faults


def _against_log(document: Document, log: Log) -> Iterator[str]:
    end, upto = document["logs"][log.name], log.last_position()
    if end["position"] > upto:
        yield f"the {log.name} log has {upto} facts, the pack was made when it had more"
        return
    if end["position"] and fact_at(log, end["position"])["chain"] != end["chain"]:
        yield f"the {log.name} log was another one at {end['position']}"
    told = {fact["position"]: fact for fact in document["facts"] if fact["log"] == log.name}
    for position, fact in told.items():
        if position > upto or fact_at(log, position) != fact:
            yield f"{log.name} {position} is not what the book holds there"
    streams = log.streams(streams_of(document["subjects"])[log.name])
    for facts in streams.values():
        for item in facts:
            if item.position <= end["position"] and item.position not in told:
                yield f"{log.name} {item.position} ({item.event_id}) is missing"


def faults_against_anchors(
    document: Document, anchors: Sequence[Anchor], logs: Mapping[str, Log] | None
) -> tuple[list[str], list[str]]:
    """Faults by anchors, and anchors about which nothing can be said without the book."""
    faults, unsaid = [], []
    for anchor in anchors:
        if logs is not None:
            log = logs.get(anchor.log)
            fault = fault_against(log, anchor) if log is not None else None
            if log is None or fault is not None:
                faults.append(f"anchor {anchor}: {fault.what if fault else 'there is no such log'}")
            continue
        chain = dict(_chains(document, anchor.log)).get(anchor.checkpoint.position)
        if chain is None:
            unsaid.append(str(anchor))
        elif chain != anchor.checkpoint.chain.hex():
            faults.append(f"anchor {anchor}: the pack has another hash there")
    return faults, unsaid


def _chains(document: Document, log: str) -> Iterable[tuple[int, Any]]:
    """The hashes of a log that a pack holds, by position."""
    for fact in document["facts"]:
        if fact["log"] == log:
            yield fact["position"] - 1, fact["before"]
            yield fact["position"], fact["chain"]
    end = document["logs"].get(log)
    if end is not None:
        yield end["position"], end["chain"]
