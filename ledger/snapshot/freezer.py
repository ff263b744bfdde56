"""A graph of objects laid out as columns, by type.

Columns of text are put beside, as they are, so that each text is stored once. Mutable things are
numbered, so that what is shared stays shared. Knows neither bytes nor files.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter, deque
from collections.abc import Mapping, Sequence, Set
from datetime import date
from enum import Enum
from functools import partial
from itertools import chain
from operator import attrgetter
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

import numpy as np

from ledger.snapshot.arrays import narrowed

OURS = frozenset({"ledger", "warning", "projections"})
EPOCH = date(1970, 1, 1).toordinal()
_WIRED = (FunctionType, MethodType, BuiltinFunctionType, partial, type, re.Pattern)
_PLAIN = dict.fromkeys((bool, int, float, str, date, type(None)))

MAKERS: dict[str, type] = {"int": int, "list": list, "dict": dict, "set": set, "counts": Counter}
"""What a dictionary may give for keys that it has not; the last one is a kind of dictionary."""

Column = list[Any]
"""A column as JSON can hold it: its kind, then what that kind needs; arrays by their number."""


def _attributes(kind: type, one: object) -> list[str]:
    """What an object of ours holds, by name."""
    slots: list[str] = []
    for base in kind.__mro__:
        found = vars(base).get("__slots__", ())
        slots += [found] if isinstance(found, str) else found
    names = {*slots, *getattr(one, "__dict__", ())} - {"__dict__", "__weakref__"}
    return sorted(name for name in names if hasattr(one, name))


class Freezer:
    """Lays things out. Mutable things are numbered, so that what is shared stays shared."""

    def __init__(self, named: Mapping[int, str], kinds: Set[type]) -> None:
        """`named`: by their ids, things of these `kinds` that are only named."""
        self._named, self._named_kinds = named, kinds
        self._numbers: dict[int, int] = {}
        self.arrays: list[Any] = []
        self.texts: list[Sequence[str]] = []

    def column(self, values: list[Any]) -> Column:
        """`values` as a column; of several kinds, one part for each kind."""
        kinds = set(map(type, values))
        if len(kinds) == 1 and kinds.isdisjoint(self._named_kinds):
            (kind,) = kinds
            if not issubclass(kind, tuple):  # as the rest would, but sooner
                return self._of_sort(kind, values)
        parts: dict[Any, list[Any]] = {}
        for value in values:
            parts.setdefault(self._sort_of(value), []).append(value)
        columns = [self._of_sort(sort, part) for sort, part in parts.items()]
        if len(columns) == 1:
            return columns[0]
        places = {sort: place for place, sort in enumerate(parts)}
        return ["mixed", self._ints([places[self._sort_of(value)] for value in values]), columns]

    def _sort_of(self, value: Any) -> Any:
        """What `value` shares a part with."""
        if id(value) in self._named:
            return "named"
        kind = type(value)
        return (kind, len(value)) if issubclass(kind, tuple) else kind

    def _of_sort(self, sort: Any, values: list[Any]) -> Column:
        if sort == "named":
            return ["named", [self._named[id(value)] for value in values]]
        if isinstance(sort, tuple):
            return self._tuples(sort[0], values)
        if sort in _PLAIN:
            return self._plain(sort, values)
        fixed = self._fixed(sort, values)
        return self._mutable(sort, values) if fixed is None else fixed

    def _fixed(self, kind: type, values: Sequence[Any]) -> Column | None:
        """Things that never change, so that it cannot matter who shares them; None for others."""
        if issubclass(kind, _WIRED):
            return ["wired", len(values)]
        if issubclass(kind, np.generic):
            return ["scalars", self._array(np.array(values))]
        if issubclass(kind, Enum):
            return ["enum", name_of(kind), [value.name for value in values]]
        return ["frozenset", *self._lists(values)] if kind is frozenset else None

    def _mutable(self, kind: type, values: list[Any]) -> Column:
        """Things that others may hold too: laid out where they come first, named by number then.

        They are numbered in the order in which they are made again.
        """
        new: list[Any] = []
        known: list[Any] = []
        which = []
        for value in values:
            is_known = id(value) in self._numbers
            self._numbers.setdefault(id(value), len(self._numbers))
            which.append(is_known)
            (known if is_known else new).append(value)
        columns = [self._of_kind(kind, new)] if new else []
        if known:
            columns.append(["known", self._ints([self._numbers[id(value)] for value in known])])
        return columns[0] if len(columns) == 1 else ["mixed", self._ints(which), columns]

    def _of_kind(self, kind: type, values: Sequence[Any]) -> Column:
        if kind is np.ndarray:
            return ["array", [self._array(value.copy()) for value in values]]
        if kind is array:
            codes = "".join(value.typecode for value in values)
            held = bytearray().join(values)
            lengths = self._ints([len(value) * value.itemsize for value in values])
            return ["held", codes, lengths, self._array(np.frombuffer(held, np.uint8))]
        if kind in (list, set, deque):
            return [kind.__name__, *self._lists(values)]
        if issubclass(kind, dict):
            keys = self._lists(values)
            kept = self.column(list(chain.from_iterable(value.values() for value in values)))
            makers = [*map(_maker_of, values)]
            return ["dict", *keys, kept, makers if any(makers) else []]
        if kind.__module__.partition(".")[0] in OURS:
            return self._objects(kind, values)
        raise TypeError(f"No snapshot holds a {kind.__qualname__}: {values[0]!r:.80}")

    def _tuples(self, kind: type, values: Sequence[Any]) -> Column:
        name = "" if kind is tuple else name_of(kind)
        columns = [self.column([value[at] for value in values]) for at in range(len(values[0]))]
        return ["tuple", name, len(values), columns]

    def _objects(self, kind: type, values: Sequence[Any]) -> Column:
        names = _attributes(kind, values[0])
        columns = [self.column([*map(attrgetter(name), values)]) for name in names]
        return ["object", name_of(kind), len(values), names, columns]

    def _plain(self, kind: type, values: Sequence[Any]) -> Column:
        if kind is int:
            try:
                return ["int", self._ints(values)]
            except OverflowError:
                return ["long", [str(value) for value in values]]
        if kind is str:
            self.texts.append(values)
            return ["str", len(self.texts) - 1]
        if kind is date:
            return ["date", self._ints([value.toordinal() - EPOCH for value in values])]
        if kind is type(None):
            return ["none", len(values)]
        return [kind.__name__, self._array(np.array(values, kind))]

    def _lists(self, values: Sequence[Any]) -> tuple[int, Column]:
        """Many lists as one: their lengths, and all that is in them."""
        return self._ints([*map(len, values)]), self.column(list(chain.from_iterable(values)))

    def _ints(self, values: Sequence[int]) -> int:
        return self._array(narrowed(values))

    def _array(self, values: Any) -> int:
        if values.dtype.hasobject:
            raise TypeError("No snapshot holds an array of objects.")
        self.arrays.append(values)
        return len(self.arrays) - 1


def _maker_of(value: dict[Any, Any]) -> str:
    """How an empty one is made: see MAKERS. Errors: TypeError."""
    if type(value) is dict:
        return ""
    maker = getattr(value, "default_factory", type(value))
    for word, known in MAKERS.items():
        if maker is known:
            return word
    raise TypeError(f"No snapshot holds a {type(value).__qualname__} of {maker!r}")


def name_of(kind: type) -> str:
    """How a class of ours is called in a snapshot. Errors: TypeError for any other."""
    if kind.__module__.partition(".")[0] not in OURS:
        raise TypeError(f"No snapshot holds a {kind.__qualname__} of {kind.__module__}.")
    return f"{kind.__module__}:{kind.__qualname__}"
