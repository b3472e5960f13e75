"""What all calls have in common: an id, the headers of every answer, and one transaction for what they read."""

import re
import uuid

from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from certrail.services.facade import Services

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class FramedCalls:
    """ASGI middleware. Starlette's for functions would give each call a task and a stream of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call within a shared read, which ends before its answer is sent: a client may take it slowly."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id

        async def framed(message: Message) -> None:
            if message["type"] == "http.response.start":
                if shared.is_open:
                    await run_in_threadpool(shared.end)
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        services: Services = scope["app"].state.services
        with services.context.db.shared_read() as shared:
            await self._app(scope, receive, framed)
