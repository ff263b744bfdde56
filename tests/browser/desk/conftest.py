"""A small bank behind the desk, its people in real browsers, and a clock that the tests set.

Loans L0 to L10 (without L4) of 12,000.00 CNY, paid out on 15 January 2024: those of even numbers
are north's, the others south's. The first instalment fell due on 15 February; nobody paid. Days are
closed up to Monday, 4 March; at the desk it is Tuesday, 10:00 in Shanghai.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pytest

PASSWORD = "four words nobody said"
PACK = """
name = "one-rule"
version = 1
title = { en = "One rule", zh = "一条规则" }
language = "en"

[[rule]]
name = "late"
title = { en = "An instalment is late", zh = "分期逾期" }
source = "this test"
mark = "unverified"
when = "dpd_days >= 1"
severity = { watch = "always", yellow = "dpd_days >= 15" }
reason = { en = "{dpd_days} days past due.", zh = "逾期 {dpd_days} 天。" }
"""
PEOPLE = {
    "officer": ("Li Na", {"officer"}, frozenset({"north"})),
    "second": ("Zhao Min", {"officer"}, frozenset({"north"})),
    "southern": ("Sun Li", {"officer"}, frozenset({"south"})),
    "manager": ("Wang Wei", {"collections_manager"}, frozenset({"north"})),
    "risk": ("Chen Jie", {"risk_manager"}, None),
    "auditor": ("Guo Xin", {"auditor"}, None),
}


def us(text: str) -> int:
    """A moment in UTC -> microseconds."""
    return int(datetime.fromisoformat(text).timestamp() * 1_000_000)


def opened(number: int, first_due: str = "2024-02-15", **more: Any) -> list[dict[str, Any]]:
    """A loan of 12,000.00 CNY, without interest: twelve instalments of 1,000.00."""
    common = {"value_date": "2024-01-15", "loan_id": f"L{number}", "currency": "CNY"}
    terms = {
        "method": "equal_principal", "instalments": 12, "rate_percent": "0",
        "first_due_date": first_due,
    }  # fmt: skip
    loan = {
        **common,
        "type": "loan_opened",
        "transaction_id": f"open-{number}",
        "sent_at": "2024-01-15T08:00:00Z",
        "borrower_id": f"B{number}",
        "product": "equipment",
        "principal": "12000.00",
        "terms": terms,
        "officer_id": "officer",
        "branch": ("north", "south")[number % 2],
    }
    paid = {
        **common,
        "type": "loan_disbursed",
        "transaction_id": f"pay-out-{number}",
        "sent_at": "2024-01-15T08:00:01Z",
        "amount": "12000.00",
    }
    return [{**loan, **more}, paid]


def closes(first: date, last: date) -> list[dict[str, Any]]:
    """The closes of every weekday."""
    days = [first + timedelta(n) for n in range((last - first).days + 1)]
    return [
        {
            "type": "business_day_closed",
            "transaction_id": f"close-{day}",
            "value_date": str(day),
            "sent_at": f"{day}T15:59:00Z",
        }
        for day in days
        if day.weekday() < 5
    ]


@dataclass
class Bank:
    """The bank at work. `clock` is what the desk reads."""

    served: Any
    clock: list[int]
    browser: Any
    contexts: list[Any] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    opened = staticmethod(opened)
    us = staticmethod(us)

    @staticmethod
    def repayment(loan_id: str, amount: str, day: str) -> dict[str, Any]:
        """Money that came in at noon of `day`."""
        return {
            "type": "repayment_received",
            "transaction_id": f"paid-{loan_id}-{day}",
            "value_date": day,
            "sent_at": f"{day}T04:00:00Z",
            "loan_id": loan_id,
            "amount": amount,
            "currency": "CNY",
        }

    def expected(self, status: int) -> None:
        """The next page has this status: the browser complains of it, and may."""
        self.allowed.append(f"status of {status}")

    def send(self, *messages: dict[str, Any]) -> None:
        """Record messages as a core system would, and wait until they are judged and shown."""
        import orjson

        from streams.ingest import read

        lines = [
            read(orjson.dumps(message), source="core", offset=n, accepted_us=self.clock[0])
            for n, message in enumerate(messages, 1)
        ]
        batch = self.served.wait(self.served.node.submit(lines))
        assert [one.status for one in batch.outcomes] == ["accepted"] * len(lines), batch.outcomes
        self.served.settled()

    def close_days(self, first: str, last: str) -> None:
        """Close the business days from one to another."""
        self.send(*closes(date.fromisoformat(first), date.fromisoformat(last)))

    def page(self, user: str | None = None, *, path: str = "/desk", **options: Any) -> Any:
        """A page in a browser of its own, signed in as `user`; nothing may be complained of."""
        context = self.browser.new_context(
            viewport={"width": 1280, "height": 800}, **{"locale": "en-GB", **options}
        )
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(8_000)
        page.on("console", lambda told: self.complaints.append(f"{told.type}: {told.text}"))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda asked: self._heard(asked.url))
        if user is not None:
            context.add_cookies([self._session(user)])
        page.goto(self.served.url + path)
        return page

    def _session(self, user_id: str) -> dict[str, Any]:
        """The cookie of whoever has signed in: a password takes 50 ms, and one test uses it."""
        identity = self.served.app.state.access.identity
        session = identity.begin(identity.directory().user(user_id))
        return {"name": "loanbell", "value": session, "url": self.served.url}

    def _heard(self, url: str) -> None:
        if not url.startswith((self.served.url, "data:")):
            self.complaints.append(f"asked {url}")

    def warning(self, loan_id: str) -> dict[str, Any]:
        """The warning about a loan."""
        rows = self.served.node.queries.warnings().rows
        found: dict[str, Any] = next(row for row in rows if row["loan_id"] == loan_id)
        return found


@pytest.fixture(scope="module")
def module_bank(
    serving: Callable[..., AbstractContextManager[Any]],
    browser: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Bank]:
    """One bank for a file of tests: each works on a loan of its own."""
    from streams.identity import passwords
    from streams.identity.directory import User

    folder = tmp_path_factory.mktemp("desk")
    pack = folder / "one-rule.toml"
    pack.write_text(PACK, encoding="utf-8")
    clock = [us("2024-03-05T02:00:00+00:00")]
    api = {"now_us": lambda: clock[0]}
    with serving(folder / "data", calendar="weekends", pack=str(pack), api=api) as served:
        bank = Bank(served, clock, browser)
        bank.send(*(message for number in range(11) if number != 4 for message in opened(number)))
        bank.close_days("2024-02-12", "2024-03-04")
        people = served.app.state.access.identity.directory()
        stored = passwords.hashed(PASSWORD)
        for user_id, (name, roles, branches) in PEOPLE.items():
            user = User(
                user_id=user_id, name=name, roles=frozenset(roles), branches=branches,
                password=stored,
            )  # fmt: skip
            people.add(user, by="test")
        served.app.state.access.identity._looked_us = 0  # it looks once a second whether any are
        yield bank


@pytest.fixture
def bank(module_bank: Bank) -> Iterator[Bank]:
    """The bank; afterwards no page may have complained or asked another machine."""
    module_bank.complaints.clear()
    yield module_bank
    while module_bank.contexts:
        module_bank.contexts.pop().close()
    allowed = [*module_bank.allowed]
    module_bank.allowed.clear()
    left = [told for told in module_bank.complaints if not any(one in told for one in allowed)]
    assert left == []
