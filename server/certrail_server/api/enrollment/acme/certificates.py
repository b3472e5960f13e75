"""Certificates (RFC 8555 section 7.4.2): downloaded with their chains."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from certrail.domain.acme import AcmeProblem, OrderStatus
from certrail.persistence.tables import Certificate
from certrail_server.api.enrollment.acme.calls import AcmeRoute, SignedCall, signed

router = APIRouter(include_in_schema=False, route_class=AcmeRoute)
Signed = Annotated[SignedCall, Depends(signed)]
CHAIN = "application/pem-certificate-chain"


@router.post("/order/{order}/certificate")
def get_certificate(order: str, call: Signed) -> Response:
    """The certificate with its intermediates; the chain that ends with the root is an alternate."""
    return _chain(call, order, 0)


@router.post("/order/{order}/certificate/{number}")
def get_alternate(order: str, number: int, call: Signed) -> Response:
    """Another chain of the same certificate."""
    return _chain(call, order, number)


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
