"""Certificate authorities."""

from typing import Annotated

from fastapi import APIRouter

from certrail.domain.access import Permission
from certrail.persistence.tables import CertificateAuthority
from certrail_server.api.answers.authorities import (
    authority_answer,
    authority_answers,
    mirror_answer,
    mirror_answers,
)
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.schemas.authorities import (
    AuthorityChangeIn,
    AuthorityIn,
    AuthorityList,
    AuthorityWithVersionsOut,
    CaCertificateIn,
    CaRenewalIn,
    CaRevocationIn,
    CsrOut,
    MirrorIn,
    MirrorList,
    MirrorOut,
    RenewalInfoIn,
)

router = APIRouter(prefix="/certificate-authorities", tags=["certificate authorities"])
Read = Annotated[Call, allow(Permission.PRODUCT_READ)]
Manage = Annotated[Call, allow(Permission.PRODUCT_MANAGE)]


@router.get("")
def list_authorities(call: Read) -> AuthorityList:
    """All authorities with the certificate they sign with, by slug."""
    return AuthorityList(items=authority_answers(call.services, call.services.authorities.list()))


@router.post("", status_code=201)
def create_authority(body: AuthorityIn, call: Manage) -> AuthorityWithVersionsOut:
    """Create a root, or an intermediate; one without a parent here is pending until its certificate is installed."""
    authorities = call.services.authorities
    given = body.model_dump(exclude={"subject", "kind", "parent"}, exclude_unset=True)
    values = given | {"subject": body.subject}

    def make() -> CertificateAuthority:
        if body.kind == "root":
            return authorities.create_root(call.actor, **values)
        return authorities.create_intermediate(call.actor, parent=body.parent, **values)

    return authority_answer(call.services, idempotent(lambda: make().id, lambda ident: ident))


@router.get("/{ca}")
def get_authority(ca: str, call: Read) -> AuthorityWithVersionsOut:
    """One authority with every version of its certificate, newest first."""
    return authority_answer(call.services, ca)


@router.patch("/{ca}")
def update_authority(ca: str, body: AuthorityChangeIn, call: Manage) -> AuthorityWithVersionsOut:
    """Rename an authority, stop it from signing, or let it sign again."""
    row = call.services.authorities.update(call.actor, ca, **body.changes())
    return authority_answer(call.services, row.id)


@router.delete("/{ca}", status_code=204)
def delete_authority(ca: str, call: Manage) -> None:
    """Delete an authority that nothing depends on."""
    call.services.authorities.delete(call.actor, ca)


@router.get("/{ca}/csr")
def get_authority_csr(ca: str, call: Manage) -> CsrOut:
    """The CSR that another authority is to sign."""
    return CsrOut(csr=call.services.authorities.request(ca))


@router.post("/{ca}/certificate", status_code=201)
def install_authority_certificate(ca: str, body: CaCertificateIn, call: Manage) -> AuthorityWithVersionsOut:
    """Install what another authority signed; one that does not match is refused with the reason."""
    row = call.services.authorities.install(call.actor, ca, body.certificate, body.chain)
    return authority_answer(call.services, row.id)


@router.post("/{ca}/renew", status_code=201)
def renew_authority(ca: str, body: CaRenewalIn, call: Manage) -> AuthorityWithVersionsOut:
    """Make the next version of an authority's certificate, with its present key or a new one."""
    authorities = call.services.authorities
    made = idempotent(lambda: authorities.renew(call.actor, ca, **body.model_dump()).id, lambda _: ca)
    return authority_answer(call.services, made)


@router.post("/{ca}/revoke")
def revoke_authority(ca: str, body: CaRevocationIn, call: Manage) -> AuthorityWithVersionsOut:
    """Revoke the certificates of an intermediate that an authority here signed; a new key lets it sign again."""
    row = call.services.authorities.revoke(call.actor, ca, body.reason)
    return authority_answer(call.services, row.id)


@router.put("/{ca}/renewal-info")
def set_renewal_info(ca: str, body: RenewalInfoIn, call: Manage) -> AuthorityWithVersionsOut:
    """Advise to replace what the authority has issued by now within a window; the explanation is shown to everybody."""
    return authority_answer(call.services, call.services.renewal_advice.advise(call.actor, ca, body).id)


@router.delete("/{ca}/renewal-info", status_code=204)
def delete_renewal_info(ca: str, call: Manage) -> None:
    """Withdraw the advice: certificates are renewed by the rules of their profiles again."""
    call.services.renewal_advice.advise(call.actor, ca, None)


@router.get("/{ca}/crl-mirrors")
def list_crl_mirrors(ca: str, call: Read) -> MirrorList:
    """The mirrors of an authority's revocation lists, and the state of every list there; by slug."""
    return MirrorList(items=mirror_answers(call.services, call.services.mirrors.list(ca)))


@router.post("/{ca}/crl-mirrors", status_code=201)
def create_crl_mirror(ca: str, body: MirrorIn, call: Manage) -> MirrorOut:
    """Have the revocation lists of an authority copied to a destination."""
    mirrors = call.services.mirrors
    idempotent(lambda: mirrors.create(call.actor, ca, **body.model_dump()), lambda _: None)
    return mirror_answer(call.services, mirrors.get(ca, body.slug))


@router.get("/{ca}/crl-mirrors/{mirror}")
def get_crl_mirror(ca: str, mirror: str, call: Read) -> MirrorOut:
    """One mirror, and the state of every list there."""
    return mirror_answer(call.services, call.services.mirrors.get(ca, mirror))


@router.delete("/{ca}/crl-mirrors/{mirror}", status_code=204)
def delete_crl_mirror(ca: str, mirror: str, call: Manage) -> None:
    """Delete a mirror; published copies stay at the destination."""
    call.services.mirrors.delete(call.actor, ca, mirror)


@router.post("/{ca}/crl-mirrors/{mirror}/retry", status_code=202)
def retry_crl_mirror(ca: str, mirror: str, call: Manage) -> MirrorOut:
    """Publish every list there now."""
    return mirror_answer(call.services, call.services.mirrors.retry(call.actor, ca, mirror))
