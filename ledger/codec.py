"""Facts to canonical bytes and back, strictly.

Canonical: JSON by orjson, keys sorted, dates as ISO text, no white space; the same fact gives the
same bytes on every machine. Strict: a missing or unknown field, a wrong type or a value that the
fact's own constructor refuses raises `StoredFactUnreadable`. The stored name is our contract,
never a Python path. Does no I/O and knows no fact by name: `event_type` registers them. The code
that reads and writes each class is made by `codec_source`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from hashlib import blake2b
from typing import Any, TypeVar, get_type_hints

import orjson

from ledger.codec_source import Document, content_writer, read_date, reader, writer
from ledger.errors import InvariantBroken, StoredFactUnreadable
from ledger.making import quickly_made

T = TypeVar("T")
Upcast = Callable[[Document], Document]

DIGEST_BYTES = 16


class Codec:
    """Bytes of one class of facts. Built once, by `event_type`."""

    def __init__(self, cls: type, name: str, version: int) -> None:
        self.cls, self.name, self.version = cls, name, version
        self.topic = f"{name}.v{version}"
        self.dated = {name for name, hint in get_type_hints(cls).items() if hint is date}
        self.document = writer(cls)
        self.decode = reader(cls, self.topic)

    def encode(self, fact: object) -> bytes:
        """Canonical bytes of `fact`."""
        return orjson.dumps(self.document(fact))


_by_class: dict[type, Codec] = {}
_by_name: dict[str, Codec] = {}
_by_topic: dict[str, Codec] = {}
_upcasts: dict[tuple[str, int], Upcast] = {}
_added: dict[tuple[str, int], tuple[str, ...]] = {}
_documents: dict[type, tuple[str, Callable[[Any], Document]]] = {}
_contents: dict[type, Callable[[Any], list[Any]]] = {}


def event_type(name: str, *, version: int) -> Callable[[type[T]], type[T]]:
    """Register a frozen dataclass as the current version of the fact stored as `name`."""

    def register(cls: type[T]) -> type[T]:
        if name in _by_name:
            raise InvariantBroken(f"Two classes claim the stored name {name}.")
        codec = Codec(quickly_made(cls), name, version)
        _by_class[cls] = _by_name[name] = _by_topic[codec.topic] = codec
        _documents[cls] = codec.topic, codec.document
        return cls

    return register


def upcast(name: str, *, version: int, adds: Sequence[str] = ()) -> Callable[[Upcast], Upcast]:
    """Register the pure step from `version` to `version + 1` of a stored document.

    `adds` names the fields that the older shape lacks, with a point before those of a part, as in
    "terms.roll": schemas of what older books hold are made of it.
    """

    def register(step: Upcast) -> Upcast:
        _upcasts[name, version] = step
        _added[name, version] = tuple(adds)
        return step

    return register


def codecs() -> Iterator[Codec]:
    """All registered facts, in the order of their stored names."""
    return iter(sorted(_by_name.values(), key=lambda codec: codec.name))


def added_since(name: str, version: int) -> tuple[str, ...]:
    """The fields that a fact stored in `version` lacks, which the next version has."""
    return _added[name, version]


def topic_of(fact: object) -> str:
    """The stored name and version of a fact: "loan.opened.v1"."""
    return _by_class[type(fact)].topic


def encode(fact: object) -> tuple[str, bytes]:
    """A fact -> (topic, canonical bytes)."""
    topic, document = _documents[type(fact)]
    return topic, orjson.dumps(document(fact))


def decode(topic: str, state: bytes | str) -> Any:
    """(topic, bytes) -> the fact, upcast to its current version.

    Errors: StoredFactUnreadable for an unknown name, a version newer than this code, or bytes that
    are not exactly the fact.
    """
    codec = _by_topic.get(topic)
    if codec is not None:
        return codec.decode(_document(topic, state))
    name, _, number = topic.rpartition(".v")
    codec = _by_name.get(name)
    if codec is None or not number.isdecimal():
        raise StoredFactUnreadable(
            f"No fact is stored under the name {topic!r}.",
            way_out="Run the version of LoanBell that wrote it, or a newer one.",
        )
    version = int(number)
    if version > codec.version:
        raise StoredFactUnreadable(
            f"{topic} is newer than this LoanBell, which reads up to v{codec.version}.",
            way_out="Upgrade this process before it goes on.",
        )
    document = _document(topic, state)
    while version < codec.version:
        step = _upcasts.get((name, version))
        if step is None:
            raise StoredFactUnreadable(f"No upcast from {name}.v{version}.")
        try:
            document = step(document)
        except (KeyError, TypeError) as error:
            raise StoredFactUnreadable(f"{name}.v{version}: {error!r}") from None
        version += 1
    return codec.decode(document)


def topic_of_kind(cls: type) -> str:
    """The name and version under which facts of `cls` are stored now."""
    return _by_class[cls].topic


def columns(cls: type, names: Sequence[str], states: str) -> list[list[Any]]:
    """Some fields of many facts of one class, each as a column; none of the facts is made.

    `states` are their bytes as stored now, with commas between. Dates are read, everything
    else comes as it stands. Errors: StoredFactUnreadable when a field is missing or no JSON.
    """
    try:
        documents = orjson.loads(f"[{states}]")
        found = [[document[name] for document in documents] for name in names]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise StoredFactUnreadable(f"{topic_of_kind(cls)}: {error!r}") from None
    dated = _by_class[cls].dated
    return [
        _dates(column) if name in dated else column
        for name, column in zip(names, found, strict=True)
    ]


def _dates(column: list[Any]) -> list[date]:
    """A column of dates: each distinct text, of which there are few, is read once."""
    known = {text: read_date(text) for text in set(column)}
    return [*map(known.__getitem__, column)]


def content_digest(command: object) -> bytes:
    """16 bytes that name what a command asks: its kind and all fields but `recorded_at_us`.

    Fields that are None do not count, so a new optional field leaves old digests as they are. The
    kind is the class's name: under another name, a transaction sent again would be a conflict.
    """
    cls = type(command)
    content = _contents.get(cls)
    if content is None:
        content = _contents[cls] = content_writer(cls, leave_out="recorded_at_us")
    return blake2b(orjson.dumps(content(command)), digest_size=DIGEST_BYTES).digest()


def _document(topic: str, state: bytes | str) -> Document:
    try:
        document = orjson.loads(state)
    except orjson.JSONDecodeError as error:
        raise StoredFactUnreadable(f"{topic}: not JSON: {error}") from None
    if type(document) is not dict:
        raise StoredFactUnreadable(f"{topic}: not a JSON object.")
    return document
