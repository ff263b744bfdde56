"""What may be proposed for a second person to approve, over HTTP and at the desk."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import Body
from pydantic import BaseModel, ConfigDict, Field

from streams.fields import Id, Remark, TextOrEmpty

Reason = Annotated[Remark, Field(min_length=1, description="Why; the second person reads it.")]


class Reasoned(BaseModel):
    """Something that wants a reason."""

    model_config = ConfigDict(extra="forbid")
    reason: Reason


class _OfLoan(Reasoned):
    loan_id: Id
    value_date: date

    def _said(self, **more: Any) -> dict[str, Any]:
        return {**more, "value_date": self.value_date, "loan_id": self.loan_id}


class GradeOverrideAsked(_OfLoan):
    """Set a loan's grade in a regime."""

    kind: Literal["grade_override"]
    regime: Id
    grade: Id
    until: date | None = None

    def message(self, borrower_id: str) -> dict[str, Any]:
        """The message it becomes, without the names of the two."""
        return self._said(
            type="grade_overridden",
            regime=self.regime,
            grade=self.grade,
            until=self.until,
            reason=self.reason,
        )


class GradeOverrideEndAsked(_OfLoan):
    """Let the rules of a regime speak again."""

    kind: Literal["grade_override_end"]
    regime: Id

    def message(self, borrower_id: str) -> dict[str, Any]:
        """As above."""
        return self._said(type="grade_override_ended", regime=self.regime, reason=self.reason)


class WriteOffAsked(_OfLoan):
    """Close a loan as a loss."""

    kind: Literal["write_off"]

    def message(self, borrower_id: str) -> dict[str, Any]:
        """As above."""
        return self._said(type="loan_closed", reason="written_off")


class ExemptionAsked(Reasoned):
    """Find that an officer did their duty in a case, so that its loss is not held against them."""

    kind: Literal["exemption"]
    case_id: Id
    officer_id: Id
    reference: TextOrEmpty = ""
    value_date: date

    def message(self, borrower_id: str) -> dict[str, Any]:
        """As above."""
        return {
            "type": "officer_exempted",
            "borrower_id": borrower_id,
            "case_id": self.case_id,
            "officer_id": self.officer_id,
            "reason": self.reason,
            "reference": self.reference,
            "value_date": self.value_date,
        }


class ErasureAsked(Reasoned):
    """Make what was written about a borrower unreadable, for ever."""

    kind: Literal["erasure"]
    borrower_id: Id


Wanted = Annotated[
    GradeOverrideAsked | GradeOverrideEndAsked | WriteOffAsked | ExemptionAsked | ErasureAsked,
    Body(discriminator="kind"),
]
