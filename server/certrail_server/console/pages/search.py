"""Search from every page: names, serial numbers, fingerprints, ids, Applications."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import ValidationError

from certrail.domain.access import Permission
from certrail.domain.search import SHORTEST_PART, CertificateFilter
from certrail.services.operations.object_ids import SHORTEST
from certrail_server.api.answers.certificates import certificate_answers
from certrail_server.api.guard import Call, allow
from certrail_server.console.page import Page, page_router
from certrail_server.console.pages.saved_views import found_views
from certrail_server.console.searching import terms_of

router = page_router("/search")
FEW = 10
PAGES = {"certificate": "/console/certificates/", "approval": "/console/approvals/"}
"""Where an object that is found by its id is shown, by its kind."""
HEX = frozenset("0123456789abcdef")


@router.get("")
def search(
    request: Request,
    call: Annotated[Call, allow(Permission.APPLICATION_LIST)],
    text: Annotated[str, Query(alias="q", max_length=320)] = "",
) -> Response:
    """What the reader may see and the text could mean."""
    wanted = text.strip()
    applications = [
        row
        for row in (call.services.applications.visible_to(call.actor) if wanted else ())
        if wanted.lower() in row.slug or wanted.lower() in row.name.lower()
    ]
    return Page(request, call).render(
        "search/show.html",
        text=wanted,
        certificates=certificate_answers(call.services, _certificates(call, wanted)),
        applications=applications[:FEW],
        objects=_objects(call, wanted),
        shortest=SHORTEST_PART,
        views=found_views(call, wanted)[:FEW],
    )


def _certificates(call: Call, text: str) -> Sequence[Any]:
    try:
        wanted = CertificateFilter.model_validate(terms_of(text))
    except ValidationError:
        return []
    if wanted == CertificateFilter():
        return []
    scopes = call.services.principals.reach(call.actor).where(Permission.CERTIFICATE_READ)
    return call.services.inventory.search_in(scopes, wanted, limit=FEW)


def _objects(call: Call, text: str) -> Sequence[tuple[str, str, str]]:
    """Kind, id and page of each object whose id begins so, as far as it has a page."""
    prefix = text.lower()
    if not SHORTEST <= len(prefix) <= 32 or not set(prefix) <= HEX:
        return []
    found = call.services.object_ids.beginning(call.actor, prefix)
    return [(row.kind, row.id, PAGES[row.kind] + row.id) for row in found if row.kind in PAGES][:FEW]
