"""Certificates."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from certrail.domain.access import Permission
from certrail.domain.errors import BadInput
from certrail.domain.search import CertificateFilter
from certrail.persistence.tables import Certificate
from certrail.services.inventory.search import position_of
from certrail_server.api.answers.certificates import certificate_answer, certificate_answers
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.pages import decode_cursor, page
from certrail_server.api.schemas.certificates import (
    CertificateImportIn,
    CertificateList,
    CertificateOut,
    CertificateSearch,
    ExportIn,
    PrivateKeyOut,
    WideCertificateSearch,
)

router = APIRouter(tags=["certificates"])
scoped = APIRouter(tags=["certificates"])

MEDIA_TYPES = (
    "application/x-pem-file",
    "application/pkix-cert",
    "application/x-pkcs12",
    "application/x-java-keystore",
)
FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file, by its format.",
        "content": {name: {"schema": {"type": "string", "format": "binary"}} for name in MEDIA_TYPES},
    }
}


@router.get("/applications/{application}/certificates")
def list_certificates(
    call: Annotated[Call, allow(Permission.CERTIFICATE_READ)], search: Annotated[CertificateSearch, Query()]
) -> CertificateList:
    """Certificates of an Application that have all that is given."""
    saved = None
    if search.saved_search:
        saved = call.services.saved_searches.get(call.application, search.saved_search).filter
    return _found(call, call.application, search, search.wanted(saved))


@router.get("/certificates")
def list_all_certificates(
    call: Annotated[Call, allow(Permission.INVENTORY_READ, outside=Permission.CERTIFICATE_READ)],
    search: Annotated[WideCertificateSearch, Query()],
) -> CertificateList:
    """Certificates of all Applications, or of the legacy scope, that have all that is given."""
    if search.saved_search:
        raise BadInput("Saved searches belong to an Application; search there.", "saved_search")
    return _found(call, None, search, search.wanted(), outside=search.application == "none")


@scoped.post("/certificates", status_code=201)
def import_certificate(
    body: CertificateImportIn,
    call: Annotated[Call, allow(Permission.CERTIFICATE_IMPORT, creates="certificates")],
) -> CertificateOut:
    """Import a certificate that was issued elsewhere; its key, if it comes with one, is encrypted."""
    imports = call.services.imports

    def take() -> Certificate:
        offer = body.bundle()
        return imports.take(
            call.actor, call.application, offer, profile=body.profile, attributes=body.metadata
        )

    return certificate_answer(call.services, idempotent(take, call.services.inventory.get))


@router.get("/certificates/{certificate_id}")
def get_certificate(
    certificate_id: str, call: Annotated[Call, allow(Permission.CERTIFICATE_READ, agents=True)]
) -> CertificateOut:
    """One certificate with its chain."""
    return certificate_answer(call.services, call.services.inventory.get(certificate_id))


@router.post("/certificates/{certificate_id}/private-key")
def show_private_key(
    certificate_id: str, call: Annotated[Call, allow(Permission.CERTIFICATE_KEY)]
) -> PrivateKeyOut:
    """The private key, PKCS#8 PEM, to its requester, once."""
    return PrivateKeyOut(private_key=call.services.inventory.show_key(call.actor, certificate_id))


@router.post("/certificates/{certificate_id}/export", response_class=Response, responses=FILE)
def export_certificate(
    certificate_id: str,
    body: ExportIn,
    call: Annotated[Call, allow(Permission.CERTIFICATE_EXPORT, agents=True)],
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
    search: CertificateSearch,
    wanted: CertificateFilter,
    *,
    outside: bool = False,
) -> CertificateList:
    rows = call.services.inventory.search(
        application, wanted, after=decode_cursor(search.cursor), limit=search.limit + 1, outside=outside
    )
    show = partial(certificate_answers, call.services)
    return page(CertificateList, rows, search.limit, show, lambda row: position_of(row, wanted))
