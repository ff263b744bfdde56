"""Straight-line Python for the codec: one writer and one reader for each class of records.

A loop over fields costs three times as much as the same steps written out, and every fact passes
here at least once. So the steps are written out, from the dataclass's fields and types. Only field
names and type hints of our own classes reach the source text, never data.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from datetime import date
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from ledger.errors import InvariantBroken, LoanError, StoredFactUnreadable

Document = dict[str, Any]
Convert = Callable[[Any], Any]

_PLAIN = (int, str, bool)
LATER = "later"
"""Key of a field's metadata: it came with a later version of its record, and has a default."""
_KNOWN_DATES = 100_000
_dates: dict[str, date] = {}
_readers: dict[Any, Callable[[Document], Any]] = {}


class _Wrong(Exception):
    """A stored value is not of its declared type."""


def writer(cls: type) -> Callable[[Any], Document]:
    """A function from a record to a document with sorted keys, nested records included."""
    names = sorted(field.name for field in fields(cls))
    lines = ["def write(r):", f"    return {_literal(get_type_hints(cls), names, 'r', 0)}"]
    write: Callable[[Any], Document] = _compiled(lines, {})
    return write


def content_writer(cls: type, *, leave_out: str) -> Callable[[Any], list[Any]]:
    """A function from a record to a list of what it says, its class's name first.

    Fields come in the order of their names, those that may be None last, with their name, and only
    where they are not None. The field `leave_out` does not count, nor do the fields of a nested
    record that came later (marked LATER) while they are at their default.
    """
    hints = get_type_hints(cls)
    names = sorted({field.name for field in fields(cls)} - {leave_out})
    optional = [name for name in names if _inner(hints[name]) is not None]
    scope: dict[str, Any] = {}
    said = [_content(n, hints[n], scope) for n in names if n not in optional]
    lines = ["def write(r):", f"    said = [{', '.join([repr(cls.__name__), *said])}]"]
    for name in optional:
        value = f"r.{name}"
        lines.append(f"    if {value} is not None:")
        lines.append(f"        said += ({name!r}, {_written(_inner(hints[name]), value, 0)})")
    lines.append("    return said")
    write: Callable[[Any], list[Any]] = _compiled(lines, scope)
    return write


def _content(name: str, hint: Any, scope: dict[str, Any]) -> str:
    """Source of what a field says; `scope` takes the functions that it calls."""
    if not is_dataclass(hint):
        return _written(hint, f"r.{name}", 0)
    newer = {field.name: field.default for field in fields(hint) if field.metadata.get(LATER)}
    document = writer(hint if isinstance(hint, type) else type(hint))

    def content(record: Any) -> Document:
        plain = {n for n, default in newer.items() if getattr(record, n) == default}
        return {n: value for n, value in document(record).items() if n not in plain}

    scope[f"content_{name}"] = content
    return f"content_{name}(r.{name})"


def reader(cls: type, topic: str) -> Callable[[Document], Any]:
    """A function from a document to a record of `cls`, through its constructor, strictly.

    Errors of that function: StoredFactUnreadable, naming `topic`, the field and the value.
    """
    hints = get_type_hints(cls)
    names = sorted(field.name for field in fields(cls))
    scope: dict[str, Any] = {
        "cls": cls,
        "LoanError": LoanError,
        "mismatch": lambda document: _mismatch(topic, names, document),
        "wrong": lambda name, value, kind: _wrong(topic, name, value, kind),
        "refused": lambda error: StoredFactUnreadable(f"{topic}: {error}"),
        "convert": lambda name, read, value: _converted(topic, name, read, value),
        "dates": _dates,
    }
    lines = ["def read(d):", "    try:"]
    lines += [f"        v{i} = d[{name!r}]" for i, name in enumerate(names)]
    lines += ["    except KeyError: raise mismatch(d) from None"]
    lines += [f"    if len(d) != {len(names)}: raise mismatch(d)"]
    for i, name in enumerate(names):
        lines += _read_field(i, name, hints[name], scope)
    arguments = ", ".join(f"{name}=v{i}" for i, name in enumerate(names))
    lines += [
        f"    try: return cls({arguments})",
        "    except LoanError as error: raise refused(error) from error",
    ]
    read: Callable[[Document], Any] = _compiled(lines, scope)
    return read


def _read_field(i: int, name: str, hint: Any, scope: dict[str, Any]) -> list[str]:
    """The lines that check and convert the value `v<i>` of one field."""
    if hint in _PLAIN:
        kind = hint.__name__
        return [f"    if type(v{i}) is not {kind}: raise wrong({name!r}, v{i}, {kind!r})"]
    scope[f"read{i}"] = _converter(hint)
    slow = f"v{i} = convert({name!r}, read{i}, v{i})"
    if hint is date:
        return [
            f"    t{i} = dates.get(v{i}) if type(v{i}) is str else None",
            f"    if t{i} is None: {slow}",
            f"    else: v{i} = t{i}",
        ]
    if get_origin(hint) is Literal and all(type(arg) is str for arg in get_args(hint)):
        scope[f"allowed{i}"] = frozenset(get_args(hint))
        return [f"    if type(v{i}) is not str or v{i} not in allowed{i}: {slow}"]
    if _inner(hint) is not None:
        return [f"    if v{i} is not None: {slow}"]
    fast = _read_records(i, hint, scope)
    return [*fast, f"    {'    ' if fast else ''}{slow}"]


def _read_records(i: int, hint: Any, scope: dict[str, Any]) -> list[str]:
    """Lines before the slow way for records inside a record, which reads what these do not."""
    many = get_origin(hint) is tuple
    inner = get_args(hint)[0] if many else hint
    if not is_dataclass(inner):
        return []
    scope[f"nested{i}"] = _nested(inner)
    if many:
        right = f"type(v{i}) is list and all([type(n) is dict for n in v{i}])"
        read = f"tuple([nested{i}(n) for n in v{i}])"
    else:
        right, read = f"type(v{i}) is dict", f"nested{i}(v{i})"
    return [f"    if {right}: v{i} = {read}", "    else:"]


def _literal(hints: dict[str, Any], names: Iterable[str], record: str, depth: int) -> str:
    """Source of a dictionary of the fields of `record`."""
    items = (f"{n!r}: {_written(hints[n], f'{record}.{n}', depth)}" for n in names)
    return "{" + ", ".join(items) + "}"


def _written(hint: Any, value: str, depth: int) -> str:
    """Source of a field's value as orjson takes it."""
    inner = _inner(hint)
    if inner is not None:
        plain = _written(inner, value, depth)
        return value if plain == value else f"None if {value} is None else {plain}"
    if get_origin(hint) is tuple:
        item = f"i{depth}"
        plain = _written(get_args(hint)[0], item, depth + 1)
        return value if plain == item else f"[{plain} for {item} in {value}]"
    if is_dataclass(hint):
        names = sorted(field.name for field in fields(hint))
        return _literal(get_type_hints(hint), names, value, depth)
    return value


def _inner(hint: Any) -> Any:
    """X of `X | None`; None for every other type."""
    if get_origin(hint) not in (Union, types.UnionType):
        return None
    inner = [arg for arg in get_args(hint) if arg is not types.NoneType]
    if len(inner) != 1:
        raise InvariantBroken(f"A fact's field cannot be {hint}.")
    return inner[0]


def _converter(hint: Any) -> Convert:  # noqa: PLR0911 (one return for each shape a field can have)
    """The strict reader of one field's type."""
    inner = _inner(hint)
    if inner is not None:
        read = _converter(inner)
        return lambda value: None if value is None else read(value)
    if get_origin(hint) is tuple:
        read_item = _converter(get_args(hint)[0])
        return lambda value: tuple(map(read_item, _a(list, value)))
    if get_origin(hint) is Literal:
        allowed = frozenset(get_args(hint))
        return lambda value: value if value in allowed else _refuse(value, sorted(allowed))
    if is_dataclass(hint):
        nested = _nested(hint)
        return lambda value: nested(_a(dict, value))
    if hint is date:
        return read_date
    if hint is float:
        return lambda value: float(value) if type(value) in (int, float) else _a(float, value)
    if hint in _PLAIN:
        return lambda value: _a(hint, value)
    raise InvariantBroken(f"A fact's field cannot be {hint}.")


def _nested(hint: Any) -> Callable[[Document], Any]:
    """The reader of a record inside a record, made once."""
    known = _readers.get(hint)
    if known is None:
        known = _readers[hint] = reader(hint, f"{hint.__name__}.v1")
    return known


def read_date(value: Any) -> date:
    """ISO text as we write it: 2024-03-29 and no other way of saying it."""
    known = _dates.get(value) if type(value) is str else None
    if known is not None:
        return known
    day = date.fromisoformat(_a(str, value))
    if day.isoformat() != value:
        _refuse(value, "a date such as 2024-03-29")
    if len(_dates) >= _KNOWN_DATES:
        _dates.clear()
    _dates[value] = day
    return day


def _a(kind: type, value: Any) -> Any:
    return value if type(value) is kind else _refuse(value, kind.__name__)


def _refuse(value: Any, wanted: object) -> Any:
    raise _Wrong(f"{value!r} is not {wanted}")


def _converted(topic: str, name: str, read: Convert, value: Any) -> Any:
    try:
        return read(value)
    except (_Wrong, ValueError, TypeError) as error:
        raise StoredFactUnreadable(f"{topic}: {name}: {error}") from None


def _wrong(topic: str, name: str, value: Any, kind: str) -> StoredFactUnreadable:
    return StoredFactUnreadable(f"{topic}: {name} is {value!r}, not {kind}.")


def _mismatch(topic: str, names: list[str], document: Document) -> StoredFactUnreadable:
    missing = sorted(set(names) - document.keys())
    unknown = sorted(document.keys() - set(names))
    return StoredFactUnreadable(f"{topic}: missing fields {missing}, unknown fields {unknown}.")


def _compiled(lines: list[str], scope: dict[str, Any]) -> Any:
    """The one function that `lines` define."""
    name = lines[0].partition("(")[0].removeprefix("def ")
    exec(compile("\n".join(lines), f"<{name} of the codec>", "exec"), scope)
    return scope[name]
