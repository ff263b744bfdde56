"""What may be expected in a diary of collecting a borrower's debts. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from inspect import signature
from typing import TypeVar

from ledger.collection.judgment import owed_on
from ledger.collection.limitation import limitation_on
from ledger.collection.standing import standing_on
from ledger.collection.state import Case, Collection
from ledger.loan import Loan
from ledger.money import format_minor, parse_minor
from ledger.scenario.asked import Answer
from ledger.scenario.words import Unclear

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class CollectionOn:
    """A borrower's collection and the loans of the diary, at the end of a day."""

    collection: Collection
    loans: Mapping[str, Loan]
    day: int

    def case(self, case_id: str) -> Case:
        """A case. Errors: Unclear."""
        return _known(self.collection.cases, case_id)

    def loan(self, loan_id: str) -> Loan:
        """A loan. Errors: Unclear."""
        return _known(self.loans, loan_id)


def _known(table: Mapping[str, T], name: str) -> T:
    if name not in table:
        raise Unclear(f"{name!r} is not known here; one of {', '.join(table)} is")
    return table[name]


def collection_answer(on: CollectionOn, clause: str) -> Answer:
    """What is expected of a borrower and what holds. Errors: Unclear for an unknown clause."""
    word, _, rest = clause.partition(" ")
    check = COLLECTION_CLAUSES.get(word)
    if check is None:
        known = ", ".join(COLLECTION_CLAUSES)
        raise Unclear(f"{word!r} cannot be expected of a borrower; one of {known} can")
    words = (on, *rest.split())
    try:
        signature(check).bind(*words)
    except TypeError:
        raise Unclear(f"{clause!r} has too few or too many words") from None
    return check(*words)


def _case(on: CollectionOn, case_id: str, what: str, value: str) -> Answer:
    case = on.case(case_id)
    strategy = case.strategy
    said = {
        "owner": case.owner_id,
        "team": case.team,
        "branch": case.branch,
        "cause": case.cause,
        "stage": case.stage,
        "status": case.closed or "open",
        "revision": str(case.revision),
        "arm": strategy.arm if strategy is not None else "none",
    }
    return value, _known(said, what)


def _contact(
    on: CollectionOn, contact_id: str, answer: str, rule: str = "", at: str = ""
) -> Answer:
    asked = _known(on.collection.asked, contact_id)
    found = (asked.answer, asked.rule, _shown(asked.next_us) if asked.rule else "")
    if not at and asked.rule:
        return (answer, rule), found[:2]
    return (answer, rule, at), found


def _shown(at_us: int | None) -> str:
    """A moment as a diary writes it, UTC; `never` for none."""
    if at_us is None:
        return "never"
    moment = _EPOCH + timedelta(microseconds=at_us)
    return moment.strftime("%Y-%m-%dT%H:%M:%S").removesuffix(":00")


def _breaches(on: CollectionOn, who: str, count: str) -> Answer:
    return int(count), on.collection.breaches.get(who, 0)


def _held(on: CollectionOn, *reasons: str) -> Answer:
    wanted = [] if reasons == ("nothing",) else list(reasons)
    return wanted, sorted(on.collection.holds)


def _promise(on: CollectionOn, promise_id: str, standing: str, amount: str) -> Answer:
    promise = _known(on.collection.promises, promise_id)
    found = standing_on(promise, on.loan(promise.loan_id), on.day)
    paid = format_minor(found.paid_minor, promise.currency)
    wanted = format_minor(parse_minor(amount, promise.currency), promise.currency)
    return (standing, wanted), (found.standing, paid)


def _limitation(on: CollectionOn, loan_id: str, cause: str, last: str = "") -> Answer:
    clock = limitation_on(on.loan(loan_id), on.collection, on.day)
    if clock is None:
        return (cause, last), ("none", "")
    return (cause, last), (clock.cause, clock.last_day.isoformat())


def _judgment(on: CollectionOn, step_id: str, debt: str, other: str, extra: str) -> Answer:
    step = _known(on.collection.steps, step_id)
    owed = owed_on(step, on.loan(step.loan_id), on.day)
    wanted = tuple(
        format_minor(parse_minor(amount, step.currency), step.currency)
        for amount in (debt, other, extra)
    )
    return wanted, tuple(format_minor(minor, step.currency) for minor in owed[:3])


def _referral(on: CollectionOn, case_id: str, referral_id: str, status: str) -> Answer:
    referral = _known(on.case(case_id).referrals, referral_id)
    words = {None: "proposed", True: "approved", False: "declined"}
    return status, words[referral.approved]


COLLECTION_CLAUSES: dict[str, Callable[..., Answer]] = {
    "case": _case,
    "contact": _contact,
    "breaches": _breaches,
    "held": _held,
    "promise": _promise,
    "limitation": _limitation,
    "judgment": _judgment,
    "referral": _referral,
}
"""What may be expected of a borrower, by the first word of the clause."""
