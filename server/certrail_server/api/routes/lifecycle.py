"""Renewal and revocation of certificates."""

from typing import Annotated

from fastapi import APIRouter, Response

from certrail.domain.access import Permission
from certrail_server.api.answers.certificates import certificate_answer, renewal_plan_answer
from certrail_server.api.answers.requests import request_answer
from certrail_server.api.answers.revocations import revocation_answer
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.schemas.certificates import CertificateOut
from certrail_server.api.schemas.lifecycle import RenewalIn, RenewalPlanIn, RenewalPlanOut, RevocationIn
from certrail_server.api.schemas.requests import CertificateRequestOut
from certrail_server.api.schemas.revocations import RevocationRequestOut

router = APIRouter(prefix="/certificates/{certificate_id}", tags=["certificates"])


@router.post("/renew", status_code=202)
def renew_certificate(
    certificate_id: str,
    body: RenewalIn,
    response: Response,
    call: Annotated[Call, allow(Permission.CERTIFICATE_RENEW, agents=True)],
) -> CertificateRequestOut:
    """Request the next certificate of the lineage: same names and lifetime, new key unless said otherwise."""
    renewals = call.services.renewals
    row = idempotent(
        lambda: renewals.renew(
            call.actor, certificate_id, csr=body.csr, same_key=body.same_key, changes=body.changes()
        ),
        call.services.requests.get,
    )
    response.headers["Location"] = f"/api/v1/certificate-requests/{row.id}"
    return request_answer(call.services, row)


@router.get("/renewal")
def get_renewal_plan(
    certificate_id: str, call: Annotated[Call, allow(Permission.CERTIFICATE_READ, agents=True)]
) -> RenewalPlanOut:
    """When the certificate is renewed automatically and why then, or why it is not."""
    return renewal_plan_answer(call.services.renewals.explained(certificate_id))


@router.put("/renewal")
def set_renewal_plan(
    certificate_id: str, body: RenewalPlanIn, call: Annotated[Call, allow(Permission.CERTIFICATE_RENEW)]
) -> RenewalPlanOut:
    """Set whether and when this certificate is renewed automatically, whatever the rule of its profile says."""
    renewals = call.services.renewals
    return renewal_plan_answer(
        renewals.decide(call.actor, certificate_id, body.auto_renew, body.renewal_override)
    )


@router.post(
    "/revoke",
    responses={202: {"model": RevocationRequestOut, "description": "A policy guards the revocation"}},
)
def revoke_certificate(
    certificate_id: str,
    body: RevocationIn,
    response: Response,
    call: Annotated[Call, allow(Permission.CERTIFICATE_REVOKE)],
) -> CertificateOut | RevocationRequestOut:
    """Revoke for good, or put on hold: at once, or with 202 once the approval that a policy requires is given."""
    revocation = call.services.revocation
    certificate, request = idempotent(
        lambda: revocation.revoke(call.actor, certificate_id, body.reason), revocation.requested
    )
    if request is None:
        return certificate_answer(call.services, certificate)
    response.status_code = 202
    response.headers["Location"] = f"/api/v1/revocation-requests/{request.id}"
    return revocation_answer(call.services, request)


@router.post("/release")
def release_certificate(
    certificate_id: str, call: Annotated[Call, allow(Permission.CERTIFICATE_REVOKE)]
) -> CertificateOut:
    """End a hold: the certificate is valid again."""
    row = call.services.revocation.release(call.actor, certificate_id)
    return certificate_answer(call.services, row)
