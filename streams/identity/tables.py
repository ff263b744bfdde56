"""The tables of people: users, sessions, tokens, sign-ins under way, proposals, and acts.

They are apart from the log, so that a password's hash can be deleted. `acts` is an outbox: what a
command changed goes there in the same commit, and from there into the audit log by whoever may
write that (`trail`).
"""

from __future__ import annotations

from projections.tables import TableSpec, integer, words

USERS = TableSpec(
    "users",
    (
        words("user_id"),
        words("name"),
        words("roles"),
        words("branches", nullable=True),  # a JSON list; null is the whole bank
        words("password", nullable=True),  # an argon2 hash; null signs in by OIDC only
        integer("failed"),
        integer("locked"),
        integer("made_us"),
    ),
)
SESSIONS = TableSpec(
    "sessions",
    (
        words("hash"),
        words("user_id"),
        integer("made_us"),
        integer("seen_us"),
    ),
    indexes=(("user_id",),),
)
TOKENS = TableSpec(
    "tokens",
    (
        words("hash"),
        words("token_id"),
        words("user_id"),
        words("scopes"),
        integer("made_us"),
        integer("expires_us"),
        integer("revoked_us", nullable=True),
    ),
    indexes=(("token_id",),),
)
SIGN_INS = TableSpec(
    "sign_ins",
    (
        words("hash"),
        words("nonce"),
        words("verifier"),
        words("goal"),
        integer("made_us"),
    ),
)
PROPOSALS = TableSpec(
    "proposals",
    (
        words("proposal_id"),
        words("kind"),
        words("state"),
        words("borrower_id"),
        words("loan_id", nullable=True),
        words("branch", nullable=True),  # null: of several branches, or of none
        words("content"),
        words("reason"),
        words("proposed_by"),
        integer("proposed_us"),
        words("decided_by", nullable=True),
        integer("decided_us", nullable=True),
        words("outcome"),
    ),
    indexes=(("state",),),
)
ACTS = TableSpec(
    "acts",
    (
        integer("number"),
        words("by"),
        words("what"),
        words("subject"),
        words("detail"),
        integer("moment_us"),
    ),
)
ALL = (USERS, SESSIONS, TOKENS, SIGN_INS, PROPOSALS, ACTS)
