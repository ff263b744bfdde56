"""Figures as files: CSV for a spreadsheet, Parquet for whoever computes on.

Money stays whole minor units beside its currency, dates are ISO dates, an unknown ratio is empty.
Parquet needs the extra `parquet` (pyarrow), and only there: nothing else imports it.
"""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Any

from ledger.errors import LoanError
from projections.figures import Figure


class ParquetMissing(LoanError):
    """The library that writes Parquet is not installed."""

    code = "parquet_missing"


def as_csv(figure: Figure) -> str:
    """A figure as CSV (RFC 4180), its columns in the first line.

    A text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(figure.columns)
    writer.writerows([_plain(row[column]) for column in figure.columns] for row in figure.rows)
    return text.getvalue()


def _plain(value: Any) -> Any:
    """A cell that no spreadsheet computes."""
    is_formula = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if is_formula else value


def as_parquet(figure: Figure) -> bytes:
    """A figure as a Parquet file; its name and days are in the file's metadata.

    Errors: ParquetMissing, with the way out, when pyarrow is not installed.
    """
    try:
        import pyarrow  # noqa: PLC0415 (an extra: only who asks for Parquet needs it)
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise ParquetMissing(
            "Parquet needs the library pyarrow.",
            way_out="pip install 'loanbell[parquet]', or ask for CSV.",
        ) from error
    names = ("figure", "as_of", "since")
    told = dict(zip(names, (figure.name, figure.as_of, figure.since), strict=True))
    table = pyarrow.table(
        {column: _array(pyarrow, figure, column) for column in figure.columns}
    ).replace_schema_metadata({name: str(value) for name, value in told.items() if value})
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    return sink.getvalue()


def _array(pyarrow: Any, figure: Figure, column: str) -> Any:
    """A column with the type that its values have, also when they are all empty."""
    values = [row[column] for row in figure.rows]
    kinds = {type(value) for value in values if value is not None}
    kind = pyarrow.float64() if not kinds or float in kinds else None
    if kinds == {int}:
        kind = pyarrow.int64()
    elif kinds == {date}:
        kind = pyarrow.date32()
    return pyarrow.array(values, kind)
