"""A simulator that answers like borrowers do: for demos and tests, never for real ones.

What comes of a contact follows from its id and a seed alone, so a run that is killed and started
again gives the same answers. Shares by channel are illustrative: messages are mostly delivered and
seldom answered, calls reach somebody a third of the time, visits more often and dearer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from ledger.events import ContactOutcome
from streams.outbound.letter import Letter, Sent

_MESSAGE: tuple[tuple[int, ContactOutcome], ...] = (
    (6, "undelivered"), (90, "delivered"), (97, "promised"), (100, "disputed"),
)  # fmt: skip
_SPOKEN: tuple[tuple[int, ContactOutcome], ...] = (
    (52, "no_answer"), (56, "wrong_number"), (70, "right_party"), (88, "promised"),
    (93, "refused"), (96, "disputed"), (100, "paid"),
)  # fmt: skip
_MET: tuple[tuple[int, ContactOutcome], ...] = (
    (25, "no_answer"), (45, "right_party"), (80, "promised"), (90, "refused"),
    (94, "disputed"), (100, "paid"),
)  # fmt: skip
_SHARES: Mapping[str, tuple[tuple[int, ContactOutcome], ...]] = {
    "sms": _MESSAGE,
    "app_push": _MESSAGE,
    "email": _MESSAGE,
    "letter": _MESSAGE,
    "voice_bot": _SPOKEN,
    "call": _SPOKEN,
    "visit": _MET,
}
"""Running shares in percent by channel."""
_COST_MINOR = {
    "sms": 5, "app_push": 0, "email": 0, "letter": 300, "voice_bot": 15, "call": 400, "visit": 8000,
}  # fmt: skip
"""What a contact costs, in minor units; illustrative."""
_SPOKEN_SECONDS = 240


class SimulatedBorrowers:
    """Answers at once."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed

    def send(self, letter: Letter) -> Sent:
        """What a borrower might have said."""
        contact = letter.contact
        name = f"{self._seed}\x1f{contact.contact_id}\x1f{contact.at_us}".encode()
        drawn = hashlib.sha256(name).digest()
        place = int.from_bytes(drawn[:4], "big") % 100
        shares = _SHARES[contact.channel]
        outcome = next(found for upto, found in shares if place < upto)
        spoke = shares is not _MESSAGE and outcome not in ("no_answer", "wrong_number")
        return Sent(
            outcome,
            seconds=30 + drawn[4] * _SPOKEN_SECONDS // 256 if spoke else 0,
            cost_minor=_COST_MINOR[contact.channel],
            promised_days=3 + drawn[5] % 12 if outcome == "promised" else 0,
        )
