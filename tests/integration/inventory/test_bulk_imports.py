"""Certificates, keys, requests and stores of many makers: each is taken, or refused in words."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import certifi
import cryptography_vectors
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.integration.conftest import Team

from certrail.domain.errors import BadInput, CertrailError, Conflict
from certrail.persistence.tables import Certificate
from certrail.pki import keys
from certrail.pki.csr import read_csr
from certrail.pki.parse import CertificateBundle, from_pem_text, from_pkcs12
from certrail.services.inventory.export import Format

VECTORS = Path(cryptography_vectors.__file__).parent
SYSTEM = Path("/etc/ssl/certs/ca-certificates.crt")
CLASS_NAME = re.compile(r"\b[A-Z][A-Za-z]+(Error|Exception|Algorithm)\b|\bParse[A-Z]")
FORMATS: Sequence[Format] = ("pem", "der", "pkcs12", "jks")
LONGEST = 200_000


def refusal(act: Callable[[], object]) -> str | None:
    """Why it was refused; ``None`` if it was taken. Whatever else is raised fails the test."""
    try:
        act()
    except CertrailError as refused:
        reason, status = refused.detail, refused.status
    else:
        return None
    assert reason
    assert status < 500, reason
    assert not CLASS_NAME.search(reason), reason
    return reason


def roots() -> Iterator[x509.Certificate]:
    bundles = [Path(certifi.where()), *([SYSTEM] if SYSTEM.exists() else [])]
    seen = set()
    for bundle in bundles:
        for certificate in x509.load_pem_x509_certificates(bundle.read_bytes()):
            if certificate not in seen:
                seen.add(certificate)
                yield certificate


def taken(team: Team, bundle: CertificateBundle) -> Certificate:
    return team.services.imports.take(team.admin, team.application, bundle)


def exported(team: Team, row: Certificate) -> None:
    for format_ in FORMATS:
        password = "correct horse" if format_ in ("pkcs12", "jks") else None
        made = team.services.export.export(team.admin, row.id, format_, password=password, include_root=True)
        assert made.content


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_root_of_certifi_and_of_the_system_is_taken_and_exported(team: Team) -> None:
    count = 0
    for certificate in roots():
        row = taken(team, from_pem_text(certificate.public_bytes(Encoding.PEM).decode()))
        assert row.unreadable == []
        if count % 10 == 0:
            exported(team, row)
        count += 1
    assert count > 100


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_certificate_of_the_vectors_is_taken_or_refused_in_words(team: Team) -> None:
    counts = {"taken": 0, "refused": 0}
    for file in sorted((VECTORS / "x509").rglob("*")):
        if file.suffix not in (".pem", ".crt", ".cer", ".der") or file.stat().st_size > LONGEST:
            continue
        text = pem_of(file)

        def act(text: str = text) -> None:
            try:
                row = taken(team, from_pem_text(text))
            except Conflict:  # some are there twice
                return
            exported(team, row)

        counts["refused" if refusal(act) else "taken"] += 1
    assert counts["taken"] > 300, counts


def pem_of(file: Path) -> str:
    content = file.read_bytes()
    if b"-----BEGIN" in content:
        return content.decode("latin-1")
    import base64

    return f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(content).decode()}-----END CERTIFICATE-----\n"


def test_every_store_of_the_vectors_is_read_or_refused_in_words() -> None:
    read = 0
    for file in sorted((VECTORS / "pkcs12").rglob("*.p12")):
        for password in ("cryptography", ""):
            reason = refusal(lambda f=file, p=password: from_pkcs12(f.read_bytes(), p))  # type: ignore[misc]
            read += reason is None
    assert read >= 5


def test_every_key_of_the_vectors_is_read_or_refused_in_words() -> None:
    read = 0
    for file in sorted((VECTORS / "asymmetric").rglob("*.pem")):
        for password in (None, "123456"):
            reason = refusal(lambda f=file, p=password: keys.from_pem(f.read_bytes(), p))  # type: ignore[misc]
            read += reason is None
    assert read > 20


def test_every_request_of_the_vectors_is_read_or_refused_in_words() -> None:
    counts = {True: 0, False: 0}
    for file in sorted((VECTORS / "x509" / "requests").rglob("*")):
        text = pem_of(file).replace(" CERTIFICATE-----", " CERTIFICATE REQUEST-----")
        counts[refusal(lambda t=text: read_csr(t)) is None] += 1  # type: ignore[misc]
    assert sum(counts.values()) > 20, counts
    with pytest.raises(BadInput):
        read_csr("")
