"""Who may see and do what: people with roles and branches, sign-in, tokens, sealed text, audit.

| module | holds |
|---|---|
| `person`, `rights` | roles and branches; which role may do what, which route needs what |
| `draws`, `passwords` | random secrets; passwords |
| `vault` | text sealed under a key of its borrower |

Nothing of it is in the ledger log: a password must be deletable, and a fact is for ever. What is
for ever is who did what; see `ledger/events/audit.py`.
"""

from streams.identity.person import ANYBODY, ROLES, Person, Role
from streams.identity.rights import ACTIONS, Action, can

__all__ = ["ACTIONS", "ANYBODY", "ROLES", "Action", "Person", "Role", "can"]
