"""Signatures of webhooks: HMAC-SHA256 over id, time and body, as standardwebhooks.com has them.

A receiver knows by them who sent a body, that nobody changed it, and that it is no old one sent
again: it refuses what is more than five minutes away from its clock. Its own code for that is in
deploy/README.md; libraries for it exist in most languages.
Source: github.com/standard-webhooks/standard-webhooks, spec 1.0.0; RFC 2104.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from hashlib import sha256

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"


def signed(keys: Sequence[bytes], *, id_: str, seconds: int, body: bytes) -> Mapping[str, str]:
    """The three headers of a webhook, with a signature of every key."""
    content = f"{id_}.{seconds}.".encode() + body
    macs = (base64.b64encode(hmac.digest(key, content, sha256)).decode() for key in keys)
    signature = " ".join(f"v1,{mac}" for mac in macs)
    return {ID: id_, TIMESTAMP: str(seconds), SIGNATURE: signature}
