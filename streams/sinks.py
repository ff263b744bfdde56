"""What a receiver is sent: events as signed webhooks, warnings as alerts of an Alertmanager.

Makes requests and nothing else; `deliveries` sends them. A request is made anew for each attempt,
because its time is signed.
Source: github.com/prometheus/alertmanager, api/v2/openapi.yaml; RFC 9110 for the headers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version as installed_version
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import orjson

from ledger.codec import topic_of
from ledger.events import WAITS
from ledger.ids import warning_stream
from projections.queries import WarningFilter
from projections.warnings import ENDED, state_after
from streams.feeds import Event
from streams.receivers import Receiver
from streams.signing import signed

if TYPE_CHECKING:
    from streams.wiring import Node

ALERTS_AT_ONCE = 100
AGAIN_SECONDS = 60.0
"""An Alertmanager keeps alerts in memory only: open ones are sent again this often."""
HELD_US = 86_400_000_000
"""An alert ends by itself so long after it was sent last: nobody should read an outage of
LoanBell as the end of a warning."""
QUIET = ("suppressed", "deferred", *ENDED)
"""States of a warning in which nobody is to be called."""


TESTED = "receiver.tested.v1"
"""The type of an event that tells nothing but that a receiver can be reached."""


class Request(NamedTuple):
    """What to post, and where."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class Sink(Protocol):
    """Makes the requests of one receiver."""

    @property
    def most(self) -> int:
        """Events of one request."""

    @property
    def again_seconds(self) -> float | None:
        """How often what stands is to be sent again; None for never."""

    def request(self, events: Sequence[Event], at_us: int) -> Request | None:
        """The request that tells of `events`; None when they are nothing to it. May read."""

    def standing(self) -> Iterator[Sequence[str]]:
        """The loans with something to send again, a request's worth at a time. Reads."""

    def again(self, loan_ids: Sequence[str], at_us: int) -> Request | None:
        """The request that sends again what stands of these loans. Reads."""


class WebhookSink:
    """One event a request: its id is the webhook's, so that a receiver can drop repeats."""

    most = 1
    again_seconds = None

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def request(self, events: Sequence[Event], at_us: int) -> Request | None:
        """One event. It is only one because order is kept and each is answered for itself."""
        (event,) = events
        return self.made(event, at_us)

    def made(self, event: Event, at_us: int) -> Request:
        """A CloudEvent in structured mode, so that the signature covers all of it."""
        body = event.structured()
        keys, seconds = self._receiver.secrets, at_us // 1_000_000
        headers = _headers("application/cloudevents+json; charset=utf-8")
        headers |= signed(keys, id_=event.id, seconds=seconds, body=body)
        return Request(self._receiver.url, headers, body)

    def standing(self) -> Iterator[Sequence[str]]:
        """Nothing."""
        return iter(())

    def again(self, loan_ids: Sequence[str], at_us: int) -> Request | None:
        """Nothing."""
        return None


@dataclass(slots=True)
class _Warning:
    """A warning as its facts leave it. `known_as`: the severities that it has had."""

    rule: str
    severity: str
    state: str = "raised"
    inhibited: bool = False
    raised_at_us: int = 0
    known_as: dict[str, None] = field(default_factory=dict)

    @property
    def calls(self) -> bool:
        """Whether somebody is to be called."""
        return not self.inhibited and self.state not in QUIET


class AlertmanagerSink:
    """Warnings as alerts: they fire while a warning calls somebody, and end when it ends.

    Labels tell rule, severity and the warning's id: no loan, borrower or officer. They identify an
    alert, so that a warning that becomes graver is a new alert and the end of the old one.
    """

    most = ALERTS_AT_ONCE
    again_seconds = AGAIN_SECONDS

    def __init__(self, receiver: Receiver, node: Node) -> None:
        self._receiver, self._node = receiver, node

    def request(self, events: Sequence[Event], at_us: int) -> Request | None:
        """How the warnings that `events` speak of stand by now."""
        touched = {orjson.loads(event.data).get("warning_id") for event in events}
        loan_ids = {event.key for event in events if event.key}
        found = self._warnings(loan_ids)
        return self._posted(
            [self._alerts(name, found[name], at_us) for name in sorted(found) if name in touched]
        )

    def standing(self) -> Iterator[Sequence[str]]:
        """The loans with open warnings, from the views."""
        for severity in self._receiver.severities:
            after: str | None = None
            while True:
                asked = WarningFilter(severity=severity, state="open")
                page = self._node.queries.warnings(asked, after=after, limit=ALERTS_AT_ONCE)
                if page.rows:
                    yield sorted({row["loan_id"] for row in page.rows})
                after = page.next_cursor
                if after is None:
                    break

    def again(self, loan_ids: Sequence[str], at_us: int) -> Request | None:
        """The warnings of these loans that still call somebody, from the log."""
        found = self._warnings(loan_ids)
        return self._posted(
            [self._alerts(n, each, at_us) for n, each in sorted(found.items()) if each.calls]
        )

    def _posted(self, alerts: Iterable[Sequence[Any]]) -> Request | None:
        listed = list(chain.from_iterable(alerts))
        if not listed:
            return None
        url = f"{self._receiver.url}/api/v2/alerts"
        return Request(url, _headers("application/json"), orjson.dumps(listed))

    def _warnings(self, loan_ids: Iterable[str]) -> dict[str, _Warning]:
        """The warnings of loans by id, folded from their facts."""
        streams = self._node.store.warnings.streams([warning_stream(each) for each in loan_ids])
        found: dict[str, _Warning] = defaultdict(lambda: _Warning("", ""))
        for item in chain.from_iterable(streams.values()):
            fact, change = item.fact, topic_of(item.fact).split(".")[1]
            if type(fact) in WAITS:
                continue
            warning = found[fact.warning_id]
            warning.rule = getattr(fact, "rule", warning.rule)
            warning.severity = getattr(fact, "severity", warning.severity)
            warning.known_as[warning.severity] = None
            warning.state = state_after(change, warning.state)
            warning.raised_at_us = warning.raised_at_us or fact.recorded_at_us
            if hasattr(fact, "inhibited_by"):
                warning.inhibited = fact.inhibited_by is not None
        return found

    def _alerts(self, warning_id: str, warning: _Warning, at_us: int) -> Sequence[Any]:
        """One alert for each severity that it has had and that the receiver wants."""
        return [
            self._alert(warning_id, warning, severity, at_us)
            for severity in warning.known_as
            if severity in self._receiver.severities
        ]

    def _alert(self, warning_id: str, warning: _Warning, severity: str, at_us: int) -> Any:
        fires = warning.calls and severity == warning.severity
        alert = {
            "labels": {
                "alertname": "LoanBellWarning",
                "rule": warning.rule,
                "severity": severity,
                "warning_id": warning_id,
            },
            "annotations": {"summary": f"{severity} warning by rule {warning.rule}"},
            "startsAt": _moment(min(warning.raised_at_us, at_us)),
            "endsAt": _moment(at_us + HELD_US if fires else at_us),
        }
        if self._receiver.page:
            alert["generatorURL"] = f"{self._receiver.page}/v1/warnings/{warning_id}"
        return alert


def sink_of(receiver: Receiver, node: Node) -> Sink:
    """What makes the requests of `receiver`."""
    return WebhookSink(receiver) if receiver.kind == "webhook" else AlertmanagerSink(receiver, node)


def trial_of(receiver: Receiver, at_us: int) -> Request:
    """A request that changes nothing at the receiver: an event of its own type, or no alerts."""
    if receiver.kind == "alertmanager":
        return Request(f"{receiver.url}/api/v2/alerts", _headers("application/json"), b"[]")
    body = orjson.dumps({"receiver": receiver.name})
    name, source = f"test/{receiver.name}/{at_us}", "/loanbell"
    event = Event(0, "", "", name, source, TESTED, receiver.name, at_us, body)
    return WebhookSink(receiver).made(event, at_us)


def _headers(content: str) -> dict[str, str]:
    return {"Content-Type": content, "User-Agent": f"LoanBell/{installed_version('loanbell')}"}


def _moment(at_us: int) -> str:
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).isoformat().replace("+00:00", "Z")
