"""What a message leaves in doubt is refused: fields named twice, and moments that have not come."""

from __future__ import annotations

import json

import pytest

from ledger.errors import DateOutOfRange
from ledger.service import Incoming
from streams.ingest import read


def take(body: bytes) -> Incoming:
    return read(body, source="test", offset=1, accepted_us=1_700_000_000_000_000)


def closing(**fields: str) -> bytes:
    common = {"type": "business_day_closed", "transaction_id": "T-1", "value_date": "2024-03-29"}
    return json.dumps(common | fields).encode()


PLAIN = b'"transaction_id":"a:b","value_date":"2024-03-29","sent_at":"2024-03-29T10:00:00Z"'
TERMS = b'{"method":"annuity","instalments":6,"rate_percent":"5"'
ROWS = (
    b'{"number":1,"due_date":"2024-04-29","principal":"1.00","interest":"0"},'
    b'{"number":2,"due_date":"2024-05-29","principal":"1.00","interest":"0"%s}'
)
SCHEDULED = (
    b'{"type":"instalments_scheduled","loan_id":"L","currency":"CNY","instalments":[%s],'
    + PLAIN
    + b"}"
)
OPENED = (
    b'{"type":"loan_opened","loan_id":"L","borrower_id":"B","product":"p: q","currency":"CNY",'
    b'"principal":"1.00","officer_id":"O","branch":"x",' + PLAIN + b',"terms":%s}'
)


def test_the_names_in_the_rows_of_a_schedule_are_counted_without_reading_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The slow way, which goes through all names, is not taken."""
    monkeypatch.delattr("streams.ingest.check_names")
    assert take(SCHEDULED % (ROWS % b"")).error is None


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"type":"account_credited","account_id":"A","currency":"CNY","flow":"trade",'
         b'"amount":"1.00","amount":"999.00",' + PLAIN + b"}", "amount"),
        # Written so that counting quotes, or colons and decoded values, would be misled.
        (b'{"type":"business_day_closed","type" :"business_day_closed",' + PLAIN + b"}", "type"),
        (b'{"type":"business_day_closed","value_date":"2024-03-28",'
         + PLAIN.replace(b"a:b", b"a\\u003ab") + b"}", "value_date"),
        (b'{"type":"business_day_closed","value\\u005fdate":"2024-03-28",' + PLAIN + b"}",
         "value_date"),
        (OPENED % (TERMS + b',"instalments":7}'), "instalments"),
        (SCHEDULED % (ROWS % b',"number":2'), "number"),
    ],
)  # fmt: skip
def test_a_field_that_is_there_twice_is_refused(body: bytes, name: str) -> None:
    error = take(body).error
    assert error is not None
    assert (error.code, str(error)) == (
        "duplicate_field", f"{name} is there twice. Name each field once in an object."
    )  # fmt: skip


def test_colons_and_escapes_in_values_and_names_in_different_objects_are_no_repetition() -> None:
    assert take(OPENED % (TERMS + b"}")).error is None
    assert take(SCHEDULED % (ROWS % b"")).error is None
    escaped = b'{"type":"business_day_closed",' + PLAIN.replace(b"a:b", b"a\\u003ab") + b"}"
    assert take(escaped).error is None
    assert take(b'{ "type" : "business_day_closed", ' + PLAIN + b" }").error is None


NOON_US = 1_711_713_600_000_000  # 2024-03-29T12:00:00Z


def test_a_message_is_at_most_a_day_ahead_of_the_clock() -> None:
    def at(sent_at: str | None, *, accepted_us: int = NOON_US) -> Incoming:
        body = closing(**({"sent_at": sent_at} if sent_at else {}))
        return read(body, source="s", offset=1, accepted_us=accepted_us, clock_us=NOON_US)

    tomorrow = 1_711_800_000_000_000  # noon and 24 hours
    allowed = at("2024-03-30T12:00:00Z")
    assert (allowed.error, allowed.recorded_at_us) == (None, tomorrow)
    ahead = at("2024-03-30T12:00:00.000001Z")
    assert isinstance(ahead.error, DateOutOfRange)
    assert str(ahead.error) == (
        "sent_at is 2024-03-30T12:00:00.000001Z, in the future. "
        "Send when it is sent, 2024-03-30 (UTC) at the latest."
    )
    assert ahead.recorded_at_us == NOON_US
    # A broker's own clock counts no further either, for a message that says nothing.
    assert at(None, accepted_us=7_000_000_000_000_000).recorded_at_us == tomorrow
    assert at("1999-01-01T00:00:00Z").error is None


def test_where_time_is_made_up_any_moment_of_the_calendar_will_do() -> None:
    body = closing(sent_at="2199-12-31T23:59:59Z")
    assert read(body, source="demo", offset=1, accepted_us=0).error is None


def test_a_contact_is_asked_for_now_and_not_for_a_later_hour_with_other_rules() -> None:
    def at(
        sent_at: str | None, *, accepted_us: int = NOON_US, clock: int | None = NOON_US
    ) -> Incoming:
        fields = {
            "type": "contact_requested", "borrower_id": "B", "by": "O", "case_id": "C",
            "contact_id": "K", "loan_ids": ["L"], "channel": "call", "addressee": "debtor",
        }  # fmt: skip
        more = {"sent_at": sent_at} if sent_at else {}
        body = closing(**fields, **more)  # type: ignore[arg-type]  # loan_ids is a list
        return read(body, source="s", offset=1, accepted_us=accepted_us, clock_us=clock)

    assert at("2024-03-29T12:05:00Z").error is None  # clocks differ, by five minutes at most
    later = at("2024-03-29T12:05:00.000001Z")
    assert isinstance(later.error, DateOutOfRange)
    assert "of a later time than now" in str(later.error)
    assert isinstance(at(None, accepted_us=NOON_US + 300_000_001).error, DateOutOfRange)
    assert at("2024-03-29T11:00:00Z").error is None
    assert at("2199-12-31T23:59:59Z", clock=None).error is None  # a demo makes time up


@pytest.mark.parametrize(("made_at", "fine"), [("12:05:00", True), ("12:05:01", False)])
def test_a_contact_that_is_reported_was_not_made_later_than_now(made_at: str, fine: bool) -> None:
    """Its sender says that it is the next morning there, which a day's grace would let pass."""
    body = closing(
        type="contact_reported", borrower_id="B", by="O", case_id="C", contact_id="K",
        loan_ids=["L"], channel="call", made_at=f"2024-03-29T{made_at}Z", outcome="no_answer",
        currency="CNY", sent_at="2024-03-30T09:00:00Z",
    )  # fmt: skip  # type: ignore[arg-type]
    found = read(body, source="s", offset=1, accepted_us=NOON_US, clock_us=NOON_US)
    assert (found.error is None) is fine
