"""What the tests of the ACM destination deliver."""

from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from certrail_destination_aws_acm import AwsAcmConfig
from certrail_fakes.acm import AcmServer
from certrail_sdk import Bundle, Deployment

SINCE, UNTIL = datetime(2025, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)


RSA_CA, RSA_KEY, OTHER_KEY = (rsa.generate_private_key(65537, 2048) for _ in range(3))


EC_CA, EC_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))


def signed(
    subject: str, key: Any, issuer: str, signer: Any, names: tuple[str, ...] = (), since: datetime = SINCE
) -> x509.Certificate:
    """A certificate for ``key``."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(UNTIL)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
    made: x509.Certificate = builder.sign(signer, hashes.SHA256())
    return made


def pem(thing: Any) -> str:
    if isinstance(thing, x509.Certificate):
        return thing.public_bytes(serialization.Encoding.PEM).decode()
    how = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    made: bytes = thing.private_bytes(serialization.Encoding.PEM, *how)
    return made.decode()


ISSUERS = {id(ca): signed("Issuing", ca, "Root", ca) for ca in (RSA_CA, EC_CA)}


def bundle(
    *names: str,
    key: Any = RSA_KEY,
    ca: Any = RSA_CA,
    private: Any = None,
    since: datetime = SINCE,
    **more: Any,
) -> Bundle:
    """A new certificate with key and chain."""
    names = names or ("shop.example",)
    leaf = signed(names[0], key, "Issuing", ca, names, since)
    values: dict[str, Any] = {
        "certificate": pem(leaf),
        "chain": (pem(ISSUERS[id(ca)]),),
        "private_key": SecretStr(pem(private or key)),
        "fingerprint": leaf.fingerprint(hashes.SHA256()).hex(),
        "serial": f"{leaf.serial_number:x}",
        "common_name": names[0],
        "dns_names": names,
        "not_before": since,
        "not_after": UNTIL,
    }
    return Bundle(**(values | more))


def desired(given: Bundle | None = None, **more: Any) -> Deployment:
    """A deployment of one delivery."""
    values: dict[str, Any] = {
        "delivery": "sync-1/lineage-1",
        "name": "shop.example",
        "application": "shop",
        "lineage": "lineage-1",
        "certificate": "certificate-1",
        "bundle": given or bundle(),
    }
    return Deployment(**(values | more))


def config(server: AcmServer, **changes: Any) -> AwsAcmConfig:
    values = {
        "region": server.region,
        "access_key_id": server.access_key_id,
        "secret_access_key": server.secret_access_key,
        "endpoint_url": server.url,
    }
    return AwsAcmConfig.parse(values | changes)
