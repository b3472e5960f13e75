"""Orders, authorizations and challenges (RFC 8555 sections 7.4 and 7.5)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from certrail.crypto import base64url
from certrail.domain.acme import AcmeProblem, AuthorizationStatus, identifiers_of
from certrail.services.enrollment.acme.authorizations import POLL_SECONDS, AuthorizationView
from certrail.services.enrollment.acme.orders import OrderView
from certrail_server.api.enrollment.acme import answers
from certrail_server.api.enrollment.acme.calls import AcmeRoute, SignedCall, signed

router = APIRouter(include_in_schema=False, route_class=AcmeRoute)
Signed = Annotated[SignedCall, Depends(signed)]
LONGEST_REPLACES = 128
LARGEST_CSR = 65_536
"""Characters, base64url."""


@router.post("/new-order")
def new_order(call: Signed) -> Response:
    """Order a certificate."""
    members = call.members
    account = call.account
    if "notBefore" in members or "notAfter" in members:
        raise AcmeProblem(
            "malformed", "The lifetime is that of the profile; leave notBefore and notAfter out."
        )
    _refuse_other_profile(call, members.get("profile"))
    identifiers = identifiers_of(members.get("identifiers"))
    replaces = members.get("replaces")
    replaced = None
    if replaces is not None:
        if not isinstance(replaces, str) or len(replaces) > LONGEST_REPLACES:
            raise AcmeProblem("malformed", "Name the certificate to replace as renewalInfo does.")
        names = {each.value for each in identifiers}
        replaced = call.services.acme_renewal_info.replaced(call.scope, account, replaces, names)
    view = call.services.acme_orders.create(
        call.scope,
        account,
        identifiers,
        replaces=replaces,
        replaces_id=replaced.id if replaced else None,
        request_id=call.request_id,
    )
    return _order(call, view, 201)


@router.post("/order/{order}")
def get_order(order: str, call: Signed) -> Response:
    """Read an order; one that waited for its approval goes on by this."""
    view = call.services.acme_orders.get(call.account, order)
    view = call.services.acme_finalization.resume(call.scope, call.account, view, call.request_id)
    return _order(call, view)


@router.post("/order/{order}/finalize")
def finalize(order: str, call: Signed) -> Response:
    """Give the CSR of an order."""
    present = call.services.acme_orders.get(call.account, order)
    csr = call.members.get("csr")
    if not isinstance(csr, str) or not 0 < len(csr) <= LARGEST_CSR:
        raise AcmeProblem("malformed", f"The csr is base64url of at most {LARGEST_CSR} characters.")
    try:
        der = base64url.decode(csr)
    except ValueError:
        raise AcmeProblem("badCSR", "The csr is not base64url without padding.") from None
    view = call.services.acme_finalization.finalize(
        call.scope, call.account, present.row, der, call.request_id
    )
    return _order(call, view)


@router.post("/authorization/{authorization}")
def get_authorization(authorization: str, call: Signed) -> Response:
    """Read an authorization, or deactivate it."""
    authorizations = call.services.acme_authorizations
    if call.payload:
        if call.payload != {"status": "deactivated"}:
            raise AcmeProblem("malformed", "The only change of an authorization is its deactivation.")
        view = authorizations.deactivate(call.account, authorization, call.request_id)
    else:
        view = authorizations.get(call.account, authorization)
    issuers = call.scope.settings.issuer_domain_names
    return answers.answered(answers.authorization(view, call.urls, issuers), 200, _patience(view))


@router.post("/challenge/{challenge}")
def answer_challenge(challenge: str, call: Signed) -> Response:
    """Have a challenge validated; with an empty payload it is read only."""
    authorizations = call.services.acme_authorizations
    if call.payload is None:
        row, view = authorizations.challenge(call.account, challenge)
    else:
        url = call.urls.account(call.account.id)
        row, view = authorizations.answer(call.account, challenge, url, call.request_id)
    issuers = call.scope.settings.issuer_domain_names
    response = answers.answered(answers.challenge(row, call.urls, issuers), 200, _patience(view))
    response.headers.append("Link", f'<{call.urls.authorization(view.row.id)}>;rel="up"')
    return response


def _order(call: SignedCall, view: OrderView, status: int = 200) -> Response:
    document = answers.order(view, call.urls) | {"profile": call.scope.profile.slug}
    return answers.answered(document, status, answers.order_headers(view, call.urls))


def _refuse_other_profile(call: SignedCall, wanted: object) -> None:
    """A server is that of one profile, which it names in its directory (draft-ietf-acme-profiles-00 section 4)."""
    if wanted is not None and wanted != call.scope.profile.slug:
        raise AcmeProblem(
            "invalidProfile",
            f"This server is that of the profile {call.scope.profile.slug}; others have directories of their own.",
        )


def _patience(view: AuthorizationView) -> dict[str, str]:
    waits = view.status is AuthorizationStatus.PENDING and view.processing
    return {"Retry-After": str(POLL_SECONDS)} if waits else {}
