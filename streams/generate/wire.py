"""Messages as a core system writes them: one JSON object a line, in the published schema.

Texts are built open (without the closing brace) and closed with `sent_at` when the day is posted.
Does not check anything: the receiving side does.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from ledger.terms import Instalment

DAY_START_SECONDS = 3_600  # 09:00 in Beijing
DAY_LENGTH_SECONDS = 43_200
_CLOCK = [
    f"T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z"
    for second in range(DAY_START_SECONDS, DAY_START_SECONDS + DAY_LENGTH_SECONDS)
]


def yuan(minor: int) -> str:
    """Minor units as decimal text: 1250 -> "12.50"."""
    if minor < 0:
        return "-" + yuan(-minor)
    return f"{minor // 100}.{minor % 100:02d}"


def percent(ppm: int) -> str:
    """Parts per million as a percentage: 94_822 -> "9.4822"."""
    return f"{ppm // 10_000}.{ppm % 10_000:04d}"


def schedule_text(rows: list[Instalment]) -> str:
    """Rows of a schedule as JSON."""
    return ",".join(
        f'{{"number":{row.number},"due_date":"{row.due_date.isoformat()}",'
        f'"principal":"{yuan(row.principal_minor)}","interest":"{yuan(row.interest_minor)}"}}'
        for row in rows
    )


class Post:
    """Collects the messages of a day, and those that are written today but sent later."""

    def __init__(self, start: date) -> None:
        self._start = start
        self._count = 0
        self._today: list[str] = []
        self._later: dict[int, list[str]] = {}

    def numbers(self, size: int) -> range:
        """The next `size` transaction numbers."""
        first = self._count + 1
        self._count += size
        return range(first, first + size)

    def number(self) -> int:
        """The next transaction number."""
        self._count += 1
        return self._count

    def add(self, text: str, *, on: int | None = None) -> None:
        """Put an open text into today's post, or into that of the later day number `on`."""
        if on is None:
            self._today.append(text)
        else:
            self._later.setdefault(on, []).append(text)

    def extend(self, texts: list[str]) -> None:
        """Put many open texts into today's post, in order."""
        self._today.extend(texts)

    def today(self) -> list[str]:
        """Today's open texts so far; noise is worked into this list."""
        return self._today

    def waiting(self, day: int) -> list[str]:
        """Take out what was kept for `day`."""
        return self._later.pop(day, [])

    def send(self, day: int) -> Iterator[bytes]:
        """Close today's texts with `sent_at`, evenly over the working hours, and empty the post."""
        texts, self._today = self._today, []
        stamp = (self._start + timedelta(days=day)).isoformat()
        size = len(texts)
        for place, text in enumerate(texts):
            second = place * DAY_LENGTH_SECONDS // size
            yield f'{text},"sent_at":"{stamp}{_CLOCK[second]}"}}'.encode("utf-8", "surrogateescape")


def day_closed(day: date) -> bytes:
    """The close of business day `day`, sent at midnight UTC after it."""
    after = day + timedelta(days=1)
    return (
        f'{{"type":"business_day_closed","transaction_id":"close-{day.isoformat()}",'
        f'"value_date":"{day.isoformat()}","sent_at":"{after.isoformat()}T00:00:00Z"}}'
    ).encode()
