"""How the node stands: for supervisors, for load balancers, for operators and for Prometheus."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ledger.errors import StoreUnavailable
from streams.api.answers import json_answer
from streams.api.problems import Problem, told
from streams.metrics import Standing

if TYPE_CHECKING:
    from streams.wiring import Health, Node


class _Health:
    def __init__(self, node: Node) -> None:
        self._node = node
        self._scraping = threading.Lock()

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
        }

    def metrics(self, accept: str) -> tuple[bytes, str]:
        with self._scraping:
            self._node.metrics.stand(self._standing())
            return self._node.metrics.exposition(accept)

    def _standing(self) -> Standing:
        health = self._node.health()
        return Standing(
            ready=health.ready,
            business_date=health.closed_through,
            lag_positions=health.lags,
            last_positions=health.positions,
            store_bytes=self._sizes(),
            **self._book(),
        )

    def _book(self) -> dict[str, Any]:
        """What the views say; nothing while they cannot be read: the rest is told all the same."""
        try:
            return {}
        except StoreUnavailable:
            return {}

    def _sizes(self) -> dict[str, int]:
        settings = self._node.settings
        return {"ledger": _size(settings.ledger_db), "views": _size(settings.views_db)}


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
