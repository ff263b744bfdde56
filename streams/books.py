"""All partitions of a database, to be read as one book. Writes nothing: workers do."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import ExitStack
from importlib.metadata import version as installed_version

from ledger.ids import loan_stream
from ledger.store import FactLog, KnownCommand, PostgresAudit, PostgresStore, Recorded
from projections.queries import Queries
from projections.tables import Schemas
from streams.metrics import Metrics
from streams.parts import database_of, stores_to_read, views_schema
from streams.settings import Settings


class AllLogs:
    """One log of every partition, as far as single streams go."""

    def __init__(self, logs: list[FactLog], home_of: Callable[[str], int | None]) -> None:
        self._logs, self._home_of = logs, home_of

    def stream(self, stream: str) -> list[Recorded]:
        """All facts of a loan's or account's stream, from the partition it lives in."""
        home = self._home_of(stream)
        return [] if home is None else self._logs[home].stream(stream)

    def known_commands(self, ids: Collection[str]) -> dict[str, KnownCommand]:
        """Those of `ids` that any partition recorded."""
        found: dict[str, KnownCommand] = {}
        for log in self._logs:
            found |= log.known_commands(ids)
        return found

    def last_position(self) -> int:
        """How many facts all partitions hold."""
        return sum(log.last_position() for log in self._logs)


class Books:
    """The reading side of a scaled-out book. Make it with `open`."""

    def __init__(
        self, settings: Settings, stores: list[PostgresStore], audit: PostgresAudit
    ) -> None:
        self.settings, self.stores, self._audit = settings, stores, audit
        self.audit = audit.audit
        self.partitions = len(stores)
        self.metrics = Metrics(version=installed_version("loanbell"))
        self.ledger = AllLogs([store.ledger for store in stores], self._home_of)
        self.warnings = AllLogs([store.warnings for store in stores], self._home_of_warnings)
        names = tuple(views_schema(store.partition) for store in stores)
        self.queries = Queries.open(Schemas(database_of(settings), names), self)

    @classmethod
    def open(cls, settings: Settings) -> Books:
        """Open every partition to read. Errors: StoreUnavailable, SettingsError."""
        url = database_of(settings)
        with ExitStack() as opened:
            stores = [s for s in stores_to_read(settings) if isinstance(s, PostgresStore)]
            for store in stores:
                opened.callback(store.close)
            audit = PostgresAudit.open(url)
            opened.callback(audit.close)
            books = cls(settings, stores, audit)
            opened.pop_all()
        return books

    def homes(self, streams: Collection[str]) -> dict[str, int]:
        """The partitions where loans and accounts live that any partition knows."""
        return self.stores[0].homes(streams)

    def close(self) -> None:
        """Let go of the database."""
        self.queries.close()
        self._audit.close()
        for store in self.stores:
            store.close()

    def _home_of_warnings(self, stream: str) -> int | None:
        """Warnings are where their loan is."""
        return self._home_of(loan_stream(stream.partition(":")[2]))

    def _home_of(self, stream: str) -> int | None:
        return self.homes([stream]).get(stream)
