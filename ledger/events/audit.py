"""Who signed in, saw and did what: facts of the audit log.

Chained as all facts are, so that nobody can take a line out unseen. They hold ids, never a name, a
text or a secret: a fact is for ever. `user_id` "" is somebody who was not signed in. `what` names
the route by its operation id, or the command; `subject` what it was about: an id from its path.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ledger.codec import event_type


@event_type("audit.signed_in", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A session began. `way`: password or oidc. `address`: where the connection came from."""

    user_id: str
    way: str
    address: str
    value_date: date
    recorded_at_us: int


@event_type("audit.sign_in_refused", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class SignInRefused:
    """Somebody could not sign in. `user_id` is "" where there is no such user.

    What was typed as a name is not kept then: it may be a password. `locked`: this was the attempt
    that locked the account.
    """

    user_id: str
    way: str
    why: str
    locked: bool
    address: str
    value_date: date
    recorded_at_us: int


@event_type("audit.signed_out", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOut:
    """A person ended their session."""

    user_id: str
    value_date: date
    recorded_at_us: int


@event_type("audit.borrowers_read", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class BorrowersRead:
    """A person was shown something about these borrowers. Written before it was shown."""

    user_id: str
    what: str
    subject: str
    borrower_ids: tuple[str, ...]
    request_id: str
    value_date: date
    recorded_at_us: int


@event_type("audit.acted", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """A person was let do something. Written before it is done; what came of it, its facts say."""

    user_id: str
    what: str
    subject: str
    request_id: str
    value_date: date
    recorded_at_us: int


@event_type("audit.access_refused", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRefused:
    """A person asked for what is not theirs. `why`: role, branch, token_scope, csrf, …"""

    user_id: str
    what: str
    subject: str
    why: str
    request_id: str
    value_date: date
    recorded_at_us: int


@event_type("audit.administered", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class Administered:
    """Users, tokens or locks were changed. `by`: a user, or os:NAME who ran a command.

    `subject` is the user or token, `detail` what it is now: roles, branches, scopes.
    """

    by: str
    what: str
    subject: str
    detail: str
    value_date: date
    recorded_at_us: int


@event_type("audit.proposal_decided", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalDecided:
    """A second person approved or declined what a first one proposed. Written before it is done.

    `subject` is the loan or borrower; `transaction_id` that of the message it becomes, "" for none.
    """

    proposal_id: str
    kind: str
    subject: str
    proposed_by: str
    user_id: str
    approved: bool
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("audit.borrower_erased", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class BorrowerErased:
    """Two people had a borrower's key dropped: what was sealed under it can never be read again.

    Written before the key is dropped: if that was cut off, the second person approves again.
    """

    borrower_id: str
    reason: str
    requested_by: str
    approved_by: str
    value_date: date
    recorded_at_us: int
