"""A body is cut into the messages that were sent, byte for byte, or refused as a whole."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.api.body import messages_of
from streams.api.problems import Problem

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def refused(body: bytes, content: str = "json") -> Problem:
    with pytest.raises(Problem) as caught:
        messages_of(body, content, most=10)
    return caught.value


@given(st.lists(st.dictionaries(st.text(), VALUES, max_size=4), min_size=1, max_size=6), st.data())
def test_array_elements_keep_the_bytes_they_were_sent_with(
    items: list[object], data: st.DataObject
) -> None:
    space = st.text(" \n\t\r", max_size=2)
    sent = [json.dumps(item, ensure_ascii=data.draw(st.booleans())).encode() for item in items]
    gaps = [data.draw(space).encode() for _ in range(2 * len(sent) + 2)]
    middle = b",".join(gaps[2 * n] + one + gaps[2 * n + 1] for n, one in enumerate(sent))
    body = gaps[-2] + b"[" + middle + b"]" + gaps[-1]
    assert messages_of(body, "json", most=10) == sent


def test_numbers_and_repeated_keys_of_an_element_are_not_rewritten() -> None:
    body = b'[ {"amount": 1250.00, "a":1, "a":2} , 7 ]'
    assert messages_of(body, "json", most=10) == [b'{"amount": 1250.00, "a":1, "a":2}', b"7"]


def test_lines_may_end_in_either_way_and_blank_ones_do_not_count() -> None:
    body = b'\xef\xbb\xbf{"a":1}\r\n\n  \n{"a":2}\nnot json\n{"a":3}'
    expected = [b'{"a":1}', b'{"a":2}', b"not json", b'{"a":3}']
    assert messages_of(body, "lines", most=10) == expected


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1',
        b'{"a":1}\n{"a":2}',
        b"[1,",
        b"[1 2]",
        b"[1,]",
        b"[,1]",
        b"[1]]",
        b"[1] x",
        b'"text"',
        b"17",
        b"null",
        b"\xff\xfe",
        b'[{"a":"\xff"}]',
        b"[" * 100_000,
        b"[" + b"9" * 5_000 + b"]",
    ],
)
def test_what_is_no_envelope_is_refused_as_a_whole(body: bytes) -> None:
    assert refused(body).kind.code == "bad_json"


@pytest.mark.parametrize("body", [b"", b"  \n", b"[]", b" [ ] "])
def test_a_body_without_a_transaction_is_refused(body: bytes) -> None:
    assert refused(body).kind.code == "empty_body"
    assert refused(b"\n \n", "lines").kind.code == "empty_body"


def test_more_transactions_than_a_request_may_hold_are_refused() -> None:
    problem = refused(b"{}\n" * 11, "lines")
    assert (problem.kind.status, problem.kind.code) == (413, "too_large")
