"""A SCEP client (RFC 8894) that writes what a test wants it to write, well-formed or not."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

import httpx2
from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID

from certrail.pki.enrollment.ber import tlv
from certrail.pki.scep.algorithms import CIPHERS, ContentCipher, Digest
from certrail.pki.scep.envelope import read_envelope, seal_envelope
from certrail.pki.scep.message import Attribute, MessageType, PkiMessage, read_message
from certrail.pki.scep.writing import named, octets, printable, signed_data

AES256 = CIPHERS["2.16.840.1.101.3.4.1.42"]
CHALLENGE = x509.ObjectIdentifier("1.2.840.113549.1.9.7")


@cache
def rsa_key(which: int = 0) -> rsa.RSAPrivateKey:
    """One of a few keys: they take long to make."""
    return rsa.generate_private_key(65537, 2048)


def common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def scep_csr(key: rsa.RSAPrivateKey, name: str, challenge: str | None = None) -> bytes:
    """A CSR for one DNS name, DER, with a challengePassword."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(common_name(name))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
    if challenge is not None:
        builder = builder.add_attribute(CHALLENGE, challenge.encode())
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def self_signed(key: rsa.RSAPrivateKey, name: str) -> x509.Certificate:
    """The certificate that a client signs its first request with (RFC 8894 section 2.3)."""
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(common_name(name)).issuer_name(common_name(name))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    return (
        builder.not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )


@dataclass
class ScepClient:
    """One client with its key and the certificate that it signs messages with."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate
    recipient: x509.Certificate
    cipher: ContentCipher = AES256
    digest: Digest = field(default_factory=hashes.SHA256)
    transaction_id: str = field(default_factory=lambda: secrets.token_hex(20))
    nonce: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    def request(self, content: bytes, message_type: MessageType = MessageType.PKCS_REQ) -> bytes:
        """A pkiMessage around a CSR, or around what a poll names."""
        key = self.recipient.public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        sealed = seal_envelope(content, named(self.recipient), key, self.cipher)
        return self.signed(sealed, message_type, {})

    def signed(self, content: bytes, message_type: MessageType, attributes: Mapping[str, bytes]) -> bytes:
        """A pkiMessage around any content."""
        given = {
            Attribute.MESSAGE_TYPE: printable(message_type),
            Attribute.TRANSACTION_ID: printable(self.transaction_id),
            Attribute.SENDER_NONCE: octets(self.nonce),
            **attributes,
        }
        return signed_data(content, given, self.certificate, self.key, self.digest)

    def poll(self, issuer: x509.Name) -> bytes:
        """CertPoll: issuer and subject of what was requested (RFC 8894 section 3.3.3)."""
        body = tlv(0x30, issuer.public_bytes() + self.certificate.subject.public_bytes())
        return self.request(body, MessageType.CERT_POLL)

    def read(self, answer: bytes) -> "Answer":
        """A verified CertRep to this client."""
        message = read_message(answer)
        message.verify()
        assert message.transaction_id == self.transaction_id
        given = message.attributes()
        assert given[Attribute.RECIPIENT_NONCE] == self.nonce
        certificates: list[x509.Certificate] = []
        if message.content:
            opened = read_envelope(message.content).open(lambda _: self.key)
            certificates = list(pkcs7.load_der_pkcs7_certificates(opened))
        return Answer(message, given, certificates)


@dataclass
class ScepEndpoint:
    """A SCEP server's URL and its certificates, with a challenge for many requests."""

    http: httpx2.Client
    challenge: str
    url: str = "/scep/applications/app/profiles/web/pkiclient.exe"
    name: str = "device.example.com"
    ra: x509.Certificate = field(init=False)
    issuer: x509.Certificate = field(init=False)

    def __post_init__(self) -> None:
        answer = self.http.get(self.url, params={"operation": "GetCACert"})
        assert answer.headers["content-type"] == "application/x-x509-ca-ra-cert", answer.text
        for found in pkcs7.load_der_pkcs7_certificates(answer.content):
            if found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
                self.issuer = found
            else:
                self.ra = found

    def client(
        self, key: rsa.RSAPrivateKey | None = None, certificate: x509.Certificate | None = None
    ) -> ScepClient:
        key = key or rsa_key()
        return ScepClient(key, certificate or self_signed(key, self.name), self.ra)

    def send(self, client: ScepClient, message: bytes, *, by_get: bool = False) -> "Answer":
        if by_get:
            params = {"operation": "PKIOperation", "message": base64.b64encode(message).decode()}
            answer = self.http.get(self.url, params=params)
        else:
            answer = self.http.post(self.url, params={"operation": "PKIOperation"}, content=message)
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
        assert answer.headers["content-type"] == "application/x-pki-message"
        return client.read(answer.content)

    def enrolled(self, client: ScepClient, challenge: str | None = "", name: str | None = None) -> "Answer":
        given = self.challenge if challenge == "" else challenge
        return self.send(client, client.request(scep_csr(client.key, name or self.name, given)))


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    message: PkiMessage
    attributes: Mapping[str, str | bytes]
    certificates: list[x509.Certificate]

    @property
    def status(self) -> str:
        return str(self.attributes[Attribute.PKI_STATUS])

    @property
    def fail_info(self) -> str | None:
        found = self.attributes.get(Attribute.FAIL_INFO)
        return None if found is None else str(found)


def constructed(der: bytes, chunk: int = 100) -> bytes:
    """An EnvelopedData whose content is a constructed string of indefinite length (X.690 section 8.7), as BER."""
    info = cms.ContentInfo.load(der)
    encrypted = info["content"]["encrypted_content_info"]
    whole = bytes(encrypted["encrypted_content"].dump())
    content = encrypted["encrypted_content"].native
    pieces = b"".join(octets(content[at : at + chunk]) for at in range(0, len(content), chunk))
    return _resized(der, whole, b"\xa0\x80" + pieces + b"\x00\x00")


def _resized(der: bytes, old: bytes, new: bytes) -> bytes:
    """The outer elements around the last one, with indefinite lengths."""
    assert der.endswith(old)
    info = cms.ContentInfo.load(der)
    content = info["content"]
    encrypted = content["encrypted_content_info"]
    inner = b"".join(
        bytes(encrypted[name].dump()) for name in ("content_type", "content_encryption_algorithm")
    )
    body = bytes(content["version"].dump()) + bytes(content["recipient_infos"].dump())
    end = b"\x00\x00"
    enveloped = b"\x30\x80" + body + b"\x30\x80" + inner + new + end + end
    return b"\x30\x80" + bytes(info["content_type"].dump()) + b"\xa0\x80" + enveloped + end + end
