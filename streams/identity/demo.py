"""Sign-ins for trying things out: one user of each role, with passwords made up on the spot."""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.identity import passwords
from streams.identity.directory import Directory, User
from streams.identity.draws import short_id
from streams.identity.person import ROLES

_IN_BRANCH = ("officer", "collections_manager")


@dataclass(frozen=True, slots=True)
class SignIn:
    """What to type at /sign-in."""

    user_id: str
    password: str = field(repr=False)
    told: str


def demo_sign_ins(directory: Directory, branch: str, *, by: str) -> list[SignIn]:
    """Add a user of each role, named after it; officer and collections manager work in `branch`.

    The passwords are drawn anew and shown this once, so that no demo has one that strangers know.
    Errors: UserRefused when one of the names is taken.
    """
    made = []
    for role in ROLES:
        password = short_id()
        user = User(
            user_id=role,
            name=role.replace("_", " "),
            roles=frozenset({role}),
            branches=frozenset({branch}) if role in _IN_BRANCH else None,
            password=passwords.hashed(password),
        )
        directory.add(user, by=by)
        made.append(SignIn(role, password, user.told))
    return made
