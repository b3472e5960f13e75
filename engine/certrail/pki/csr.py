"""Certification requests (PKCS#10, RFC 2986), and certificates read as if they were requests."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from certrail.domain.content import (
    EXTENDED_KEY_USAGES,
    BasicConstraints,
    KeyAlgorithm,
    KeyUsage,
    Sans,
    Subject,
)
from certrail.domain.errors import BadInput
from certrail.domain.faults import in_one_line
from certrail.pki.enrollment.ber import Malformed
from certrail.pki.enrollment.pkcs10 import ParsedRequest, parse_request
from certrail.pki.keys import PublicKey, algorithm_of
from certrail.pki.lenient import public_key_of, readable, unreadable_parts
from certrail.pki.names import ATTRIBUTES, from_general_names, from_name

_KNOWN = (x509.SubjectAlternativeName, x509.KeyUsage, x509.ExtendedKeyUsage, x509.BasicConstraints)


_SET_BY_THE_ISSUER = frozenset(
    {
        "2.5.29.14",  # subject key identifier: certrail computes the same
        "2.5.29.35",  # authority key identifier
        "1.2.840.113549.1.9.15",  # S/MIME capabilities, Windows' hints to its own authorities, and comments:
        "1.3.6.1.4.1.311.20.2",  # they change nothing that a certificate promises
        "1.3.6.1.4.1.311.21.7",
        "1.3.6.1.4.1.311.21.10",
        "2.16.840.1.113730.1.13",
    }
)
"""Extensions of a CSR that say nothing certrail would leave out of the certificate."""
_EXTENSIONS = {
    "1.3.6.1.5.5.7.1.24": "TLS feature, must-staple (RFC 7633)",
    "1.3.6.1.5.5.7.1.1": "authority information access",
    "2.5.29.30": "name constraints",
    "2.5.29.31": "CRL distribution points",
    "2.5.29.32": "certificate policies",
    "2.5.29.36": "policy constraints",
    "2.5.29.54": "inhibit anyPolicy",
    "2.5.29.18": "issuer alternative name",
    "2.16.840.1.113730.1.1": "Netscape certificate type",
}
_REQUEST = re.compile(
    r"-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----.+?-----END (?:NEW )?CERTIFICATE REQUEST-----", re.DOTALL
)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")


@dataclass(frozen=True)
class CsrFacts:
    """What a CSR asks for.

    Attributes:
        pem: the request alone, without what stood around it.
    """

    pem: str
    subject: Subject
    sans: Sans
    key_algorithm: KeyAlgorithm
    public_key: PublicKey
    key_usages: tuple[str, ...]
    extended_key_usages: tuple[str, ...]
    basic_constraints: BasicConstraints


def read_csr(text: str) -> CsrFacts:
    """Read and verify a CSR, PEM (RFC 7468): one block, with any text around it that is no secret.

    Raises:
        BadInput: naming the fault: not PEM, a private key beside it, bad or weak signature, unsupported key, names,
            subject parts or extensions.
    """
    request = _only_csr(text)
    signature = readable(lambda: request.csr.signature_hash_algorithm)
    if isinstance(signature, hashes.SHA1 | hashes.MD5):
        name = signature.name.upper().replace("SHA1", "SHA-1")
        raise BadInput(f"Signatures with {name} are not taken; sign the CSR with SHA-256.", "csr")
    if request.signed is None:
        raise BadInput("The CSR's signature cannot be read, or is of a kind that is not supported.", "csr")
    if not request.signed:
        raise BadInput("The CSR's signature does not fit its key.", "csr")
    return _facts(request)


def accepted_csr(text: str) -> CsrFacts:
    """Read a CSR of a request that was accepted: `read_csr` verified it then, or the protocol that it came by.

    It is not verified again: what SCEP brings is stored without its challengePassword, which the signature covers.

    Raises:
        BadInput: as `read_csr`, but for the signature.
    """
    return _facts(_only_csr(text))


def _facts(request: ParsedRequest) -> CsrFacts:
    extensions, public_key = readable(lambda: request.csr.extensions), readable(request.csr.public_key)
    for part, value in (("extensions", extensions), ("public key", public_key)):
        if value is None:
            raise BadInput(f"The CSR's {part} cannot be read, or is of a kind that is not supported.", "csr")
    assert extensions is not None
    assert public_key is not None
    algorithm = algorithm_of(public_key)
    try:
        _refuse_unknown(extensions)
        return CsrFacts(
            pem=csr_pem(request.der),
            subject=_subject(request.csr.subject),
            sans=_sans(extensions),
            key_algorithm=algorithm,
            public_key=public_key,  # type: ignore[arg-type]
            key_usages=_key_usages(extensions),
            extended_key_usages=_extended(extensions),
            basic_constraints=_constraints(extensions),
        )
    except ValidationError as err:
        raise BadInput(f"The names in the CSR are wrong. {in_one_line(err)}", "csr") from None
    except ValueError as err:
        raise BadInput(f"The CSR asks for what is not supported: {err}.", "csr") from None


def csr_pem(der: bytes) -> str:
    """A request as text that `read_csr` takes."""
    encoded = base64.b64encode(der).decode()
    lines = (encoded[at : at + 64] for at in range(0, len(encoded), 64))
    return "\n".join(("-----BEGIN CERTIFICATE REQUEST-----", *lines, "-----END CERTIFICATE REQUEST-----", ""))


def _only_csr(text: str) -> ParsedRequest:
    if _PRIVATE_KEY.search(text):
        raise BadInput(
            "The text holds a private key, which nobody but its owner needs. Send the CERTIFICATE REQUEST only, and"
            " consider the key as disclosed.",
            "csr",
        )
    blocks = _REQUEST.findall(text)
    if len(blocks) != 1:
        what = "There is no" if not blocks else f"There are {len(blocks)} blocks; give one"
        raise BadInput(f"{what} PEM certification request (-----BEGIN CERTIFICATE REQUEST-----).", "csr")
    try:
        return parse_request(_der(blocks[0]))
    except Malformed:
        raise BadInput(
            "The CSR cannot be read as PKCS#10 (RFC 2986): its encoding is broken.", "csr"
        ) from None


def _der(block: str) -> bytes:
    inner = block.split("-----")[2]
    try:
        return base64.b64decode("".join(inner.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("the CSR is no base64") from None


def _refuse_unknown(extensions: x509.Extensions) -> None:
    """What is asked for and would not be given is refused by name, critical or not. Raises ValueError."""
    for extension in extensions:
        if isinstance(extension.value, _KNOWN) or extension.oid.dotted_string in _SET_BY_THE_ISSUER:
            continue
        oid = extension.oid.dotted_string
        kind = "critical extension" if extension.critical else "extension"
        raise ValueError(f"the {kind} {_EXTENSIONS.get(oid, 'unknown here')} ({oid})")


def certificate_content(certificate: x509.Certificate) -> dict[str, Any]:
    """What a request for such a certificate would contain, for the policy to evaluate.

    Raises:
        BadInput: it has a key, names or subject parts that no request can have.
    """
    if parts := unreadable_parts(certificate):
        raise BadInput(f"No profile can have what cannot be read: {'; '.join(parts)}.", "certificate")
    lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    key = public_key_of(certificate)
    assert key is not None
    try:
        return {
            "subject": _subject(certificate.subject).model_dump(),
            "sans": _sans(certificate.extensions).model_dump(),
            "key_algorithm": algorithm_of(key, "certificate"),
            "key_usages": _key_usages(certificate.extensions),
            "extended_key_usages": _extended(certificate.extensions),
            "basic_constraints": _constraints(certificate.extensions).model_dump(),
            "ttl_seconds": int(lifetime.total_seconds()),
        }
    except ValidationError as err:
        raise BadInput(f"No profile can have these names. {in_one_line(err)}", "certificate") from None
    except ValueError as err:
        raise BadInput(f"No profile can have this: {err}.", "certificate") from None


def _subject(name: x509.Name) -> Subject:
    known = set(ATTRIBUTES.values())
    oids = [attribute.oid for attribute in name if attribute.oid != NameOID.DOMAIN_COMPONENT]
    if unknown := [oid.dotted_string for oid in oids if oid not in known]:
        raise ValueError(f"subject attributes {', '.join(unknown)}")
    if len(oids) != len(set(oids)):
        raise ValueError("a subject attribute that is given twice")
    return Subject.model_validate(from_name(name))


def _sans(extensions: x509.Extensions) -> Sans:
    for extension in extensions:
        if extension.critical and not isinstance(extension.value, _KNOWN):
            raise ValueError(f"the critical extension {extension.oid.dotted_string}")
    try:
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return Sans()
    return Sans.model_validate(from_general_names(names))


def _key_usages(extensions: x509.Extensions) -> tuple[str, ...]:
    try:
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return ()
    if (usage.key_cert_sign or usage.crl_sign) and not _constraints(extensions).ca:
        raise ValueError("the key usages of a CA")
    bits = {
        KeyUsage.DIGITAL_SIGNATURE: usage.digital_signature,
        KeyUsage.CONTENT_COMMITMENT: usage.content_commitment,
        KeyUsage.KEY_ENCIPHERMENT: usage.key_encipherment,
        KeyUsage.DATA_ENCIPHERMENT: usage.data_encipherment,
        KeyUsage.KEY_AGREEMENT: usage.key_agreement,
    }
    return tuple(name for name, is_set in bits.items() if is_set)


def _constraints(extensions: x509.Extensions) -> BasicConstraints:
    try:
        given = extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return BasicConstraints()
    return BasicConstraints(ca=given.ca, path_length=given.path_length)


def _extended(extensions: x509.Extensions) -> tuple[str, ...]:
    try:
        usages = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return ()
    names = {oid: name for name, oid in EXTENDED_KEY_USAGES.items()}
    return tuple(names.get(oid.dotted_string, oid.dotted_string) for oid in usages)
