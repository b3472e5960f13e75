"""The HTTP application."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI

from certrail.services.core.dispatcher import Dispatcher
from certrail.services.core.orchestrator import Orchestrator
from certrail.services.facade import Services
from certrail.services.operations.reconciler import Reconciler
from certrail_server.api import problems
from certrail_server.api.bodies import BoundedBodies
from certrail_server.api.enrollment import accounts as enrollment_accounts
from certrail_server.api.enrollment import agents, est, scep
from certrail_server.api.enrollment import secrets as enrollment_secrets
from certrail_server.api.enrollment import settings as enrollment_settings
from certrail_server.api.enrollment.acme import accounts as acme_accounts
from certrail_server.api.enrollment.acme import certificates as acme_certificates
from certrail_server.api.enrollment.acme import orders as acme_orders
from certrail_server.api.frame import FramedCalls
from certrail_server.api.openapi import describe, operation_id
from certrail_server.api.polls import Polls
from certrail_server.api.refusals import Refusals
from certrail_server.api.routes import (
    alerts,
    applications,
    approval_policies,
    approvals,
    audit,
    authorities,
    certificates,
    channels,
    deliveries,
    integrations,
    lifecycle,
    object_ids,
    principals,
    product,
    requests,
    revocations,
    saved_searches,
    syncs,
    tokens,
)
from certrail_server.api.routes.public import (
    callbacks,
    device,
    health,
    metrics,
    reference,
    sessions,
    status,
)
from certrail_server.console import site as console
from certrail_server.console.live import Live
from certrail_server.metrics.calls import MeasuredCalls

if TYPE_CHECKING:
    from certrail_server.api.sign_in import SignIn
    from certrail_server.metrics.registry import MetricsRegistry

log = logging.getLogger(__name__)

API = (
    authorities.router,
    product.router,
    integrations.router,
    integrations.plugins,
    principals.router,
    tokens.router,
    applications.router,
    enrollment_settings.router,
    requests.router,
    revocations.router,
    certificates.router,
    lifecycle.router,
    deliveries.router,
    approvals.router,
    audit.router,
    saved_searches.router,
    saved_searches.views,
    alerts.router,
    channels.router,
    object_ids.router,
)
"""Below ``/api/v1``; every route names its permission."""

SCOPED = (
    applications.scoped,
    enrollment_settings.scoped,
    enrollment_secrets.router,
    enrollment_accounts.router,
    agents.router,
    certificates.scoped,
    revocations.scoped,
    requests.scoped,
    deliveries.scoped,
    syncs.router,
    alerts.scoped,
    channels.scoped,
    approval_policies.router,
)
"""Served for each Application, and once more for the legacy scope; every route names its permission."""

ACME = (acme_accounts.router, acme_orders.router, acme_certificates.router)
"""Of each profile in an Application, and once more in the legacy scope; calls are signed with keys of accounts."""

DESCRIPTION = """\
A body is a JSON object; a member or a query parameter that a call does not know is refused. Durations are text with a
unit, such as `47d`, in and out. What was written is what is read; secrets are masked.

`PATCH` takes a merge patch (RFC 7396), as `application/json` or `application/merge-patch+json`: a member that is left
out is kept, and null clears one that may be null. Unlike in the RFC, an object inside, such as `config` or `selection`,
is replaced as a whole, so that what one reads can be sent back.

A refusal is a problem document (RFC 9457), whose `detail` says what to change."""
THREADS = 12
"""For calls that block, fewer than there are pooled connections to the database. With more of them, a burst of calls
takes the interpreter's lock from the event loop for longer."""


def create_app(
    services: Services,
    orchestrator: Orchestrator,
    sign_in: "SignIn | None" = None,
    registry: "MetricsRegistry | None" = None,
) -> FastAPI:
    """The API of one process. Its dispatcher runs as long as the application does."""
    app = FastAPI(
        title="certrail",
        version="1",
        summary="Certificates, from request to everywhere they are used",
        description=DESCRIPTION,
        lifespan=_work,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=operation_id,
        separate_input_output_schemas=False,
    )
    app.state.services = services
    app.state.orchestrator = orchestrator
    app.state.sign_in = sign_in
    app.state.metrics_registry = registry
    app.add_middleware(FramedCalls)
    app.add_middleware(BoundedBodies)
    app.add_middleware(MeasuredCalls)
    problems.install(app)
    for router in API:
        app.include_router(router, prefix="/api/v1")
    for router in SCOPED:
        app.include_router(router, prefix="/api/v1/applications/{application}")
        app.include_router(router, prefix="/api/v1")
    for router in ACME:
        app.include_router(router, prefix="/acme/applications/{application}/profiles/{profile}")
        app.include_router(router, prefix="/acme/profiles/{profile}")
    app.include_router(sessions.router)
    app.include_router(device.router)
    app.include_router(agents.public)
    app.include_router(callbacks.router)
    app.include_router(status.router)
    app.include_router(est.router)
    app.include_router(scep.router)
    app.include_router(health.router)
    app.include_router(metrics.router)
    app.include_router(reference.router)
    console.install(app)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _work(app: FastAPI) -> AsyncIterator[None]:
    """What runs beside the calls: workflows are started, and refusals are counted."""
    services: Services = app.state.services
    current_default_thread_limiter().total_tokens = THREADS
    dispatcher = Dispatcher(services.outbox, app.state.orchestrator)
    services.context.nudge = dispatcher.nudge
    refusals = app.state.refusals = Refusals(services)
    app.state.polls = Polls(services.context.db)
    app.state.live = Live(services.audit_log)
    reconciler = Reconciler(services.reconciliation, app.state.orchestrator)
    running = (dispatcher.run(), reconciler.run(), refusals.run())
    tasks = [asyncio.create_task(work) for work in running]
    yield
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await refusals.close()
