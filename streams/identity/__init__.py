"""Who may see and do what: people with roles and branches, sign-in, tokens, sealed text, audit.

| module | holds |
|---|---|
| `person`, `rights` | roles and branches; which role may do what, which route needs what |
| `draws`, `passwords` | random secrets; passwords |
| `tables`, `directory` | users, sessions and tokens in tables of their own |
| `service`, `oidc` | signing in: by password, session, token; through an OpenID Connect provider |
| `proposals` | what one person asks for and another approves |
| `trail`, `history` | writing the audit log, and reading it |
| `vault` | text sealed under a key of its borrower |
| `demo` | sign-ins for trying things out |

Nothing of it is in the ledger log: a password must be deletable, and a fact is for ever. What is
for ever is who did what; see `ledger/events/audit.py`.
"""

from streams.identity.person import ANYBODY, ROLES, Person, Role
from streams.identity.rights import ACTIONS, Action, can

__all__ = ["ACTIONS", "ANYBODY", "ROLES", "Action", "Person", "Role", "can"]
