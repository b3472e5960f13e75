"""Pages of one Application: its name and tabs are on each of them."""

from collections.abc import Sequence
from functools import cached_property
from urllib.parse import quote

from fastapi import Request

from certrail_server.api.answers.catalog import application_answer
from certrail_server.api.guard import Call
from certrail_server.api.schemas.applications import ApplicationOut
from certrail_server.console.navigation import APPLICATION, Entry, current_of, tabs_for
from certrail_server.console.page import Page


def application_path(request: Request) -> str:
    """The path of the Application that a page is below, as it was opened."""
    return f"/console/applications/{quote(request.path_params['application'], safe='')}"


class ApplicationPage(Page):
    """A page below ``/console/applications/{application}``; its templates extend `application.html`."""

    def __init__(self, request: Request, call: Call) -> None:
        super().__init__(request, call)
        row = call.services.applications.get(call.application)
        self.application: ApplicationOut = application_answer(call.services, row)

    @property
    def base(self) -> str:
        """The path of the Application's first page."""
        return f"/console/applications/{self.application.slug}"

    @property
    def tabs(self) -> Sequence[Entry]:
        """Its pages that the reader can open."""
        return tabs_for(frozenset(self.held))

    @cached_property
    def current_tab(self) -> str | None:
        """The path, below `base`, of the tab that is open."""
        parts = self.path.split("/", 4)
        below = f"/{parts[4]}" if len(parts) > 4 else ""
        return current_of(below, APPLICATION)
