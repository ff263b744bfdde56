"""A diary as a table: CSV with a fact and what must hold after it in each row.

    date,fact,loan,dpd,arrears,split R1
    2024-01-01,"open L1 100.00 EUR, method annuity, instalments 6, rate 9.4822",,,,
    2024-01-01,disburse L1 100.00,L1,0,0.00,
    2024-02-05,,L1,4,17.13,
    2024-02-06,"repay L1 10.00, as R1",L1,5,7.13,interest 0.79 principal 9.21

`date` and `fact` come first; a fact is written as in a diary, further lines of its cell are the
rows of a schedule. Each other column is headed by the words of a clause, and its cells end it; an
empty cell expects nothing. `loan` is whose clauses they are. Only turns rows into lines.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO

from ledger.scenario.diary import Diary, Paragraph, diary_of, unreadable

_HEAD = ("date", "fact", "loan")


def read_table(text: str, *, name: str) -> Diary:
    """Read a table. Errors: DiaryUnreadable naming `name`, the line and what is wrong."""
    return diary_of(_paragraphs(text, name), name=name)


def _paragraphs(text: str, name: str) -> Iterator[Paragraph]:
    reader = csv.reader(StringIO(text), strict=True)
    number = 1
    try:
        head = [cell.strip() for cell in next(reader, [])]
        if tuple(head[:3]) != _HEAD:
            why = f"The columns begin with {', '.join(head[:3]) or 'nothing'}"
            raise unreadable(name, 1, f"{why}, not with {', '.join(_HEAD)}", ",".join(head))
        number = reader.line_num + 1
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells) and not cells[0].startswith("#"):
                if len(cells) != len(head):
                    why = f"The row has {len(cells)} cells, the head {len(head)}"
                    raise unreadable(name, number, why, ",".join(cells))
                if any(cells[3:]) and not cells[2]:
                    why = "The column loan does not say of whom this is expected"
                    raise unreadable(name, number, why, ",".join(cells))
                yield from _lines(number, head, cells)
            number = reader.line_num + 1
    except csv.Error as error:
        raise unreadable(name, number, f"This is not CSV: {error}", "") from None


def _lines(number: int, head: list[str], cells: list[str]) -> Iterator[Paragraph]:
    """The fact of a row, if it has one, then what is expected."""
    day, fact, loan = cells[:3]
    if fact:
        first, *rows = fact.splitlines()
        yield number, f"{day} {first}", [row.strip() for row in rows if row.strip()]
    clauses = [f"{word} {cell}" for word, cell in zip(head[3:], cells[3:], strict=True) if cell]
    if clauses:
        yield number, f"{day} expect {loan} {', '.join(clauses)}", []
