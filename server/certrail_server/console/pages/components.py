"""Every component of the design system on one page."""

from datetime import timedelta
from typing import Annotated

from fastapi import Request, Response

from certrail.domain.access import Permission
from certrail_server.api.guard import Call, allow
from certrail_server.console.page import Page, page_router
from certrail_server.console.rendering import TONES
from certrail_server.console.timeline import ExpiryChart, Happened, Week

router = page_router("/components")
PLANNED = (4, 7, 3, 9, 12, 6, 5, 0, 2, 8, 11, 4, 6)
OPEN = (2, 0, 1, 0, 3, 0, 0, 1, 0, 0, 2, 0, 1)


@router.get("")
def get_components(request: Request, call: Annotated[Call, allow(Permission.PRODUCT_READ)]) -> Response:
    """For whoever writes a page, and for the tests of how they look."""
    page = Page(request, call)
    begins = [page.now + timedelta(weeks=number) for number in range(len(PLANNED))]
    weeks = [
        Week(begin, begin + timedelta(weeks=1), planned, unplanned, "/console/components")
        for begin, planned, unplanned in zip(begins, PLANNED, OPEN, strict=True)
    ]
    hour = timedelta(hours=1)
    events = [
        Happened(page.now - hour, "Delivered", "ok", "certrail", (), "/console"),
        Happened(page.now - 3 * hour, "Failed", "bad", "certrail", ("The host did not answer.",), ""),
    ]
    return page.render(
        "components/show.html", chart=ExpiryChart(weeks, False), events=events, states=sorted(TONES)
    )
