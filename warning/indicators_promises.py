"""Indicators of what is noted in cases: promises, signs of evasion. Part of the catalogue."""

from __future__ import annotations

from warning.formulas import Get, divided, indicator, plain, real
from warning.windows import FloatArray

_NONE = "no promise was made on the loan"
_SOURCE = "broken promise to pay (PTP) of collections practice: not met in amount or date"


def _kept_share(get: Get) -> FloatArray:
    kept = real(get("promise_kept_365d"))
    return divided(kept, kept + real(get("promise_failed_365d")))


PROMISED = (
    *(
        indicator(
            f"promises_broken_{days}d",
            f"the day after its last day in (t-{days}, t]",
            "Promises to pay that were not met in amount by their days, tolerance included; paid "
            "in part counts as broken.",
            unknown=_NONE,
            source=_SOURCE,
            formula=plain(f"promise_failed_{days}d"),
        )
        for days in (90, 365)
    ),
    indicator(
        "promises_kept_ratio",
        "(t-365, t]",
        "Promises kept / promises kept or broken.",
        unknown="no promise was kept or broken in the window",
        source=_SOURCE,
        formula=_kept_share,
    ),
)
"""What became of promises on the loan."""
SIGNS = (
    indicator(
        "evasion_signs_365d",
        "(t-365, t]",
        "Kinds of signs of evasion that were noted of the borrower: funds diverted, accounts "
        "emptied, assets or shares moved away, not to be reached, a sham merger, others paid "
        "first, false documents.",
        unknown="no such sign was ever noted of the borrower",
        source="signs of evasion (逃废债) in collections practice",
        formula=plain("signs"),
    ),
)
"""What is noted of the borrower."""
