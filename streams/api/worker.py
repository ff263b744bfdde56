"""What a worker tells supervisors and Prometheus: /healthz, /readyz, /metrics, /v1/status."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from streams.api.answers import json_answer
from streams.gauges import PartitionStanding, ReceiverStanding, Standing
from streams.keeping import Standings, standings_of

if TYPE_CHECKING:
    from streams.lane import Lane
    from streams.worker import Worker


def create_worker_api(worker: Worker) -> FastAPI:
    """The application over `worker`; it takes no transactions."""
    app = FastAPI(title="LoanBell worker", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> Response:
        failure = worker.failure
        state = "alive" if failure is None else type(failure).__name__
        return json_answer({"status": state}, status=200 if failure is None else 503)

    @app.get("/readyz")
    async def readyz() -> Response:
        waiting = sorted(p for p, lane in worker.lanes.items() if not is_ready(lane))
        ready = bool(worker.lanes) and not waiting and worker.failure is None
        body = {"status": "ready" if ready else "waiting", "waiting_partitions": waiting}
        return json_answer(body, status=200 if ready else 503)

    @app.get("/v1/status")
    async def status() -> Response:
        lanes = [worker.lanes[partition] for partition in sorted(worker.lanes)]
        found = await run_in_threadpool(lambda: [_told(worker, lane) for lane in lanes])
        return json_answer({"partitions": worker.partitions, "lanes": found})

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        standing = await run_in_threadpool(standing_of, worker)
        worker.metrics.stand(standing)
        content, kind = worker.metrics.exposition(request.headers.get("accept", ""))
        return Response(content, media_type=kind)

    return app


def is_ready(lane: Lane) -> bool:
    """Whether the lane records and its agents have caught up."""
    node = lane.node
    return lane.failure is None and node is not None and node.ready


def standing_of(worker: Worker) -> Standing:
    """How the worker stands, over all of its partitions."""
    lags: Counter[tuple[str, str]] = Counter()
    last: Counter[str] = Counter()
    closed: list[date] = []
    partitions: dict[int, PartitionStanding] = {}
    receivers: dict[str, ReceiverStanding] = {}
    snapshots: Standings = {}
    for partition, lane in list(worker.lanes.items()):
        node, outbox = lane.node, lane.outbox
        partitions[partition] = PartitionStanding(
            waiting_messages=worker.lag(lane),
            unpublished_facts=outbox.lag if outbox is not None else 0,
            up=is_ready(lane),
        )
        if node is None:
            continue
        for name, each in node.deliveries.metered().items():
            before = receivers.get(name, ReceiverStanding(behind_facts=0, parked=0))
            receivers[name] = ReceiverStanding(
                behind_facts=before.behind_facts + each.behind_facts,
                parked=before.parked + each.parked,
            )
        snapshots |= standings_of(node.derivers, partition)
        health = node.health()
        lags.update(health.lags)
        last.update(health.positions)
        if health.closed_through is not None:
            closed.append(health.closed_through)
    ups = [standing.up for standing in partitions.values()]
    return Standing(
        ready=bool(ups) and all(ups),
        business_date=min(closed, default=None),
        lag_positions=lags,
        last_positions=last,
        partitions=partitions,
        receivers=receivers,
        snapshots=snapshots,
    )


def _told(worker: Worker, lane: Lane) -> dict[str, Any]:
    node = lane.node
    told: dict[str, Any] = {
        "partition": lane.partition,
        "ready": is_ready(lane),
        "last_offset": lane.done,
        "waiting_messages": worker.lag(lane),
    }
    if node is not None:
        health = node.health()
        told |= {
            "closed_through_date": health.closed_through,
            "logs": dict(health.positions),
            "lags": {f"{agent}/{log}": lag for (agent, log), lag in health.lags.items()},
            "receivers": node.deliveries.standing(),
        }
    return told
