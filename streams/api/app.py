"""The ASGI application of one node, or of the reading side of many partitions.

Its pages, its error answers, and the layer around them.

Does not listen: the node hosts it in its own event loop. Handlers never wait for a database in that
loop; reads run in a pool of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from importlib.metadata import version as installed_version
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from ledger.errors import LoanError
from streams import parts
from streams.api import (
    cases,
    docs,
    figures,
    health,
    hooks,
    people,
    problems,
    proposals,
    reads,
    refused,
    scaled,
    signing,
    trace,
    transactions,
    warnings,
)
from streams.api.access import Access, authorise
from streams.api.body import Budget
from streams.api.feed import Feed
from streams.api.gate import Gate
from streams.api.guard import Guard
from streams.api.merged import MergedFeed
from streams.asking import Asking
from streams.identity.oidc import Oidc
from streams.settings import Settings, SettingsError

if TYPE_CHECKING:
    from streams.books import Books
    from streams.kafka import Producer
    from streams.meter import Meter
    from streams.wiring import Node

MIB = 1024 * 1024
BODY_BYTES = 16 * MIB
ALL_BODIES_BYTES = 128 * MIB
BODY_SECONDS = 60.0


def create_api(
    node: Node,
    *,
    hosts: Collection[str] = ("127.0.0.1", "localhost", "[::1]"),
    budget: Budget | None = None,
    feed: Feed | None = None,
    now_us: Callable[[], int] | None = None,
) -> FastAPI:
    """The application over `node`.

    `hosts`: the Host headers it answers to, empty for any; see `hosts_of`. `budget` bounds the
    bodies held in memory, `feed` the readers of the warnings stream; both have good defaults.
    `now_us` is the desk's clock, where a demo makes one up.
    """
    from streams.desk.routes import routes as desk_routes  # noqa: PLC0415  # they name each other

    live = feed or Feed(
        lambda after, limit: node.store.warnings.read(after=after, limit=limit),
        node.metrics,
        last_position=node.store.warnings.last_position(),
    )
    bounds = budget or _bounds()

    node.on_warning(live.publish)
    node.on_stopping(live.close)
    access = Access(node, ledger=node.store.ledger, audit=parts.audit_of(node.store, node.settings))
    node.on_stopping(access.close)
    app = _plain(access)
    for router in (
        transactions.routes(node, bounds),
        trace.routes(node.store.ledger, node.queries),
        warnings.routes(node, live, access),
        refused.routes(node.queries),
        proposals.routes(node, access),
        reads.routes(node),
        figures.routes(node),
        cases.routes(node),
        health.routes(node),
        hooks.routes(node.deliveries.standing, node.deliveries.resume),
        docs.routes(),
        desk_routes(node, live, access, now_us=now_us),
    ):
        app.include_router(router)
    _dress(app, access, node.metrics, hosts)
    app.state.feed = live
    return app


def create_reading_api(
    books: Books,
    *,
    hosts: Collection[str] = ("127.0.0.1", "localhost", "[::1]"),
    producer: Producer | None = None,
    budget: Budget | None = None,
) -> FastAPI:
    """The application over all partitions: what they hold; to change it needs a `producer`.

    `app.state.feed.run` must run beside it, for the warnings stream.
    """
    feed = MergedFeed([store.warnings for store in books.stores], books.metrics)
    access = Access(books, ledger=books.ledger, audit=books.audit)
    app = _plain(access)
    routers = [
        scaled.stream(books, feed, access),
        warnings.reading(books),
        refused.routes(books.queries),
    ]
    if producer is not None:
        asking = Asking(books, producer)
        routers += [
            scaled.transactions(asking, budget or _bounds()),
            warnings.actions(access, lambda what, by: asking.act(what, scaled.headers_of(by))),
            hooks.routes(asking.standing, asking.resume),
        ]
    routers += [
        trace.routes(books.ledger, books.queries), reads.routes(books),
        cases.routes(books), health.reading(books), docs.routes(),
    ]  # fmt: skip
    for router in routers:
        app.include_router(router)
    _dress(app, access, books.metrics, hosts)
    app.state.feed = feed
    return app


def _bounds() -> Budget:
    return Budget(body_bytes=BODY_BYTES, all_bytes=ALL_BODIES_BYTES, patience_seconds=BODY_SECONDS)


def _plain(access: Access) -> FastAPI:
    """An application whose every route asks `access` first."""
    app = FastAPI(
        title="LoanBell",
        version=installed_version("loanbell"),
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(authorise)],
    )
    app.state.access = access
    return app


def _dress(app: FastAPI, access: Access, meter: Meter, hosts: Collection[str]) -> None:
    """Sign-in, error answers, the layers around the handlers, and the description."""
    settings = access.settings
    secure = is_secure(settings)
    app.include_router(people.routes(access))
    app.include_router(signing.routes(access, _provider(access), secure=secure))
    app.add_exception_handler(problems.Problem, problems.on_problem)
    app.add_exception_handler(LoanError, problems.on_loan_error)
    app.add_exception_handler(HTTPException, problems.on_http_exception)
    app.add_exception_handler(RequestValidationError, problems.on_invalid_request)
    app.add_middleware(Guard, access=access, secure=secure)
    named = urlsplit(settings.public_url).hostname
    app.add_middleware(Gate, meter=meter, hosts=[*hosts, named] if hosts and named else hosts)
    docs.describe(app)


def is_secure(settings: Settings) -> bool:
    """Whether browsers are to send cookies over TLS alone: not on this machine's own loopback."""
    if settings.public_url:
        return settings.public_url.startswith("https://")
    return not hosts_of(settings.host)


def _provider(access: Access) -> Oidc | None:
    """The OIDC provider that the settings name."""
    settings = access.settings
    if not settings.oidc_issuer:
        return None
    file = settings.oidc_client_secret_file
    if not settings.public_url or not settings.oidc_client_id:
        raise SettingsError(
            "OIDC needs to know how browsers reach this server, and as which client.",
            way_out="Set public_url and oidc_client_id.",
        )
    return Oidc(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=parts.secret_in(file) if file is not None else None,
        return_url=settings.public_url.rstrip("/") + "/sign-in/oidc/return",
        directory=access.identity.directory,
        roles_claim=settings.oidc_roles_claim,
        branches_claim=settings.oidc_branches_claim,
    )


def hosts_of(host: str) -> tuple[str, ...]:
    """The Host headers to answer to when listening on `host`.

    On loopback only its own names, so that a web page cannot reach the server through a name that
    it makes point there; elsewhere any, since a proxy or a name service chooses the name.
    """
    try:
        loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        loopback = False
    return ("127.0.0.1", "localhost", "[::1]", host) if loopback else ()
