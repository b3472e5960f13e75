"""Where a verifier finds what it needs beside a certificate (RFC 5280 sections 4.2.1.13 and 4.2.2.1)."""

from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ObjectIdentifier


@dataclass(frozen=True)
class Locations:
    """URLs in a certificate; empty where there is none.

    Attributes:
        crl: of the one list that has its serial number once it is revoked.
        ocsp: of the responder.
        issuer: of its issuer's certificate, DER (caIssuers).
    """

    crl: tuple[str, ...] = ()
    ocsp: str | None = None
    issuer: str | None = None

    def added_to(self, builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
        """The certificate with its CRL distribution point and authority information access."""
        if self.crl:
            point = x509.DistributionPoint([_uri(url) for url in self.crl], None, None, None)
            builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
        methods: tuple[tuple[ObjectIdentifier, str | None], ...] = (
            (AuthorityInformationAccessOID.OCSP, self.ocsp),
            (AuthorityInformationAccessOID.CA_ISSUERS, self.issuer),
        )
        access = [x509.AccessDescription(method, _uri(url)) for method, url in methods if url]
        if access:
            builder = builder.add_extension(x509.AuthorityInformationAccess(access), critical=False)
        return builder


NOWHERE = Locations()


def _uri(url: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(url)
