"""A private PostgreSQL cluster and a one-node Kafka broker, on loopback, in a folder of their own.

For benches and tests: each is started from the programs that `make services` installs, can be
stopped, killed and started again on its old data, and leaves nothing behind. Not for production,
which `compose.yaml` shows.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ledger.errors import LoanError

ROOT = Path(__file__).resolve().parents[1]
JARS = ROOT / ".services" / "kafka"
START_SECONDS = 60.0


class ServiceMissing(LoanError):
    """A program that a service needs is not installed; the way out is the command that does."""

    code = "service_missing"


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something accepts connections on a port, of loopback unless told otherwise."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, port)) == 0


class Service:
    """A server process: `start`, `stop`, `kill`; `close` ends it and removes its folder."""

    name = "service"

    def __init__(self, *, user: str | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"loanbell-{self.name}-"))
        self._user = user
        if user is not None:
            shutil.chown(self.folder, user)
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[str | Path]:
        """What runs the server in the foreground."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """Variables it needs beside the present ones."""
        return {}

    def ready(self) -> bool:
        """Whether it serves."""
        return answers(self.port)

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.folder / "server.log"

    @property
    def pid(self) -> int:
        """The process id of the server; 0 when it does not run."""
        return self._process.pid if self._process is not None else 0

    def start(self) -> None:
        """Start it and wait until it serves. Errors: ServiceMissing if it ends instead."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                stdout=log,
                stderr=log,
                cwd=self.folder,
                user=self._user,
                env={**os.environ, **self.environment()},
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = self.log.read_text(errors="replace")[-2_000:]
                raise ServiceMissing(f"{self.name} did not start: {tail}", way_out="make services")
            time.sleep(0.05)

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end and wait for it. Its data stays."""
        if self._process is not None:
            self._process.send_signal(sign)
            self._process.wait(timeout=30)
            self._process = None

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.stop(signal.SIGKILL)

    def close(self) -> None:
        """End it and remove its data."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout=30)
            self._process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Any:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class PostgreSQL(Service):
    """A cluster with one superuser, `loanbell`, who needs no password.

    `durable=False` leaves out fsync: enough for tests that kill processes but not the machine.
    Errors: ServiceMissing.
    """

    name = "postgres"

    def __init__(self, *, durable: bool = True) -> None:
        self._bin = _postgres_programs()
        # The server refuses to run as root.
        super().__init__(user="postgres" if os.geteuid() == 0 else None)
        self._durable = durable
        self.data = self.folder / "data"
        _run(
            [self._bin / "initdb", "--pgdata", self.data, "--username=loanbell", "--auth=trust",
             "--encoding=UTF8", "--locale=C", "--no-sync"],
            self.folder, self._user,
        )  # fmt: skip

    def command(self) -> Sequence[str | Path]:
        """The server over its socket folder and loopback port."""
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            "shared_buffers": "128MB",
            "max_connections": 200,
            "max_wal_size": "2GB",
            "fsync": "on" if self._durable else "off",
        }
        return [self._bin / "postgres", "-D", self.data,
                *(f"--{name}={value}" for name, value in settings.items())]  # fmt: skip

    def ready(self) -> bool:
        """Whether it takes connections: it listens before it has recovered."""
        check: list[str | Path] = [
            self._bin / "pg_isready",
            "-q",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
        ]
        return subprocess.run(check, check=False).returncode == 0

    def url(self, database: str = "postgres") -> str:
        """The address of one of its databases."""
        return f"postgresql://loanbell@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Make an empty database; returns its address."""
        self.sql(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run a statement by psql; returns what it prints."""
        psql = self._bin / "psql"
        command: list[str | Path] = [
            psql,
            "-X",
            "-q",
            "-t",
            "-A",
            self.url(database),
            "-c",
            statement,
        ]
        return _run(command, self.folder, self._user).strip()


class Kafka(Service):
    """One broker that is its own KRaft controller; `host` is an address of this machine.

    `listener` is the security protocol that clients use, `more` further settings, `users` what the
    storage is formatted with, such as --add-scram. Errors: ServiceMissing.
    """

    name = "kafka"

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        listener: str = "PLAINTEXT",
        more: Mapping[str, str] | None = None,
        users: Sequence[str] = (),
    ) -> None:
        self.host, self._listener, self._more = host, listener, more or {}
        self._java = _program("java", "apt-get update && apt-get install openjdk-17-jre-headless")
        if not (JARS / ".complete").exists():
            raise ServiceMissing("Kafka's jars are not fetched.", way_out="make services")
        super().__init__()
        self._controller = free_port()
        self._properties = self.folder / "server.properties"
        (self.folder / "log4j.properties").write_text(_LOGGING)
        self._properties.write_text(self._settings())
        self._tool("kafka.tools.StorageTool", "format", "-t", "bG9hbmJlbGwtbG9hbmJlbA",
                   "-c", str(self._properties), *users)  # fmt: skip

    @property
    def url(self) -> str:
        """The broker's address."""
        return f"kafka://{self.host}:{self.port}"

    def ready(self) -> bool:
        """Whether it accepts connections."""
        return answers(self.port, self.host)

    def command(self) -> Sequence[str | Path]:
        """The broker in a small heap."""
        return [*self._jvm("512m"), "kafka.Kafka", self._properties]

    def _jvm(self, heap: str) -> list[str | Path]:
        logging = self.folder / "log4j.properties"
        return [self._java, f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=4",
                f"-Dlog4j.configuration=file:{logging}", "-cp", f"{JARS}/*"]  # fmt: skip

    def _tool(self, *arguments: str) -> None:
        _run([*self._jvm("256m"), *arguments], self.folder, self._user)

    def _settings(self) -> str:
        ours = f"{self._listener}://{self.host}:{self.port}"
        settings = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller}",
            "listeners": f"{ours},CONTROLLER://127.0.0.1:{self._controller}",
            "advertised.listeners": ours,
            "inter.broker.listener.name": self._listener,
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": f"{self._listener}:{self._listener},"
            "CONTROLLER:PLAINTEXT",
            "log.dirs": self.folder / "logs",
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1_000,
            "auto.create.topics.enable": "false",
            **self._more,
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())


_LOGGING = """log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %c: %m%n
"""


def _program(name: str, way_out: str) -> Path:
    found = shutil.which(name)
    if found is None:
        raise ServiceMissing(f"{name} is not installed.", way_out=way_out)
    return Path(found)


def _postgres_programs() -> Path:
    """The folder of initdb and postgres: on the path, or where Debian keeps them."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not versions:
        raise ServiceMissing(
            "PostgreSQL is not installed.", way_out="apt-get update && apt-get install postgresql"
        )
    return versions[-1].parent


def _run(command: Sequence[str | Path], folder: Path, user: str | None) -> str:
    done = subprocess.run(command, capture_output=True, cwd=folder, user=user, check=False)
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode(errors="replace")[-2_000:]
        raise ServiceMissing(f"{command[0]} failed: {said}", way_out="make services")
    return done.stdout.decode()
