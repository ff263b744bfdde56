"""Steps from one stored version of a fact to the next.

A new shape adds one pure function here, `@upcast("loan.opened", version=1, adds=…)`, that takes the
stored document of version 1 and returns the one of version 2, and keeps its golden file for ever.
Steps know stored documents only, never the classes, which go on changing.
"""

from __future__ import annotations

from ledger.codec import upcast
from ledger.codec_source import Document

_TERMS_2: Document = {
    "direction": "component",
    "down_payment_ppm": 0,
    "grace": {
        "arrears_days": 0,
        "interest_free_instalments": 0,
        "interest_instalments": 0,
        "principal_instalments": 0,
    },
    "level": "exact",
    "month_end": False,
    "penalty": None,
    "period_days": 0,
    "principal_first_after_days": None,
    "recognition": "received",
    "revolving": False,
    "roll": None,
    "rounding": "half_up",
    "suspend_after_days": 90,
}


@upcast("loan.opened", version=1, adds=[f"terms.{name}" for name in _TERMS_2])
def _opened_2(stored: Document) -> Document:
    """Version 2 knows more kinds of terms; a loan of version 1 has none of them."""
    return stored | {"terms": stored["terms"] | _TERMS_2}


@upcast("loan.closed", version=1, adds=["requested_by", "approved_by"])
def _closed_2(stored: Document) -> Document:
    """Version 2 names who asked for a write-off and who agreed; version 1 did not say."""
    return stored | {"requested_by": None, "approved_by": None}
