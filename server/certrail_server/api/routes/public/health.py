"""Whether this process lives, and whether it can do its work."""

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import text

from certrail.persistence.database import end_shared_read
from certrail.services.core.orchestrator import Orchestrator
from certrail.services.facade import Services
from certrail_server.api.schemas.system import LiveOut, ReadyOut

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def get_health() -> LiveOut:
    """The process answers."""
    # Not in a thread: those may all be at work for expensive calls, and a process that works is not to be restarted.
    return LiveOut(status="ok")


@router.get("/readyz", responses={503: {"model": ReadyOut, "description": "The database does not answer."}})
async def get_readiness(request: Request, response: Response) -> ReadyOut:
    """The database answers. Without the orchestrator work is still accepted, so that is named but no failure."""
    services: Services = request.app.state.services
    orchestrator: Orchestrator = request.app.state.orchestrator
    database = await run_in_threadpool(_database_answers, services)
    response.status_code = 200 if database else 503
    return ReadyOut(
        status="ready" if database else "not ready",
        database="ok" if database else "does not answer",
        orchestrator="ok" if await orchestrator.health() else "does not answer; accepted work waits",
    )


def _database_answers(services: Services) -> bool:
    try:
        with services.context.db.read() as session:
            session.connection().execute(text("select 1"))
    except Exception:
        return False
    finally:
        end_shared_read()  # the orchestrator may take seconds to answer
    return True
