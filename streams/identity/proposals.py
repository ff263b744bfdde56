"""Proposals: what one person asks for and another has to approve. Who may is `rights`'; no HTTP.

A proposal is pending, then approved, declined or refused (by the book), once. While it is being
carried out it is "approving" in the name of whoever approved it, who may do so again if that was
cut off: its message has one transaction id, so it counts once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from ledger.dates import now_us
from ledger.errors import LoanError
from projections.tables import select
from streams.identity.directory import Tables
from streams.identity.draws import short_id
from streams.identity.tables import PROPOSALS
from streams.own_commands import PROPOSAL

State = Literal["pending", "approving", "approved", "declined", "refused"]


class Decided(LoanError):
    """The proposal was decided before, or is being decided by somebody else."""

    code = "decided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A row of the proposals. `branch` None: it belongs to no single branch."""

    proposal_id: str
    kind: str
    state: str
    borrower_id: str
    loan_id: str | None
    branch: str | None
    content: Mapping[str, Any]
    reason: str
    proposed_by: str
    proposed_us: int
    decided_by: str | None = None
    decided_us: int | None = None
    outcome: str = ""

    @property
    def transaction_id(self) -> str:
        """That of the message it becomes."""
        return f"{PROPOSAL}{self.proposal_id}"


class Proposals:
    """The proposals in the tables of people."""

    def __init__(self, tables: Tables) -> None:
        self._tables, self._table = tables, tables.table(PROPOSALS)

    def add(
        self,
        *,
        kind: str,
        borrower_id: str,
        loan_id: str | None,
        branch: str | None,
        content: Mapping[str, Any],
        reason: str,
        by: str,
    ) -> Proposal:
        """Keep a new one."""
        made = Proposal(
            proposal_id=short_id(),
            kind=kind,
            state="pending",
            borrower_id=borrower_id,
            loan_id=loan_id,
            branch=branch,
            content=content,
            reason=reason,
            proposed_by=by,
            proposed_us=now_us(),
        )
        row = (
            made.proposal_id,
            kind,
            made.state,
            borrower_id,
            loan_id,
            branch,
            orjson.dumps(content).decode(),
            reason,
            by,
            made.proposed_us,
            None,
            None,
            "",
        )
        with self._tables.writing() as connection:
            self._tables.insert(connection, PROPOSALS, row)
        return made

    def find(self, proposal_id: str) -> Proposal | None:
        """One, by id."""
        found = self._tables.first(
            select(self._table).where(self._table.c.proposal_id == proposal_id)
        )
        return None if found is None else _proposal(found)

    def list(
        self,
        *,
        state: str | None,
        kinds: Sequence[str],
        branches: Sequence[str] | None,
        before: tuple[int, str] | None,
        limit: int,
    ) -> list[Proposal]:
        """Newest first, of `kinds`; `branches` None is all, else those of these branches alone."""
        table = self._table
        asked = select(table).where(table.c.kind.in_(kinds))
        if state is not None:
            asked = asked.where(table.c.state == state)
        if branches is not None:
            asked = asked.where(table.c.branch.in_(branches))
        if before is not None:
            moment, last = before
            earlier = table.c.proposed_us < moment
            same = (table.c.proposed_us == moment) & (table.c.proposal_id < last)
            asked = asked.where(earlier | same)
        order = (table.c.proposed_us.desc(), table.c.proposal_id.desc())
        return [*map(_proposal, self._tables.rows(asked.order_by(*order).limit(limit)))]

    def claim(self, proposal_id: str, by: str, *, declined: str | None = None) -> Proposal:
        """Take a pending one to approve it, or one's own that was cut off. Errors: Decided.

        `declined`: decline it for that reason instead, and be done with it. What was approved by
        then may be in the book already, so it is not declined any more.
        """
        table = self._table
        free = table.c.state == "pending"
        values = {"state": "declined", "outcome": (declined or "")[:500]}
        if declined is None:
            free |= (table.c.state == "approving") & (table.c.decided_by == by)
            values = {"state": "approving"}
        with self._tables.writing() as connection:
            taken = connection.execute(
                table.update()
                .where(table.c.proposal_id == proposal_id)
                .where(free)
                .values(decided_by=by, decided_us=now_us(), **values)
            )
            if not taken.rowcount:
                raise Decided("Somebody decided it before.", way_out="See what became of it.")
            row = connection.execute(select(table).where(table.c.proposal_id == proposal_id)).one()
        return _proposal(row)

    def settle(self, proposal_id: str, state: State, outcome: str) -> None:
        """Note what became of one that was taken."""
        table = self._table
        with self._tables.writing() as connection:
            connection.execute(
                table.update()
                .where(table.c.proposal_id == proposal_id)
                .values(state=state, outcome=outcome[:500])
            )


def _proposal(row: Any) -> Proposal:
    values = dict(zip(PROPOSALS.column_names, row, strict=True))
    return Proposal(**{**values, "content": orjson.loads(values["content"])})
