"""All pages, joined to the HTTP application."""

from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import RedirectResponse

from certrail_server.console import operations, static_files
from certrail_server.console.errors import is_page, problem_page
from certrail_server.console.pages import (
    application,
    applications,
    approvals,
    certificates,
    components,
    new_application,
    older_project,
    preferences,
    product,
    saved_views,
    search,
    sign_in,
    today,
)

PAGES = (
    # Before others: `edit` is no id.
    operations.router,
    today.router,
    approvals.router,
    applications.router,
    certificates.router,
    search.router,
    saved_views.router,
    preferences.router,
    new_application.router,
    older_project.router,
    *application.ROUTERS,
    *product.ROUTERS,
    components.router,
)
"""Every route of these names its permission."""
OPEN = (sign_in.router, preferences.public, static_files.router)

entrance = APIRouter(include_in_schema=False)


@entrance.get("/")
def get_home() -> Response:
    """To the page of today."""
    return RedirectResponse("/console", 303)


@entrance.get("/approvals/{approval_id}")
def get_approval_link(approval_id: str) -> Response:
    """Where the links of approval messages lead: to the page of the approval."""
    return RedirectResponse(f"/console/approvals/{quote(approval_id, safe='')}", 303)


def install(app: FastAPI) -> None:
    """Serve the console beside the API, and show its refusals as pages."""
    app.state.problem_page = lambda request, problem: (
        problem_page(request, problem) if is_page(request) else None
    )
    for router in (*PAGES, *OPEN, entrance):
        app.include_router(router)
