"""A client of the EST server, and an enrollment for it."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    pkcs7,
)
from sqlmodel import select
from tests.integration.conftest import Team
from tests.support.web import serving

from certrail.domain.enrollment import EnrollmentMethod
from certrail.persistence.tables import (
    Certificate,
)
from certrail.pki import keys
from certrail.services.enrollment.secrets import SecretKind

Key = ec.EllipticCurvePrivateKey


def est_csr(*names: str, key: Key | None = None, cn: str | None = None) -> bytes:
    key = key or ec.generate_private_key(ec.SECP256R1())
    parts = [x509.NameAttribute(x509.NameOID.COMMON_NAME, cn)] if cn else []
    built = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(parts))
    sans = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    return built.add_extension(sans, critical=False).sign(key, keys.hash_for(key)).public_bytes(Encoding.DER)


@dataclass
class EstEndpoint:
    """An EST server below a path, and a client with its passphrase."""

    client: httpx2.Client
    passphrase: str
    base: str

    def post(self, operation: str, csr: bytes, passphrase: str | None = "") -> httpx2.Response:
        given = self.passphrase if passphrase == "" else passphrase
        basic = base64.b64encode(f"anybody:{given}".encode()).decode()
        headers = {"authorization": f"Basic {basic}"} if given is not None else {}
        body = base64.encodebytes(csr)
        return self.client.post(f"{self.base}/{operation}", content=body, headers=headers)

    def enrolled(self, csr: bytes, operation: str = "simpleenroll") -> x509.Certificate:
        return certificate_in(self.post(operation, csr))


@dataclass
class Est(EstEndpoint):
    """An enrollment by EST."""

    team: Team

    def row_of(self, certificate: x509.Certificate) -> Certificate:
        with self.team.services.context.db.read() as session:
            query = select(Certificate).where(Certificate.serial == f"{certificate.serial_number:x}")
            return session.exec(query).one()


def certificate_in(answer: httpx2.Response) -> x509.Certificate:
    assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
    assert answer.headers["content-type"].startswith("application/pkcs7-mime; smime-type=certs-only")
    assert b"\n" not in answer.content
    (found,) = pkcs7.load_der_pkcs7_certificates(base64.b64decode(answer.content, validate=True))
    return found


@contextmanager
def est_of(team: Team, **settings: object) -> Iterator[Est]:
    team.services.applications.set_enrollment(
        team.admin, team.application, "web", EnrollmentMethod.EST, settings=settings
    )
    _, text = team.services.enrollment_secrets.create(
        team.admin, team.application, "web", SecretKind.PASSPHRASE, name="routers"
    )
    with serving(team.services) as url, httpx2.Client(base_url=url, timeout=60) as client:
        yield Est(client, text, "/.well-known/est/applications/app/profiles/web", team)
