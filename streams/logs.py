"""What a process says of itself, a line at a time: as text, or as JSON for a log store.

Lines carry ids that lead from one to the next: a request's to its transactions, a transaction's to
the fact that it led to, a fact's to the warnings that it caused. No line holds what a borrower sent
beyond ids, and none holds a secret. Nothing here decides what is said.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson

from streams.settings import Settings

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def set_up(settings: Settings, to: TextIO | None = None) -> None:
    """Say what is asked for, on standard error or `to`."""
    handler = logging.StreamHandler(to or sys.stderr)
    handler.setFormatter(JsonLines() if settings.log_format == "json" else TextLines())
    logging.getLogger().addHandler(handler)
    logging.getLogger("loanbell").setLevel(settings.log_level.upper())


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and the ids given with it."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        line: dict[str, Any] = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_ids(record),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


class TextLines(logging.Formatter):
    """The same for people; ids stand behind the message as key=value."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the library's name)
        """See `logging.Formatter`."""
        ids = (f" {name}={value}" for name, value in _ids(record).items())
        return super().formatMessage(record) + "".join(ids)


def _ids(record: logging.LogRecord) -> dict[str, Any]:
    """What was given as `extra`."""
    return {name: value for name, value in vars(record).items() if name not in _PLAIN}


def _moment(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
