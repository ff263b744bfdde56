"""Requests that the OpenAPI document allows, and such as it does not: never an error of ours.

Schemathesis makes them from the document that the server itself serves, the same in every run.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

EXAMPLES = int(os.environ.get("LOANBELL_TEST_EXAMPLES", "5"))
"""Of each operation, right and wrong, by somebody with every role and by nobody."""
MATRIX = (Path(__file__).parent / "matrix.txt").read_text(encoding="utf-8").splitlines()
OPERATIONS = [
    line.split()[0]
    for line in MATRIX
    if line and not line.startswith(("#", "stream_warnings", "desk_"))
]
BOUNDED = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
NOBODY = {"get_healthz", "get_readyz"}


@pytest.fixture(scope="module")
def everybody(bank: Any) -> Any:
    """Somebody who may do everything."""
    from streams.identity.directory import User
    from streams.identity.person import ROLES

    user = User(user_id="all", name="all", roles=frozenset(ROLES), branches=None)
    bank.access.identity.directory().add(user, by="test")
    return bank.client("all")


@pytest.fixture(scope="module")
def document(bank: Any) -> Any:
    """All operations but the stream, which never ends."""
    found = schemathesis.openapi.from_url(f"{bank.served.url}/openapi.json")
    return found.exclude(operation_id="stream_warnings")


def fuzzed(document: Any, operation: str, mode: GenerationMode) -> Any:
    """What to send to an operation: in the document's words, or not quite in them."""
    by_id = {
        found.ok().definition.raw["operationId"]: found.ok()
        for found in document.get_all_operations()
    }
    return by_id[operation].as_strategy(generation_mode=mode)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_meets_an_error_of_ours(
    document: Any, everybody: Any, operation: str, mode: GenerationMode
) -> None:
    made = fuzzed(document, operation, mode)
    signed_in = dict(everybody.headers)

    @given(case=made)
    @BOUNDED
    def send(case: Any) -> None:
        answer = case.call(headers=signed_in, timeout=30)
        assert answer.status_code < 500, answer.content
        stranger = case.call(timeout=30)
        assert stranger.status_code < 500, stranger.content
        turned_away = stranger.status_code in (400, 401, 404, 405)
        assert operation in NOBODY or turned_away, stranger.content

    try:
        send()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # it takes nothing, so nothing can be wrong


@given(
    after=st.integers(-1, 10**20) | st.text(max_size=5),
    last=st.integers(-1, 10**20) | st.text(alphabet="0123456789-x", max_size=30),
)
@BOUNDED
def test_the_stream_takes_any_place_to_begin_at(everybody: Any, after: Any, last: Any) -> None:
    asked = {"params": {"after": after}, "headers": {"Last-Event-ID": str(last)}}
    with everybody.stream("GET", "/v1/warnings/stream", **asked) as answer:
        assert answer.status_code in (200, 409, 422)
