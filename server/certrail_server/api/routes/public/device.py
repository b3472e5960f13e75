"""Sign-in of a command line (RFC 8628)."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import Field, StringConstraints

from certrail.services.facade import Services
from certrail_server.api import samples
from certrail_server.api.device_sign_in import DeviceSignIn
from certrail_server.api.routes.public.sessions import provider_of
from certrail_server.api.schemas.base import In, Out, examples

router = APIRouter(prefix="/auth/device", tags=["sign-in"])


class DeviceSignInOut(Out):
    """A sign-in that waits for its user."""

    user_code: str = Field(description="What the user enters at `verification_uri`.")
    verification_uri: str = Field(description="Where the user confirms the sign-in, at the provider.")
    verification_uri_complete: str | None = Field(
        description="The same with the code in it; null if there is none."
    )
    expires_in: int = Field(description="Seconds in which the user must confirm.")
    interval: int = Field(description="Seconds between two calls of `POST /auth/device/token`.")
    handle: str = Field(description="What `POST /auth/device/token` takes; a secret.")


class DeviceTokenIn(In):
    """Which sign-in to ask for."""

    model_config = examples({"handle": samples.SIGN_IN})

    handle: Annotated[str, StringConstraints(min_length=1, max_length=8000)] = Field(
        description="From `POST /auth/device`."
    )


class DeviceTokenOut(Out):
    """The outcome of a sign-in; without a token, ask again after `interval`."""

    token: str | None = Field(description="The access token, once; null while the user has not confirmed.")
    name: str | None = Field(description="Name of the user who signed in.")
    expires_at: datetime | None = Field(description="When the token expires.")
    interval: int | None = Field(
        description="Seconds to wait before the next call; null when there is a token."
    )


@router.post("")
async def start_device_sign_in(request: Request) -> DeviceSignInOut:
    """Start the sign-in of a command line."""
    return DeviceSignInOut.of(await DeviceSignIn(provider_of(request)).start())


@router.post("/token")
async def finish_device_sign_in(request: Request, body: DeviceTokenIn) -> DeviceTokenOut:
    """An access token for the user who confirmed the sign-in, or how long to wait."""
    provider = provider_of(request)
    outcome = await DeviceSignIn(provider).poll(body.handle)
    if isinstance(outcome, int):
        return DeviceTokenOut(token=None, name=None, expires_at=None, interval=outcome)
    services: Services = request.app.state.services
    issued = await run_in_threadpool(
        services.sessions.begin_with_token, outcome, admit_new=provider.admit_new
    )
    return DeviceTokenOut(token=issued.text, name=issued.name, expires_at=issued.expires_at, interval=None)
