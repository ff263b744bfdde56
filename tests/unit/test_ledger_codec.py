"""The codec beyond the goldens: every shape a field can have, and the digest of a command."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Literal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import codec
from ledger.commands import CreditAccount, DebitAccount, OpenLoan, ReceiveRepayment
from ledger.errors import InvalidAmount, InvariantBroken, StoredFactUnreadable
from ledger.events import AccountCredited, InstalmentsScheduled, RepaymentReceived, WarningRaised
from ledger.terms import Grace, Instalment, Split, Terms


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registrations of this test alone: the project's own stay as they are."""
    for table in ("_by_class", "_by_name", "_by_topic", "_documents", "_upcasts"):
        monkeypatch.setattr(codec, table, dict(getattr(codec, table)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A nested record with values of every kind."""

    text: str
    ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    """One field of each shape that a fact may have."""

    number: int
    flag: bool
    day: date
    maybe_day: date | None
    mood: Literal["good", "bad"]
    notes: tuple[Note, ...]
    names: tuple[str, ...]
    note: Note

    def __post_init__(self) -> None:
        if self.number < 0:
            raise InvalidAmount("number is negative")


@pytest.mark.usefixtures("own_registry")
@given(
    number=st.integers(0, 2**63 - 1),
    flag=st.booleans(),
    day=st.dates(),
    maybe_day=st.none() | st.dates(),
    mood=st.sampled_from(["good", "bad"]),
    texts=st.lists(st.text(max_size=20), max_size=3),
    ratio=st.none() | st.floats(allow_nan=False, allow_infinity=False),
)
def test_every_shape_comes_back_as_it_was(number, flag, day, maybe_day, mood, texts, ratio) -> None:
    known = codec.Codec(Everything, "test.everything", 1)
    notes = tuple(Note(text=text, ratio=ratio) for text in texts)
    fact = Everything(
        number=number,
        flag=flag,
        day=day,
        maybe_day=maybe_day,
        mood=mood,
        notes=notes,
        names=tuple(texts),
        note=Note(text="", ratio=ratio),
    )
    again = known.decode(orjson.loads(known.encode(fact)))
    assert again == fact
    assert known.encode(again) == known.encode(fact)


@pytest.mark.usefixtures("own_registry")
def test_a_value_that_the_facts_own_constructor_refuses_is_unreadable() -> None:
    codec.event_type("test.everything", version=1)(Everything)
    fact = Everything(
        number=1,
        flag=True,
        day=date(2024, 1, 1),
        maybe_day=None,
        mood="good",
        notes=(),
        names=(),
        note=Note(text="x", ratio=0.5),
    )
    topic, stored = codec.encode(fact)
    assert topic == codec.topic_of(fact) == "test.everything.v1"
    with pytest.raises(StoredFactUnreadable, match="negative"):
        codec.decode(topic, stored.replace(b'"number":1', b'"number":-1'))


@pytest.mark.parametrize("shape", ["dict", "object", "two"])
def test_a_field_that_could_not_be_read_back_strictly_is_refused_at_registration(
    shape: str,
) -> None:
    hints = {"dict": dict, "object": object, "two": int | str}
    odd = dataclass(frozen=True)(type("Odd", (), {"__annotations__": {"odd": hints[shape]}}))
    with pytest.raises(InvariantBroken):
        codec.Codec(odd, "test.odd", 1)


_AREAS = {
    *(
        "loan",
        "account",
        "trading",
        "day",
        "period",
        "message",
        "warning",
        "rules",
        "score",
        "test",
    ),
    *("case", "contact", "debtor", "promise", "legal", "evasion", "referral", "audit"),
}


def test_all_facts_have_dotted_names_of_their_own_and_carry_both_times() -> None:
    known = list(codec.codecs())
    names = [each.name for each in known]
    assert names == sorted(set(names))
    for each in known:
        area, _, what = each.name.partition(".")
        assert area in _AREAS
        assert what.replace("_", "").isalpha()
        assert {"value_date", "recorded_at_us"} <= {field.name for field in fields(each.cls)}


def test_the_same_fact_gives_the_same_bytes_and_no_other_does() -> None:
    fact = RepaymentReceived(
        loan_id="L1",
        amount_minor=5,
        split=Split(interest_minor=5),
        transaction_id="t",
        value_date=date(2024, 1, 1),
        recorded_at_us=1,
    )
    assert codec.encode(fact) == codec.encode(replace(fact))
    assert codec.encode(fact) != codec.encode(replace(fact, split=Split(principal_minor=5)))


def test_lists_and_unknown_numbers_keep_their_meaning() -> None:
    rows = tuple(
        Instalment(number=n, due_date=date(2024, n, 1), principal_minor=n, interest_minor=0)
        for n in (1, 2, 3)
    )
    fact = InstalmentsScheduled(
        loan_id="L1",
        schedule_version=1,
        origin="given",
        instalments=rows,
        transaction_id="t",
        value_date=date(2024, 1, 1),
        recorded_at_us=1,
    )
    again = codec.decode(*codec.encode(fact))
    assert again == fact
    assert type(again.instalments) is tuple
    assert {WarningRaised, AccountCredited} <= {each.cls for each in codec.codecs()}


def repayment(**changes: object) -> ReceiveRepayment:
    command = ReceiveRepayment(
        loan_id="L1",
        amount_minor=500,
        currency="CNY",
        transaction_id="t",
        value_date=date(2024, 1, 1),
        recorded_at_us=1,
    )
    return replace(command, **changes)  # type: ignore[arg-type]


def test_a_digest_names_what_is_asked_and_not_when_it_came() -> None:
    digest = codec.content_digest(repayment())
    assert len(digest) == codec.DIGEST_BYTES
    assert codec.content_digest(repayment(recorded_at_us=2)) == digest
    for change in (
        {"amount_minor": 501},
        {"currency": "EUR"},
        {"loan_id": "L2"},
        {"value_date": date(2024, 1, 2)},
        {"transaction_id": "u"},
    ):
        assert codec.content_digest(repayment(**change)) != digest


def test_a_digest_tells_a_credit_from_a_debit_and_counts_no_absent_field() -> None:
    fields = {
        "account_id": "A1",
        "amount_minor": 5,
        "currency": "CNY",
        "flow": "trade",
        "transaction_id": "t",
        "value_date": date(2024, 1, 1),
        "recorded_at_us": 1,
    }
    credit = CreditAccount(balance_minor=None, **fields)  # type: ignore[arg-type]
    debit = DebitAccount(balance_minor=None, **fields)  # type: ignore[arg-type]
    stated = CreditAccount(balance_minor=5, **fields)  # type: ignore[arg-type]
    assert len({codec.content_digest(command) for command in (credit, debit, stated)}) == 3


def test_a_digest_reaches_into_nested_terms() -> None:
    def opening(rate: int) -> OpenLoan:
        return OpenLoan(
            loan_id="L1",
            borrower_id="B1",
            account_id=None,
            product="p",
            currency="CNY",
            principal_minor=1,
            terms=Terms(method="annuity", instalments=6, rate_ppm=rate),
            officer_id="o",
            branch="b",
            industry="",
            region="",
            guarantor_id=None,
            transaction_id="t",
            value_date=date(2024, 1, 1),
            recorded_at_us=1,
        )

    assert codec.content_digest(opening(1)) == codec.content_digest(opening(1))
    assert codec.content_digest(opening(1)) != codec.content_digest(opening(2))


def test_terms_that_came_later_leave_the_digests_of_before_as_they_are() -> None:
    opening = OpenLoan(
        transaction_id="t",
        value_date=date(2024, 1, 1),
        recorded_at_us=0,
        loan_id="L1",
        borrower_id="B1",
        account_id=None,
        product="sme",
        currency="CNY",
        principal_minor=10_000,
        terms=Terms(method="annuity", instalments=6, rate_ppm=94_822),
        officer_id="O1",
        branch="b",
        industry="",
        region="",
        guarantor_id=None,
    )
    # Taken when terms had eight fields; such a message may still come again.
    assert codec.content_digest(opening).hex() == "6f858409813c9750c23afb2dd8e5f9b6"
    weekly = replace(opening, terms=replace(opening.terms, period_days=7))
    late = replace(opening, terms=replace(opening.terms, grace=Grace(arrears_days=3)))
    digests = {codec.content_digest(command) for command in (opening, weekly, late)}
    assert len(digests) == 3
