"""Passwords of local accounts: which are taken, and what is stored of them.

Argon2id with the library's parameters (RFC 9106, the second recommended set: 64 MiB, 3 passes), so
a stolen table is slow to search. Length counts, not kinds of characters. Source: NIST SP 800-63B,
5.1.1.2: at least so long, not among the common ones, no rules of composition.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ledger.errors import LoanError

LEAST = 12
MOST = 1_024
_DIFFERENT = 5
_COMMON = Path(__file__).parent / "common_passwords.txt"
_hasher = PasswordHasher()


class WeakPassword(LoanError):
    """The password is not taken; the message says why, and never what it was."""

    code = "weak_password"


def check(password: str, user_id: str) -> None:
    """Errors: WeakPassword."""
    way_out = f"Take {LEAST} characters or more, such as four words that do not belong together."
    if not LEAST <= len(password) <= MOST:
        raise WeakPassword(f"It has {len(password)} characters.", way_out=way_out)
    plain = password.casefold()
    if plain in _common() or len(set(plain)) < _DIFFERENT:
        raise WeakPassword("It is among those that are tried first.", way_out=way_out)
    if user_id.casefold() in plain and len(plain) - len(user_id) < LEAST:
        raise WeakPassword("It is little more than the user's name.", way_out=way_out)


def hashed(password: str) -> str:
    """What is stored: 50 ms of one core and 64 MiB."""
    return _hasher.hash(password)


def fits(stored: str | None, password: str) -> bool:
    """Whether `password` is the one. Without a stored one it takes as long, and is False."""
    try:
        return _hasher.verify(stored or _nobody(), password[:MOST]) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def is_old(stored: str) -> bool:
    """Whether it was hashed with other parameters than would be used now."""
    return _hasher.check_needs_rehash(stored)


@cache
def _nobody() -> str:
    return _hasher.hash("the password of nobody")


@cache
def _common() -> frozenset[str]:
    return frozenset(_COMMON.read_text(encoding="utf-8").split())
