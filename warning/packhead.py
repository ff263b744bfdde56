"""The head of a rule pack: what mutes what, who is told when nobody answers, how much a day.

Reads and checks; `lifecycle` lives by it.
"""

from __future__ import annotations

from collections.abc import Sequence

from warning.pack import SEVERITIES, Budget, Referral, rank
from warning.packtable import LONGEST_DAYS, NAME, Table

KEYS = (
    *("name", "version", "title", "language", "include", "unless"),
    *("inhibition", "escalation", "budget", "rule"),
)
_MOST_A_DAY = 10_000


def read_inhibition(
    head: Table,
    rules: Sequence[str],
    muted: dict[str, tuple[str, ...]],
    inhibition: dict[int, frozenset[int]],
) -> None:
    """Add what the pack's [inhibition] says: by rule to `muted`, by rank to `inhibition`."""
    for word, value in head.table("inhibition").items():
        inner = Table(head.file, head.table("inhibition"), None)
        if word in SEVERITIES:
            milder = SEVERITIES[: SEVERITIES.index(word)]
            if not isinstance(value, list):
                raise head.wrong(word, "a list of the severities it mutes", word=word)
            names = inner.known(word, milder, f"{word} can only mute milder ones")
            grave = rank(SEVERITIES[SEVERITIES.index(word)])
            milds = frozenset(SEVERITIES.index(mild) + 1 for mild in milder if mild in names)
            inhibition[grave] = inhibition.get(grave, frozenset()) | milds
        elif word in rules:
            others = [name for name in rules if name != word]
            names = inner.known(word, others, "no other rule has this name")
            muted[word] = (*muted.get(word, ()), *names)
        else:
            known = f"severities are {', '.join(SEVERITIES)}, and no rule has this name"
            raise head.wrong("inhibition", known, word=word)


def escalation(head: Table) -> dict[int, tuple[Referral, ...]]:
    """Rank -> the roles that an unanswered warning goes to, soonest first."""
    table = head.table("escalation")
    if not table:
        return {}
    inner = Table(head.file, table, None)
    inner.only(("roles", *SEVERITIES))
    roles = inner.texts("roles")
    if not roles or not all(map(NAME.fullmatch, roles)) or len(set(roles)) < len(roles):
        raise inner.wrong("roles", "the names of roles, from low to high, each once")
    found: dict[int, tuple[Referral, ...]] = {}
    for severity in SEVERITIES:
        steps = [_referral(inner, severity, role, roles) for role in inner.table(severity)]
        steps.sort(key=lambda step: (step.after_days, step.role_rank))
        if [step.role_rank for step in steps] != sorted({step.role_rank for step in steps}):
            raise inner.wrong(severity, "a higher role is told no sooner than a lower one")
        if steps:
            found[rank(severity)] = tuple(steps)
    return found


def _referral(table: Table, severity: str, role: str, roles: Sequence[str]) -> Referral:
    if role not in roles:
        raise table.wrong(severity, f"roles are {', '.join(roles)}", word=role)
    days = table.table(severity)[role]
    if type(days) is not int or not 1 <= days <= LONGEST_DAYS:
        message = f"a whole number of business days from 1 to {LONGEST_DAYS}"
        raise table.wrong(severity, message, word=str(days))
    return Referral(days, roles.index(role) + 1, role)


def budget(head: Table) -> Budget | None:
    """How many rings a day an officer gets; None for no limit."""
    table = head.table("budget")
    if not table:
        return None
    inner = Table(head.file, table, None)
    inner.only(("per_officer", "beyond"))
    most = table.get("per_officer")
    if type(most) is not int or not 1 <= most <= _MOST_A_DAY:
        message = f"a whole number from 1 to {_MOST_A_DAY} is expected"
        raise inner.wrong("per_officer", message, word=str(most))
    beyond = inner.known("beyond", SEVERITIES, f"severities are {', '.join(SEVERITIES)}")
    return Budget(most, frozenset(SEVERITIES.index(word) + 1 for word in beyond))
