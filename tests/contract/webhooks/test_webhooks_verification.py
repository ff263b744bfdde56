"""The lines that deploy/README.md gives to receivers take what is sent, and nothing else."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from streams.signing import signed

README = Path(__file__).resolve().parents[3] / "deploy" / "README.md"


@pytest.fixture
def verified() -> Any:
    """The function of the documentation."""
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    scope: dict[str, Any] = {}
    exec(compile(code, "README", "exec"), scope)
    return scope["verified"]


def test_what_is_sent_is_taken_once(
    serving: Callable[..., AbstractContextManager[Any]],
    verified: Any, receiver: Any, told: Any, late: Any, tell: Any, pack: str, tmp_path: Path,
) -> None:  # fmt: skip
    file = told(receiver.url)
    with serving(tmp_path / "data", calendar="weekends", pack=pack, webhooks=file) as served:
        served.client.post("/v1/transactions", json=late(1))
        receiver.wait(2)
    seen: set[str] = set()
    for headers, body in receiver.taken:
        assert verified(headers, body, tell.secret, seen)
        assert not verified(headers, body, tell.secret, seen)  # the same again
    assert len(seen) == 2


def test_what_is_changed_old_or_signed_by_others_is_not_taken(verified: Any, tell: Any) -> None:
    now, body = int(time.time()), b'{"id":"1"}'

    def taken(key: bytes = tell.key, *, seconds: int = now, got: bytes = body, **more: str) -> bool:
        headers = {**signed([key], id_="1", seconds=seconds, body=body), **more}
        result: bool = verified(headers, got, tell.secret, set())
        return result

    assert taken()
    assert taken(seconds=now - 290)
    assert not taken(seconds=now - 310)  # an old one, sent again
    assert not taken(seconds=now + 310)
    assert not taken(bytes(32))
    assert not taken(got=b'{"id":"2"}')
    assert not taken(**{"webhook-id": "2"})
    assert not taken(**{"webhook-timestamp": str(now - 1)})
    # While a secret is being replaced, each of the two is enough.
    both = signed([bytes(32), tell.key], id_="1", seconds=now, body=body)
    assert verified(both, body, tell.secret, set())
