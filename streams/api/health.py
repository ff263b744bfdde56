"""How the node stands: for supervisors, for load balancers, for operators and for Prometheus."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ledger.errors import StoreUnavailable
from ledger.store import LEDGER_LOG, WARNINGS_LOG
from projections.warnings import SEVERITIES
from streams.api.answers import json_answer
from streams.api.problems import Problem, told
from streams.gauges import Standing
from streams.keeping import standings_of

if TYPE_CHECKING:
    from streams.books import Books
    from streams.health import Health
    from streams.wiring import Node

log = logging.getLogger("loanbell.http")


class _Health:
    def __init__(self, node: Node) -> None:
        self._node = node
        self._scraping = threading.Lock()
        self._read: tuple[int, ...] = ()
        self._book: dict[str, Any] = {}
        self._graded = f"{node.store.ledger.last_position()}:"

    def alive(self) -> Response:
        health = self._node.health()
        if health.state == "failed":
            raise Problem("unavailable", self._reason(health), way_out="Mend it, then restart it.")
        return json_answer({"status": "alive", "state": health.state})

    def ready(self) -> Response:
        health = self._node.health()
        if not health.ready:
            raise Problem("unavailable", self._reason(health), state=health.state)
        return json_answer({"status": "ready", "business_date": health.business_date})

    def _reason(self, health: Health) -> str:
        """Why it is not ready; what the books hold stays in the log of the server."""
        failure = self._node.failure
        return health.reason if failure is None else told(failure)

    def status(self) -> dict[str, Any]:
        health = self._node.health()
        return {
            "state": health.state,
            "reason": self._reason(health),
            "version": installed_version("loanbell"),
            "closed_through_date": health.closed_through,
            "business_date": health.business_date,
            "business_days_behind": health.days_behind,
            "waiting_requests": health.waiting,
            "logs": [
                {"log": log, "last_position": position}
                for log, position in health.positions.items()
            ],
            "agents": [
                {"agent": agent, "log": log, "lag_positions": lag}
                for (agent, log), lag in health.lags.items()
            ],
            "databases": [
                {"database": name, "size_bytes": size} for name, size in self._sizes().items()
            ],
            **self._node.queries.status(),
        }

    def metrics(self, accept: str) -> tuple[bytes, str]:
        with self._scraping:
            health = self._node.health()
            self._look_at_book(health)
            self._node.metrics.stand(
                Standing(
                    ready=health.ready,
                    business_date=health.closed_through,
                    lag_positions=health.lags,
                    last_positions=health.positions,
                    store_bytes=self._sizes(),
                    receivers=self._node.deliveries.metered(),
                    snapshots=standings_of(self._node.derivers, 0),
                    **self._book,
                )
            )
            return self._node.metrics.exposition(accept)

    def _look_at_book(self, health: Health) -> None:
        """Read the views, if they moved since the last look.

        While they cannot be read, the rest is told all the same and the last look stands.
        """
        read = tuple(
            health.positions[log] - lag
            for (agent, log), lag in health.lags.items()
            if agent == "project"
        )
        if read == self._read:
            return
        try:
            self._count_grades()
            self._book = _book(self._node.queries.portfolio(), self._node.queries.status())
        except StoreUnavailable as error:
            log.warning("the views cannot be read for /metrics: %s", error)
        else:
            self._read = read

    def _count_grades(self) -> None:
        """Count the grade changes since the last look."""
        more = True
        while more:
            page = self._node.queries.grade_changes(after=self._graded, limit=1_000)
            if page.rows:
                last = page.rows[-1]
                self._graded = f"{last['position']}:{last['loan_id']}"
            self._node.metrics.grades(Counter((row["regime"], row["grade"]) for row in page.rows))
            more = page.next_cursor is not None

    def _sizes(self) -> dict[str, int]:
        settings = self._node.settings
        return {"ledger": _size(settings.ledger_db), "views": _size(settings.views_db)}


def _book(portfolio: dict[str, Any], status: dict[str, Any]) -> dict[str, Any]:
    """The gauges of the book, from what the views say."""
    entries = portfolio["currencies"]
    versions = {view["view"]: view["rules_version"] for view in status["views"]}
    regime = versions.get("grades", "").partition("@")[0]
    graded: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        graded.update({(regime, row["grade"]): row["loans"] for row in entry["grades"]})
    return {
        "view_positions": {
            (view["view"], log): view[f"{log}_position"]
            for view in status["views"]
            for log in (LEDGER_LOG, WARNINGS_LOG)
        },
        "loans_by_grade": graded,
        "warnings_by_severity": dict.fromkeys(SEVERITIES, 0) | status["open_warnings"],
        "gross_minor": {entry["currency"]: entry["outstanding_minor"] for entry in entries},
        "at_risk_minor": {
            (entry["currency"], par["over_days"]): par["outstanding_minor"]
            for entry in entries
            for par in entry["par"]
        },
    }


def _size(path: Path) -> int:
    """Bytes of a database with its write-ahead log; 0 when it is not there."""
    parts = (path, path.with_name(path.name + "-wal"))
    return sum(part.stat().st_size for part in parts if part.exists())


def routes(node: Node) -> APIRouter:
    """The routes of this module."""
    router = APIRouter(tags=["operations"])
    pages = _Health(node)

    @router.get("/healthz", operation_id="get_healthz", summary="Is the process alive?")
    async def get_healthz() -> Response:
        """503 when an error stopped the node: restart it."""
        return pages.alive()

    @router.get("/readyz", operation_id="get_readyz", summary="Does it take transactions?")
    async def get_readyz() -> Response:
        """503 with the reason while it starts, stops, or cannot record."""
        return pages.ready()

    @router.get("/v1/status", operation_id="get_status", summary="How the node stands")
    async def get_status() -> Response:
        """Positions of the logs, how far behind the agents are, the business date."""
        return json_answer(await run_in_threadpool(pages.status))

    @router.get(
        "/metrics",
        operation_id="get_metrics",
        summary="Metrics for Prometheus",
        responses={200: {"content": {"text/plain": {}}, "description": "Done."}},
        response_class=Response,
    )
    async def get_metrics(request: Request) -> Response:
        """Counters, histograms and gauges; no borrower in any label."""
        accept = request.headers.get("accept", "")
        text, content_type = await run_in_threadpool(pages.metrics, accept)
        return Response(text, headers={"Content-Type": content_type})

    return router


def reading(books: Books) -> APIRouter:
    """The same for the reading side of many partitions."""
    router = APIRouter(tags=["operations"])

    @router.get("/healthz", operation_id="get_healthz", summary="Is the process alive?")
    async def get_healthz() -> Response:
        """It has no state of its own to lose."""
        return json_answer({"status": "alive"})

    @router.get("/readyz", operation_id="get_readyz", summary="Can it read?")
    async def get_readyz() -> Response:
        """503 while the database is away, or has views of another version."""
        status = await run_in_threadpool(books.queries.status)
        return json_answer({"status": "ready", "closed_date": status["closed_date"]})

    @router.get("/v1/status", operation_id="get_status", summary="What the partitions hold")
    async def get_status() -> Response:
        """Facts read by each view over all partitions, the last day that all of them closed."""
        return json_answer(await run_in_threadpool(books.queries.status))

    @router.get(
        "/metrics",
        operation_id="get_metrics",
        summary="Metrics for Prometheus",
        responses={200: {"content": {"text/plain": {}}, "description": "Done."}},
        response_class=Response,
    )
    async def get_metrics(request: Request) -> Response:
        """Gauges of the whole book; what workers do, they tell themselves."""

        def told() -> tuple[bytes, str]:
            status, portfolio = books.queries.status(), books.queries.portfolio()
            standing = Standing(
                ready=True, business_date=status["closed_date"], **_book(portfolio, status)
            )
            books.metrics.stand(standing)
            return books.metrics.exposition(request.headers.get("accept", ""))

        text, content_type = await run_in_threadpool(told)
        return Response(text, headers={"Content-Type": content_type})

    return router
