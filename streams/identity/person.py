"""Who asks: a person with roles and branches, or anybody where nobody signs in. Knows no route."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal[
    "officer",
    "collections_manager",
    "risk_manager",
    "supervisor",
    "auditor",
    "publisher",
    "operator",
]
"""officer: looks after loans of own branches. collections_manager: leads collection there.
risk_manager: answers for grades, write-offs and rules. supervisor, auditor: see everything and
change nothing. publisher: a core system that sends transactions. operator: runs LoanBell and its
users, and sees no borrower."""
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who is signed in. `branches` None is the whole bank.

    `scopes` are those of an API token, None for a session: a token does no more than they say,
    whatever the roles. `signed_in` is False for `ANYBODY` alone.
    """

    user_id: str
    name: str
    roles: frozenset[str]
    branches: frozenset[str] | None = None
    scopes: frozenset[str] | None = None
    signed_in: bool = True

    @property
    def bank_wide(self) -> bool:
        """Whether every branch is theirs."""
        return self.branches is None

    def covers(self, branch: str | None) -> bool:
        """Whether something of `branch` is theirs to see; None: it belongs to no single branch."""
        return self.branches is None or (branch is not None and branch in self.branches)


ANYBODY = Person(user_id="", name="", roles=frozenset(ROLES), signed_in=False)
"""Whoever asks where no sign-in is wanted: a node on loopback without users."""
