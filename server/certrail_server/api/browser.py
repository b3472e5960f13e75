"""What a browser shows that signed in: a cookie, and for calls that change something a token besides."""

import hmac
from typing import TYPE_CHECKING

from fastapi import Request, Response

from certrail.domain.errors import Forbidden
from certrail.services.access.sessions import LIFETIME, Browser
from certrail.services.facade import Services
from certrail_server.api.refusals import CallAttempt

if TYPE_CHECKING:
    from certrail_server.api.sign_in import SignIn

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
HEADER = "X-CSRF-Token"
SECONDS_TO_SIGN_IN = 600
SESSION = "certrail"
BEGUN = "certrail-sign-in"


def cookie_name(name: str, secure: bool) -> str:
    """With the prefix, browsers take it over https from this very host only (RFC 6265bis section 4.1.3)."""
    return f"__Host-{name}" if secure else name


def session_cookie(request: Request) -> str | None:
    """The text of the session's cookie, which only this server can have set: another name is not looked at."""
    return request.cookies.get(cookie_name(SESSION, is_secure(request)))


def is_secure(request: Request) -> bool:
    """Whether browsers reach this server over https only, as its public URL says."""
    provider: SignIn | None = request.app.state.sign_in
    if provider is not None:
        return provider.secure
    services: Services = request.app.state.services
    return (services.context.public_url or "").startswith("https://")


def set_session_cookie(request: Request, answer: Response, text: str) -> None:
    """Sign the browser in that gets this answer."""
    answer.set_cookie(
        cookie_name(SESSION, is_secure(request)),
        text,
        max_age=int(LIFETIME.total_seconds()),
        path="/",
        httponly=True,
        secure=is_secure(request),
        samesite="lax",
    )


def delete_session_cookie(request: Request, answer: Response) -> None:
    """Sign the browser out that gets this answer."""
    secure = is_secure(request)
    answer.delete_cookie(cookie_name(SESSION, secure), path="/", secure=secure, httponly=True, samesite="lax")


def signed_in(request: Request, services: Services, cookie: str) -> Browser:
    """The session behind a cookie, for a call that it may make. Raises Unauthenticated, Forbidden."""
    browser = services.sessions.resume(cookie, request.state.request_id)
    request.state.attempt, request.state.browser = CallAttempt(browser.actor), browser
    check_csrf(request, browser)
    return browser


def check_csrf(request: Request, browser: Browser) -> None:
    """Refuse a call that another site may have made in the user's name. Raises Forbidden.

    The token is in a header, or in `request.state.csrf_token` where a page's own form sent it.
    """
    if request.method in SAFE:
        return
    shown = request.headers.get(HEADER) or str(getattr(request.state, "csrf_token", ""))
    if not hmac.compare_digest(shown.encode(), browser.csrf_token.encode()):
        raise Forbidden(
            f"Calls of a browser that change something need {HEADER}, from GET /auth/session.", kind="csrf"
        )
