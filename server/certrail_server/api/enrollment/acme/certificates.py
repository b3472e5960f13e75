"""Certificates: downloaded with their chains, revoked, and when to renew them (RFC 8555, RFC 9773)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from certrail.crypto import base64url
from certrail.domain.acme import AcmeProblem, OrderStatus
from certrail.persistence.tables import Certificate
from certrail_server.api.enrollment.acme import answers
from certrail_server.api.enrollment.acme.calls import AcmeCall, AcmeRoute, SignedCall, signed, unsigned
from certrail_server.api.enrollment.acme.jws import spki_of

router = APIRouter(include_in_schema=False, route_class=AcmeRoute)
Signed = Annotated[SignedCall, Depends(signed)]
Unsigned = Annotated[AcmeCall, Depends(unsigned)]
LARGEST_CERTIFICATE = 65_536
"""Characters, base64url."""
CHAIN = "application/pem-certificate-chain"


@router.post("/order/{order}/certificate")
def get_certificate(order: str, call: Signed) -> Response:
    """The certificate with its intermediates; the chain that ends with the root is an alternate."""
    return _chain(call, order, 0)


@router.post("/order/{order}/certificate/{number}")
def get_alternate(order: str, number: int, call: Signed) -> Response:
    """Another chain of the same certificate."""
    return _chain(call, order, number)


@router.post("/revoke-cert")
def revoke_certificate(call: Signed) -> Response:
    """Revoke a certificate, signed by an account or with the key of the certificate."""
    members = call.members
    text = members.get("certificate")
    try:
        der = base64url.decode(text if isinstance(text, str) and len(text) <= LARGEST_CERTIFICATE else "?")
    except ValueError:
        raise AcmeProblem("malformed", "The certificate is base64url of its DER.") from None
    revocation, code = call.services.acme_revocation, members.get("reason")
    if call.by_account is not None:
        revocation.by_account(call.scope, call.by_account, der, code, call.request_id)
    else:
        revocation.by_key(call.scope, spki_of(call.key), der, code, call.request_id)
    return Response(status_code=200)


@router.get("/renewal-info/{certificate}")
def get_renewal_info(certificate: str, call: Unsigned) -> Response:
    """When a certificate should be renewed."""
    return answers.renewal_info(call.services.acme_renewal_info.of(call.scope, certificate))


def _chains(row: Certificate) -> list[list[str]]:
    """The intermediates first; below a root that signs itself, the root: certbot takes no chain without an issuer."""
    root = [row.root] if row.root is not None else []
    return (
        [[row.pem, *row.chain], [row.pem, *row.chain, *root]]
        if row.chain and root
        else [[row.pem, *row.chain, *root]]
    )


def _chain(call: SignedCall, order: str, number: int) -> Response:
    view = call.services.acme_orders.get(call.account, order)
    if view.status is not OrderStatus.VALID or view.certificate_id is None:
        raise AcmeProblem("orderNotReady", f"The order is {view.status}.", status=403)
    row = call.services.inventory.get(view.certificate_id)
    chains = _chains(row)
    if not 0 <= number < len(chains):
        raise AcmeProblem("malformed", "There is no such chain.", status=404)
    pem = "".join(part.strip() + "\n" for part in chains[number])
    response = Response(pem, media_type=CHAIN)
    for other in range(len(chains)):
        if other != number:
            where = call.urls.order(order, f"certificate/{other}" if other else "certificate")
            response.headers.append("Link", f'<{where}>;rel="alternate"')
    return response
