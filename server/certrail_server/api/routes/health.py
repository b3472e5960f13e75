"""Whether this process lives, and whether it can do its work."""

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from sqlalchemy import text

from certrail.services.core.orchestrator import Orchestrator
from certrail.services.facade import Services

router = APIRouter(tags=["health"])


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(request: Request) -> JSONResponse:
    """The database answers. Without the orchestrator work is still accepted, so that is told but no fault."""
    services: Services = request.app.state.services
    orchestrator: Orchestrator = request.app.state.orchestrator
    database = await run_in_threadpool(_database_answers, services)
    state = {
        "status": "ready" if database else "not ready",
        "database": "ok" if database else "does not answer",
        "orchestrator": "ok" if await orchestrator.health() else "does not answer; accepted work waits",
    }
    return JSONResponse(state, 200 if database else 503)


def _database_answers(services: Services) -> bool:
    try:
        with services.context.db.read() as session:
            session.connection().execute(text("select 1"))
    except Exception:
        return False
    return True
