"""The event store: the only door to the eventsourcing library and the ledger's database.

`Store.open` gives three logs of facts, `ledger`, `warnings` and `audit`, each with its own
positions, tracking and hash chain, in a SQLite file; `PostgresStore.open` gives the first two of
one partition in PostgreSQL, `PostgresAudit.open` the third, which all partitions share.
`MemoryStore` keeps the same contract without either, for tests and trials.
"""

from ledger.store.log import Log
from ledger.store.memory import MemoryLog, MemoryStore
from ledger.store.postgres import (
    PostgresAudit,
    PostgresStore,
    migrate,
    owners,
    partitions_of,
    unowned,
)
from ledger.store.records import (
    AUDIT_LOG,
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
    "AUDIT_LOG",
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
    "PostgresAudit",
    "PostgresStore",
    "Recorded",
    "Snapshot",
    "Snapshots",
    "Store",
    "migrate",
    "owners",
    "partitions_of",
    "unowned",
]
