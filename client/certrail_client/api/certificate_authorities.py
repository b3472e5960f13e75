"""Calls: certificate authorities.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from certrail_client.base import Json
from certrail_client.calls import PREFIX, Call, path_of
from certrail_client.models.certificate_authorities import (
    Advice,
    AuthorityChangeIn,
    AuthorityIn,
    CaCertificateIn,
    CaRenewalIn,
    MirrorIn,
)


def list_authorities() -> Call[Json]:
    """All authorities with the certificate they sign with."""
    path = path_of(PREFIX + "/certificate-authorities")
    return Call("GET", path, Json)


def create_authority(body: AuthorityIn) -> Call[Json]:
    """Make a root, or an intermediate; one without a parent here is pending until its certificate is
    installed.
    """
    path = path_of(PREFIX + "/certificate-authorities")
    return Call("POST", path, Json, body=body, idempotent=True)


def get_authority(ca: str) -> Call[Json]:
    """One authority with every version of its certificate, newest first."""
    path = path_of(PREFIX + "/certificate-authorities/{ca}", ca=ca)
    return Call("GET", path, Json)


def update_authority(ca: str, body: AuthorityChangeIn) -> Call[Json]:
    """Rename an authority, stop it from signing, or let it sign again."""
    path = path_of(PREFIX + "/certificate-authorities/{ca}", ca=ca)
    return Call("PATCH", path, Json, body=body)


def delete_authority(ca: str) -> Call[None]:
    """Remove an authority that nothing depends on."""
    path = path_of(PREFIX + "/certificate-authorities/{ca}", ca=ca)
    return Call("DELETE", path, type(None))


def get_authority_csr(ca: str) -> Call[Json]:
    """The certificate request, PEM, that another authority is asked to sign."""
    path = path_of(PREFIX + "/certificate-authorities/{ca}/csr", ca=ca)
    return Call("GET", path, Json)


def install_certificate(ca: str, body: CaCertificateIn) -> Call[Json]:
    """Install what another authority signed; one that does not match is refused with the reason."""
    path = path_of(PREFIX + "/certificate-authorities/{ca}/certificate", ca=ca)
    return Call("POST", path, Json, body=body, idempotent=True)


def renew_authority(ca: str, body: CaRenewalIn) -> Call[Json]:
    """Make the next version of an authority's certificate, with its present key or a new one."""
    path = path_of(PREFIX + "/certificate-authorities/{ca}/renew", ca=ca)
    return Call("POST", path, Json, body=body, idempotent=True)


def advise_renewal(ca: str, body: Advice) -> Call[Json]:
    """Have what the authority has issued by now replaced within a window; what says why is shown to
    whoever asks.
    """
    path = path_of(PREFIX + "/certificate-authorities/{ca}/renewal-info", ca=ca)
    return Call("PUT", path, Json, body=body)


def withdraw_renewal_advice(ca: str) -> Call[None]:
    """Leave it to the rules again when certificates are renewed."""
    path = path_of(PREFIX + "/certificate-authorities/{ca}/renewal-info", ca=ca)
    return Call("DELETE", path, type(None))


def list_mirrors(ca: str) -> Call[Json]:
    """The mirrors of an authority's revocation lists, and how every list stands there."""
    path = path_of(PREFIX + "/certificate-authorities/{ca}/crl-mirrors", ca=ca)
    return Call("GET", path, Json)


def create_mirror(ca: str, body: MirrorIn) -> Call[Json]:
    """Have the revocation lists of an authority copied to a destination."""
    path = path_of(PREFIX + "/certificate-authorities/{ca}/crl-mirrors", ca=ca)
    return Call("POST", path, Json, body=body, idempotent=True)


def delete_mirror(ca: str, mirror: str) -> Call[None]:
    """Copy no more; what was published stays."""
    path = path_of(PREFIX + "/certificate-authorities/{ca}/crl-mirrors/{mirror}", ca=ca, mirror=mirror)
    return Call("DELETE", path, type(None))


def retry_mirror(ca: str, mirror: str) -> Call[Json]:
    """Publish every list there now."""
    path = path_of(PREFIX + "/certificate-authorities/{ca}/crl-mirrors/{mirror}/retry", ca=ca, mirror=mirror)
    return Call("POST", path, Json, idempotent=True)
