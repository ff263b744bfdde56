"""Stored bytes are for ever: every golden file here decodes to a fact and back to itself.

A golden is written once, with the first version of a fact's shape. A new version adds a file and an
upcast; the old file stays as it is and must go on decoding. `*.edge.json` hold rare values: nulls,
empty lists, other scripts, the largest amount.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any, Literal

import orjson
import pytest

from ledger import codec
from ledger.errors import InvariantBroken, StoredFactUnreadable
from ledger.events import LoanClosed, LoanOpened, RepaymentReceived
from ledger.terms import LEGAL_ORDER, Split, Terms

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.json"))


def topic(path: Path) -> str:
    return path.name.removesuffix(".json").removesuffix(".edge")


def document(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = orjson.loads((HERE / f"{name}.json").read_bytes())
    return loaded


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_stored_bytes_decode_and_the_current_version_gives_the_same_bytes(path: Path) -> None:
    stored = path.read_bytes()
    fact = codec.decode(topic(path), stored)
    name, again = codec.encode(fact)
    if name == topic(path):
        assert again == stored
    else:
        assert codec.decode(name, again) == fact


def test_who_knows_the_facts_reads_old_versions_without_further_imports() -> None:
    read = (
        "from pathlib import Path; from ledger.codec import decode; import ledger.events;"
        f"decode('loan.opened.v1', Path({str(HERE / 'loan.opened.v1.json')!r}).read_bytes())"
    )
    subprocess.run([sys.executable, "-c", read], check=True, cwd=HERE.parents[1])


def test_every_registered_fact_has_a_golden_of_each_version_up_to_its_own() -> None:
    missing = [
        f"{known.name}.v{version}"
        for known in codec.codecs()
        if not known.name.startswith("test.")
        for version in range(1, known.version + 1)
        if not (HERE / f"{known.name}.v{version}.json").exists()
    ]
    assert missing == []
    assert len(FILES) >= 27


def test_a_golden_means_what_it_says() -> None:
    opened = codec.decode("loan.opened.v1", (HERE / "loan.opened.v1.json").read_bytes())
    assert opened == LoanOpened(
        loan_id="L-2024.00017",
        borrower_id="B-9",
        account_id="A-17",
        product="sme-term",
        currency="CNY",
        principal_minor=28_000_000,
        terms=Terms(
            method="annuity",
            instalments=20,
            period_months=1,
            first_due_date=date(2024, 4, 30),
            rate_ppm=84_000,
            day_count="act/365",
            allocation=LEGAL_ORDER,
            instalment_unit_minor=100,
        ),
        officer_id="O-3",
        branch="杭州",
        industry="textiles",
        region="浙江",
        guarantor_id="G-2",
        transaction_id="T000000123",
        value_date=date(2024, 3, 29),
        recorded_at_us=1_711_756_800_000_000,
    )
    closed = codec.decode("loan.closed.v1", (HERE / "loan.closed.v1.json").read_bytes())
    assert isinstance(closed, LoanClosed)
    assert closed.remaining == Split(costs_minor=9, interest_minor=66, principal_minor=8_366)


def test_a_loan_opened_under_version_1_has_the_terms_that_version_knew() -> None:
    for name in ("loan.opened.v1", "loan.opened.v1.edge"):
        terms = codec.decode("loan.opened.v1", (HERE / f"{name}.json").read_bytes()).terms
        old = {key: getattr(terms, key) for key in document(name)["terms"]}
        old["allocation"] = tuple(old["allocation"])
        assert terms == Terms(**old)


def test_bytes_are_canonical_whatever_order_the_fields_were_given_in() -> None:
    stored = (HERE / "loan.repayment_received.v1.json").read_bytes()
    fact = codec.decode("loan.repayment_received.v1", stored)
    values = {field.name: getattr(fact, field.name) for field in reversed(fields(fact))}
    assert codec.encode(RepaymentReceived(**values)) == ("loan.repayment_received.v1", stored)
    keys = list(orjson.loads(stored))
    assert keys == sorted(keys)
    assert b" " not in stored


def spoiled() -> Iterator[tuple[str, str, dict[str, Any] | bytes]]:
    """What must not decode: a name for the test id, the topic, the stored document or bytes."""
    credited = document("account.credited.v1")
    opened = document("loan.opened.v2")
    scheduled = document("loan.instalments_scheduled.v1")
    without = {key: value for key, value in credited.items() if key != "flow"}
    yield "unknown field", "account.credited.v1", credited | {"note": "hello"}
    yield "missing field", "account.credited.v1", without
    yield "text for a number", "account.credited.v1", credited | {"amount_minor": "250075"}
    yield "float for a number", "account.credited.v1", credited | {"amount_minor": 250075.0}
    yield "bool for a number", "account.credited.v1", credited | {"amount_minor": True}
    yield "number for text", "account.credited.v1", credited | {"account_id": 17}
    yield "null", "account.credited.v1", credited | {"value_date": None}
    yield "bad literal", "account.credited.v1", credited | {"flow": "gift"}
    yield "list for a literal", "account.credited.v1", credited | {"flow": ["trade"]}
    yield "bad date", "account.credited.v1", credited | {"value_date": "2024-02-30"}
    yield "number for a date", "account.credited.v1", credited | {"value_date": 20240229}
    terms = opened["terms"]
    yield "nested unknown", "loan.opened.v2", opened | {"terms": terms | {"note": 3}}
    yield "nested wrong type", "loan.opened.v2", opened | {"terms": terms | {"rate_ppm": "8.4"}}
    yield "nested bad item", "loan.opened.v2", opened | {"terms": terms | {"allocation": ["x"]}}
    yield "old terms as new", "loan.opened.v2", document("loan.opened.v1")
    yield "new terms as old", "loan.opened.v1", opened | {"terms": terms | {"note": 1}}
    yield "nested null of old", "loan.opened.v1", document("loan.opened.v1") | {"terms": None}
    yield "nothing of old", "loan.opened.v1", {}
    yield "nested null", "loan.opened.v2", opened | {"terms": None}
    rows = {"instalments": [*scheduled["instalments"], {"number": 3}]}
    yield "short row", "loan.instalments_scheduled.v1", scheduled | rows
    yield "object for a list", "loan.instalments_scheduled.v1", scheduled | {"instalments": {}}
    yield "newer version", "account.credited.v2", credited
    yield "version zero", "account.credited.v0", credited
    yield "version that is no number", "account.credited.vx", credited
    yield "unknown name", "account.gifted.v1", credited
    yield "no name", "", credited
    yield "not JSON", "account.credited.v1", b'{"account_id":'
    yield "not an object", "account.credited.v1", b"[1]"
    yield "not UTF-8", "account.credited.v1", b'{"account_id":"\xff"}'


SPOILED = list(spoiled())


@pytest.mark.parametrize(
    ("name", "stored"), [case[1:] for case in SPOILED], ids=[case[0] for case in SPOILED]
)
def test_anything_but_the_fact_itself_is_refused(name: str, stored: Any) -> None:
    raw = stored if isinstance(stored, bytes) else orjson.dumps(stored)
    with pytest.raises(StoredFactUnreadable):
        codec.decode(name, raw)


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registrations of this test alone: the project's own stay as they are."""
    for table in ("_by_class", "_by_name", "_by_topic", "_documents", "_upcasts"):
        monkeypatch.setattr(codec, table, dict(getattr(codec, table)))


@pytest.mark.usefixtures("own_registry")
def test_old_versions_are_upcast_step_by_step() -> None:
    @codec.event_type("test.parcel_sent", version=3)
    @dataclass(frozen=True, slots=True, kw_only=True)
    class ParcelSent:
        parcel_id: str
        weight_g: int
        kind: Literal["letter", "box"]

    @codec.upcast("test.parcel_sent", version=1)
    def _grams(stored: codec.Document) -> codec.Document:
        return {"parcel_id": stored["parcel_id"], "weight_g": stored["weight_kg"] * 1000}

    @codec.upcast("test.parcel_sent", version=2)
    def _kind(stored: codec.Document) -> codec.Document:
        return stored | {"kind": "box"}

    expected = ParcelSent(parcel_id="P1", weight_g=2000, kind="box")
    assert codec.decode("test.parcel_sent.v1", b'{"parcel_id":"P1","weight_kg":2}') == expected
    assert codec.decode("test.parcel_sent.v2", b'{"parcel_id":"P1","weight_g":2000}') == expected
    assert codec.encode(expected) == (
        "test.parcel_sent.v3",
        b'{"kind":"box","parcel_id":"P1","weight_g":2000}',
    )
    with pytest.raises(StoredFactUnreadable, match="newer"):
        codec.decode("test.parcel_sent.v4", b"{}")
    with pytest.raises(StoredFactUnreadable):
        codec.decode("test.parcel_sent.v0", b"{}")


@pytest.mark.usefixtures("own_registry")
def test_a_gap_between_versions_or_a_name_used_twice_is_found() -> None:
    @codec.event_type("test.thing_done", version=3)
    @dataclass(frozen=True, slots=True, kw_only=True)
    class ThingDone:
        number: int

    with pytest.raises(StoredFactUnreadable, match="No upcast"):
        codec.decode("test.thing_done.v1", b'{"number":1}')
    with pytest.raises(InvariantBroken, match=r"test\.thing_done"):
        codec.event_type("test.thing_done", version=1)(ThingDone)
