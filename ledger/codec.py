"""Facts to canonical bytes and back, strictly.

Canonical: JSON by orjson, keys sorted, dates as ISO text, no white space; the same fact gives the
same bytes on every machine. Strict: a missing or unknown field, a wrong type or a value that the
fact's own constructor refuses raises `StoredFactUnreadable`. The stored name is our contract,
never a Python path. Does no I/O and knows no fact by name: `event_type` registers them.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from datetime import date
from operator import attrgetter
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import orjson

from ledger.errors import InvariantBroken, LoanError, StoredFactUnreadable

T = TypeVar("T")
Document = dict[str, Any]
Upcast = Callable[[Document], Document]
Convert = Callable[[Any], Any]


class _Wrong(Exception):
    """A stored value is not of its declared type."""


class Codec:
    """Bytes of one class of facts. Built once, by `event_type`."""

    def __init__(self, cls: type, name: str, version: int) -> None:
        self.cls, self.name, self.version = cls, name, version
        self.topic = f"{name}.v{version}"
        self._names = tuple(sorted(field.name for field in fields(cls)))
        self._known = frozenset(self._names)
        self._values = attrgetter(*self._names)
        hints = get_type_hints(cls)
        self._nested = tuple(n for n in self._names if _holds_records(hints[n]))
        self._plain: dict[str, type] = {}
        self._special: dict[str, Convert] = {}
        for field_name in self._names:
            hint = hints[field_name]
            if hint in (int, str, bool):
                self._plain[field_name] = hint
            else:
                self._special[field_name] = _converter(hint)

    def encode(self, fact: object) -> bytes:
        """Canonical bytes of `fact`."""
        document = dict(zip(self._names, self._values(fact), strict=True))
        for name in self._nested:
            document[name] = _plain_value(document[name])
        return orjson.dumps(document)

    def decode(self, document: Document) -> Any:
        """A document of the current version -> the fact, through its constructor."""
        if document.keys() != self._known:
            raise StoredFactUnreadable(self._field_mismatch(document))
        for name, kind in self._plain.items():
            if type(document[name]) is not kind:
                raise StoredFactUnreadable(
                    f"{self.topic}: {name} is {document[name]!r}, not {kind.__name__}."
                )
        for name, convert in self._special.items():
            try:
                document[name] = convert(document[name])
            except (_Wrong, ValueError, TypeError) as error:
                raise StoredFactUnreadable(f"{self.topic}: {name}: {error}") from None
        try:
            return self.cls(**document)
        except LoanError as error:
            raise StoredFactUnreadable(f"{self.topic}: {error}") from error

    def _field_mismatch(self, document: Document) -> str:
        missing = sorted(self._known - document.keys())
        unknown = sorted(document.keys() - self._known)
        return f"{self.topic}: missing fields {missing}, unknown fields {unknown}."


_by_class: dict[type, Codec] = {}
_by_name: dict[str, Codec] = {}
_by_topic: dict[str, Codec] = {}
_upcasts: dict[tuple[str, int], Upcast] = {}


def event_type(name: str, *, version: int) -> Callable[[type[T]], type[T]]:
    """Register a frozen dataclass as the current version of the fact stored as `name`."""

    def register(cls: type[T]) -> type[T]:
        if name in _by_name:
            raise InvariantBroken(f"Two classes claim the stored name {name}.")
        codec = Codec(cls, name, version)
        _by_class[cls] = _by_name[name] = _by_topic[codec.topic] = codec
        return cls

    return register


def upcast(name: str, *, version: int) -> Callable[[Upcast], Upcast]:
    """Register the pure step from `version` to `version + 1` of a stored document."""

    def register(step: Upcast) -> Upcast:
        _upcasts[name, version] = step
        return step

    return register


def codecs() -> Iterator[Codec]:
    """All registered facts, in the order of their stored names."""
    return iter(sorted(_by_name.values(), key=lambda codec: codec.name))


def topic_of(fact: object) -> str:
    """The stored name and version of a fact: "loan.opened.v1"."""
    return _by_class[type(fact)].topic


def encode(fact: object) -> tuple[str, bytes]:
    """A fact -> (topic, canonical bytes)."""
    codec = _by_class[type(fact)]
    return codec.topic, codec.encode(fact)


def decode(topic: str, state: bytes) -> Any:
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
        document = step(document)
        version += 1
    return codec.decode(document)


def _document(topic: str, state: bytes) -> Document:
    try:
        document = orjson.loads(state)
    except orjson.JSONDecodeError as error:
        raise StoredFactUnreadable(f"{topic}: not JSON: {error}") from None
    if type(document) is not dict:
        raise StoredFactUnreadable(f"{topic}: not a JSON object.")
    return document


def _holds_records(hint: Any) -> bool:
    return is_dataclass(hint) or any(_holds_records(arg) for arg in get_args(hint))


def _plain_value(value: Any) -> Any:
    """Nested records as dictionaries with sorted keys."""
    if isinstance(value, tuple):
        return [_plain_value(item) for item in value]
    if is_dataclass(value):
        names = sorted(field.name for field in fields(value))
        return {name: _plain_value(getattr(value, name)) for name in names}
    return value


def _converter(hint: Any) -> Convert:  # noqa: PLR0911 (one return for each shape a field can have)
    """The strict reader of one field's type."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        inner = [arg for arg in get_args(hint) if arg is not types.NoneType]
        if len(inner) != 1:
            raise InvariantBroken(f"A fact's field cannot be {hint}.")
        read = _converter(inner[0])
        return lambda value: None if value is None else read(value)
    if origin is tuple:
        read_item = _converter(get_args(hint)[0])
        return lambda value: tuple(map(read_item, _a(list, value)))
    if origin is Literal:
        allowed = frozenset(get_args(hint))
        return lambda value: value if value in allowed else _refuse(value, sorted(allowed))
    if is_dataclass(hint) and isinstance(hint, type):
        return Codec(hint, hint.__name__, 1).decode
    if hint is date:
        return lambda value: date.fromisoformat(_a(str, value))
    if hint is float:
        return lambda value: float(value) if type(value) in (int, float) else _a(float, value)
    if hint in (int, str, bool):
        return lambda value: _a(hint, value)
    raise InvariantBroken(f"A fact's field cannot be {hint}.")


def _a(kind: type, value: Any) -> Any:
    return value if type(value) is kind else _refuse(value, kind.__name__)


def _refuse(value: Any, wanted: object) -> Any:
    raise _Wrong(f"{value!r} is not {wanted}")
