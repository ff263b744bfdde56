"""A scaled-out book over HTTP: transactions, actions, the warnings stream, receivers, and the
commands that look at it. Real broker, real database, worker processes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import orjson
import pytest
from typer.testing import CliRunner

from ledger.events import WAITS, WarningAcknowledged
from ledger.store import PostgresStore
from streams.cli import commands
from streams.controls import asked
from streams.kafka import Outgoing, Producer
from streams.schemas import documents
from streams.topics import (
    GRADES_TOPIC,
    LEDGER_TOPIC,
    REJECTS_TOPIC,
    WARNINGS_TOPIC,
)
from warning.actions import AcknowledgeWarning

pytestmark = [pytest.mark.service, pytest.mark.slow]

Scale = Callable[..., Any]
SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="  # the bytes 0 to 31


def rung(scaled: Any) -> dict[int, list[Any]]:
    """The warnings log of each partition."""
    found = {}
    for partition in range(scaled.partitions):
        with PostgresStore.open(scaled.settings.database, partition, read_only=True) as store:
            found[partition] = store.warnings.read(limit=10**6)
    return found


def sent(log: list[Any]) -> list[Any]:
    """What a receiver that names no types is sent: what is pending calls nobody."""
    return [item for item in log if type(item.fact) not in WAITS]


def about_warnings(log: list[Any]) -> list[Any]:
    """What the stream of warnings tells."""
    return [item for item in sent(log) if item.stream != "rules"]


class Stream:
    """A reader of server-sent events in a thread: (id, data) of each that has data."""

    def __init__(self, url: str, *, resume: str | None = None) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        headers = {} if resume is None else {"Last-Event-ID": resume}
        self._client = httpx.Client(timeout=60)
        after = "" if resume else "?after=0"
        request = self._client.build_request("GET", f"{url}/v1/warnings/stream{after}")
        request.headers.update(headers)
        self._answer = self._client.send(request, stream=True)
        assert self._answer.status_code == 200
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        name = ""
        try:
            for line in self._answer.iter_lines():
                if line.startswith("id: "):
                    name = line[4:]
                elif line.startswith("data: "):
                    self.events.append((name, orjson.loads(line[6:])))
        except httpx.HTTPError:
            return  # The server stopped, or we did.

    def wait(self, count: int) -> list[tuple[str, dict[str, Any]]]:
        deadline = time.monotonic() + 30
        while len(self.events) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(self.events) == count
        return self.events

    def close(self) -> None:
        self._client.close()


def post_all(url: str, messages: list[bytes]) -> Counter[str]:
    counts: Counter[str] = Counter()
    with httpx.Client(base_url=url, timeout=60) as client:
        for at in range(0, len(messages), 2_000):
            answer = client.post(
                "/v1/transactions",
                content=b"\n".join(messages[at : at + 2_000]),
                headers={
                    "Content-Type": "application/x-ndjson",
                    "X-Request-ID": f"part-{at}",
                    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                },
            )
            assert answer.status_code == 202, answer.text
            counts.update({name: answer.json()[name] for name in ("queued", "refused")})
    return counts


def loanbell(scaled: Any, *words: str) -> str:
    variables = {
        "LOANBELL_DATABASE": scaled.settings.database,
        "LOANBELL_BROKER": scaled.settings.broker,
        "LOANBELL_TOPIC_PREFIX": scaled.settings.topic_prefix,
        "COLUMNS": "250",
    }
    done = CliRunner().invoke(commands([words[0]]), words, env=variables)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


@pytest.fixture
def receivers(receiver: Any, tmp_path: Path) -> Path:
    """A file with one webhook."""
    (tmp_path / "s").write_text(SECRET)
    file = tmp_path / "webhooks.toml"
    file.write_text(
        f'[[webhook]]\nname = "cases"\nurl = "{receiver.url}"\nsecret_file = "s"\n'
        'start = "beginning"\nattempts = 3\nfirst_pause_seconds = 0.05\n'
    )
    return file


def test_a_book_told_and_answered_over_http_alone(
    scale: Scale, portfolio_messages: list[bytes], undisturbed: Any, receiver: Any, receivers: Path
) -> None:
    scaled = scale(partitions=2)
    more = {"webhooks": str(receivers), "log_format": "json", "log_level": "debug"}
    worker, api = scaled.start(**more), scaled.start("api", **more)
    url, told = scaled.joined(api), scaled.joined(worker)
    stream = Stream(url)
    counts = post_all(url, portfolio_messages)
    assert counts["queued"] + counts["refused"] == len(portfolio_messages)
    scaled.wait()
    book = scaled.book()
    assert book.ledger == undisturbed.ledger
    assert book.refused == undisturbed.refused
    logs = rung(scaled)
    warnings = sum(len(about_warnings(log)) for log in logs.values())
    assert warnings > 5
    assert_streamed(url, stream, logs, warnings)
    assert_webhooks_told(receiver, logs, scaled, told)
    assert_schemas_hold(scaled)
    assert_acted_once(url, logs, scaled)
    assert_console_tells(scaled, warnings)
    assert_traced(url, scaled, portfolio_messages)
    metrics = httpx.get(f"{told}/metrics").text
    assert "faust_messages_received_total" in metrics
    assert "loanbell_partition_up" in metrics
    scaled.stop()
    assert [process.returncode for process in scaled.processes] == [0, 0]
    said = "".join(path.read_text() for path in scaled.folder.glob("worker*.log"))
    assert_logs_lead_from_the_request_to_the_worker(said)
    assert SECRET[6:] not in said
    assert "T-secret-url" not in said


def assert_logs_lead_from_the_request_to_the_worker(said: str) -> None:
    """From the API's line by the request's id to offsets, and by them to transactions."""
    lines = [orjson.loads(line) for line in said.splitlines() if line.startswith("{")]
    (queued,) = [line for line in lines if line["message"] == "transactions queued"
                 and line["request_id"] == "part-0"]  # fmt: skip
    assert queued["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    came = {(line["source"], line["offset"]) for line in lines
            if line["message"] == "came" and line["request_id"] == "part-0"}  # fmt: skip
    done = [line for line in lines if (line.get("source"), line.get("offset")) in came
            and "event_id" in line and "transaction_id" in line]  # fmt: skip
    causes = {cause for line in lines for cause in line.get("cause_event_ids", [])}
    assert causes & {line["event_id"] for line in done}


def assert_streamed(url: str, stream: Stream, logs: dict[int, list[Any]], warnings: int) -> None:
    """All facts about warnings came, in each partition's order; a reader resumes exactly."""
    events = stream.wait(warnings)
    for partition, log in logs.items():
        expected = [item.position for item in about_warnings(log)]
        assert [d["position"] for _, d in events if d["partition"] == partition] == expected
    middle, rest = events[warnings // 2][0], events[warnings // 2 + 1 :]
    again = Stream(url, resume=middle)
    resumed = [(d["partition"], d["position"]) for _, d in again.wait(len(rest))]
    assert sorted(resumed) == sorted((d["partition"], d["position"]) for _, d in rest)
    wrong = httpx.get(f"{url}/v1/warnings/stream?after=1-2-3")
    assert wrong.status_code == 422
    stream.close()
    again.close()


def assert_webhooks_told(receiver: Any, logs: Any, scaled: Any, told: str) -> None:
    """Every fact of both warnings logs but waits, each once, each partition in order."""
    ids = [f"{p}/warnings/{item.event_id}" for p, log in logs.items() for item in sent(log)]
    events = receiver.wait(len(ids))
    for partition in logs:
        own = [name for name in ids if name.startswith(f"{partition}/")]
        assert [e["id"] for e in events if e["id"].startswith(f"{partition}/")] == own
    for _ in range(100):
        if 'loanbell_webhook_behind_facts{receiver="cases"} 0.0' in (
            httpx.get(f"{told}/metrics").text
        ):
            break
        time.sleep(0.1)
    else:
        raise AssertionError("the receiver is still behind")
    (one,) = orjson.loads(loanbell_webhooks(scaled, "list", "--json"))
    assert (one["begun"], one["parked"], one["behind_facts"]) == (True, [], 0)


def loanbell_webhooks(scaled: Any, *words: str) -> str:
    variables = {
        "LOANBELL_DATABASE": scaled.settings.database,
        "LOANBELL_WEBHOOKS": str(scaled.folder / "webhooks.toml"),
    }
    done = CliRunner().invoke(commands(["webhooks"]), ["webhooks", *words], env=variables)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def assert_schemas_hold(scaled: Any) -> None:
    """What was published fits the published schemas and has the headers of a CloudEvent."""
    made = documents()
    checked = 0
    for topic in (LEDGER_TOPIC, WARNINGS_TOPIC, GRADES_TOPIC, REJECTS_TOPIC):
        kinds = {
            name: jsonschema_rs.validator_for(
                {**made[f"{topic}.json"], "anyOf": [{"$ref": f"#/$defs/{name}"}]}
            )
            for name in (ref["$ref"].split("/")[-1] for ref in made[f"{topic}.json"]["anyOf"])
        }
        headers_fit = jsonschema_rs.validator_for(
            made["asyncapi.json"]["components"]["schemas"]["CloudEventHeaders"]
        )
        for record in scaled.read(topic):
            headers = {name: value.decode() for name, value in record.headers}
            headers_fit.validate(headers)
            kinds[headers["ce_type"]].validate(orjson.loads(record.value))
            checked += 1
    assert checked > 1_000


def assert_acted_once(url: str, logs: dict[int, list[Any]], scaled: Any) -> None:
    """An action is answered with its fact; asked again, and unknown, it is refused."""
    listed = httpx.get(f"{url}/v1/warnings?state=raised").json()["warnings"]
    one, other = listed[0]["warning_id"], listed[1]["warning_id"]
    said = {"actor": "Li Na", "note": "called"}
    answer = httpx.post(f"{url}/v1/warnings/{one}/acknowledge", json=said, timeout=30)
    assert answer.status_code == 200, answer.text
    (event,) = answer.json()["event_ids"]
    again = httpx.post(
        f"{url}/v1/warnings/{one}/acknowledge",
        json={"actor": "Wang"},
        headers={"X-Request-ID": "second-thought"},
        timeout=30,
    )
    assert (again.status_code, again.json()["code"]) == (409, "rule_refused")
    assert "is answered already" in again.json()["detail"]
    (refused,) = httpx.get(f"{url}/v1/warnings/{one}/refusals").json()["refusals"]
    assert (refused["transaction_id"], refused["code"]) == ("second-thought", "rule_refused")
    assert refused["reason"].startswith(again.json()["detail"])
    assert orjson.loads(refused["excerpt"])["actor"] == "Wang"
    unknown = httpx.post(f"{url}/v1/warnings/nobody/acknowledge", json=said)
    assert unknown.status_code == 404
    # One that came twice in the topic, as after a producer's retry, is done once.
    home = next(p for p, log in logs.items() for i in log
                if getattr(i.fact, "warning_id", "") == other)  # fmt: skip
    action = AcknowledgeWarning(warning_id=other, actor="Zhao")
    scaled.put(home, [asked(action, headers={})] * 2)
    broken = Outgoing(None, b"{}", [("loanbell-action", b"acknowledge")])
    scaled.put(home, [broken, Outgoing(None, b"", [("loanbell-action", b"shout")])])
    scaled.wait()
    facts = [i for log in rung(scaled).values() for i in log if type(i.fact) is WarningAcknowledged]
    new = [(i.fact.warning_id, i.fact.actor) for i in facts if i.fact.actor in ("Li Na", "Zhao")]
    assert sorted(new) == sorted([(one, "Li Na"), (other, "Zhao")])
    assert event in {item.event_id for item in facts}


def assert_console_tells(scaled: Any, warnings: int) -> None:
    """`status` over broker and database; `watch --broker` with and without a group."""
    now = orjson.loads(loanbell(scaled, "status", "--json"))
    assert [each["waiting_messages"] for each in now["partitions"]] == [0, 0]
    assert all(each["owner"].startswith("loanbell ") for each in now["partitions"])
    assert now["closed_date"] == str(max(scaled.book().days[0]))
    assert sum(each["ledger_facts"] for each in now["partitions"]) == sum(
        len(facts) for facts in scaled.book().ledger.values()
    ) + sum(len(days) for days in scaled.book().days) + sum(scaled.book().refused.values())
    shown = loanbell(scaled, "status")
    assert "2, 0 without a worker" in shown
    broker = ("--broker", scaled.settings.broker)
    told = loanbell(scaled, "watch", "--once", "--json", "--pending", *broker)
    lines = [orjson.loads(line) for line in told.splitlines()]
    log = [item.event_id for each in rung(scaled).values() for item in each]
    assert Counter(line["event_id"] for line in lines) == Counter(log)
    # Sent again, as after a crash of a worker: dropped by its id.
    again = scaled.read(WARNINGS_TOPIC)[-1]
    repeat = Outgoing(again.key, again.value, list(again.headers))
    publish(scaled, WARNINGS_TOPIC, again.partition, [repeat])
    words = ["watch", "--once", "--json", "--pending", "--group", "desk"]
    assert len(loanbell(scaled, *words).splitlines()) == len(log)
    assert loanbell(scaled, *words) == ""  # The group has read them.


def publish(scaled: Any, topic: str, partition: int, messages: list[Outgoing]) -> None:
    async def sending() -> None:
        producer = Producer(scaled.settings)
        await producer.send(scaled.settings.topic(topic), partition, messages)
        await producer.stop()

    asyncio.run(sending())


def assert_traced(url: str, scaled: Any, messages: list[bytes]) -> None:
    """A transaction is found by its id, over all partitions."""
    opened = (orjson.loads(m) for m in messages if b'"loan_opened"' in m)
    one = next(opened)
    traced = httpx.get(f"{url}/v1/transactions/{one['transaction_id']}").json()
    assert traced["event_id"] == f"loan:{one['loan_id']}@1"
    assert httpx.get(f"{url}/v1/transactions/never-sent").status_code == 404


def test_a_parked_receiver_is_resumed_in_every_partition_and_actions_survive_a_kill(
    scale: Scale, portfolio_messages: list[bytes], receiver: Any, receivers: Path
) -> None:
    scaled = scale(partitions=2)
    receiver.moods += [500] * 6  # three failures in a row in each partition
    more = {"webhooks": str(receivers)}
    worker, api = scaled.start(**more), scaled.start("api", **more)
    url = scaled.joined(api)
    scaled.send(portfolio_messages)
    for _ in range(600):
        (one,) = httpx.get(f"{url}/v1/webhooks").json()["receivers"]
        if one["parked"] == [0, 1]:
            break
        time.sleep(0.1)
    assert one["parked"] == [0, 1]
    scaled.wait()
    assert receiver.events() == []
    worker.kill()
    worker.wait()
    # Asked while nobody owns the partitions, and twice killed in the middle of doing it.
    open_ = httpx.get(f"{url}/v1/warnings?state=raised").json()["warnings"][0]
    home = PostgresStore.open(scaled.settings.database, 0, read_only=True)
    with home:
        partition = home.homes([f"loan:{open_['loan_id']}"])[f"loan:{open_['loan_id']}"]
    action = AcknowledgeWarning(warning_id=open_["warning_id"], actor="Zhao")
    scaled.put(partition, [asked(action, headers={})])
    assert httpx.post(f"{url}/v1/webhooks/cases/resume").status_code == 200
    assert httpx.post(f"{url}/v1/webhooks/other/resume").status_code == 404
    for seconds in (1.5, 2.5):
        victim = scaled.start(**more)
        time.sleep(seconds)
        victim.kill()
        victim.wait()
    scaled.start(**more)
    scaled.wait()
    logs = rung(scaled)
    done = [i for log in logs.values() for i in log
            if getattr(i.fact, "actor", "") == "Zhao"]  # fmt: skip
    assert len(done) == 1
    ids = {f"{p}/warnings/{item.event_id}" for p, log in logs.items() for item in sent(log)}
    deadline = time.monotonic() + 30
    while {event["id"] for event in receiver.events()} != ids:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for partition in logs:  # Repeats after a kill change nothing of the order of first arrivals.
        own = [e["id"] for e in receiver.events() if e["id"].startswith(f"{partition}/")]
        expected = [f"{partition}/warnings/{item.event_id}" for item in sent(logs[partition])]
        assert list(dict.fromkeys(own)) == expected
    scaled.stop()
