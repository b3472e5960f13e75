"""Answers that chat systems send to us."""

from datetime import UTC

from fastapi import APIRouter, Request, Response

from certrail.services.facade import Services
from certrail_sdk import CallbackRequest

router = APIRouter(tags=["callbacks"])


@router.post("/callbacks/{channel}", response_class=Response)
async def take_callback(channel: str, request: Request) -> Response:
    """One callback. The channel's plugin verifies who sent it; there is no bearer token."""
    services: Services = request.app.state.services
    answer = await services.chat.callback(
        channel,
        CallbackRequest(
            body=await request.body(),
            headers={name.lower(): value for name, value in request.headers.items()},
            received_at=services.context.clock().astimezone(UTC),
        ),
    )
    return Response(answer.body, answer.status, media_type=answer.content_type)
