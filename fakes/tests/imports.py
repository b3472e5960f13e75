"""What the tests of the ACM stand-in import, and as whom."""

import functools
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certrail_fakes.acm import AcmServer

NOW = datetime(2026, 1, 1, tzinfo=UTC)


FAR = datetime(2036, 1, 1, tzinfo=UTC)


RSA_KEYS = [rsa.generate_private_key(65537, 2048) for _ in range(2)]


CLIENTS = boto3.Session(region_name=AcmServer.region)


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(
    subject: str,
    key: Any,
    issuer: str,
    signer: Any,
    names: tuple[str, ...] = (),
    usages: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.SERVER_AUTH,),
    until: datetime = FAR,
    since: datetime = NOW - timedelta(days=1),
) -> str:
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
    made: x509.Certificate = builder.sign(signer, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


def pem(key: Any, password: bytes | None = None) -> str:
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    made: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)
    return made.decode()


def desired(
    *names: str, key: Any = RSA_KEYS[0], signer: Any = RSA_KEYS[1], chain: bool = True, **options: Any
) -> dict[str, Any]:
    """Arguments of a good import."""
    subject = names[0] if names else "a.example"
    leaf = certificate(subject, key, "Issuing CA", signer, names or ("a.example",), **options)
    given: dict[str, Any] = {"Certificate": leaf, "PrivateKey": pem(key)}
    if chain:
        given["CertificateChain"] = certificate("Issuing CA", signer, "Issuing CA", signer)
    return given


@functools.cache
def client(
    server: AcmServer, key: str = AcmServer.access_key_id, secret: str = AcmServer.secret_access_key
) -> Any:
    return CLIENTS.client(
        "acm",
        endpoint_url=server.url,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}),
    )


def refused(code: str, match: str = "") -> Any:
    return pytest.raises(ClientError, match=rf"\({code}\).*{match}")
