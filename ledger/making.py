"""Records made in half the time, for those that every message makes several of.

A frozen dataclass sets each field by looking up `object.__setattr__` and calling it. Here its slots
are set as such. Whoever has a record can change it no more than before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, TypeVar

T = TypeVar("T")


def quickly_made(cls: type[T]) -> type[T]:
    """Give a frozen dataclass with slots and keywords only a constructor that sets the slots.

    One with fields that a factory fills, or without slots of its own, stays as it is.
    """
    scope: dict[str, Any] = {}
    parameters, lines = [], []
    for field in fields(cls):  # type: ignore[arg-type]
        slot = getattr(cls, field.name, None)
        if not (field.init and field.kw_only and hasattr(slot, "__set__")):
            return cls
        if field.default_factory is not MISSING:
            return cls
        name = field.name
        scope[f"set_{name}"] = slot.__set__  # type: ignore[union-attr]
        scope[f"default_{name}"] = field.default
        parameters.append(name if field.default is MISSING else f"{name}=default_{name}")
        lines.append(f"    set_{name}(self, {name})")
    if hasattr(cls, "__post_init__"):
        lines.append("    self.__post_init__()")
    if lines:
        source = [f"def make(self, *, {', '.join(parameters)}):", *lines]
        exec(compile("\n".join(source), f"<the constructor of {cls.__name__}>", "exec"), scope)
        constructor: Callable[..., None] = scope["make"]
        constructor.__qualname__ = f"{cls.__qualname__}.__init__"
        constructor.__name__, constructor.__annotations__ = "__init__", cls.__init__.__annotations__
        cls.__init__ = constructor  # type: ignore[method-assign]
    return cls
