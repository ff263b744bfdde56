"""The event store: the only door to the eventsourcing library and the ledger's database.

`Store.open` gives two logs of facts, `ledger` and `warnings`, each with its own positions, tracking
and hash chain, in a SQLite file; `PostgresStore.open` gives the two logs of one partition in
PostgreSQL. `MemoryStore` keeps the same contract without either, for tests and trials.
"""

from ledger.store.log import Log
from ledger.store.memory import MemoryLog, MemoryStore
from ledger.store.postgres import PostgresStore, migrate, partitions_of, unowned
from ledger.store.records import (
    LEDGER_LOG,
    WARNINGS_LOG,
    AlreadyTracked,
    ChainFault,
    ChainReport,
    Checkpoint,
    FactLog,
    KnownCommand,
    NewFact,
    Recorded,
)
from ledger.store.snapshots import MemorySnapshots, Snapshot, Snapshots
from ledger.store.sqlite import Store

__all__ = [
    "LEDGER_LOG",
    "WARNINGS_LOG",
    "AlreadyTracked",
    "ChainFault",
    "ChainReport",
    "Checkpoint",
    "FactLog",
    "KnownCommand",
    "Log",
    "MemoryLog",
    "MemorySnapshots",
    "MemoryStore",
    "NewFact",
    "PostgresStore",
    "Recorded",
    "Snapshot",
    "Snapshots",
    "Store",
    "migrate",
    "partitions_of",
    "unowned",
]
