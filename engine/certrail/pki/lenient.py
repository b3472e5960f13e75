"""What can be read of a certificate whose parts break a rule.

A parser that refuses one attribute refuses the whole name. Certificates from the field have such parts, and have to
be watched like all others: what is readable is kept, what is not is named (RFC 5280 section 4.1.2.4 lists the types
of strings).
"""

from collections.abc import Callable
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from certrail.pki.der import OID, SEQUENCE, SET, Element, NotDer, elements, one

COMMON_NAME = "2.5.4.3"
SUBJECT_ALTERNATIVE_NAME = "2.5.29.17"
_STRINGS = {
    0x0C: ("UTF8String", "utf-8"),
    0x13: ("PrintableString", "ascii"),
    0x14: ("T61String", "latin-1"),
    0x16: ("IA5String", "ascii"),
    0x1A: ("VisibleString", "ascii"),
    0x1C: ("UniversalString", "utf-32-be"),
    0x1E: ("BMPString", "utf-16-be"),
}
_ALTERNATIVE = {0x81: "email", 0x82: "dns", 0x86: "uri"}
_EXTENSIONS_TAG, _OCTETS, _EXPLICIT_VERSION = 0xA3, 0x04, 0xA0

T = TypeVar("T")


def raw_names(certificate: x509.Certificate) -> tuple[bytes, bytes]:
    """Issuer and subject as DER, which can be compared where they cannot be read."""
    _serial, _signature, issuer, _validity, subject, *_ = _fields(certificate)
    return issuer.raw, subject.raw


def public_key_of(certificate: x509.Certificate) -> CertificatePublicKeyTypes | None:
    """The key; ``None`` for one of a kind that is not known here."""
    return readable(certificate.public_key)


def subject_of(certificate: x509.Certificate) -> str:
    """The subject in one line, as far as it can be read (RFC 4514)."""
    name = readable(lambda: certificate.subject)
    text = name.rfc4514_string() if name is not None else None
    if text is not None:
        return text
    parts = _attributes(certificate)
    return ",".join(value for _, value, _ in reversed(parts)) or "a certificate without a readable subject"


def common_names(certificate: x509.Certificate) -> list[str]:
    """Every common name, from the most general to the most specific."""
    read = readable(
        lambda: [
            str(attribute.value)
            for attribute in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        ]
    )
    if read is not None:
        return read
    return [value for oid, value, _ in _attributes(certificate) if oid == COMMON_NAME]


def alternative_names(certificate: x509.Certificate) -> dict[str, list[str]]:
    """Names of the types that are plain text, where the parser refuses the extension."""
    found: dict[str, list[str]] = {}
    try:
        for name in _extension(certificate, SUBJECT_ALTERNATIVE_NAME):
            if (kind := _ALTERNATIVE.get(name.tag)) is not None:
                found.setdefault(kind, []).append(name.content.decode("latin-1"))
    except (NotDer, IndexError, StopIteration):
        return {}
    return found


def unreadable_parts(certificate: x509.Certificate) -> list[str]:
    """What the parser refuses, in words; empty for nearly every certificate."""
    found = []
    if readable(lambda: certificate.subject) is None:
        odd = sorted(
            {kind for _, _, kind in _attributes(certificate) if kind not in ("UTF8String", "PrintableString")}
        )
        found.append(f"subject: {', '.join(odd) or 'its encoding'} cannot be read with certainty")
    if readable(lambda: certificate.issuer) is None:
        found.append("issuer")
    if readable(lambda: certificate.extensions) is None:
        found.append("extensions")
    if public_key_of(certificate) is None:
        found.append(
            f"public key: its kind ({certificate.public_key_algorithm_oid.dotted_string}) is not known"
        )
    return found


def readable(read: Callable[[], T]) -> T | None:
    """What a parser returns; ``None`` when it refuses. It has many ways to say no, each means the same."""
    try:
        return read()
    except Exception:
        return None


def _fields(certificate: x509.Certificate) -> list[Element]:
    """TBSCertificate from the serial number on: serial, signature, issuer, validity, subject, key, and more."""
    fields = one(certificate.tbs_certificate_bytes).children()
    return fields[1:] if fields[0].tag == _EXPLICIT_VERSION else fields


def _attributes(certificate: x509.Certificate) -> list[tuple[str, str, str]]:
    """OID, text, and string type of each attribute of the subject."""
    found = []
    try:
        for rdn in one(raw_names(certificate)[1]).children():
            for attribute in rdn.children() if rdn.tag == SET else []:
                oid, value = attribute.children()[:2]
                kind, encoding = _STRINGS.get(value.tag, ("another type", "latin-1"))
                text = value.content.decode(encoding, "replace")
                found.append((oid.oid(), "".join(c for c in text if c.isprintable()), kind))
    except (NotDer, ValueError):
        return found
    return found


def _extension(certificate: x509.Certificate, oid: str) -> list[Element]:
    wrapped = next(field for field in _fields(certificate) if field.tag == _EXTENSIONS_TAG)
    for extension in wrapped.children()[0].children():
        parts = extension.children()
        if parts and parts[0].tag == OID and parts[0].oid() == oid and parts[-1].tag == _OCTETS:
            inner = one(parts[-1].content)
            return list(elements(inner.content)) if inner.tag == SEQUENCE else []
    return []
