"""Signatures of webhooks: HMAC-SHA256 over id, time and body, as standardwebhooks.com has them.

A receiver knows by them who sent a body, that nobody changed it, and that it is no old one sent
again: it refuses what is more than five minutes away from its clock. Its own code for that is in
deploy/README.md; libraries for it exist in most languages.
Source: github.com/standard-webhooks/standard-webhooks, spec 1.0.0; RFC 2104.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from hashlib import sha256

SECRET_PREFIX, KEY_BYTES = "whsec_", 24
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"


def signed(keys: Sequence[bytes], *, id_: str, seconds: int, body: bytes) -> Mapping[str, str]:
    """The three headers of a webhook, with a signature of every key."""
    content = f"{id_}.{seconds}.".encode() + body
    macs = (base64.b64encode(hmac.digest(key, content, sha256)).decode() for key in keys)
    signature = " ".join(f"v1,{mac}" for mac in macs)
    return {ID: id_, TIMESTAMP: str(seconds), SIGNATURE: signature}


def key_of(secret: str) -> bytes:
    """The key in a secret: whsec_, then base64. Errors: ValueError, which does not show it."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(SECRET_PREFIX) or len(key) < KEY_BYTES:
        raise ValueError(
            f"a secret is {SECRET_PREFIX} and at least {KEY_BYTES} random bytes in base64"
        )
    return key
