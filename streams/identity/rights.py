"""Who may do what: actions by role, and the action that each route of the API needs.

Two tables, and nothing else decides. A route that is in neither is refused, so a new one has to be
put here; `tests/contract/identity/matrix.txt` says the same once more, by hand, route by role.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from streams.identity.person import Person

Action = Literal[
    "read",
    "personal",
    "act",
    "lead",
    "propose",
    "approve",
    "proposals",
    "publish",
    "refusals",
    "stand",
    "audit",
    "administer",
]

_READERS = ("officer", "collections_manager", "risk_manager", "supervisor", "auditor")
ACTIONS: Mapping[Action, frozenset[str]] = {
    # Loans, warnings, grades, figures, cases.
    "read": frozenset(_READERS),
    # Names, telephone numbers and notes, which others get masked.
    "personal": frozenset(_READERS),
    # Answer a warning, work a case.
    "act": frozenset({"officer", "collections_manager"}),
    # Hand cases over, see a team at work.
    "lead": frozenset({"collections_manager", "risk_manager"}),
    # The first of two people, and the second; `TWO_PEOPLE` says who for what.
    "propose": frozenset({"officer", "collections_manager", "risk_manager", "operator"}),
    "approve": frozenset({"risk_manager"}),
    # What waits for the second.
    "proposals": frozenset({*_READERS, "operator"}),
    "publish": frozenset({"publisher"}),
    "refusals": frozenset({"operator", "risk_manager", "supervisor", "auditor"}),
    # How the process stands; no borrower in it.
    "stand": frozenset({*_READERS, "publisher", "operator"}),
    "audit": frozenset({"auditor", "supervisor"}),
    # Users, tokens, locks.
    "administer": frozenset({"operator"}),
}

_ANY_THREE = frozenset({"officer", "collections_manager", "risk_manager"})
TWO_PEOPLE: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "grade_override": (_ANY_THREE, ACTIONS["approve"]),
    "grade_override_end": (_ANY_THREE, ACTIONS["approve"]),
    "write_off": (_ANY_THREE - {"officer"}, ACTIONS["approve"]),
    "exemption": (_ANY_THREE - {"officer"}, ACTIONS["approve"]),
    "erasure": (frozenset({"operator", "risk_manager"}), ACTIONS["approve"]),
}
"""By kind of proposal: whose roles may propose it, and whose may approve it. Never one person both.

A referral is proposed and approved on the case (`ledger/collection`), where the same holds."""

Scope = Literal["branch", "bank"]
"""branch: narrowed to the person's branches. bank: for whoever has all of them."""
TokenScope = Literal["transactions", "read", "metrics", "operate"]
TOKEN_SCOPES: tuple[TokenScope, ...] = ("transactions", "read", "metrics", "operate")


@dataclass(frozen=True, slots=True)
class Right:
    """What a route needs. `token`: the scope by which an API token may call it; None: no token may.

    Action None: whoever is signed in.
    """

    action: Action | None
    scope: Scope = "branch"
    token: TokenScope | None = None


PUBLIC = frozenset({
    "/docs", "/docs/docs.css", "/docs/docs.js", "/openapi.json", "get_healthz", "get_readyz",
    "/sign-in", "/sign-in/oidc", "/sign-in/oidc/return", "desk_asset", "desk_language",
})  # fmt: skip
"""Routes without sign-in: no borrower and no figure of the book is in them."""

_LOOK = Right("read", token="read")
_BANK = Right("read", scope="bank", token="read")
_ACT = Right("act")
_PAGE = Right("read")
RIGHTS: Mapping[str, Right] = {
    "post_transactions": Right("publish", scope="bank", token="transactions"),
    "get_transaction": _BANK,
    "list_webhooks": Right("stand", token="metrics"),
    "resume_webhook": Right("administer", scope="bank", token="operate"),
    "list_warnings": _LOOK,
    "group_warnings": _LOOK,
    "stream_warnings": _LOOK,
    "get_warning": _LOOK,
    "list_refused_actions": _LOOK,
    "acknowledge_warning": _ACT,
    "start_action": _ACT,
    "dismiss_warning": _ACT,
    "suppress_warning": _ACT,
    "list_loans": _LOOK,
    "get_loan": _LOOK,
    "get_story": _LOOK,
    "list_grade_changes": _LOOK,
    "grade_anew": _LOOK,
    "list_grades": _LOOK,
    "list_regimes": _LOOK,
    "get_portfolio": _LOOK,
    "get_trial_balance": _BANK,
    "list_refusals": Right("refusals", scope="bank", token="read"),
    "list_figures": _LOOK,
    "get_figure": _LOOK,
    "get_worklist": _LOOK,
    "list_cases": _LOOK,
    "get_case": _LOOK,
    "get_team": _BANK,
    "get_behind": _BANK,
    "list_overrides": _BANK,
    "list_trials": _BANK,
    "get_trial": _BANK,
    "list_proposals": Right("proposals"),
    "get_proposal": Right("proposals"),
    "propose": Right("propose"),
    "approve_proposal": Right("approve"),
    "decline_proposal": Right("approve"),
    "list_audit": Right("audit", scope="bank"),
    "list_users": Right("administer", scope="bank"),
    "unlock_user": Right("administer", scope="bank"),
    "get_session": Right(None),
    "/sign-out": Right(None),
    "desk_my_day": _PAGE,
    "desk_warnings": _PAGE,
    "desk_warning_rows": _PAGE,
    "desk_live": _PAGE,
    "desk_warning": _PAGE,
    "desk_act_on_warning": _ACT,
    "desk_find": _PAGE,
    "desk_loans": _PAGE,
    "desk_loan": _PAGE,
    "desk_borrower": _PAGE,
    "desk_cases": _PAGE,
    "desk_case": _PAGE,
    "desk_open_case": _ACT,
    "desk_act_on_case": _ACT,
    "desk_lead_on_case": Right("lead"),
    "desk_propose_on_case": Right("propose"),
    "desk_propose_exemption": Right("propose"),
    "desk_approve_on_case": Right("approve"),
    "desk_team": _PAGE,
    "desk_behind_figure": _PAGE,
    "desk_audit": Right("audit", scope="bank"),
    "desk_proposals": Right("proposals"),
    "desk_propose_on_loan": Right("propose"),
    "desk_decide_proposal": Right("approve"),
    "desk_portfolio": _PAGE,
    "desk_rules": _PAGE,
    "desk_what_if": Right("read", scope="bank"),
    "desk_ask_what_if": Right("read", scope="bank"),
    "desk_what_if_answer": Right("read", scope="bank"),
    "get_status": Right("stand", token="metrics"),
    "get_metrics": Right("stand", token="metrics"),
}
"""What each route needs, by its operation id, or its path where it has none."""


def can(person: Person, action: Action, branch: str | None = None) -> bool:
    """Whether a role of `person` allows `action` on something of `branch`.

    `branch` None: on something that belongs to no single branch, for which all must be theirs.
    """
    return bool(person.roles & ACTIONS[action]) and person.covers(branch)


def why_not(person: Person, right: Right) -> str | None:
    """Why `person` may not call a route that needs `right` at all; None if they may."""
    if person.scopes is not None and right.token not in person.scopes:
        return "token_scope"
    if right.action is not None and not person.roles & ACTIONS[right.action]:
        return "role"
    if right.scope == "bank" and not person.bank_wide:
        return "branch"
    return None
