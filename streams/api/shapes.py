"""The shapes of answers for the documentation, made from the tables that the views write.

A column that a view gains or loses shows in `/docs` at once; a test checks real answers against
these shapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from projections.account_balances import ACCOUNT_BALANCES
from projections.balances import LOAN_BALANCES
from projections.grades import CHANGES, GRADES
from projections.reading import FLAGS, LISTS, OBJECTS
from projections.refusals import REFUSALS
from projections.register import LOANS
from projections.tables import TableSpec
from projections.warnings import HISTORY, WARNINGS

Schema = dict[str, Any]

DATE: Schema = {"type": "string", "format": "date"}
WHOLE: Schema = {"type": "integer"}
WORDS: Schema = {"type": "string"}
RATIO: Schema = {"type": ["number", "null"]}


def ref(name: str) -> Schema:
    """A shape of the catalogue, by name."""
    return {"$ref": f"#/components/schemas/{name}"}


def listed(item: Schema) -> Schema:
    """An array."""
    return {"type": "array", "items": item}


def or_null(schema: Schema) -> Schema:
    """The shape, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def record(title: str, fields: Mapping[str, Schema], *, optional: tuple[str, ...] = ()) -> Schema:
    """An object with exactly these fields."""
    return {
        "title": title,
        "type": "object",
        "properties": dict(fields),
        "required": [name for name in fields if name not in optional],
        "additionalProperties": False,
    }


def page(name: str, item: Schema) -> Schema:
    """A list under its name, and the cursor of the next page."""
    return record("Page", {name: listed(item), "next_cursor": {"type": ["string", "null"]}})


def done(schema: Schema) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that answers with the shape."""
    return {200: {"description": "Done.", "content": {"application/json": {"schema": schema}}}}


def fields_of(spec: TableSpec) -> dict[str, Schema]:
    """The fields of a row as readers get it: days are dates, lists are lists."""
    fields: dict[str, Schema] = {}
    for column in spec.columns:
        name = column.name
        shape = WHOLE if column.kind is int else WORDS
        if name.endswith("_day"):
            name, shape = name.removesuffix("_day") + "_date", DATE
        elif name in LISTS:
            shape = listed({})
        elif name in OBJECTS:
            shape = {"type": "object"}
        elif name in FLAGS:
            shape = {"type": "boolean"}
        elif name == "findings":
            shape = listed(WORDS)
        fields[name] = or_null(shape) if column.nullable else shape
    return fields


_STORY = {
    "date": DATE,
    "recorded_at_us": WHOLE,
    "kind": {"type": "string", "enum": ["fact", "warning", "grade"]},
    "what": WORDS,
    "text": WORDS,
    "level": WORDS,
    "event_id": WORDS,
}
_BALANCE = {
    **fields_of(LOAN_BALANCES),
    "dpd_days": WHOLE,
    "next_due_date": or_null(DATE),
    "next_due_minor": or_null(WHOLE),
    "interest_earned_minor": WHOLE,
    "penalty_minor": WHOLE,
    "compound_minor": WHOLE,
}
_THEN = ("loan_id", "currency", "outstanding_minor", "paid_minor", "arrears_minor", "dpd_days")
_ALWAYS = (*_THEN, "overdue_since_date")
_SUMS = {"loans": WHOLE, "outstanding_minor": WHOLE}
_CURRENCY = {
    "currency": WORDS,
    **_SUMS,
    "overdue_loans": WHOLE,
    "arrears_minor": WHOLE,
    "par": listed(record("PAR", {"over_days": WHOLE, "outstanding_minor": WHOLE, "ratio": RATIO})),
    "nonperforming_minor": WHOLE,
    "nonperforming_ratio": RATIO,
    "ageing": listed(
        record("Ageing", {"currency": WORDS, "bucket": WORDS, **_SUMS, "arrears_minor": WHOLE})
    ),
    "grades": listed(
        record(
            "Graded",
            {
                "currency": WORDS,
                "grade": WORDS,
                "rank": WHOLE,
                "performing": {"type": "boolean"},
                **_SUMS,
            },
        )
    ),
}

SCHEMAS: dict[str, Schema] = {
    "LoanEntry": record("LoanEntry", fields_of(LOANS)),
    "Balance": record("Balance", _BALANCE, optional=tuple(_BALANCE.keys() - set(_ALWAYS))),
    "AccountBalance": record("AccountBalance", fields_of(ACCOUNT_BALANCES)),
    "Grade": {
        "title": "Grade",
        "type": "object",
        "properties": {**fields_of(GRADES), "grade_by_rules": WORDS},
    },
    "GradeChange": record("GradeChange", fields_of(CHANGES)),
    "Regime": record(
        "Regime",
        {
            "regime": WORDS,
            "version": WORDS,
            "title": WORDS,
            "title_en": WORDS,
            "grades": listed(
                record(
                    "RegimeGrade",
                    {"grade": WORDS, "local": WORDS, "performing": {"type": "boolean"}},
                )
            ),
        },
    ),
    "GradedAnew": record(
        "GradedAnew",
        {
            "loan_id": WORDS,
            "regime": WORDS,
            "version": WORDS,
            "judged_date": or_null(DATE),
            "projected": {"type": "boolean"},
            "grade": or_null(WORDS),
            "rank": or_null(WHOLE),
            "reason": or_null(ref("GradeChange")),
            "asking": listed(
                record(
                    "Asking",
                    {
                        "rule": WORDS,
                        "asks_for": WORDS,
                        "text": WORDS,
                        "article": WORDS,
                        "source": WORDS,
                        "mark": WORDS,
                        "causes": listed(WORDS),
                    },
                )
            ),
            "rules": listed(WORDS),
            "changes": listed(ref("GradeChange")),
        },
    ),
    "Warning": record("Warning", fields_of(WARNINGS)),
    "WarningChange": record("WarningChange", fields_of(HISTORY)),
    "WarningWithHistory": record(
        "WarningWithHistory", {**fields_of(WARNINGS), "history": listed(ref("WarningChange"))}
    ),
    "WarningGroups": record(
        "WarningGroups",
        {
            "groups": listed(
                record(
                    "WarningGroup",
                    {
                        "officer_id": WORDS,
                        "borrower_id": WORDS,
                        "severity": WORDS,
                        "warnings": WHOLE,
                        "unanswered": WHOLE,
                        "deferred": WHOLE,
                        "first_raised_date": DATE,
                    },
                )
            )
        },
    ),
    "Loan": record(
        "Loan",
        {
            **fields_of(LOANS),
            "as_of": or_null(DATE),
            "known_on": or_null(DATE),
            "balance": ref("Balance"),
            "account": or_null(ref("AccountBalance")),
            "grade": or_null(ref("Grade")),
            "warnings": listed({"anyOf": [ref("Warning"), ref("WarningChange")]}),
        },
    ),
    "Story": record("Story", {"lines": listed(record("StoryLine", _STORY))}),
    "Refusal": record("Refusal", fields_of(REFUSALS)),
    "Portfolio": record(
        "Portfolio",
        {
            "as_of": or_null(DATE),
            "closed_date": or_null(DATE),
            "currencies": listed(record("PortfolioOfCurrency", _CURRENCY)),
        },
    ),
    "Figure": record(
        "Figure",
        {
            "name": WORDS,
            "as_of": DATE,
            "since": or_null(DATE),
            "columns": listed(WORDS),
            "rows": listed({"type": "object"}),
        },
    ),
    "TrialBalance": record(
        "TrialBalance",
        {
            "accounts": listed(
                record(
                    "BookAccount",
                    {
                        "currency": WORDS,
                        "account": WORDS,
                        "debit_minor": WHOLE,
                        "credit_minor": WHOLE,
                        "balance_minor": WHOLE,
                    },
                )
            )
        },
    ),
    "Acted": record("Acted", {"warning_id": WORDS, "event_ids": listed(WORDS)}),
}
"""Every named shape, for `components.schemas`."""
