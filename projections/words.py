"""Words as small numbers, so that columns can hold them."""

from __future__ import annotations


class Codes:
    """Words as small numbers, in order of first appearance."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._codes: dict[str, int] = {}

    def of(self, name: str) -> int:
        """The number of a word, a new one when it is new."""
        code = self._codes.get(name)
        if code is None:
            code = self._codes[name] = len(self.names)
            self.names.append(name)
        return code
