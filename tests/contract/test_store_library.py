"""The eventsourcing library's own tests of recorders, run against ours.

Left out are those that count versions from 0: here they count from 1.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from uuid import uuid4

from eventsourcing.tests.persistence import (
    ApplicationRecorderTestCase,
    ProcessRecorderTestCase,
    TrackingRecorderTestCase,
)

from ledger.store.connections import WRITING, Datastore
from ledger.store.sqlite import SqliteRecorder


class _Ours:
    def new_originator_id(self) -> str:
        return f"loan:{uuid4()}"

    def create_recorder(self) -> SqliteRecorder:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)  # type: ignore[attr-defined]
        path = Path(folder.name) / "ledger.db"
        datastore = Datastore(f"file:{path}?mode=rwc", pragmas=WRITING)
        self.addCleanup(datastore.close)  # type: ignore[attr-defined]
        recorder = SqliteRecorder(datastore, "ledger", reading=datastore)
        recorder.create_table()
        return recorder


class TestApplicationRecorder(_Ours, ApplicationRecorderTestCase):
    test_concurrent_no_conflicts = None
    test_concurrent_throughput = None


class TestTrackingRecorder(_Ours, TrackingRecorderTestCase):
    pass


class TestProcessRecorder(_Ours, ProcessRecorderTestCase):
    test_performance = None


del ApplicationRecorderTestCase, ProcessRecorderTestCase, TrackingRecorderTestCase
