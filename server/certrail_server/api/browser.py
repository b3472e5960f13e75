"""What a browser shows that signed in: a cookie, and for calls that change something a token besides."""

import hmac

from fastapi import Request

from certrail.domain.errors import Forbidden
from certrail.services.sessions import Browser

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
HEADER = "X-CSRF-Token"
SECONDS_TO_SIGN_IN = 600


def cookie_name(secure: bool) -> str:
    """With the prefix, browsers take it over https from this very host only (RFC 6265bis section 4.1.3)."""
    return "__Host-certrail" if secure else "certrail"


def session_cookie(request: Request) -> str | None:
    """The text of the session's cookie."""
    return request.cookies.get(cookie_name(secure=True)) or request.cookies.get(cookie_name(secure=False))


def check_csrf(request: Request, browser: Browser) -> None:
    """Refuse a call that another site may have made in the user's name. Raises Forbidden."""
    if request.method in SAFE:
        return
    shown = request.headers.get(HEADER, "")
    if not hmac.compare_digest(shown.encode(), browser.csrf_token.encode()):
        raise Forbidden(
            f"Calls of a browser that change something need {HEADER}, from GET /auth/session.", kind="csrf"
        )
