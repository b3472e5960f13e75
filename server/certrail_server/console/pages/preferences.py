"""What a reader chose for this browser: colours, and whether single keys do something."""

from collections.abc import Collection
from typing import Annotated

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from certrail.domain.access import Permission
from certrail_server.api.browser import is_secure
from certrail_server.api.guard import Call, allow
from certrail_server.api.routes.public.sessions import own_path
from certrail_server.console.forms import form_of
from certrail_server.console.page import HEADERS, KEYS, KEYS_OFF, THEME, THEMES, Page, page_router

router = page_router("/keys")
public = page_router("")
"""For whoever is not signed in, too: they change nothing but cookies of this browser."""

HOME = "/console"
KEPT_SECONDS = 365 * 86400


@router.get("")
def get_keys(request: Request, call: Annotated[Call, allow(Permission.PRODUCT_READ)]) -> Response:
    """What single keys do, with a switch."""
    return Page(request, call).render("preferences/keys.html")


@public.post("/theme")
def set_theme(request: Request) -> Response:
    """Light, dark, or as the system has it."""
    return _chosen(request, "theme", THEME, THEMES)


@public.post("/keys")
def set_keys(request: Request) -> Response:
    """Whether single keys do something."""
    return _chosen(request, "keys", KEYS, (KEYS_OFF,))


def _chosen(request: Request, field: str, cookie: str, known: Collection[str]) -> Response:
    """Back to the page, with the choice in a cookie; anything that is not known ends the choice."""
    form = form_of(request)
    answer = RedirectResponse(own_path(form.get("back"), HOME), 303, dict(HEADERS))
    if (chosen := form.get(field)) in known:
        secure = is_secure(request)
        answer.set_cookie(
            cookie, chosen, max_age=KEPT_SECONDS, path=HOME, httponly=True, secure=secure, samesite="lax"
        )
    else:
        answer.delete_cookie(cookie, path=HOME)
    return answer
