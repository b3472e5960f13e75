"""The older project: what still belongs to no Application, and where each of it would go."""

from typing import Annotated

from fastapi import Request, Response

from certrail.domain.access import Permission
from certrail_server.api.guard import Call, allow
from certrail_server.console.page import Page, page_router

router = page_router("/older-project")


@router.get("")
def get_older_project(
    request: Request, call: Annotated[Call, allow(Permission.APPLICATION_READ)]
) -> Response:
    """For its members and Product Admins; nothing is changed here."""
    return Page(request, call).render(
        "older_project/show.html", project=call.services.placements.older_project()
    )
