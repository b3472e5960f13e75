"""What is changed of authorities and the mirrors of their revocation lists."""

from pydantic import BaseModel

from certrail.domain.access import Permission
from certrail_server.api.answers.authorities import authority_answer
from certrail_server.api.guard import Call, idempotent
from certrail_server.api.schemas.authorities import (
    AuthorityChangeIn,
    AuthorityIn,
    CaCertificateIn,
    CaRenewalIn,
    CaRevocationIn,
    MirrorIn,
    RenewalInfoIn,
)
from certrail_server.console.operations import choices
from certrail_server.console.operations.operation import Facts, Operation, Params
from certrail_server.console.operations.product import listed, one

MANAGE = Permission.PRODUCT_MANAGE
home = one("Authority", "authorities", "ca")


def _path(ca: str) -> str:
    return f"/console/authorities/{ca}"


def _authority(call: Call, params: Params) -> BaseModel:
    return authority_answer(call.services, params["ca"])


def _create(call: Call, _params: Params, body: AuthorityIn) -> str:
    authorities = call.services.authorities
    given = body.model_dump(exclude={"subject", "kind", "parent"}, exclude_unset=True)

    def make() -> str:
        if body.kind == "root":
            return authorities.create_root(call.actor, subject=body.subject, **given).id
        parent = body.parent
        return authorities.create_intermediate(call.actor, parent=parent, subject=body.subject, **given).id

    made = idempotent(make, lambda ident: ident)
    return _path(authority_answer(call.services, made).slug)


def _update(call: Call, params: Params, body: AuthorityChangeIn) -> str:
    return _path(call.services.authorities.update(call.actor, params["ca"], **body.changes()).slug)


def _delete(call: Call, params: Params, _body: None) -> str:
    call.services.authorities.delete(call.actor, params["ca"])
    return "/console/authorities"


def _install(call: Call, params: Params, body: CaCertificateIn) -> str:
    call.services.authorities.install(call.actor, params["ca"], body.certificate, body.chain)
    return _path(params["ca"])


def _renew(call: Call, params: Params, body: CaRenewalIn) -> str:
    authorities, ca = call.services.authorities, params["ca"]
    idempotent(lambda: authorities.renew(call.actor, ca, **body.model_dump()).id, lambda _: ca)
    return _path(ca)


def _revoke(call: Call, params: Params, body: CaRevocationIn) -> str:
    call.services.authorities.revoke(call.actor, params["ca"], body.reason)
    return _path(params["ca"])


def _advise(call: Call, params: Params, body: RenewalInfoIn) -> str:
    call.services.renewal_advice.advise(call.actor, params["ca"], body)
    return _path(params["ca"])


def _withdraw(call: Call, params: Params, _body: None) -> str:
    call.services.renewal_advice.advise(call.actor, params["ca"], None)
    return _path(params["ca"])


def _request(call: Call, params: Params) -> Facts:
    return Facts(document=call.services.authorities.request(params["ca"]))


def _create_mirror(call: Call, params: Params, body: MirrorIn) -> str:
    mirrors, values = call.services.mirrors, body.model_dump()
    idempotent(lambda: mirrors.create(call.actor, params["ca"], **values), lambda _: None)
    return _path(params["ca"])


def _delete_mirror(call: Call, params: Params, _body: None) -> str:
    call.services.mirrors.delete(call.actor, params["ca"], params["mirror"])
    return _path(params["ca"])


def _retry_mirror(call: Call, params: Params, _body: None) -> str:
    call.services.mirrors.retry(call.actor, params["ca"], params["mirror"])
    return _path(params["ca"])


OPERATIONS = (
    Operation(
        "create_authority",
        "/new-authority",
        MANAGE,
        "New authority",
        "Create",
        "created",
        listed("Authorities", "authorities"),
        _create,
        model=AuthorityIn,
        options=lambda call, _: {"parent": choices.authorities(call)},
        text="An intermediate without a parent here waits until its certificate, signed elsewhere, is installed.",
    ),
    Operation(
        "update_authority",
        "/authorities/{ca}/edit",
        MANAGE,
        "Edit the authority",
        "Save",
        "changed",
        home,
        _update,
        model=AuthorityChangeIn,
        current=_authority,
        text="One that is not enabled signs no certificates; its revocation lists and OCSP go on.",
    ),
    Operation(
        "delete_authority",
        "/authorities/{ca}/delete",
        MANAGE,
        "Delete the authority",
        "Delete",
        "deleted",
        home,
        _delete,
        current=_authority,
        text="Its key is gone then. One on which something depends is refused.",
        danger=True,
    ),
    Operation(
        "install_authority_certificate",
        "/authorities/{ca}/install",
        MANAGE,
        "Install the certificate",
        "Install",
        "changed",
        home,
        _install,
        model=CaCertificateIn,
        facts=_request,
        text="Have this request signed by the other authority, then paste what it signed.",
    ),
    Operation(
        "renew_authority",
        "/authorities/{ca}/renew",
        MANAGE,
        "Renew the authority",
        "Renew",
        "changed",
        home,
        _renew,
        model=CaRenewalIn,
        text="The next version of its certificate signs from then on. What the present one has signed stays valid.",
    ),
    Operation(
        "revoke_authority",
        "/authorities/{ca}/revoke",
        MANAGE,
        "Revoke the authority",
        "Revoke",
        "changed",
        home,
        _revoke,
        model=CaRevocationIn,
        text="Nothing below it is trusted any more. A renewal with a new key lets it sign again.",
        danger=True,
    ),
    Operation(
        "set_renewal_info",
        "/authorities/{ca}/advise",
        MANAGE,
        "Advise to renew",
        "Advise",
        "changed",
        home,
        _advise,
        model=RenewalInfoIn,
        text="All that it has issued by now is to be replaced between two times, written as"
        " 2027-03-01T06:00:00Z. Automatic renewals follow it, and clients of ACME are told (RFC 9773).",
    ),
    Operation(
        "delete_renewal_info",
        "/authorities/{ca}/withdraw-advice",
        MANAGE,
        "Withdraw the advice",
        "Withdraw",
        "changed",
        home,
        _withdraw,
        text="Certificates are renewed by the rules of their profiles again.",
    ),
    Operation(
        "create_crl_mirror",
        "/authorities/{ca}/new-mirror",
        MANAGE,
        "New mirror of the revocation lists",
        "Create",
        "created",
        home,
        _create_mirror,
        model=MirrorIn,
        chosen="destination",
        plugin=lambda _, choice: ("destination", choice),
        choose=("Destination", choices.destinations),
    ),
    Operation(
        "delete_crl_mirror",
        "/authorities/{ca}/mirrors/{mirror}/delete",
        MANAGE,
        "Delete the mirror",
        "Delete",
        "deleted",
        home,
        _delete_mirror,
        text="Copies that are published stay at the destination.",
        danger=True,
    ),
    Operation(
        "retry_crl_mirror",
        "/authorities/{ca}/mirrors/{mirror}/retry",
        MANAGE,
        "Publish the lists again",
        "Publish now",
        "changed",
        home,
        _retry_mirror,
    ),
)
