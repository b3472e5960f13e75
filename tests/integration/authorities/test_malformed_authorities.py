"""A certificate that an authority cannot work with is refused over HTTP with the fault by name, and not kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from tests.integration.api_client import ApiClient, Bodies, entered
from tests.integration.conftest import Team
from tests.integration.handmade import CURVE, KEY_KIND, TEXT, altered, csr

from certrail.domain.content import KeyAlgorithm, Subject
from certrail.pki.keys import generate, to_pem


@dataclass(frozen=True)
class Above:
    """An authority elsewhere that signs what it is asked to, and whatever else."""

    wanted: x509.CertificateSigningRequest
    key: Any
    now: datetime
    name: x509.Name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Above")])  # noqa: RUF009 - never changes

    def root(self) -> str:
        return self.signed(subject=self.name, key=self.key)

    def signed(
        self,
        *left_out: type[x509.ExtensionType],
        subject: x509.Name | None = None,
        key: Any = None,
        signer: Any = None,
        ca: bool = True,
        signs: bool = True,
        begins: int = 0,
        days: int = 9,
    ) -> str:
        public_key = key.public_key() if key else self.wanted.public_key()
        usage = x509.KeyUsage(True, False, False, False, False, signs, signs, False, False)
        begin = self.now + timedelta(days=begins)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject or self.wanted.subject)
            .issuer_name(self.name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(days=days))
        )
        for extension in (
            x509.BasicConstraints(ca, None),
            usage,
            x509.SubjectKeyIdentifier.from_public_key(public_key),
        ):
            if not isinstance(extension, left_out):
                builder = builder.add_extension(extension, critical=False)
        return builder.sign(signer or self.key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def installations(above: Above) -> Bodies:
    root, good = above.root(), above.signed()
    bad = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    other = generate(KeyAlgorithm.EC_P256)
    chained: dict[str, tuple[str, str]] = {
        "blank": (" ", "no PEM certificate"),
        "no pem": ("hello", "no PEM certificate"),
        "a key": (to_pem(other).decode(), "no PEM certificate"),
        "a csr": (csr(), "no PEM certificate"),
        "cut": (good[:100], "no PEM certificate"),
        "no base64": (good.replace("\nM", "\n?", 1), "Certificate 1"),
        "no der": (bad, "Certificate 1"),
        "second": (good + bad, "Certificate 2"),
        "too many": (good * 21, "at most 20"),
        "too long": (good + "x" * 200_000, "certificate"),
        "unknown kind of key": (altered(KEY_KIND), "public key"),
        "unknown curve": (altered(CURVE), "public key"),
        "subject is no text": (altered(TEXT), "subject"),
        "somebody else": (above.signed(subject=above.name), "the request was for"),
        "another key": (above.signed(key=other), "another key"),
        "a leaf": (above.signed(ca=False), "signed as a leaf"),
        "no constraints": (above.signed(x509.BasicConstraints), "basicConstraints"),
        "no usage": (above.signed(x509.KeyUsage), "keyUsage"),
        "no key identifier": (above.signed(x509.SubjectKeyIdentifier), "subjectKeyIdentifier"),
        "signs nothing": (above.signed(signs=False), "keyCertSign"),
        "ended": (above.signed(begins=-20), "not valid now"),
        "not begun": (above.signed(begins=2), "not valid now"),
        "signed by somebody else": (above.signed(signer=other), "missing"),
    }
    leaf_above = above.signed(subject=above.name, key=above.key, ca=False)
    return {
        **{what: ({"certificate": pem, "chain": root}, word) for what, (pem, word) in chained.items()},
        "nothing": ({}, "certificate"),
        "null": ({"certificate": None}, "certificate"),
        "number": ({"certificate": 7}, "certificate"),
        "unknown": ({"certificate": good, "chain": root, "colour": "red"}, "colour"),
        "nul": ({"certificate": good + "\0", "chain": root}, "NUL"),
        "no issuer": ({"certificate": good}, "missing"),
        "chain": ({"certificate": good, "chain": "hello"}, "no PEM certificate"),
        "chain is bad": ({"certificate": good, "chain": bad}, "Certificate 1"),
        "unknown curve in the chain": ({"certificate": good, "chain": root + altered(CURVE)}, "public key"),
        "a leaf above": ({"certificate": good, "chain": leaf_above}, "not the certificate of an authority"),
    }


@pytest.fixture
def front_endpoint(team: Team) -> Iterator[ApiClient]:
    with entered(team, team.admin.principal_id or "") as api_client:
        yield api_client


def test_malformed_certificates_of_authorities_are_refused(front_endpoint: ApiClient) -> None:
    authorities, team = front_endpoint.team.services.authorities, front_endpoint.team
    subject = Subject(common_name="a.example.org")
    authorities.create_intermediate(team.admin, slug="below", name="Below", subject=subject)
    wanted = x509.load_pem_x509_csr(authorities.request("below").encode())
    above = Above(wanted, generate(KeyAlgorithm.EC_P256), team.clock.now)
    front_endpoint.refuses("certificate-authorities/below/certificate", installations(above))
    row, versions = authorities.get("below")
    assert (row.status, versions) == ("pending", [])
    good = {"certificate": above.signed(), "chain": above.root()}
    assert front_endpoint.post("certificate-authorities/below/certificate", good).status_code == 201
