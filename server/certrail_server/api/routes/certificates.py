"""Certificates."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from certrail.domain.access import Permission
from certrail.domain.errors import BadInput
from certrail.domain.search import CertificateFilter
from certrail.persistence.tables import Certificate
from certrail.services.inventory.search import position_of
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.pages import decode_cursor, page
from certrail_server.api.shapes import (
    AutoRenewalIn,
    ExportIn,
    ImportIn,
    RenewalIn,
    RevocationIn,
    SearchIn,
    WideSearchIn,
)
from certrail_server.api.views import Json, shown

router = APIRouter(tags=["certificates"])
scoped = APIRouter(tags=["certificates"])


@router.get("/applications/{application}/certificates")
def search_certificates(
    call: Annotated[Call, allow(Permission.CERTIFICATE_READ)], search: Annotated[SearchIn, Query()]
) -> Json:
    """Certificates of an Application that have all that is asked for."""
    view = call.services.views.get(call.application, search.view).filter if search.view else None
    return _found(call, call.application, search, search.wanted(view))


@router.get("/certificates")
def search_all_certificates(
    call: Annotated[Call, allow(Permission.INVENTORY_READ, outside=Permission.CERTIFICATE_READ)],
    search: Annotated[WideSearchIn, Query()],
) -> Json:
    """Certificates of all Applications, or of none, that have all that is asked for."""
    if search.view:
        raise BadInput("Views belong to an Application; search there.", "view")
    return _found(call, None, search, search.wanted(), outside=search.application == "none")


@scoped.post("/certificates", status_code=201)
def import_certificate(
    body: ImportIn, call: Annotated[Call, allow(Permission.CERTIFICATE_IMPORT, creates="certificates")]
) -> Json:
    """Keep a certificate that was issued elsewhere; its key, if it comes with one, is sealed."""
    imports = call.services.imports

    def take() -> Certificate:
        offer = body.offer()
        return imports.take(
            call.actor, call.application, offer, profile=body.profile, attributes=body.metadata
        )

    return shown(idempotent(take, call.services.inventory.get))


@router.get("/certificates/{certificate_id}")
def get_certificate(certificate_id: str, call: Annotated[Call, allow(Permission.CERTIFICATE_READ)]) -> Json:
    """One certificate with its chain."""
    return shown(call.services.inventory.get(certificate_id))


@router.post("/certificates/{certificate_id}/private-key")
def show_private_key(certificate_id: str, call: Annotated[Call, allow(Permission.CERTIFICATE_KEY)]) -> Json:
    """The private key, PKCS#8 PEM, to its requester, once."""
    return {"private_key": call.services.inventory.show_key(call.actor, certificate_id)}


@router.post("/certificates/{certificate_id}/renew", status_code=202)
def renew_certificate(
    certificate_id: str,
    body: RenewalIn,
    response: Response,
    call: Annotated[Call, allow(Permission.CERTIFICATE_RENEW)],
) -> Json:
    """Ask for the next certificate of the lineage: same names and lifetime, new key unless said otherwise."""
    renewals = call.services.renewals
    row = idempotent(
        lambda: renewals.renew(
            call.actor, certificate_id, csr=body.csr, same_key=body.same_key, changes=body.changes()
        ),
        call.services.requests.get,
    )
    response.headers["Location"] = f"/api/v1/certificate-requests/{row.id}"
    return shown(row)


@router.get("/certificates/{certificate_id}/renewal")
def explain_renewal(certificate_id: str, call: Annotated[Call, allow(Permission.CERTIFICATE_READ)]) -> Json:
    """When the certificate is renewed by itself and why then, or why it is not."""
    return call.services.renewals.explained(certificate_id)


@router.put("/certificates/{certificate_id}/renewal")
def decide_renewal(
    certificate_id: str, body: AutoRenewalIn, call: Annotated[Call, allow(Permission.CERTIFICATE_RENEW)]
) -> Json:
    """Say whether and when this certificate is renewed by itself, whatever the rule of its profile says."""
    return call.services.renewals.decide(call.actor, certificate_id, body.auto_renew, body.renewal_override)


@router.post("/certificates/{certificate_id}/revoke")
def revoke_certificate(
    certificate_id: str, body: RevocationIn, call: Annotated[Call, allow(Permission.CERTIFICATE_REVOKE)]
) -> Json:
    """Revoke for good, or hold; lists and OCSP say so at once."""
    return shown(call.services.revocation.revoke(call.actor, certificate_id, body.reason))


@router.post("/certificates/{certificate_id}/release")
def release_certificate(
    certificate_id: str, call: Annotated[Call, allow(Permission.CERTIFICATE_REVOKE)]
) -> Json:
    """Let a certificate on hold be valid again."""
    return shown(call.services.revocation.release(call.actor, certificate_id))


@router.post("/certificates/{certificate_id}/export", response_class=Response)
def export_certificate(
    certificate_id: str, body: ExportIn, call: Annotated[Call, allow(Permission.CERTIFICATE_EXPORT)]
) -> Response:
    """The certificate as a file. PEM and DER hold no key; PKCS#12 and JKS do where certrail holds it."""
    exported = call.services.export.export(
        call.actor,
        certificate_id,
        body.format,
        password=body.password.get_secret_value() if body.password else None,
        include_root=body.include_root,
    )
    disposition = f'attachment; filename="{exported.file_name}"'
    headers = {"Content-Disposition": disposition}
    return Response(exported.content, media_type=exported.media_type, headers=headers)


def _found(
    call: Call,
    application: str | None,
    search: SearchIn,
    wanted: CertificateFilter,
    *,
    outside: bool = False,
) -> Json:
    rows = call.services.inventory.search(
        application, wanted, after=decode_cursor(search.cursor), limit=search.limit + 1, outside=outside
    )
    return page(rows, search.limit, position=lambda row: position_of(row, wanted))
