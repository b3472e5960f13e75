"""Deployments, notifications and questions to test plugins with. Every private key is made for the test."""

import uuid
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from certrail_sdk import Bundle, Choice, Deployment, Fact, Notification, Question

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def make_deployment(
    name: str = "conformance", *, common_name: str = "conformance.example", rsa_key: bool = False
) -> Deployment:
    """A deployment of a new certificate."""
    return Deployment(
        delivery=uuid.uuid4().hex,
        name=name,
        application="app-1",
        lineage=uuid.uuid4().hex,
        certificate=uuid.uuid4().hex,
        bundle=make_bundle(common_name, rsa_key=rsa_key),
    )


def renewed(deployment: Deployment) -> Deployment:
    """The same lineage with a newer certificate of the same kind, which expires a day later."""
    rsa_key = "RSA" in type(_leaf(deployment.bundle).public_key()).__name__
    later = deployment.bundle.not_after + timedelta(days=1)
    bundle = _bundle(deployment.bundle.common_name, later, rsa_key=rsa_key)
    return deployment.model_copy(update={"bundle": bundle, "certificate": uuid.uuid4().hex})


def make_bundle(common_name: str, *, rsa_key: bool = False, with_root: bool = False) -> Bundle:
    """A new leaf with its key, under the kit's intermediate."""
    return _bundle(common_name, _in(timedelta(days=30)), rsa_key=rsa_key, with_root=with_root)


def _bundle(common_name: str, not_after: datetime, *, rsa_key: bool, with_root: bool = False) -> Bundle:
    issuer_key, issuer, root = _authorities(rsa_key)
    key = _new_key(rsa_key)
    leaf = (
        _builder(common_name, issuer.subject, key, not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(common_name)]), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Bundle(
        certificate=leaf.public_bytes(Encoding.PEM).decode(),
        chain=(issuer.public_bytes(Encoding.PEM).decode(),),
        root=root.public_bytes(Encoding.PEM).decode() if with_root else None,
        private_key=SecretStr(pem),
        fingerprint=leaf.fingerprint(hashes.SHA256()).hex(),
        serial=f"{leaf.serial_number:x}",
        common_name=common_name,
        dns_names=(common_name,),
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
    )


def make_notification() -> Notification:
    """A notification with every part filled in."""
    return Notification(
        id=uuid.uuid4().hex,
        event_type="certificate.issued",
        occurred_at=datetime.now(UTC),
        title="Certificate issued: conformance.example",
        summary="Certificate issued in Conformance, by the kit.",
        facts=(Fact(label="Serial", value="01ab"), Fact(label="Markup", value="<b>&amp;</b>")),
        source="/applications/conformance",
        application="conformance",
        link="https://certrail.example/applications/conformance",
        data={"serial": "01ab"},
    )


def make_question(*, closed: bool = False) -> Question:
    """A question with two answers, or a closed one."""
    choices = (
        Choice(answer="approve", label="Approve", token=SecretStr(f"tok-{uuid.uuid4().hex}")),
        Choice(
            answer="reject", label="Reject", token=SecretStr(f"tok-{uuid.uuid4().hex}"), wants_comment=True
        ),
    )
    return Question(
        id=uuid.uuid4().hex,
        title="Approve a certificate for conformance.example?",
        summary="Step 1 of 1",
        facts=(Fact(label="Application", value="Conformance"),),
        choices=() if closed else choices,
        status="Approved by A at 12:00" if closed else "0 of 1 approvals",
        deadline=datetime.now(UTC) + timedelta(hours=1),
    )


@cache
def _authorities(rsa_key: bool) -> tuple[Key, x509.Certificate, x509.Certificate]:
    """The intermediate with its key, and the root: one path for the whole run, as keys take time."""
    root_key, root = _authority("Conformance Root", None, None, rsa_key)
    return *_authority("Conformance Issuer", root_key, root, rsa_key), root


def _authority(
    name: str, issuer_key: Key | None, issuer: x509.Certificate | None, rsa_key: bool
) -> tuple[Key, x509.Certificate]:
    key = _new_key(rsa_key)
    subject = issuer.subject if issuer else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        _builder(name, subject, key, _in(timedelta(days=365)))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(issuer_key or key, hashes.SHA256())
    )
    return key, certificate


def _builder(common_name: str, issuer: x509.Name, key: Key, not_after: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_in(-timedelta(minutes=1)))
        .not_valid_after(not_after)
    )


def _in(time: timedelta) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + time


def _new_key(rsa_key: bool) -> Key:
    if rsa_key:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def _leaf(bundle: Bundle) -> x509.Certificate:
    return x509.load_pem_x509_certificate(bundle.certificate.encode())
