"""Certificates and their deliveries."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from certrail.domain.access import Permission
from certrail.persistence.tables import Certificate, Delivery, Sync
from certrail_server.api.guard import Call, allow, once
from certrail_server.api.shapes import ExportIn, ImportIn
from certrail_server.api.views import Json, decode_cursor, items, page, shown

router = APIRouter(tags=["certificates"])


@router.get("/applications/{application}/certificates")
def list_certificates(
    call: Annotated[Call, allow(Permission.CERTIFICATE_READ)],
    name: Annotated[str | None, Query(max_length=256)] = None,
    serial: Annotated[str | None, Query(max_length=64)] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Json:
    """Certificates of an Application, newest first."""
    rows = call.services.inventory.list(
        call.application, name=name, serial=serial, after=decode_cursor(cursor), limit=limit + 1
    )
    return page(rows, limit)


@router.post("/applications/{application}/certificates", status_code=201)
def import_certificate(body: ImportIn, call: Annotated[Call, allow(Permission.CERTIFICATE_IMPORT)]) -> Json:
    """Keep a certificate that was issued elsewhere; its key, if it comes with one, is sealed."""
    imports = call.services.imports

    def take() -> Certificate:
        offer = body.offer()
        return imports.take(
            call.actor, call.application, offer, profile=body.profile, attributes=body.metadata
        )

    return shown(once(take, call.services.inventory.get))


@router.get("/certificates/{certificate_id}")
def get_certificate(certificate_id: str, call: Annotated[Call, allow(Permission.CERTIFICATE_READ)]) -> Json:
    """One certificate with its chain."""
    return shown(call.services.inventory.get(certificate_id))


@router.post("/certificates/{certificate_id}/private-key")
def show_private_key(certificate_id: str, call: Annotated[Call, allow(Permission.CERTIFICATE_KEY)]) -> Json:
    """The private key, PKCS#8 PEM, to its requester, once."""
    return {"private_key": call.services.inventory.show_key(call.actor, certificate_id)}


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


@router.get("/applications/{application}/deliveries")
def list_deliveries(
    call: Annotated[Call, allow(Permission.SYNC_READ)],
    lineage: Annotated[str | None, Query(max_length=40)] = None,
) -> Json:
    """Where every certificate of the Application stands."""
    rows = call.services.deliveries.list(call.application, lineage_id=lineage)
    return items([_delivery(*row) for row in rows], dict)


@router.get("/deliveries/{delivery_id}")
def get_delivery(delivery_id: str, call: Annotated[Call, allow(Permission.SYNC_READ)]) -> Json:
    """One delivery: what, since when, how often, what next, who must act."""
    return _delivery(*call.services.deliveries.get(delivery_id))


@router.post("/deliveries/{delivery_id}/retry", status_code=202)
def retry_delivery(delivery_id: str, call: Annotated[Call, allow(Permission.DELIVERY_RETRY)]) -> Json:
    """Try again now."""
    call.services.deliveries.retry(call.actor, delivery_id)
    return _delivery(*call.services.deliveries.get(delivery_id))


def _delivery(row: Delivery, sync: Sync) -> Json:
    return shown(row, sync=sync.slug, destination=sync.destination, application_id=sync.application_id)
