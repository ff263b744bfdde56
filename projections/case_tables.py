"""Tables of collections: cases, who had them, contacts, promises, treatments, money that came in.

Data only: `cases` fills them, `read_cases`, `worklist` and `read_team` read them. Every row comes
from the ledger log alone; what a reader wants to know of warnings besides is joined when it is
read.
"""

from __future__ import annotations

from projections.tables import TableSpec, integer, words

CASES = TableSpec(
    "cases",
    (
        words("case_id"),
        integer("position"),
        words("borrower_id"),
        words("loan_ids"),
        words("currency"),
        words("cause"),
        words("trigger"),
        words("reference"),
        words("owner_id"),
        words("team"),
        words("branch"),
        words("stage"),
        integer("open"),
        integer("opened_day"),
        integer("opened_at_us"),
        integer("closed_day", nullable=True),
        words("close_reason", nullable=True),
        words("strategy", nullable=True),
        words("digest", nullable=True),
        words("segment", nullable=True),
        words("treatment", nullable=True),
        words("arm", nullable=True),
        integer("assigned_day", nullable=True),
        integer("contacts_made"),
        integer("reached"),
        integer("last_contact_day", nullable=True),
        words("last_channel", nullable=True),
        words("last_outcome", nullable=True),
        integer("queued_until_us", nullable=True),
        words("queued_contact_id", nullable=True),
        words("next_channel", nullable=True),
        integer("next_contact_day", nullable=True),
        words("promise_id", nullable=True),
        integer("promise_due_day", nullable=True),
        words("promise_state", nullable=True),
        words("holds"),
        integer("legal_due_day", nullable=True),
        words("legal_step", nullable=True),
        integer("bucket_at_open"),
        integer("bucket_worst"),
        integer("bucket"),
        integer("dpd_days"),
        integer("arrears_minor"),
        integer("outstanding_minor"),
        integer("cured_day", nullable=True),
        integer("back_day", nullable=True),
        integer("rolled_day", nullable=True),
        integer("recovered_minor"),
        integer("cost_minor"),
        integer("base_rank"),
    ),
    indexes=(
        ("borrower_id",),
        ("open", "owner_id", "base_rank"),
        ("open", "team", "base_rank"),
        ("open", "branch", "base_rank"),
        ("opened_day",),
    ),
    fixed=("position", "borrower_id", "trigger", "reference", "opened_day", "opened_at_us"),
)
"""One row a case, as it stands. `open` is 1 until it is closed. `bucket*` count the ends of
`ageing` that the worst loan's days past due exceed: when it opened, at worst, at the last close.
`digest` names the strategy's version, `treatment` is its code (`warning.treatment`).
`cured_day`, `back_day`, `rolled_day`: the first close at which nothing was overdue any more, at
which it stood in a better bucket than when it opened, and in a worse one. `next_*` is what the
treatment proposes.
`base_rank` orders cases by what the ledger alone tells; `worklist` refines it when it is read."""

CASE_HISTORY = TableSpec(
    "case_history",
    (
        integer("position"),
        words("case_id"),
        words("borrower_id"),
        words("event_id"),
        words("change"),
        words("actor", nullable=True),
        words("approver", nullable=True),
        words("details"),
        integer("value_day"),
        integer("recorded_at_us"),
    ),
    indexes=(("case_id",), ("borrower_id",), ("change", "value_day")),
)
"""Every fact about a case or its borrower's collection, by the word of its stored name. `details`
is JSON of its own fields; sealed text stays sealed."""

CASE_OWNERS = TableSpec(
    "case_owners",
    (
        words("case_id"),
        integer("position"),
        words("owner_id"),
        words("team"),
        integer("from_day"),
        integer("until_day", nullable=True),
        words("reason"),
    ),
    key=2,
    indexes=(("owner_id", "from_day"), ("team", "from_day")),
)
"""Who had a case from which day on, up to and not including `until_day`; None: still."""

CONTACTS = TableSpec(
    "contacts",
    (
        words("contact_id"),
        integer("position"),
        words("case_id"),
        words("borrower_id"),
        words("owner_id"),
        words("team"),
        words("officer_id"),
        words("agency", nullable=True),
        words("channel"),
        words("addressee"),
        words("state"),
        words("rule", nullable=True),
        integer("next_allowed_us", nullable=True),
        words("segment", nullable=True),
        words("arm", nullable=True),
        integer("asked_day"),
        integer("asked_at_us"),
        integer("allowed_at_us", nullable=True),
        words("outcome", nullable=True),
        integer("outcome_day", nullable=True),
        integer("seconds"),
        integer("cost_minor"),
        words("currency", nullable=True),
        integer("reached"),
        integer("breach"),
    ),
    indexes=(
        ("case_id",),
        ("borrower_id", "position"),
        ("officer_id", "asked_day"),
        ("state", "next_allowed_us"),
    ),
    fixed=("position", "case_id", "borrower_id", "officer_id", "agency", "channel", "asked_day"),
)
"""One row a contact that was asked for. `state`: allowed, queued, refused, or done once it has an
outcome. `reached` is 1 when it met the right person, `breach` when a rule forbade what a person
asked for; `officer_id` asked."""

PROMISES = TableSpec(
    "promises",
    (
        words("promise_id"),
        integer("position"),
        words("case_id"),
        words("borrower_id"),
        words("loan_id"),
        words("currency"),
        words("officer_id"),
        words("team"),
        words("segment", nullable=True),
        words("parts"),
        integer("amount_minor"),
        integer("first_due_day"),
        integer("last_due_day"),
        integer("made_day"),
        words("state"),
        integer("decided_day", nullable=True),
        integer("paid_minor"),
    ),
    indexes=(("case_id",), ("borrower_id",), ("officer_id", "made_day")),
    fixed=("position", "case_id", "borrower_id", "loan_id", "officer_id", "made_day"),
)
"""One row a promise. `state` at the last close: open, kept, partial, broken, cancelled."""

ASSIGNMENTS = TableSpec(
    "strategy_assignments",
    (
        integer("position"),
        words("case_id"),
        words("borrower_id"),
        words("strategy"),
        words("digest"),
        words("segment"),
        words("treatment"),
        words("arm"),
        words("digest_before", nullable=True),
        words("segment_before", nullable=True),
        words("reason"),
        integer("value_day"),
        integer("recorded_at_us"),
    ),
    indexes=(("case_id",), ("arm",)),
)
"""Every assignment of a strategy, with the version before it."""

CASE_PAYMENTS = TableSpec(
    "case_payments",
    (
        words("case_id"),
        integer("value_day"),
        words("currency"),
        integer("amount_minor"),
        words("owner_id"),
        words("team"),
    ),
    key=2,
    indexes=(("owner_id", "value_day"), ("team", "value_day")),
)
"""Money that came in on a case's loans, by value day, from its opening to its closing; what was
taken back is taken off its day. `owner_id` had the case on that day."""

OVERRIDES = TableSpec(
    "overrides",
    (
        integer("position"),
        words("kind"),
        words("borrower_id"),
        words("reference"),
        words("actor"),
        words("approver"),
        words("details"),
        integer("value_day"),
        integer("recorded_at_us"),
    ),
    indexes=(("actor",), ("approver",), ("value_day",)),
)
"""What people decided against or beside the rules, and who approved: grades set and their ends,
referrals, exemptions of officers. `reference` is the loan or case."""

TABLES = (
    CASES,
    CASE_HISTORY,
    CASE_OWNERS,
    CONTACTS,
    PROMISES,
    ASSIGNMENTS,
    CASE_PAYMENTS,
    OVERRIDES,
)
