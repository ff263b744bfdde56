"""The eventsourcing library's own tests of recorders, run against ours.

Left out are those that count versions from 0: here they count from 1.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from eventsourcing.tests.persistence import (
    ApplicationRecorderTestCase,
    ProcessRecorderTestCase,
    TrackingRecorderTestCase,
)

from ledger.store import postgres
from ledger.store.connections import WRITING, Datastore
from ledger.store.migrations import schema_of
from ledger.store.sqlite import SqliteRecorder


class _OnSqlite:
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


class _OnPostgres:
    @pytest.fixture(autouse=True)
    def _have_database(self, migrated: Callable[..., str]) -> None:
        self.migrated = migrated

    def new_originator_id(self) -> str:
        return f"loan:{uuid4()}"

    def create_recorder(self) -> postgres.PostgresRecorder:
        datastore = postgres.Datastore(self.migrated(), schema_of(0), size=4)
        self.addCleanup(datastore.close)  # type: ignore[attr-defined]
        return postgres.PostgresRecorder(datastore, "ledger", partition=0, reading=datastore)


class TestApplicationRecorder(_OnSqlite, ApplicationRecorderTestCase):
    test_concurrent_no_conflicts = None
    test_concurrent_throughput = None


class TestTrackingRecorder(_OnSqlite, TrackingRecorderTestCase):
    pass


class TestProcessRecorder(_OnSqlite, ProcessRecorderTestCase):
    test_performance = None


@pytest.mark.service
class TestPostgresApplicationRecorder(_OnPostgres, ApplicationRecorderTestCase):
    test_concurrent_no_conflicts = None
    test_concurrent_throughput = None


@pytest.mark.service
class TestPostgresTrackingRecorder(_OnPostgres, TrackingRecorderTestCase):
    pass


@pytest.mark.service
class TestPostgresProcessRecorder(_OnPostgres, ProcessRecorderTestCase):
    test_performance = None


del ApplicationRecorderTestCase, ProcessRecorderTestCase, TrackingRecorderTestCase
