"""What is wrong with a message, in words its sender can act on.

Turns the validator's findings into one typed error with a reason and a way out. Runs only for
messages that will be refused, so it may take its time. Does not decide what is right: the schema in
`topics` does.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ledger.errors import InvalidAmount, LoanError, MalformedMessage
from streams.topics import MAX_MESSAGE_BYTES, MESSAGE_TYPES

_AMOUNT_FIELDS = frozenset(
    "amount principal interest balance limit outstanding payment_due opening_balance "
    "overdraft_limit instalment_unit cost other".split()
)
_SIGNED_FIELDS = frozenset(["balance", "opening_balance"])
_ADVICE = (
    ("date", "Send an ISO date such as 2024-03-31."),
    ("sent_at", "Send RFC 3339 with a time zone, such as 2024-03-31T10:15:00Z."),
    ("transaction_id", "Use 1 to 128 printable ASCII characters without spaces."),
    ("id", "Use 1 to 64 of the characters A-Z a-z 0-9 . _ -"),
    ("currency", "Send an ISO 4217 code such as CNY or EUR."),
    ("rate_percent", 'Send percent a year as a decimal string with up to 4 digits: "9.4822".'),
)
"""How a field's name ends -> what to send; the first match counts."""


class MessageTooLarge(MalformedMessage):
    """Longer than a message may be."""

    code = "message_too_large"


class NotUtf8(MalformedMessage):
    """The bytes are not UTF-8 text."""

    code = "not_utf8"


class NotJson(MalformedMessage):
    """The text is not one JSON object."""

    code = "not_json"


class UnknownType(MalformedMessage):
    """The `type` is missing or not one of the published ones."""

    code = "unknown_type"


class UnknownField(MalformedMessage):
    """A field that the schema does not have."""

    code = "unknown_field"


class DuplicateField(MalformedMessage):
    """A field that is there twice: which of them is meant, nobody can tell."""

    code = "duplicate_field"


class MissingField(MalformedMessage):
    """A field that the schema requires is not there."""

    code = "missing_field"


class InvalidValue(MalformedMessage):
    """A field's value is of the wrong type or form."""

    code = "invalid_value"


class ReservedId(InvalidValue):
    """A transaction id that begins as those of our own services do."""

    code = "reserved_transaction_id"


def too_large(length: int) -> LoanError:
    """The error for a message of `length` bytes that is over the limit."""
    return MessageTooLarge(
        f"The message has {length:,} bytes; {MAX_MESSAGE_BYTES:,} is the limit.",
        way_out="Send one transaction a message.",
    )


def check_names(body: bytes) -> None:
    """Errors: DuplicateField when an object of the JSON `body` names a field twice."""
    json.loads(body, object_pairs_hook=_names_once)


def _names_once(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise DuplicateField(
                f"{name[:80]} is there twice.", way_out="Name each field once in an object."
            )
        seen.add(name)


def explain(body: bytes, error: ValidationError) -> LoanError:
    """The validator's findings about `body` -> the one error that helps most."""
    findings = error.errors(include_url=False, include_input=True)
    first = min(findings, key=_urgency)
    kind = first["type"]
    if kind == "json_invalid":
        return _not_json(body, first)
    if kind == "dict_type" and not first["loc"]:
        return NotJson("The message is not a JSON object.", way_out='Send {"type": …, …}.')
    if kind.startswith("union_tag"):
        return _unknown_type(kind, first)
    more = f" ({len(findings) - 1} more)" if len(findings) > 1 else ""
    return _field_error(first, more)


def _urgency(finding: ErrorDetails) -> int:
    """A misspelt field explains a missing one, so it comes first."""
    return {"extra_forbidden": 0, "missing": 1}.get(finding["type"], 2)


def _not_json(body: bytes, finding: ErrorDetails) -> LoanError:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        return NotUtf8(
            f"Byte {error.start + 1} is not UTF-8.", way_out="Send the message as UTF-8 text."
        )
    return NotJson(
        f"Not JSON: {finding['ctx']['error']}.", way_out="Send one JSON object a message."
    )


def _unknown_type(kind: str, finding: ErrorDetails) -> LoanError:
    if kind == "union_tag_not_found":
        what = "The message has no type."
    else:
        what = f"{_shown(finding['ctx']['tag'])} is not a message type."
    return UnknownType(what, way_out=f"Known types: {', '.join(MESSAGE_TYPES)}.")


def _field_error(finding: ErrorDetails, more: str) -> LoanError:
    path = ".".join(str(part) for part in finding["loc"][1:])
    name = str(next((part for part in reversed(finding["loc"]) if isinstance(part, str)), ""))
    kind, value = finding["type"], finding["input"]
    if kind == "extra_forbidden":
        return UnknownField(
            f"{path[:80]} is not a field of {finding['loc'][0]}{more}.",
            way_out=_known_fields(finding["loc"]),
        )
    if kind == "missing":
        return MissingField(f"{path} is missing{more}.", way_out=_way_out(name))
    if name in _AMOUNT_FIELDS:
        return _amount_error(path, name, value, more)
    what = f"{path} is {_shown(value)}, which is not valid{more}."
    expected = finding.get("ctx", {}).get("expected")
    way_out = f"One of {expected}." if expected else _way_out(name, finding["msg"])
    return InvalidValue(what, way_out=way_out)


def _amount_error(path: str, name: str, value: Any, more: str) -> LoanError:
    if not isinstance(value, str):
        way_out = 'Send a decimal string such as "1250.00", never a JSON number.'
    elif value.startswith("-") and name not in _SIGNED_FIELDS:
        way_out = "Send a positive amount; the type says in which direction money moves."
    else:
        way_out = (
            'Send a decimal string such as "1250.00", without separators or exponent, with at most '
            "16 digits before the point."
        )
    return InvalidAmount(
        f"{path} is {_shown(value)}, which is not an amount{more}.", way_out=way_out
    )


def _known_fields(loc: tuple[int | str, ...]) -> str:
    if len(loc) != 2 or str(loc[0]) not in MESSAGE_TYPES:
        return "Leave it out."
    return f"Known fields: {', '.join(sorted(MESSAGE_TYPES[str(loc[0])].model_fields))}."


def _way_out(name: str, message: str = "") -> str:
    for ending, advice in _ADVICE:
        if name == ending or name.endswith("_" + ending):
            return advice
    if name in _AMOUNT_FIELDS:
        return 'Send a decimal string such as "1250.00".'
    if "pattern" in message:
        return "Send text of at most 128 characters without control characters."
    return f"{message}." if message else f"Send {name} as the schema says."


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:60] + "…"
