"""Records made by their slots are what the dataclass makes, and as frozen."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, field

import pytest

from ledger.making import quickly_made


@dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plain(_Base):
    count: int
    note: str | None = None

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError(self.count)


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class _Quick(_Base):
    count: int
    note: str | None = None

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError(self.count)


def test_it_holds_what_it_was_given_and_its_defaults() -> None:
    made = _Quick(name="A", count=2)
    assert (made.name, made.count, made.note) == ("A", 2, None)
    assert repr(made) == repr(_Plain(name="A", count=2)).replace("_Plain", "_Quick")
    assert made == _Quick(count=2, name="A") != _Quick(count=2, name="A", note="x")
    assert hash(made) == hash(_Quick(name="A", count=2))


def test_it_is_frozen_and_checked_as_before() -> None:
    made = _Quick(name="A", count=2)
    with pytest.raises(FrozenInstanceError):
        made.count = 3  # type: ignore[misc]
    with pytest.raises(ValueError, match="-1"):
        _Quick(name="A", count=-1)


def test_fields_are_given_by_name_all_of_them_and_no_other() -> None:
    for wrong in ({"name": "A"}, {"name": "A", "count": 1, "more": 1}):
        with pytest.raises(TypeError):
            _Quick(**wrong)
    with pytest.raises(TypeError):
        _Quick("A", 1)  # type: ignore[call-arg]


def test_a_field_that_a_factory_fills_leaves_the_class_as_it_is() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Filled:
        names: list[str] = field(default_factory=list)

    constructor = Filled.__init__
    assert quickly_made(Filled).__init__ is constructor
    assert Filled().names == []
