"""The shapes of answers about cases and the people who work them."""

from __future__ import annotations

from projections.case_tables import (
    ASSIGNMENTS,
    CASE_HISTORY,
    CASE_OWNERS,
    CASE_PAYMENTS,
    CASES,
    CONTACTS,
    OVERRIDES,
    PROMISES,
)
from projections.read_team import COUNTS, RATES
from streams.api.shapes import DATE, WHOLE, WORDS, Schema, fields_of, listed, or_null, record, ref

_RATE = or_null(
    record(
        "Rate",
        {
            "part": WHOLE,
            "whole": WHOLE,
            "rate_ppm": or_null(WHOLE),
            "adjusted_ppm": or_null(WHOLE),
            "covered_ppm": WHOLE,
        },
    )
)
_BOUNDS = or_null(record("Bounds", {"ppm": WHOLE, "low_ppm": WHOLE, "high_ppm": WHOLE}))
_BY_CURRENCY: Schema = {"type": "object", "additionalProperties": {"type": "object"}}
_RANKED = {
    "rank": WHOLE,
    "why": listed(record("Why", {"code": WORDS, "points": WHOLE, "text": WORDS})),
    "suggestion": or_null(
        record(
            "Suggestion",
            {
                "channel": or_null(WORDS),
                "date": or_null(DATE),
                "tone": WORDS,
                "next_step": WORDS,
                "supervision": WORDS,
                "queued_until_us": or_null(WHOLE),
                "queued_until_date": or_null(DATE),
            },
        )
    ),
    "open_warnings": WHOLE,
}
_OF_CASE: dict[str, Schema] = {
    "owners": listed(record("CaseOwner", fields_of(CASE_OWNERS))),
    "contacts": listed(record("Contact", fields_of(CONTACTS))),
    "promises": listed(record("Promise", fields_of(PROMISES))),
    "assignments": listed(record("Assignment", fields_of(ASSIGNMENTS))),
    "payments": listed(record("CasePayment", fields_of(CASE_PAYMENTS))),
    "history": listed(ref("CaseFact")),
    "borrower_history": listed(ref("CaseFact")),
    "loans": listed({"type": "object"}),
    "warnings": listed(ref("Warning")),
}

CASE_SCHEMAS: dict[str, Schema] = {
    "CaseFact": record("CaseFact", fields_of(CASE_HISTORY)),
    "CaseEntry": record("CaseEntry", fields_of(CASES)),
    "RankedCase": record("RankedCase", {**fields_of(CASES), **_RANKED}),
    "Case": record("Case", {**fields_of(CASES), **_RANKED, **_OF_CASE}),
    "Override": record("Override", fields_of(OVERRIDES)),
    "TeamFigures": record(
        "TeamFigures",
        {
            "officer": WORDS,
            "team": WORDS,
            "since_date": DATE,
            "until_date": DATE,
            **dict.fromkeys(COUNTS, WHOLE),
            **dict.fromkeys(RATES, _RATE),
            "response_hours": or_null(WHOLE),
            "money": _BY_CURRENCY,
        },
        optional=("officer", "team"),
    ),
    "Behind": record(
        "Behind", {"reference": WORDS, "segment": WORDS, "part": WHOLE, "whole": WHOLE}
    ),
    "Arm": record(
        "Arm",
        {
            "arm": WORDS,
            "borrowers": WHOLE,
            "overdue": WHOLE,
            **dict.fromkeys(("cured", "cured_apart", "rolled", "rolled_apart"), _BOUNDS),
            "cost": _BY_CURRENCY,
        },
    ),
}
"""Every named shape of this part, for `components.schemas`."""
