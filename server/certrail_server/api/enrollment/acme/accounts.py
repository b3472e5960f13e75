"""Directory, nonces and accounts (RFC 8555 sections 7.1 to 7.3)."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from certrail.domain.acme import AccountStatus, AcmeProblem, contacts_of
from certrail.domain.acme.account_records import account_hash_prefix
from certrail.domain.enrollment import ChallengeType
from certrail_server.api.enrollment.acme import answers
from certrail_server.api.enrollment.acme.calls import AcmeCall, AcmeRoute, SignedCall, signed, unsigned
from certrail_server.api.enrollment.acme.jws import is_bound, payload_of, public_key, signed_body, verify

router = APIRouter(include_in_schema=False, route_class=AcmeRoute)
Unsigned = Annotated[AcmeCall, Depends(unsigned)]
Signed = Annotated[SignedCall, Depends(signed)]


@router.get("/directory")
def directory(call: Unsigned) -> Response:
    """Where everything is."""
    urls, settings = call.urls, call.scope.settings
    profile = call.scope.profile
    meta: dict[str, Any] = {
        "externalAccountRequired": settings.external_account_required,
        "profiles": {profile.slug: profile.name},
    }
    if ChallengeType.DNS_PERSIST in settings.challenges:
        # draft-ietf-acme-dns-persist-02 sections 3.2 and 4.1: records are written before there is any order.
        meta["issuerDomainNames"] = list(settings.issuer_domain_names)
        meta["accountHashPrefix"] = account_hash_prefix(urls.account(""))
    return answers.answered(
        {
            "newNonce": urls.new_nonce,
            "newAccount": urls.new_account,
            "newOrder": urls.new_order,
            "revokeCert": urls.revoke_cert,
            "keyChange": urls.key_change,
            "renewalInfo": urls.renewal_info,
            "meta": meta,
        }
    )


@router.api_route("/new-nonce", methods=["GET", "HEAD"])
def new_nonce(request: Request, call: Unsigned) -> Response:
    """A nonce in the header Replay-Nonce."""
    status = 204 if request.method == "GET" else 200
    return Response(status_code=status, headers={"Replay-Nonce": call.services.acme_nonces.give()})


@router.post("/new-account")
def new_account(call: Signed) -> Response:
    """Register a key, or find its account."""
    if call.by_account is not None:
        raise AcmeProblem("malformed", "Sign this call with a jwk.")
    accounts, members = call.services.acme_accounts, call.members
    if members.get("onlyReturnExisting") is True:
        found = accounts.of_key(call.scope, call.key.thumbprint)
        if found is None:
            raise AcmeProblem("accountDoesNotExist", "This key has no account here.")
        return _account_answer(call, found, 200)
    contacts = contacts_of(members.get("contact"))
    external = members.get("externalAccountBinding")
    key_id = _bound_key(call, external) if external is not None else None
    registered = accounts.register(
        call.scope, call.key, contacts=contacts, external_key_id=key_id, request_id=call.request_id
    )
    return _account_answer(call, registered.account, 201 if registered.created else 200)


@router.post("/account/{account}")
def update_account(account: str, call: Signed) -> Response:
    """Read an account, change its contacts, or deactivate it."""
    row = _own_account(call, account)
    members = call.payload or {}
    if "status" in members:
        if members["status"] != AccountStatus.DEACTIVATED:
            raise AcmeProblem("malformed", "The only status that a client sets is deactivated.")
        row = call.services.acme_accounts.deactivate(row, call.request_id)
    elif "contact" in members:
        contacts = contacts_of(members["contact"])
        row = call.services.acme_accounts.update(row, contacts, call.request_id)
    return _account_answer(call, row, 200)


@router.post("/account/{account}/orders")
def list_orders(account: str, call: Signed) -> Response:
    """The orders of an account, newest first."""
    row = _own_account(call, account)
    ids = call.services.acme_orders.list(row)
    return answers.answered({"orders": [call.urls.order(ident) for ident in ids]})


@router.post("/key-change")
def key_change(call: Signed) -> Response:
    """Roll an account over to a new key, which signs the inner JWS (RFC 8555 section 7.3.5)."""
    account = call.account
    inner = signed_body(call.members)
    if "jwk" not in inner.header or "kid" in inner.header:
        raise AcmeProblem("malformed", "The inner JWS is signed with a jwk, the new key.")
    if inner.header.get("url") != call.urls.key_change:
        raise AcmeProblem("malformed", "The inner JWS has the same url as the outer one.")
    key = public_key(inner.header["jwk"])
    verify(inner, key.key)
    members = payload_of(inner) or {}
    if members.get("account") != call.urls.account(account.id):
        raise AcmeProblem("malformed", "The inner payload names another account.")
    if not _same_key(members.get("oldKey"), call.key.thumbprint):
        raise AcmeProblem("malformed", "The oldKey of the inner payload is not the key of the account.")
    row = call.services.acme_accounts.change_key(call.scope, account, key.account_key, call.request_id)
    return _account_answer(call, row, 200)


def _same_key(given: object, thumbprint: str) -> bool:
    try:
        return public_key(given).account_key.thumbprint == thumbprint
    except AcmeProblem:
        return False


def _own_account(call: SignedCall, ident: str) -> Any:
    if call.account.id != ident:
        raise AcmeProblem("unauthorized", "This is another account.", status=403)
    return call.account


def _bound_key(call: SignedCall, given: object) -> str:
    """The id of the key of an external account binding, whose MAC is right (RFC 8555 section 7.3.4)."""
    if not isinstance(given, dict):
        raise AcmeProblem("malformed", "The externalAccountBinding is a JWS.")
    body = signed_body(given)
    kid = body.header.get("kid")
    if not isinstance(kid, str) or "nonce" in body.header or body.header.get("url") != call.urls.new_account:
        raise AcmeProblem("malformed", "The binding has a kid, the url of this call, and no nonce.")
    # The MAC first: what it covers is looked at only for a holder of the key.
    mac_key = call.services.external_account_keys.secret(call.scope, kid)
    if not is_bound(body, mac_key) or not _same_key(payload_of(body), call.key.thumbprint):
        raise AcmeProblem(
            "unauthorized", "The MAC of the external account binding does not fit its key.", status=403
        )
    return kid


def _account_answer(call: SignedCall, row: Any, status: int) -> Response:
    return answers.answered(answers.account(row, call.urls), status, {"Location": call.urls.account(row.id)})
