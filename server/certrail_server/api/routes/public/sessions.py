"""Signing in with a browser, and out."""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from certrail.domain.errors import NotFound, Unauthenticated
from certrail.services.facade import Services
from certrail_server.api.browser import (
    BEGUN,
    SECONDS_TO_SIGN_IN,
    cookie_name,
    delete_session_cookie,
    session_cookie,
    set_session_cookie,
    signed_in,
)
from certrail_server.api.schemas.access import SessionOut

if TYPE_CHECKING:
    from certrail_server.api.sign_in import SignIn

router = APIRouter(prefix="/auth", tags=["sign-in"])
HOME = "/auth/session"
OLDEST = 43200


@router.get("/sign-in", status_code=302, response_class=RedirectResponse)
async def sign_in(
    request: Request,
    then: Annotated[str, Query(alias="next", max_length=1000, description="path to go to afterwards")] = HOME,
    max_age: Annotated[
        int | None, Query(ge=1, le=OLDEST, description="seconds that the authentication may be old")
    ] = None,
) -> Response:
    """Send the browser to the provider; with `max_age`, to authenticate again there."""
    provider = provider_of(request)
    answer, text = await provider.begin(request, own_path(then), max_age)
    answer.set_cookie(
        cookie_name(BEGUN, provider.secure),
        text,
        max_age=SECONDS_TO_SIGN_IN,
        path="/",
        httponly=True,
        secure=provider.secure,
        samesite="lax",
    )
    return answer


@router.get("/callback", status_code=303, response_class=RedirectResponse)
async def finish_sign_in(request: Request) -> Response:
    """Where the provider sends the browser back to: a session begins."""
    provider = provider_of(request)
    begun = cookie_name(BEGUN, provider.secure)
    claims, then = await provider.finish(request, request.cookies.get(begun, ""))
    services: Services = request.app.state.services
    text = await run_in_threadpool(
        services.sessions.begin, claims, admit_new=provider.admit_new, cookie=session_cookie(request)
    )
    answer = RedirectResponse(then, 303)
    answer.delete_cookie(begun, path="/", secure=provider.secure, httponly=True, samesite="lax")
    set_session_cookie(request, answer, text)
    return answer


@router.get("/session")
def get_session(request: Request) -> SessionOut:
    """Who is signed in with this browser, and what its calls must show when they change something."""
    browser = _services(request).sessions.resume(_cookie(request))
    return SessionOut(
        id=browser.actor.principal_id,
        name=browser.actor.name,
        product_role=browser.actor.product_role,
        csrf_token=browser.csrf_token,
        expires_at=browser.expires_at,
    )


@router.post("/sign-out", status_code=204)
def sign_out(request: Request, response: Response) -> None:
    """End the session of this browser."""
    text = _cookie(request)
    services = _services(request)
    signed_in(request, services, text)
    services.sessions.end(text)
    delete_session_cookie(request, response)


def _services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


def provider_of(request: Request) -> "SignIn":
    """The provider of this installation. Raises NotFound."""
    found: SignIn | None = request.app.state.sign_in
    if found is None:
        raise NotFound("sign-in here: CERTRAIL_OIDC_ISSUER is not set")
    return found


def _cookie(request: Request) -> str:
    if (text := session_cookie(request)) is None:
        raise Unauthenticated("Nobody is signed in with this browser.", kind="session-ended")
    return text


def own_path(wanted: str, home: str = HOME) -> str:
    """A path on this server: whoever makes a link to the sign-in must not choose where it ends."""
    inside = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    return wanted if inside and wanted.isprintable() else home
