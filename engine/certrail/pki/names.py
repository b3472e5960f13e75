"""Distinguished and alternative names, to and from `cryptography`'s objects."""

import ipaddress
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier

from certrail.domain.content import Sans, Subject
from certrail.domain.formats import LONGEST_UPN

UPN = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
_UTF8_STRING = 0x0C
_LONG_LENGTH = 0x80
_ONE_LENGTH_BYTE = 0x81

ATTRIBUTES = {
    "country": NameOID.COUNTRY_NAME,
    "state": NameOID.STATE_OR_PROVINCE_NAME,
    "locality": NameOID.LOCALITY_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "organizational_unit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "common_name": NameOID.COMMON_NAME,
}


def to_name(subject: Subject) -> x509.Name:
    """The subject, most general part first: domain components from the top down, then country to common name."""
    values = subject.model_dump(exclude_none=True)
    components = reversed(subject.domain_components)
    return x509.Name(
        [
            *(x509.NameAttribute(NameOID.DOMAIN_COMPONENT, component) for component in components),
            *(x509.NameAttribute(oid, values[n]) for n, oid in ATTRIBUTES.items() if n in values),
        ]
    )


def from_name(name: x509.Name) -> dict[str, Any]:
    """The parts that certrail knows, the most specific of each; unknown parts are the caller's to refuse.

    Only of domain components there may be several: all are taken, in the order of a DNS name.
    """
    found: dict[str, Any] = {}
    for attribute, oid in ATTRIBUTES.items():
        values = name.get_attributes_for_oid(oid)
        if values:
            found[attribute] = str(values[-1].value)
    if components := name.get_attributes_for_oid(NameOID.DOMAIN_COMPONENT):
        found["domain_components"] = [str(component.value) for component in reversed(components)]
    return found


def to_general_names(sans: Sans) -> list[x509.GeneralName]:
    """Alternative names in the order of their types."""
    return [
        *(x509.DNSName(name) for name in sans.dns),
        *(x509.IPAddress(ipaddress.ip_address(name)) for name in sans.ip),
        *(x509.RFC822Name(name) for name in sans.email),
        *(x509.UniformResourceIdentifier(name) for name in sans.uri),
        *(x509.OtherName(UPN, _utf8(name)) for name in sans.upn),
    ]


def from_general_names(names: x509.SubjectAlternativeName) -> dict[str, list[str]]:
    """Alternative names by type. Raises ValueError for a type that certrail does not know."""
    found: dict[str, list[str]] = {}
    for name in names:
        kind, value = _read(name)
        found.setdefault(kind, []).append(value)
    return found


def described_general_names(names: x509.SubjectAlternativeName) -> dict[str, list[str]]:
    """The same, for reading only: names of other types are listed under ``other`` by their type."""
    found: dict[str, list[str]] = {}
    for name in names:
        try:
            kind, value = _read(name)
        except ValueError:
            kind, value = "other", _OTHER.get(type(name), "a name of another type")
        found.setdefault(kind, []).append(value)
    return found


_OTHER: dict[type, str] = {
    x509.DirectoryName: "a directoryName",
    x509.RegisteredID: "a registeredID",
    x509.OtherName: "an otherName",
}


def _read(name: x509.GeneralName) -> tuple[str, str]:
    match name:
        case x509.DNSName():
            return "dns", name.value
        case x509.IPAddress():
            return "ip", str(name.value)
        case x509.RFC822Name():
            return "email", name.value
        case x509.UniformResourceIdentifier():
            return "uri", name.value
        case x509.OtherName() if name.type_id == UPN:
            return "upn", _from_utf8(name.value)
    kind = _OTHER.get(type(name), "a name of another type")
    raise ValueError(f"{kind} as alternative name")


# cryptography of the versions we accept has no encoder for the inside of an otherName. A UTF8String is its
# tag, its length and its bytes; a length of 128 to 255 is announced by 0x81 (X.690 section 8.1.3).


def _utf8(text: str) -> bytes:
    raw = text.encode()
    if len(raw) > LONGEST_UPN:
        raise ValueError(f"a user principal name has at most {LONGEST_UPN} bytes")
    length = bytes([len(raw)]) if len(raw) < _LONG_LENGTH else bytes([_ONE_LENGTH_BYTE, len(raw)])
    return bytes([_UTF8_STRING]) + length + raw


def _from_utf8(value: bytes) -> str:
    start = 3 if value[1:2] == bytes([_ONE_LENGTH_BYTE]) else 2
    text = value[start:].decode()
    if value != _utf8(text):
        raise ValueError("a user principal name that is no UTF8String")
    return text
