"""Certification requests (PKCS#10, RFC 2986), and certificates read as if they were requests."""

from dataclasses import dataclass
from typing import Any

from cryptography import x509
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
from certrail.pki.keys import PublicKey, algorithm_of
from certrail.pki.names import ATTRIBUTES, from_general_names, from_name

_KNOWN = (x509.SubjectAlternativeName, x509.KeyUsage, x509.ExtendedKeyUsage, x509.BasicConstraints)


@dataclass(frozen=True)
class CsrFacts:
    """What a CSR asks for."""

    subject: Subject
    sans: Sans
    key_algorithm: KeyAlgorithm
    public_key: PublicKey
    key_usages: tuple[str, ...]
    extended_key_usages: tuple[str, ...]
    basic_constraints: BasicConstraints


def read_csr(pem: str) -> CsrFacts:
    """Read and verify a CSR, PEM.

    Raises:
        BadInput: naming the fault: not PEM, bad signature, unsupported key, names or subject parts.
    """
    try:
        csr = x509.load_pem_x509_csr(pem.encode())
        signed = csr.is_signature_valid
        extensions = csr.extensions
        public_key = csr.public_key()
    except Exception as err:
        # The parser has many ways to say no; each of them means the same to the sender.
        raise BadInput(
            f"The CSR cannot be read as PEM-encoded PKCS#10 ({type(err).__name__}).", "csr"
        ) from None
    if not signed:
        raise BadInput("The CSR's signature does not fit its key.", "csr")
    algorithm = algorithm_of(public_key)
    try:
        return CsrFacts(
            subject=_subject(csr.subject),
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


def certificate_content(certificate: x509.Certificate) -> dict[str, Any]:
    """What a request for such a certificate would contain, for the policy to evaluate.

    Raises:
        BadInput: it has a key, names or subject parts that no request can have.
    """
    lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    try:
        return {
            "subject": _subject(certificate.subject).model_dump(),
            "sans": _sans(certificate.extensions).model_dump(),
            "key_algorithm": algorithm_of(certificate.public_key()),
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
