"""Certificate profiles: one authority, one policy, and what a request gets that does not say it itself."""

from typing import Annotated

from fastapi import Request, Response

from certrail.domain.access import Permission
from certrail_server.api.answers.catalog import profile_answer, profile_answers
from certrail_server.api.guard import Call, allow
from certrail_server.console.page import Page, page_router

router = page_router("/profiles")


@router.get("")
def list_profiles(request: Request, call: Annotated[Call, allow(Permission.PRODUCT_READ)]) -> Response:
    """All profiles, by slug."""
    rows = call.services.catalog.profiles()
    return Page(request, call).render("profiles/list.html", profiles=profile_answers(call.services, rows))


@router.get("/{profile}")
def get_profile(
    request: Request, profile: str, call: Annotated[Call, allow(Permission.PRODUCT_READ)]
) -> Response:
    """One profile."""
    found = profile_answer(call.services, call.services.catalog.profile(profile))
    return Page(request, call).render(
        "profiles/show.html",
        profile=found,
        defaults=found.defaults.model_dump(mode="json", exclude_none=True),
    )
