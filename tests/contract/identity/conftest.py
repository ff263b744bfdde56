"""A bank of two branches behind HTTP, with a user of each role, in a branch and for the whole bank.

Loans L0 and L2 are north's, L1 and L3 south's, each of a borrower of its own (B0 to B3); nobody
paid anything, so warnings ring in both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

PASSWORD = "four words nobody said"
PACK = """
name = "one-rule"
version = 1
title = "One rule"
language = "en"

[[rule]]
name = "late"
title = "Late"
source = "this test"
mark = "unverified"
when = "dpd_days >= 1"
severity = "yellow"
reason = "{dpd_days} days past due."
"""
BRANCH_ROLES = ("officer", "collections_manager", "risk_manager", "supervisor", "auditor")
BANK_ROLES = ("publisher", "operator", *BRANCH_ROLES)


def opened(number: int) -> list[dict[str, Any]]:
    """A loan of 12,000.00 CNY paid out on 15 January, and a case about it."""
    common = {"value_date": "2024-01-15", "loan_id": f"L{number}", "currency": "CNY"}
    loan = {
        **common,
        "type": "loan_opened",
        "transaction_id": f"open-{number}",
        "sent_at": "2024-01-15T08:00:00Z",
        "borrower_id": f"B{number}",
        "product": "working_capital",
        "principal": "12000.00",
        "terms": {"method": "annuity", "instalments": 12, "rate_percent": "9.4822"},
        "officer_id": f"O{number}",
        "branch": ("north", "south")[number % 2],
    }
    paid = {
        **common,
        "type": "loan_disbursed",
        "transaction_id": f"pay-out-{number}",
        "sent_at": "2024-01-15T08:00:01Z",
        "amount": "12000.00",
    }
    case = {
        "type": "case_opened",
        "transaction_id": f"case-{number}",
        "sent_at": "2024-01-15T08:00:02Z",
        "value_date": "2024-01-15",
        "borrower_id": f"B{number}",
        "case_id": f"K{number}",
        "by": f"O{number}",
        "loan_ids": [f"L{number}"],
        "trigger": "person",
        "stage": "pre_due",
        "owner_id": f"O{number}",
        "team": f"T{number}",
        "branch": ("north", "south")[number % 2],
    }
    return [loan, paid, case]


def closes(first: date, last: date) -> list[dict[str, Any]]:
    """The closes of every weekday."""
    days = [first + timedelta(n) for n in range((last - first).days + 1)]
    return [
        {
            "type": "business_day_closed",
            "transaction_id": f"close-{day}",
            "value_date": str(day),
            "sent_at": f"{day + timedelta(1)}T00:00:00Z",
        }
        for day in days
        if day.weekday() < 5
    ]


@dataclass
class Bank:
    """A node whose users sign in. `client(name)` is one of them, in a session of their own."""

    served: Any
    access: Any
    clients: dict[str, httpx.Client] = field(default_factory=dict)

    @property
    def stranger(self) -> httpx.Client:
        """Somebody who is not signed in."""
        if "" not in self.clients:
            self.clients[""] = httpx.Client(base_url=self.served.url, timeout=30)
        return self.clients[""]

    def client(self, name: str) -> httpx.Client:
        """A browser in which `name` is signed in: "officer", or "officer*" for the whole bank."""
        if name not in self.clients:
            user = self.access.identity.directory().user(name.replace("*", ".bank"))
            session = self.access.identity.begin(user)
            from streams.identity.service import csrf_of

            self.clients[name] = httpx.Client(
                base_url=self.served.url,
                timeout=30,
                headers={"Cookie": f"loanbell={session}", "X-CSRF-Token": csrf_of(session)},
            )
        return self.clients[name]

    def add(self, name: str, role: str, branches: frozenset[str] | None, **more: Any) -> None:
        """Add a user."""
        from streams.identity.directory import User

        user = User(user_id=name, name=name, roles=frozenset({role}), branches=branches, **more)
        self.access.identity.directory().add(user, by="test")

    def token(self, name: str, *scopes: str, days: int = 1) -> httpx.Client:
        """A program with an API token of `name`."""
        from ledger.dates import now_us
        from streams.identity.directory import Token
        from streams.identity.draws import secret, short_id

        made, now = secret(), now_us()
        token = Token(
            token_id=short_id(), user_id=name, scopes=frozenset(scopes), made_us=now,
            expires_us=now + days * 86_400_000_000, revoked_us=None,
        )  # fmt: skip
        self.access.identity.directory().add_token(token, made, by="test")
        headers = {"Authorization": f"Bearer {made}"}
        return httpx.Client(base_url=self.served.url, timeout=30, headers=headers)

    def audit(self, kind: str) -> list[Any]:
        """The audit facts of a kind, oldest first."""
        facts = self.access.trail.log.read(limit=100_000)
        return [item.fact for item in facts if type(item.fact).__name__ == kind]

    def warning(self, loan_id: str) -> str:
        """A warning about a loan."""
        found = self.served.node.queries.warnings().rows
        return next(row["warning_id"] for row in found if row["loan_id"] == loan_id)


@pytest.fixture(scope="module")
def make_bank(
    serving: Callable[..., AbstractContextManager[Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Bank]]:
    """`make_bank(**settings)` -> a bank; it closes with the module."""
    from contextlib import ExitStack

    with ExitStack() as open_banks:

        def make(**settings: Any) -> Bank:
            folder = tmp_path_factory.mktemp("bank")
            pack = folder / "one-rule.toml"
            pack.write_text(PACK, encoding="utf-8")
            running = serving(folder / "data", calendar="weekends", pack=str(pack), **settings)
            served = open_banks.enter_context(running)
            messages = [message for number in range(4) for message in opened(number)]
            told = [*messages, *closes(date(2024, 2, 12), date(2024, 2, 20))]
            answer = served.client.post("/v1/transactions", json=told)
            assert answer.status_code == 200, answer.text
            served.settled()
            bank = Bank(served, served.app.state.access)
            for role in BRANCH_ROLES:
                bank.add(role, role, frozenset({"north"}))
            for role in BANK_ROLES:
                bank.add(f"{role}.bank", role, None)
            bank.access.identity._looked_us = 0
            open_banks.callback(lambda: [client.close() for client in bank.clients.values()])
            return bank

        yield make


@pytest.fixture(scope="module")
def bank(make_bank: Callable[..., Bank]) -> Bank:
    """The bank that tests of a module share."""
    return make_bank()
