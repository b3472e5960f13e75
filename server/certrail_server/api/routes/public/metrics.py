"""Figures for Prometheus, for whoever shows the token of the settings."""

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from certrail.domain.errors import Unauthenticated
from certrail_server.metrics.registry import MetricsRegistry

router = APIRouter(tags=["health"])


@router.get("/metrics", include_in_schema=False)
async def get_metrics(request: Request) -> Response:
    """All figures, in the text format; without a token in the settings there is no such page."""
    registry: MetricsRegistry | None = request.app.state.metrics_registry
    if registry is None:
        raise HTTPException(404)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not registry.admits(token.strip()):
        raise Unauthenticated("Give the token of CERTRAIL_METRICS_TOKEN as a bearer token.")
    return Response(await run_in_threadpool(registry.text), media_type=CONTENT_TYPE_PLAIN_0_0_4)
