"""Contacts as CSV files in a folder, for a call centre or a voice bot: one file a contact.

A file appears whole or not at all: it is written beside its place and renamed. Its name is the
contact's id, so a contact that comes again after a crash replaces itself. Cells that a spreadsheet
would run as a formula are made text. What came of it, the receiver reports as a message.
"""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

from streams.outbound.letter import Letter, NotSent, Sent

COLUMNS = (
    *("contact_id", "case_id", "borrower_id", "loan_ids", "channel", "agency", "address"),
    *("language", "tone", "subject", "text", "not_before_us", "before_us"),
)
_RUNS = ("=", "+", "-", "@", "\t", "\r")


class FileDrop:
    """Writes to one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, letter: Letter) -> Sent:
        """Drop the file. Errors: NotSent when the folder cannot be written."""
        name = f"{letter.contact.contact_id}.csv"
        waiting = self._folder / f".{name}.part"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with waiting.open("w", encoding="utf-8", newline="") as file:
                file.write(as_csv(letter))
                file.flush()
                os.fsync(file.fileno())
            waiting.replace(self._folder / name)
        except OSError as error:
            raise NotSent(f"{self._folder} cannot be written: {error.strerror}.") from None
        return Sent(None)


def as_csv(letter: Letter) -> str:
    """The header and the contact's row."""
    contact = letter.contact
    row = (
        *(contact.contact_id, contact.case_id, contact.borrower_id, " ".join(contact.loan_ids)),
        *(contact.channel, contact.agency or "", letter.address or "", letter.language),
        *(letter.tone, letter.subject, letter.text, str(contact.at_us), str(contact.until_us)),
    )
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerow([harmless(cell) for cell in row])
    return text.getvalue()


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_RUNS) else cell
