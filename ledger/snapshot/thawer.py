"""Things made again from their columns, into a new graph. Makes classes of this project alone."""

from __future__ import annotations

import sys
from array import array
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from itertools import accumulate, chain, pairwise, repeat
from types import MemberDescriptorType
from typing import Any

from ledger.errors import LoanError
from ledger.snapshot.freezer import EPOCH, MAKERS, OURS, Column

_NOTHING = object()


class SnapshotUnusable(LoanError):
    """A snapshot is not of this code, or not whole: what it stood for is derived from the facts."""

    code = "snapshot_unusable"


class Thawer:
    """Makes things again. `there` are those of the new graph in the same places, where it has any.

    Objects are filled in place; containers are made anew for whoever holds them.
    """

    def __init__(
        self, names: Mapping[str, object], arrays: Sequence[Any], texts: Sequence[list[str]]
    ) -> None:
        self._names, self._arrays, self._texts = names, arrays, texts
        self._made: list[Any] = []

    def values(self, column: Column, there: Sequence[Any]) -> list[Any]:
        """The things of a column."""
        kind, *rest = column
        read: Callable[..., list[Any]] = getattr(self, f"_{kind}")
        return read(there, *rest)

    def _mixed(self, there: Sequence[Any], which: int, columns: Sequence[Column]) -> list[Any]:
        kinds = self._numbers(which)
        parts = []
        for kind, column in enumerate(columns):
            beside = [
                old for old, of in zip(_padded(there, len(kinds)), kinds, strict=True) if of == kind
            ]
            parts.append(iter(self.values(column, beside)))
        return [next(parts[kind]) for kind in kinds]

    def _named(self, _: Sequence[Any], names: Sequence[str]) -> list[Any]:
        return [self._names[name] for name in names]

    def _known(self, _: Sequence[Any], numbers: int) -> list[Any]:
        return [self._made[number] for number in self._numbers(numbers)]

    def _wired(self, there: Sequence[Any], count: int) -> list[Any]:
        if len(there) != count or any(old is _NOTHING for old in there):
            raise SnapshotUnusable("It is wired in another way.")
        return list(there)

    def _int(self, _: Sequence[Any], values: int) -> list[Any]:
        return self._numbers(values)

    _bool = _float = _int

    def _long(self, _: Sequence[Any], values: Sequence[str]) -> list[Any]:
        return [int(value) for value in values]

    def _str(self, _: Sequence[Any], place: int) -> list[Any]:
        return self._texts[place]

    def _none(self, _: Sequence[Any], count: int) -> list[Any]:
        return [None] * count

    def _date(self, _: Sequence[Any], values: int) -> list[Any]:
        return [date.fromordinal(value + EPOCH) for value in self._numbers(values)]

    def _scalars(self, _: Sequence[Any], values: int) -> list[Any]:
        return list(self._arrays[values])

    def _enum(self, _: Sequence[Any], name: str, words: Sequence[str]) -> list[Any]:
        kind = _class(name)
        return [kind[word] for word in words]

    def _tuple(
        self, there: Sequence[Any], name: str, count: int, columns: Sequence[Column]
    ) -> list[Any]:
        width = len(columns)
        olds = [
            old if isinstance(old, tuple) and len(old) == width else None
            for old in _padded(there, count)
        ]
        parts = [
            self.values(column, [_NOTHING if old is None else old[at] for old in olds])
            for at, column in enumerate(columns)
        ]
        rows = zip(*parts, strict=True) if columns else [()] * count
        kind = _class(name) if name else None
        return [*rows] if kind is None else [tuple.__new__(kind, row) for row in rows]

    def _frozenset(self, _: Sequence[Any], lengths: int, column: Column) -> list[Any]:
        return [frozenset(part) for part in self._parts(lengths, self.values(column, ()))]

    def _array(self, _: Sequence[Any], places: Sequence[int]) -> list[Any]:
        return self._keep([self._arrays[place] for place in places])

    def _held(self, _: Sequence[Any], codes: str, sizes: int, held: int) -> list[Any]:
        return self._keep([*map(array, codes, self._parts(sizes, self._arrays[held].tobytes()))])

    def _list(self, there: Sequence[Any], lengths: int, column: Column) -> list[Any]:
        counts = self._numbers(lengths)
        made: list[Any] = self._keep([[] for _ in counts])
        olds = (old if isinstance(old, list) else () for old in _padded(there, len(counts)))
        beside = chain.from_iterable(map(_padded, olds, counts))
        for one, part in zip(
            made, self._parts(lengths, self.values(column, [*beside])), strict=True
        ):
            one.extend(part)
        return made

    def _set(self, _: Sequence[Any], lengths: int, column: Column) -> list[Any]:
        made: list[Any] = self._keep([set() for _ in self._numbers(lengths)])
        for one, part in zip(made, self._parts(lengths, self.values(column, ())), strict=True):
            one.update(part)
        return made

    def _deque(self, _: Sequence[Any], lengths: int, column: Column) -> list[Any]:
        made: list[Any] = self._keep([deque() for _ in self._numbers(lengths)])
        for one, part in zip(made, self._parts(lengths, self.values(column, ())), strict=True):
            one.extend(part)
        return made

    def _dict(
        self,
        there: Sequence[Any],
        lengths: int,
        keys: Column,
        values: Column,
        makers: Sequence[str],
    ) -> list[Any]:
        counts = self._numbers(lengths)
        made = self._keep([*map(_empty, makers)] if makers else [{} for _ in counts])
        if not any(counts):
            return made
        olds = [old if isinstance(old, dict) else {} for old in _padded(there, len(counts))]
        beside: Sequence[Any] = ()
        if any(olds):
            beside = [*chain.from_iterable(map(_padded, map(list, olds), counts))]
        parts = list(self._parts(lengths, self.values(keys, beside)))
        old_values: Sequence[Any] = ()
        if any(olds):
            old_values = [
                old.get(key, _NOTHING)
                for old, part in zip(olds, parts, strict=True)
                for key in part
            ]
        found = iter(self.values(values, old_values))
        for one, part in zip(made, parts, strict=True):
            dict.update(one, zip(part, found))  # noqa: B905 - `found` goes on with the next one
        return made

    def _object(
        self,
        there: Sequence[Any],
        name: str,
        count: int,
        names: Sequence[str],
        columns: Sequence[Column],
    ) -> list[Any]:
        kind = _class(name)
        are_new = not any(type(old) is kind for old in there)
        if are_new:
            made = self._keep([*map(kind.__new__, repeat(kind, count))])
        else:
            olds = _padded(there, count)
            made = self._keep([old if type(old) is kind else kind.__new__(kind) for old in olds])
        for attribute, column in zip(names, columns, strict=True):
            beside = () if are_new else [getattr(one, attribute, _NOTHING) for one in made]
            values = self.values(column, beside)
            slot = getattr(kind, attribute, None)
            if isinstance(slot, MemberDescriptorType):  # half the time of the general way
                deque(map(slot.__set__, made, values), maxlen=0)
            else:
                deque(map(object.__setattr__, made, repeat(attribute), values), maxlen=0)
        return made

    # -- within ----------------------------------------------------------------------------------

    def _numbers(self, values: int) -> list[Any]:
        found: list[Any] = self._arrays[values].tolist()
        return found

    def _keep(self, made: list[Any]) -> list[Any]:
        """Number them, before what they hold is made."""
        self._made += made
        return made

    def _parts(self, lengths: int, values: Any) -> Iterator[Any]:
        ends = accumulate(self._numbers(lengths), initial=0)
        return (values[start:end] for start, end in pairwise(ends))


def _empty(maker: str) -> dict[Any, Any]:
    if not maker:
        return {}
    made = MAKERS[maker]
    return made() if issubclass(made, dict) and made is not dict else defaultdict(made)


def _padded(there: Sequence[Any], count: int) -> Sequence[Any]:
    return there if len(there) == count else [*there[:count], *[_NOTHING] * (count - len(there))]


@cache
def _class(name: str) -> Any:
    """A class of ours that is in use already."""
    module, _, qualified = name.partition(":")
    found: Any = sys.modules.get(module) if module.partition(".")[0] in OURS else None
    for part in qualified.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type):
        raise SnapshotUnusable(f"There is no {name}.")
    return found
