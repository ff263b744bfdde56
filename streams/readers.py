"""Files of messages as numbered pieces: JSONL and CSV, plain or gzip. Bounded memory.

A reader yields `Piece`s in the file's order. What cannot be read as a message is a piece too, with
the reason. Knows nothing of the ledger and parses no message: `ingest` does.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from types import UnionType
from typing import Annotated, Any, BinaryIO, Union, get_args, get_origin

import orjson

from ledger.errors import LoanError, MalformedMessage
from streams.fields import Shape
from streams.malformed import MissingField, NotUtf8, UnknownField
from streams.terms import TermsShape
from streams.topics import MESSAGE_MODELS

LONGEST_LINE = 4 * 1024 * 1024
"""A longer line is cut here; it is refused as too large anyway."""
CLOSE_WORD = b"business_day_closed"
_CHUNK = 1 << 20
_LONGEST_TEXT = 500
_BOM = b"\xef\xbb\xbf"
_GZIP_MAGIC = b"\x1f\x8b"


class FileUnreadable(MalformedMessage):
    """The file as a whole cannot be imported."""

    code = "file_unreadable"


class NotCsv(MalformedMessage):
    """A row does not fit the header, or is not CSV."""

    code = "not_csv"


@dataclass(slots=True)
class Piece:
    """One message of a file: its first and last line, the JSON to parse, and the bytes as found.

    `end_byte` is how much of the content is read with it; `error` says why there is no JSON.
    """

    line: int
    last_line: int
    end_byte: int
    body: bytes
    found: bytes
    error: LoanError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What a first pass over a file tells: the name of its content, its size, who closes days."""

    source: str
    content_bytes: int
    has_closes: bool
    is_csv: bool


def survey(path: Path, *, progress: Callable[[int], None] | None = None) -> FileFacts:
    """Read the whole file once. `source` is "file:" and a prefix of the content's SHA-256.

    Content is what gzip holds, so a file and its .gz are the same source. Errors: FileUnreadable.
    """
    digest, size, has_closes, tail = hashlib.sha256(), 0, False, b""
    with _opened(path) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            has_closes = has_closes or CLOSE_WORD in tail + chunk
            tail = chunk[-len(CLOSE_WORD) :]
            if progress is not None:
                progress(size)
    name = path.name.lower().removesuffix(".gz")
    return FileFacts(
        source=f"file:{digest.hexdigest()[:16]}",
        content_bytes=size,
        has_closes=has_closes,
        is_csv=name.endswith(".csv"),
    )


def pieces(path: Path, *, is_csv: bool, after_line: int = 0) -> Iterator[Piece]:
    """The messages behind `after_line`, which must be the last line of one. Blank lines are none.

    Errors: FileUnreadable; UnknownField or MissingField for a CSV header that is not the schema's.
    """
    with _opened(path) as file:
        lines = _Lines(file)
        yield from _rows(lines, after_line) if is_csv else _json_lines(lines, after_line)


@contextmanager
def on_disk(path: Path) -> Iterator[Path]:
    """`path`, or a copy of what comes out of it when it is a pipe or a device.

    A file is read more than once, and what came out of a pipe does not come again. The copy has the
    name of its content as any file, so it is known when it comes again. Errors: FileUnreadable.
    """
    if not (path.is_fifo() or path.is_char_device()):
        yield path
        return
    with TemporaryDirectory(prefix="loanbell-read-") as folder:
        copy = Path(folder) / path.name
        with _opened(path) as file, copy.open("wb") as kept:
            copyfileobj(file, kept)
        yield copy


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as raw:
            packed = raw.peek(2)[:2] == _GZIP_MAGIC
            if packed:
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    yield unpacked  # type: ignore[misc]
            else:
                yield raw
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FileUnreadable(
            f"{path} is a damaged gzip file: {error}.", way_out="Copy the file again."
        ) from None
    except OSError as error:
        raise FileUnreadable(
            f"{path} cannot be read: {error.strerror or error}.",
            way_out="Name an existing .jsonl or .csv file, or a .gz of one.",
        ) from None


_Line = tuple[bytes, int]
"""A line, and how much of the file is read with it."""


class _Lines:
    """The lines of a file, counted; `taken` holds those since it was last cleared, with their ends.

    What a line has beyond the longest allowed is dropped, and so is a byte order mark.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._again: deque[_Line] = deque()
        self.number = self.end_byte = 0
        self.taken: list[_Line] = []

    def next(self) -> bytes:
        """The next line, empty at the end."""
        line, end_byte = self._again.popleft() if self._again else self._read()
        self.number += bool(line)
        self.end_byte = end_byte
        return line

    def _read(self) -> _Line:
        line = rest = self._file.readline(LONGEST_LINE)
        end_byte = self.end_byte + len(line)
        while len(rest) >= _CHUNK and not rest.endswith(b"\n"):
            rest = self._file.readline(LONGEST_LINE)
            end_byte += len(rest)
        return (line if self.number else line.removeprefix(_BOM)), end_byte

    def back_behind_first(self) -> None:
        """Take only the first of the lines taken; the others come again."""
        first, *others = self.taken
        self._again.extendleft(reversed(others))
        self.number -= len(others)
        self.end_byte, self.taken = first[1], [first]

    def skip(self, upto: int) -> None:
        """Pass over lines up to line `upto`."""
        while self.number < upto and self.next():
            pass

    def texts(self) -> Iterator[str]:
        """The lines as text for the csv module; bytes that are not UTF-8 become surrogates."""
        while line := self.next():
            self.taken.append((line, self.end_byte))
            yield line.decode("utf-8", errors="surrogateescape")


def _json_lines(lines: _Lines, after_line: int) -> Iterator[Piece]:
    lines.skip(after_line)
    while line := lines.next():
        body = line.strip()
        if body:
            yield Piece(lines.number, lines.number, lines.end_byte, body, body)


def _rows(lines: _Lines, after_line: int) -> Iterator[Piece]:
    rows = csv.reader(lines.texts(), strict=True)
    try:
        header = [name.strip() for name in next(rows)]
    except StopIteration:
        return
    except csv.Error as error:
        _check_separator(lines.taken[0][0])
        raise FileUnreadable(f"The header is not CSV: {error}.") from None
    _check_separator(lines.taken[0][0])
    _check_header(header)
    lines.skip(after_line)
    while True:
        lines.taken.clear()
        first = lines.number + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            row = []
            problem: LoanError | None = NotCsv(
                f"Not CSV: {error}.",
                way_out='Quote a field that holds a comma or a quote: "a ""b"""',
            )
            body = b""
        else:
            if not any(row):
                continue
            body, problem = _document(header, row)
        if len(lines.taken) > 1 and (isinstance(problem, NotCsv) or _holds_rows(header, row)):
            body, problem = b"", _swallowed(first, lines.number)
            lines.back_behind_first()
            rows = csv.reader(lines.texts(), strict=True)
        found = b"".join(line for line, _ in lines.taken).strip(b"\r\n")
        yield Piece(first, lines.number, lines.end_byte, body, found, problem)


def _holds_rows(header: list[str], row: list[str]) -> bool:
    """Whether a cell of several lines is longer than any text of a message; lists may be long."""
    return any(
        len(cell) > _LONGEST_TEXT and COLUMNS[name] is not _json
        for name, cell in zip(header, row, strict=True)
    )


def _swallowed(first: int, last: int) -> NotCsv:
    """A quote that is not closed swallows whole lines: only the one with it is refused."""
    return NotCsv(
        f"A quote opens in line {first}, and what follows up to line {last} is not one row.",
        way_out="Close the quote, or double it inside a quoted cell; only this line was left out, "
        "reading goes on with the next.",
    )


def _check_separator(line: bytes) -> None:
    for mark in b";", b"\t", b"|":
        names = [name.strip(b' "\r\n') for name in line.split(mark)]
        if len(names) > 1 and b"type" in names:
            raise UnknownField(
                f"The header's columns are separated by {mark.decode()!r}.",
                way_out="Separate columns by commas, and write amounts with a point: 1250.00.",
            )


def _check_header(header: list[str]) -> None:
    unknown = [name for name in header if name not in COLUMNS]
    if unknown:
        raise UnknownField(
            f"The header has columns that no message has: {', '.join(unknown)[:200]}.",
            way_out=f"Known columns: {', '.join(COLUMNS)}.",
        )
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise UnknownField(
            f"The header has columns twice: {', '.join(twice)}.", way_out="Name each column once."
        )
    if "type" not in header:
        raise MissingField(
            "The header has no column type.",
            way_out="The first line names the columns, such as type,transaction_id,value_date,…",
        )


def _document(header: list[str], row: list[str]) -> tuple[bytes, LoanError | None]:
    """A row as the JSON of its message; empty cells are left out."""
    if len(row) != len(header):
        return b"", NotCsv(
            f"The row has {len(row)} cells, the header {len(header)}.",
            way_out="Quote cells that hold commas; leave a cell empty where there is no value.",
        )
    document: dict[str, Any] = {}
    for name, cell in zip(header, row, strict=True):
        if cell == "":
            continue
        outer, _, inner = name.partition(".")
        value = COLUMNS[name](cell)
        if inner:
            document.setdefault(outer, {})[inner] = value
        else:
            document[name] = value
    try:
        return orjson.dumps(document), None
    except orjson.JSONEncodeError:
        return b"", NotUtf8("The row is not UTF-8.", way_out="Save the file as UTF-8.")


def _whole(cell: str) -> Any:
    return int(cell) if cell.isascii() and cell.isdecimal() and len(cell) < 10 else cell


def _flag(cell: str) -> Any:
    return {"true": True, "false": False}.get(cell.lower(), cell)


def _json(cell: str) -> Any:
    try:
        return orjson.loads(cell)
    except orjson.JSONDecodeError:
        return cell


def _reader_of(annotation: Any) -> Callable[[str], Any]:
    """How a cell of a field's type is read; what does not fit stays text, and is refused later."""
    if get_origin(annotation) is Annotated:
        return _reader_of(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        inner = [arg for arg in get_args(annotation) if arg is not type(None)]
        return _reader_of(inner[0])
    part = isinstance(annotation, type) and issubclass(annotation, Shape)
    if part or get_origin(annotation) is list:
        return _json
    return {int: _whole, bool: _flag}.get(annotation, str)


def _columns() -> dict[str, Callable[[str], Any]]:
    columns: dict[str, Callable[[str], Any]] = {}
    for model in MESSAGE_MODELS:
        for name, field in model.model_fields.items():
            if name != "terms":
                columns[name] = _reader_of(field.annotation)
    for name, field in TermsShape.model_fields.items():
        columns[f"terms.{name}"] = _reader_of(field.annotation)
    return columns


COLUMNS: dict[str, Callable[[str], Any]] = _columns()
"""Every column a CSV file may have, and how its cells are read; lists and parts are JSON text."""
