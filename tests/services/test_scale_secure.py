"""A worker over a Kafka with TLS and passwords, and a PostgreSQL that takes nothing without TLS."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from bench.services import Kafka, PostgreSQL, ServiceMissing
from ledger.errors import LoanError
from ledger.store import PostgresStore
from streams.cli import commands
from streams.parts import database_of
from streams.settings import Settings

pytestmark = [pytest.mark.service, pytest.mark.slow]

DATABASE_SECRET, KAFKA_SECRET = "d4tabase-S3cret/ü?", "k4fka-S3cret"


class Authority:
    """A certificate authority made for this test, and one certificate for 127.0.0.1 under it."""

    def __init__(self, openssl: Path, folder: Path) -> None:
        self._openssl, self.folder = openssl, folder
        folder.mkdir()
        self.ca = folder / "ca.pem"
        self.key, self.certificate = folder / "server.key", folder / "server.pem"
        authority = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                     "-nodes", "-days", "2", "-subj", "/CN=test authority"]  # fmt: skip
        self._run(*authority, "-keyout", folder / "ca.key", "-out", self.ca)
        self._run("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1",
                  "-keyout", self.key, "-out", folder / "server.csr")  # fmt: skip
        (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
        self._run("x509", "-req", "-in", folder / "server.csr", "-CA", self.ca, "-days", "2",
                  "-CAkey", folder / "ca.key", "-CAcreateserial", "-out", self.certificate,
                  "-extfile", folder / "names")  # fmt: skip
        self.both = folder / "both.pem"
        self.both.write_text(self.key.read_text() + self.certificate.read_text())

    def _run(self, *words: str | Path) -> None:
        done = subprocess.run([self._openssl, *words], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


class TlsPostgreSQL(PostgreSQL):
    """Takes connections over the network with TLS and a password alone."""

    def __init__(self, authority: Authority) -> None:
        super().__init__(durable=False)
        self._own_files = []
        for source in (authority.certificate, authority.key):
            copy = self.folder / source.name
            shutil.copy(source, copy)
            copy.chmod(0o600)
            if self._user is not None:
                shutil.chown(copy, self._user)
            self._own_files.append(copy)
        (self.data / "pg_hba.conf").write_text(
            "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
        )

    def command(self) -> Sequence[str | Path]:
        certificate, key = self._own_files
        tls = ("--ssl=on", f"--ssl_cert_file={certificate}", f"--ssl_key_file={key}")
        return [*super().command(), *tls]

    def admin(self, statement: str) -> None:
        """A statement over the socket, where nobody needs a password."""
        command = [self._bin / "psql", "-X", "-q", "-h", self.folder, "-p", str(self.port), "-U",
                   "loanbell", "-d", "postgres", "-c", statement]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(
    binary: Callable[[str, str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Authority:
    """Keys and certificates."""
    return Authority(binary("openssl", "openssl"), tmp_path_factory.mktemp("tls") / "keys")


def started(make: Callable[[], Any]) -> Iterator[Any]:
    try:
        service = make()
    except ServiceMissing as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"{error.message}: {error.way_out}")
    with service:
        yield service


@pytest.fixture(scope="module")
def database(authority: Authority) -> Iterator[TlsPostgreSQL]:
    """PostgreSQL with TLS."""
    for server in started(lambda: TlsPostgreSQL(authority)):
        quoted = DATABASE_SECRET.replace("'", "''")
        server.admin(f"ALTER ROLE loanbell PASSWORD '{quoted}'")
        server.admin("CREATE DATABASE book")
        yield server


@pytest.fixture(scope="module")
def broker(authority: Authority) -> Iterator[Kafka]:
    """Kafka with SASL_SSL, mechanisms PLAIN and SCRAM-SHA-512."""
    prefix = "listener.name.sasl_ssl"
    module = "org.apache.kafka.common.security"
    plain = f'{module}.plain.PlainLoginModule required username="broker" password="b" '
    plain += f'user_broker="b" user_loanbell="{KAFKA_SECRET}";'
    more = {
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        f"{prefix}.plain.sasl.jaas.config": plain,
        f"{prefix}.scram-sha-512.sasl.jaas.config": f"{module}.scram.ScramLoginModule required;",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(authority.both),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.ca),
    }
    scram = f"SCRAM-SHA-512=[name=loanbell,password={KAFKA_SECRET}]"
    yield from started(lambda: Kafka(listener="SASL_SSL", more=more, users=["--add-scram", scram]))


@pytest.fixture
def variables(
    authority: Authority, database: TlsPostgreSQL, broker: Kafka, tmp_path: Path
) -> dict[str, str]:
    """What an operator sets; secrets stand in files."""
    (tmp_path / "database.secret").write_text(DATABASE_SECRET + "\n")
    (tmp_path / "kafka.secret").write_text(KAFKA_SECRET + "\n")
    place = f"loanbell@127.0.0.1:{database.port}/book"
    return {
        "LOANBELL_DATABASE": f"postgresql://{place}?sslmode=verify-full&sslrootcert={authority.ca}",
        "LOANBELL_DATABASE_PASSWORD_FILE": str(tmp_path / "database.secret"),
        "LOANBELL_BROKER": broker.url,
        "LOANBELL_KAFKA_SECURITY": "sasl_ssl",
        "LOANBELL_KAFKA_MECHANISM": "SCRAM-SHA-512",
        "LOANBELL_KAFKA_USER": "loanbell",
        "LOANBELL_KAFKA_PASSWORD_FILE": str(tmp_path / "kafka.secret"),
        "LOANBELL_KAFKA_CA_FILE": str(authority.ca),
        "LOANBELL_CLOSED_BY": "driver",
        "LOANBELL_PORT": "0",
        "LOANBELL_LOG_LEVEL": "debug",
        "COLUMNS": "200",
    }


def loanbell(variables: dict[str, str], *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(commands(words[:1]), words, env=variables)
    if isinstance(done.exception, LoanError):
        return 1, str(done.exception)
    return done.exit_code, done.output


def test_a_worker_records_and_publishes_over_tls_with_passwords_from_files(
    variables: dict[str, str], tmp_path: Path
) -> None:
    said = ""
    for words in (
        ("migrate", "--partitions", "1"),
        ("topics", "create", "--partitions", "1", "--replicas", "1"),
    ):
        code, output = loanbell(variables, *words)
        assert code == 0, output
        said += output
    message = {"type": "account_opened", "transaction_id": "T1", "account_id": "A1",
               "borrower_id": "B1", "currency": "CNY", "opening_balance": "1.00",
               "value_date": "2024-03-29"}  # fmt: skip
    (tmp_path / "one.jsonl").write_bytes(orjson.dumps(message))
    code, output = loanbell(variables, "send", "--partitions", "1", str(tmp_path / "one.jsonl"))
    assert (code, output) == (0, "1 messages sent\n")
    settings = Settings.load(environ={k: v for k, v in variables.items() if k != "COLUMNS"})
    log = tmp_path / "worker.log"
    with log.open("wb") as file:
        worker = subprocess.Popen(
            [sys.executable, "-c", "from streams.cli import main; main()", "worker"],
            env={**os.environ, **variables}, stdout=file, stderr=file,
        )  # fmt: skip
    try:
        assert published(settings), log.read_text()
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=20) == 0
    # The same over PLAIN.
    code, output = loanbell({**variables, "LOANBELL_KAFKA_MECHANISM": "PLAIN"}, "status")
    assert code == 0, output
    assert "1, 1 without a worker" in output
    said += output + log.read_text() + repr(settings)
    assert "partition 0 is ours" in said
    for secret in (DATABASE_SECRET, KAFKA_SECRET):
        assert secret not in said


def published(settings: Settings) -> bool:
    """Wait until the one fact was recorded and published."""
    for _ in range(300):
        with PostgresStore.open(database_of(settings), 0, read_only=True) as store:
            if store.ledger.last_position() == store.warnings.tracked("outbox:ledger") == 1:
                return True
        time.sleep(0.2)
    return False


def test_a_wrong_authority_password_or_no_tls_at_all_is_refused_without_a_secret(
    variables: dict[str, str], authority: Authority, binary: Callable[[str, str], Path],
    database: TlsPostgreSQL, tmp_path: Path,
) -> None:  # fmt: skip
    stranger = Authority(binary("openssl", "openssl"), tmp_path / "stranger").ca
    (tmp_path / "wrong.secret").write_text("wr0ng-S3cret\n")
    place = f"postgresql://loanbell@127.0.0.1:{database.port}/book"
    for changed, words in (
        ({"LOANBELL_DATABASE": f"{place}?sslmode=verify-full&sslrootcert={stranger}"}, "migrate"),
        ({"LOANBELL_DATABASE": f"{place}?sslmode=disable"}, "migrate"),
        ({"LOANBELL_DATABASE_PASSWORD_FILE": str(tmp_path / "wrong.secret")}, "migrate"),
        ({"LOANBELL_KAFKA_CA_FILE": str(stranger)}, "topics create --partitions 1"),
        ({"LOANBELL_KAFKA_PASSWORD_FILE": str(tmp_path / "wrong.secret")},
         "topics create --partitions 1"),
        ({"LOANBELL_KAFKA_SECURITY": "plaintext"}, "topics create --partitions 1"),
    ):  # fmt: skip
        code, said = loanbell({**variables, **changed}, *words.split())
        assert code == 1, (changed, said)
        for secret in (DATABASE_SECRET, KAFKA_SECRET, "wr0ng-S3cret"):
            assert secret not in said
