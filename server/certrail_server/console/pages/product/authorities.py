"""Certificate authorities: the tree, and each with its versions, its revocation lists and what it issued."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Request, Response

from certrail.domain.access import Permission
from certrail.domain.search import CertificateFilter
from certrail_server.api.answers.authorities import authority_answer, authority_answers, mirror_answers
from certrail_server.api.answers.certificates import certificate_answers
from certrail_server.api.guard import Call, allow
from certrail_server.api.schemas.authorities import AuthorityOut
from certrail_server.console.page import Page, page_router

router = page_router("/authorities")
FEW = 10
MOST_COUNTED = 1000
"""Certificates of an authority; more are not counted."""


@router.get("")
def list_authorities(request: Request, call: Annotated[Call, allow(Permission.PRODUCT_READ)]) -> Response:
    """All authorities, each below the one that signed it."""
    found = authority_answers(call.services, call.services.authorities.list())
    page = Page(request, call)
    counted = [authority.id for authority in found] if page.may("inventory:read") else []
    return page.render(
        "authorities/list.html",
        authorities=_as_tree(found),
        issued=call.services.inventory.issued_by(counted, MOST_COUNTED + 1),
        most_counted=MOST_COUNTED,
    )


@router.get("/{ca}")
def get_authority(
    request: Request, ca: str, call: Annotated[Call, allow(Permission.PRODUCT_READ)]
) -> Response:
    """One authority."""
    services, page = call.services, Page(request, call)
    authority = authority_answer(services, ca)
    issued = (
        services.inventory.search(None, CertificateFilter(issuer=authority.id, sort="newest"), limit=FEW)
        if page.may("inventory:read")
        else []
    )
    return page.render(
        "authorities/show.html",
        authority=authority,
        lists=services.status_responder.lists(authority.id),
        signers=services.status_responder.signers(authority.id),
        ocsp_url=services.status_responder.ocsp_url(authority.id),
        mirrors=mirror_answers(services, services.mirrors.list(authority.id)),
        profiles=[row for row in services.catalog.profiles() if row.ca_id == authority.id],
        issued=certificate_answers(services, issued),
        issued_count=services.inventory.issued_by([authority.id], MOST_COUNTED + 1).get(authority.id, 0)
        if issued
        else 0,
        most_counted=MOST_COUNTED,
    )


def _as_tree(found: Sequence[AuthorityOut]) -> Sequence[tuple[int, AuthorityOut]]:
    """Each with its depth, below its parent; by slug beside each other."""
    known = {authority.id for authority in found}
    placed: list[tuple[int, AuthorityOut]] = []

    def place(parent: str | None, depth: int) -> None:
        for authority in found:
            above = authority.parent_id if authority.parent_id in known else None
            if above == parent:
                placed.append((depth, authority))
                place(authority.id, depth + 1)

    place(None, 0)
    return placed
