"""Calls: certificate authorities.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from certrail_client.calls import PREFIX, Call, PagedCall, path_of
from certrail_client.models.certificate_authorities import (
    AuthorityChangeIn,
    AuthorityIn,
    AuthorityList,
    AuthorityOut,
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


def list_authorities() -> PagedCall[AuthorityList, AuthorityOut]:
    """All authorities with the certificate they sign with, by slug."""
    path = path_of(PREFIX + "/certificate-authorities")
    return PagedCall("GET", path, AuthorityList, position="cursor")


def create_authority(body: AuthorityIn) -> Call[AuthorityWithVersionsOut]:
    """Create a root, or an intermediate; one without a parent here is pending until its certificate is
    installed.
    """
    path = path_of(PREFIX + "/certificate-authorities")
    return Call("POST", path, AuthorityWithVersionsOut, body=body, idempotent=True)


def get_authority(ca: str) -> Call[AuthorityWithVersionsOut]:
    """One authority with every version of its certificate, newest first."""
    path = path_of(PREFIX + "/certificate-authorities/{ca}", ca=ca)
    return Call("GET", path, AuthorityWithVersionsOut)


def update_authority(ca: str, body: AuthorityChangeIn) -> Call[AuthorityWithVersionsOut]:
    """Rename an authority, stop it from signing, or let it sign again."""
    path = path_of(PREFIX + "/certificate-authorities/{ca}", ca=ca)
    return Call("PATCH", path, AuthorityWithVersionsOut, body=body)


def delete_authority(ca: str) -> Call[None]:
    """Delete an authority that nothing depends on."""
    path = path_of(PREFIX + "/certificate-authorities/{ca}", ca=ca)
    return Call("DELETE", path, type(None))


def get_authority_csr(ca: str) -> Call[CsrOut]:
    """The CSR that another authority is to sign."""
    path = path_of(PREFIX + "/certificate-authorities/{ca}/csr", ca=ca)
    return Call("GET", path, CsrOut)


def install_authority_certificate(ca: str, body: CaCertificateIn) -> Call[AuthorityWithVersionsOut]:
    """Install what another authority signed; one that does not match is refused with the reason."""
    path = path_of(PREFIX + "/certificate-authorities/{ca}/certificate", ca=ca)
    return Call("POST", path, AuthorityWithVersionsOut, body=body)


def renew_authority(ca: str, body: CaRenewalIn) -> Call[AuthorityWithVersionsOut]:
    """Make the next version of an authority's certificate, with its present key or a new one."""
    path = path_of(PREFIX + "/certificate-authorities/{ca}/renew", ca=ca)
    return Call("POST", path, AuthorityWithVersionsOut, body=body, idempotent=True)


def revoke_authority(ca: str, body: CaRevocationIn) -> Call[AuthorityWithVersionsOut]:
    """Revoke the certificates of an intermediate that an authority here signed; a new key lets it sign
    again.
    """
    path = path_of(PREFIX + "/certificate-authorities/{ca}/revoke", ca=ca)
    return Call("POST", path, AuthorityWithVersionsOut, body=body)


def set_renewal_info(ca: str, body: RenewalInfoIn) -> Call[AuthorityWithVersionsOut]:
    """Advise to replace what the authority has issued by now within a window; the explanation is shown to
    everybody.
    """
    path = path_of(PREFIX + "/certificate-authorities/{ca}/renewal-info", ca=ca)
    return Call("PUT", path, AuthorityWithVersionsOut, body=body)


def delete_renewal_info(ca: str) -> Call[None]:
    """Withdraw the advice: certificates are renewed by the rules of their profiles again."""
    path = path_of(PREFIX + "/certificate-authorities/{ca}/renewal-info", ca=ca)
    return Call("DELETE", path, type(None))


def list_crl_mirrors(ca: str) -> PagedCall[MirrorList, MirrorOut]:
    """The mirrors of an authority's revocation lists, and the state of every list there; by slug."""
    path = path_of(PREFIX + "/certificate-authorities/{ca}/crl-mirrors", ca=ca)
    return PagedCall("GET", path, MirrorList, position="cursor")


def create_crl_mirror(ca: str, body: MirrorIn) -> Call[MirrorOut]:
    """Have the revocation lists of an authority copied to a destination."""
    path = path_of(PREFIX + "/certificate-authorities/{ca}/crl-mirrors", ca=ca)
    return Call("POST", path, MirrorOut, body=body, idempotent=True)


def get_crl_mirror(ca: str, mirror: str) -> Call[MirrorOut]:
    """One mirror, and the state of every list there."""
    path = path_of(PREFIX + "/certificate-authorities/{ca}/crl-mirrors/{mirror}", ca=ca, mirror=mirror)
    return Call("GET", path, MirrorOut)


def delete_crl_mirror(ca: str, mirror: str) -> Call[None]:
    """Delete a mirror; published copies stay at the destination."""
    path = path_of(PREFIX + "/certificate-authorities/{ca}/crl-mirrors/{mirror}", ca=ca, mirror=mirror)
    return Call("DELETE", path, type(None))


def retry_crl_mirror(ca: str, mirror: str) -> Call[MirrorOut]:
    """Publish every list there now."""
    path = path_of(PREFIX + "/certificate-authorities/{ca}/crl-mirrors/{mirror}/retry", ca=ca, mirror=mirror)
    return Call("POST", path, MirrorOut)
