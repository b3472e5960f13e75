"""Certificate authorities."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter

from certrail.domain.access import Permission
from certrail.domain.renewal import Advice
from certrail.persistence.tables import CertificateAuthority, CrlCopy, CrlMirror
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.product_shapes import (
    AuthorityChangeIn,
    AuthorityIn,
    CaCertificateIn,
    CaRenewalIn,
    MirrorIn,
)
from certrail_server.api.views import Json, items, shown

router = APIRouter(prefix="/certificate-authorities", tags=["certificate authorities"])
Read = Annotated[Call, allow(Permission.PRODUCT_READ)]
Manage = Annotated[Call, allow(Permission.PRODUCT_MANAGE)]


@router.get("")
def list_authorities(call: Read) -> Json:
    """All authorities with the certificate they sign with."""
    rows = call.services.authorities.list()
    return items([shown(ca, certificate=shown(own) if own else None) for ca, own in rows], dict)


@router.post("", status_code=201)
def create_authority(body: AuthorityIn, call: Manage) -> Json:
    """Make a root, or an intermediate; one without a parent here is pending until its certificate is installed."""
    authorities = call.services.authorities
    given = body.model_dump(exclude={"subject", "kind", "parent"}, exclude_unset=True)
    values = given | {"subject": body.subject}

    def make() -> CertificateAuthority:
        if body.kind == "root":
            return authorities.create_root(call.actor, **values)
        return authorities.create_intermediate(call.actor, parent=body.parent, **values)

    return _view(call, idempotent(make, lambda ident: authorities.get(ident)[0]))


@router.get("/{ca}")
def get_authority(ca: str, call: Read) -> Json:
    """One authority with every version of its certificate, newest first."""
    return _view(call, call.services.authorities.get(ca)[0])


@router.patch("/{ca}")
def update_authority(ca: str, body: AuthorityChangeIn, call: Manage) -> Json:
    """Rename an authority, stop it from signing, or let it sign again."""
    return _view(call, call.services.authorities.update(call.actor, ca, **body.model_dump()))


@router.delete("/{ca}", status_code=204)
def delete_authority(ca: str, call: Manage) -> None:
    """Remove an authority that nothing depends on."""
    call.services.authorities.delete(call.actor, ca)


@router.get("/{ca}/csr")
def get_authority_csr(ca: str, call: Manage) -> Json:
    """The certificate request, PEM, that another authority is asked to sign."""
    return {"csr": call.services.authorities.request(ca)}


@router.post("/{ca}/certificate", status_code=201)
def install_certificate(ca: str, body: CaCertificateIn, call: Manage) -> Json:
    """Install what another authority signed; one that does not match is refused with the reason."""
    return _view(call, call.services.authorities.install(call.actor, ca, body.certificate, body.chain))


@router.post("/{ca}/renew", status_code=201)
def renew_authority(ca: str, body: CaRenewalIn, call: Manage) -> Json:
    """Make the next version of an authority's certificate, with its present key or a new one."""
    authorities = call.services.authorities
    return _view(
        call,
        idempotent(
            lambda: authorities.renew(call.actor, ca, **body.model_dump()),
            lambda _: authorities.get(ca)[0],
        ),
    )


@router.put("/{ca}/renewal-info")
def advise_renewal(ca: str, body: Advice, call: Manage) -> Json:
    """Have what the authority has issued by now replaced within a window; what says why is shown to whoever asks."""
    return _view(call, call.services.renewal_advice.advise(call.actor, ca, body))


@router.delete("/{ca}/renewal-info", status_code=204)
def withdraw_renewal_advice(ca: str, call: Manage) -> None:
    """Leave it to the rules again when certificates are renewed."""
    call.services.renewal_advice.advise(call.actor, ca, None)


@router.get("/{ca}/crl-mirrors")
def list_mirrors(ca: str, call: Read) -> Json:
    """The mirrors of an authority's revocation lists, and how every list stands there."""
    return items([_mirror(call, *found) for found in call.services.mirrors.list(ca)], dict)


@router.post("/{ca}/crl-mirrors", status_code=201)
def create_mirror(ca: str, body: MirrorIn, call: Manage) -> Json:
    """Have the revocation lists of an authority copied to a destination."""
    mirrors = call.services.mirrors
    idempotent(lambda: mirrors.create(call.actor, ca, **body.model_dump()), lambda _: None)
    return _mirror(call, *mirrors.get(ca, body.slug))


@router.delete("/{ca}/crl-mirrors/{mirror}", status_code=204)
def delete_mirror(ca: str, mirror: str, call: Manage) -> None:
    """Copy no more; what was published stays."""
    call.services.mirrors.delete(call.actor, ca, mirror)


@router.post("/{ca}/crl-mirrors/{mirror}/retry", status_code=202)
def retry_mirror(ca: str, mirror: str, call: Manage) -> Json:
    """Publish every list there now."""
    return _mirror(call, *call.services.mirrors.retry(call.actor, ca, mirror))


def _mirror(call: Call, mirror: CrlMirror, copies: Sequence[CrlCopy]) -> Json:
    config = call.services.mirrors.shown(mirror)
    return shown(mirror, config=config, copies=[shown(copy) for copy in copies])


def _view(call: Call, authority: CertificateAuthority) -> Json:
    _, versions = call.services.authorities.get(authority.id)
    present = next((version for version in versions if version.active), None)
    return shown(
        authority,
        certificate=shown(present) if present else None,
        certificates=[shown(version) for version in versions],
    )
