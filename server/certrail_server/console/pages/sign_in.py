"""Signing in, by the provider or by a link that is used once, and out."""

from datetime import timedelta
from typing import Annotated

from fastapi import Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from certrail.domain.errors import Unauthenticated
from certrail.services.facade import Services
from certrail_server.api.browser import (
    delete_session_cookie,
    session_cookie,
    set_session_cookie,
    signed_in,
)
from certrail_server.api.routes.public.sessions import OLDEST, own_path
from certrail_server.console.page import Bare, page_router

router = page_router("")
HOME = "/console"
Link = Annotated[str, Path(max_length=200)]


@router.get("/sign-in")
def get_sign_in(
    request: Request,
    wanted: Annotated[str, Query(alias="next", max_length=1000)] = HOME,
    max_age: Annotated[int | None, Query(ge=1, le=OLDEST)] = None,
) -> Response:
    """How to sign in here; with `max_age`, why to do it again."""
    return Bare(request).render(
        "sign_in/choose.html",
        wanted=own_path(wanted, HOME),
        provider=request.app.state.sign_in is not None,
        max_age=max_age,
        age=timedelta(seconds=max_age) if max_age else None,
    )


@router.get("/sign-in/{link}")
def get_link(request: Request, link: Link) -> Response:
    """Whom a link signs in. Opening it changes nothing, so that a program which looks at links does not use it up."""
    services: Services = request.app.state.services
    try:
        name = services.sign_in_links.whose(link)
    except Unauthenticated as refusal:
        return _refused(request, refusal)
    return Bare(request).render("sign_in/link.html", name=name)


@router.post("/sign-in/{link}")
def use_link(request: Request, link: Link) -> Response:
    """Sign in by a link, which ends with that."""
    services: Services = request.app.state.services
    try:
        text = services.sign_in_links.use(link, session_cookie(request))
    except Unauthenticated as refusal:
        return _refused(request, refusal)
    draft = services.sessions.resume(text).draft
    answer = Bare(request).go(draft.path if draft else HOME)
    set_session_cookie(request, answer, text)
    return answer


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session of this browser."""
    text = session_cookie(request)
    answer = Bare(request).go("/console/sign-in", "signed-out")
    if text is None:
        return answer
    services: Services = request.app.state.services
    await run_in_threadpool(signed_in, request, services, text)
    await run_in_threadpool(services.sessions.end, text)
    delete_session_cookie(request, answer)
    return answer


def _refused(request: Request, refusal: Unauthenticated) -> Response:
    request.app.state.refusals.record(request, refusal)
    return Bare(request).render("sign_in/refused.html", refusal.status, refusal=refusal)
