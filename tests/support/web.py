"""The HTTP application on a port of its own, in a thread of this process."""

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, cast

import uvicorn
from fastapi import FastAPI

from certrail.services.core.orchestrator import OrchestratorUnavailable, OutboxMessage, WorkflowStart
from certrail.services.facade import Services
from certrail_server.api.app import create_app
from certrail_server.api.sign_in import SignIn
from certrail_server.est_listener import EstListener, Server, est_listener
from certrail_server.metrics.registry import MetricsRegistry
from certrail_server.serve import configured
from certrail_server.settings import Settings

PATIENCE_SECONDS = 60


class NoWorkflows:
    """An orchestrator for tests that do the workflows' steps themselves."""

    async def dispatch(self, message: OutboxMessage) -> None:
        """Take the message and do nothing."""

    async def dispatch_together(self, messages: Sequence[OutboxMessage]) -> None:
        """Take the messages and do nothing."""

    async def health(self) -> bool:
        return True

    async def identity(self) -> str | None:
        raise OrchestratorUnavailable("There are no workflows here.")

    async def ensure(self) -> Collection[str]:
        return ()

    async def lost(self, starts: Sequence[WorkflowStart]) -> Collection[str]:
        return ()


class _Announced(Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config, est: EstListener | None) -> None:
        super().__init__(config, est)
        self.listens = threading.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.listens.set()


@cache
def served_application() -> FastAPI:
    """Made once: a hundred routes take a while, and all that differs between tests is what they serve."""
    return create_app(cast(Services, None), NoWorkflows())


@contextmanager
def serving(
    services: Services,
    sign_in: SignIn | None = None,
    settings: Settings | None = None,
    registry: MetricsRegistry | None = None,
) -> Iterator[str]:
    """Serve the API; yields its base URL.

    Args:
        settings: serve it as `certrail server` does with these, but for the port.
    """
    app = served_application()
    app.state.services = services
    app.state.sign_in = sign_in
    app.state.metrics_registry = registry
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, proxy_headers=False)
    if settings is not None:
        config = configured(app, settings.model_copy(update={"port": 0}))
    est = None
    if settings is not None:
        est = est_listener(app, services, settings, config)
    server = _Announced(config, est)
    thread = threading.Thread(target=server.run, name="api", daemon=True)
    thread.start()
    assert server.listens.wait(PATIENCE_SECONDS), "the API did not start"
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:  # else it would go on with the database of the next test
        server.should_exit = True
        thread.join(PATIENCE_SECONDS)
