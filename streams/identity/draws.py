"""Random secrets and their hashes: the only place where identity draws.

A secret has 256 random bits, so one SHA-256 of it is as hard to turn back as the secret is to
guess. Argon2 would add nothing but 50 ms to every request: it makes up for passwords that people
choose, and nobody chose these.
"""

from __future__ import annotations

import secrets
from hashlib import sha256


def secret() -> str:
    """256 random bits as 43 characters that are safe in URLs, headers and cookies."""
    return secrets.token_urlsafe(32)


def short_id() -> str:
    """A name for a thing that people must be able to type: 80 random bits, 20 hex digits."""
    return secrets.token_hex(10)


def random_bytes(count: int) -> bytes:
    """Key material."""
    return secrets.token_bytes(count)


def hash_of(text: str) -> str:
    """What is stored of a secret."""
    return sha256(text.encode()).hexdigest()


def derived(text: str, purpose: str) -> str:
    """Another secret from a secret, for one purpose."""
    return sha256(f"{purpose}\0{text}".encode()).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two secrets are the same, in a time that tells nothing of where they differ."""
    return secrets.compare_digest(one.encode(), other.encode())
